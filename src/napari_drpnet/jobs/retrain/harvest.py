"""Gather patches of particles and of background from micrographs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_drpnet.data import FloatArray, PatchSet
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import require_folder
from napari_drpnet.io.patches import read_patches, write_patches
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs.levels import Levels, summed
from napari_drpnet.jobs.picking import learn
from napari_drpnet.jobs.project import project_picker
from napari_drpnet.jobs.retrain.labelled import LabelledMicrograph, labelled_in_files, labelled_in_project
from napari_drpnet.jobs.retrain.places import Part, part_of
from napari_drpnet.jobs.retrain.proved import Unlabelled
from napari_drpnet.jobs.retrain.scored import score_labelled
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.pickers.protocol.registry import load_picker
from napari_drpnet.settings import DEFAULT_PICKER, HarvestSettings, validated
from napari_drpnet.steps import Job, Progress, translate, within
from napari_drpnet.training.labels.patches import at_network_scale, balanced


@dataclass(frozen=True, eq=False)
class HarvestReport:
    """What a harvest gave.

    Attributes
    ----------
    patches
        All of them; `PatchSet.counts` tells how many of each kind.
    source
        What told particles from background, as in `HarvestSettings`; never ``auto``.
    folder
        Where they were written; None when they were not.
    notes
        What the user should know, a sentence each.
    levels
        Candidates of at least low, normal and high confidence on all micrographs; None where the picker knows no such
        levels.
    """

    patches: PatchSet
    source: str
    folder: Path | None = None
    notes: tuple[str, ...] = ()
    levels: Levels | None = None


def read_patch_set(folder: str | Path, diameter: float | None = None) -> PatchSet:
    """A patch set from disk, at the scale of the network; see `training.labels.patches.at_network_scale`."""
    return at_network_scale(read_patches(folder), diameter)


def harvest(
    micrographs: Sequence[LabelledMicrograph],
    settings: HarvestSettings,
    picker: LoadedPicker,
    out: Path | None = None,
) -> Job[HarvestReport]:
    """Gather patches from micrographs.

    Parameters
    ----------
    micrographs
        With labels or sets of picks; see `labelled_in_project` and `labelled_in_files`.
    settings
        What tells particles from background.
    picker
        Whose candidates are looked at.
    out
        Folder of the patch set; None: nothing is written.

    Raises
    ------
    UserError
        When the micrographs have nothing that the source asks for, none can be read, or the folder cannot be written.
    """
    if out is not None:
        require_folder(out)
    settings = chosen_source(micrographs, settings)
    check_labelled(micrographs, settings)
    yield from learn(picker, [one.read for one in micrographs])
    notes: list[str] = []
    if settings.source in ("auto", "evidence"):
        unlabelled = Unlabelled(micrographs, picker, settings, notes)
        yield from unlabelled.gather()
        parts, settings = unlabelled.parts, unlabelled.settings
    else:
        parts = yield from _parts(micrographs, settings, picker, notes)
    patches = assembled(parts, settings, notes)
    yield Progress(len(micrographs), len(micrographs), len(patches))
    folder = write_patches(patches, out) if out else None
    return HarvestReport(patches, settings.source, folder, tuple(notes), summed(part.levels for part in parts))


def _parts(
    micrographs: Sequence[LabelledMicrograph], settings: HarvestSettings, picker: LoadedPicker, notes: list[str]
) -> Job[list[Part]]:
    parts: list[Part] = []
    for done, one in enumerate(micrographs):
        here = Progress(done, len(micrographs), sum(len(part.patches) for part in parts), one.name)
        yield here
        try:
            seen = yield from translate(score_labelled(one, picker), within(here))
            parts.append(part_of(seen, settings))
        except UserError as error:
            notes.append(f"{one.name} is left out: {error}")
    return parts


def chosen_source(micrographs: Sequence[LabelledMicrograph], settings: HarvestSettings) -> HarvestSettings:
    """The settings with the source that the labels and picks at hand ask for; ``auto`` still where there are none."""
    if settings.source != "auto" or not micrographs:
        return settings
    if min(len(one.sets) for one in micrographs) >= 2:
        return settings.model_copy(update={"source": "agreement"})
    labelled = any(len(one.particles) for one in micrographs)
    return settings.model_copy(update={"source": "labels"}) if labelled else settings


def check_labelled(micrographs: Sequence[LabelledMicrograph], settings: HarvestSettings) -> None:
    """Refuse micrographs that hold nothing that the source of a harvest asks for.

    Raises
    ------
    UserError
        Without micrographs, labels, or a second set of picks.
    """
    if not micrographs:
        raise UserError(
            "There are no micrographs with labels.", "Label particles and background, or mark micrographs as done."
        )
    if settings.source == "agreement" and min(len(one.sets) for one in micrographs) < 2:
        raise UserError("Agreement needs two or more sets of picks.", "Name a second one.")
    if settings.source == "labels" and not any(len(one.particles) for one in micrographs):
        raise UserError("Nothing is labelled as a particle.", "Label particles, or harvest by another source.")


def assembled(parts: Sequence[Part], settings: HarvestSettings, notes: list[str]) -> PatchSet:
    """The patches of all micrographs, in training and validation, balanced where that is asked for.

    Raises
    ------
    UserError
        When there are none.
    """
    kept = [part for part in parts if len(part.patches)]
    if not kept:
        raise UserError(f"There is nothing to harvest. {' '.join(notes)}".strip(), "Check the labels and micrographs.")
    lines = divide({str(part.patches.micrograph[0]): part.patches.yx[part.patches.particle] for part in kept}, settings)
    patches = PatchSet.joined([_divided(part, lines) for part in kept])
    if settings.balance or settings.source == "confidence":
        patches = balanced(patches, np.random.default_rng(settings.seed))
    for label, some in (("particles", patches.particle), ("background", ~patches.particle)):
        if not some.any():
            notes.append(f"There are no patches of {label}.")
    return patches


def divide(particles: Mapping[str, FloatArray], settings: HarvestSettings) -> dict[str, float]:
    """The column of each micrograph from which on it is for validation: infinite where it is for one purpose only.

    Parameters
    ----------
    particles
        ``(n, 2)`` in micrograph pixels, by the name of the micrograph.
    settings
        Part of the micrographs that have particles; of a single one, part of its particles.
    """
    lines = dict.fromkeys(particles, np.inf)
    rich = [name for name, yx in particles.items() if len(yx)]
    if settings.validation == 0 or not rich:
        return lines
    if len(rich) == 1:
        lines[rich[0]] = float(np.quantile(particles[rich[0]][:, 1], 1 - settings.validation))
        return lines
    count = min(len(rich) - 1, max(1, round(settings.validation * len(rich))))
    chosen = np.random.default_rng(settings.seed).choice(len(rich), count, replace=False)
    return lines | {rich[i]: -np.inf for i in chosen}


def _divided(part: Part, lines: Mapping[str, float]) -> PatchSet:
    """The patches with their splits; left of a dividing line a strip is left out, so that no particle is in both."""
    patches = part.patches
    line, x = lines[str(patches.micrograph[0])], patches.yx[:, 1]
    divided = replace(patches, split=np.where(x >= line, "validation", "training"))
    return divided.select((x >= line) | (x < line - part.diameter))


def harvest_inputs(
    project: Path | None,
    inputs: Sequence[str],
    coordinates: Sequence[Path],
    pixel_size: float | None,
    complete: bool,
    told: dict[str, Any],
    picker: str | None,
    options: dict[str, Any],
    out: Path | None,
    name: str,
) -> tuple[list[LabelledMicrograph], HarvestSettings, LoadedPicker, Path]:
    """What the command line was told, as the arguments of `harvest`.

    Parameters
    ----------
    project, inputs, coordinates, pixel_size, complete
        A project, or files as in `labelled_in_files`.
    told
        Fields of `HarvestSettings`.
    picker
        Its name; None: that of the project, else the default.
    options
        Settings of the picker; of a project, what goes before its own.
    out, name
        Folder of the patch set, and its name in a project, where no folder is given.

    Raises
    ------
    UserError
        When both a project and files are given, or neither, or one of them cannot be read.
    """
    settings = validated(HarvestSettings, told)
    if project is None:
        if not inputs:
            raise UserError("There is nothing to harvest.", "Name micrographs, or a project (--project).")
        loaded = load_picker(picker or DEFAULT_PICKER, **options)
        return labelled_in_files(inputs, coordinates, pixel_size, complete), settings, loaded, out or Path("patches")
    if inputs or coordinates:
        raise UserError("Micrographs are given beside a project.", "Give one of the two.")
    with Project.open(project, read_only=True) as opened:
        micrographs = labelled_in_project(opened)
        by_labels = chosen_source(micrographs, settings).source == "labels"
        if not by_labels:
            micrographs = labelled_in_project(opened, [entry.name for entry in opened.micrographs])
        loaded = project_picker(opened, picker=picker, **options)
        return micrographs, settings, loaded, out or opened.patch_set(name)
