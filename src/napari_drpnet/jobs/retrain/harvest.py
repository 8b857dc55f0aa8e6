"""Gather patches of particles and of background from micrographs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from napari_drpnet import candidates
from napari_drpnet.data import FloatArray, MaskArray, PatchSet
from napari_drpnet.errors import UserError
from napari_drpnet.io.patches import read_patches, write_patches
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs.project import project_picker
from napari_drpnet.jobs.retrain.labelled import LabelledMicrograph, labelled_in_files, labelled_in_project
from napari_drpnet.jobs.retrain.scored import ScoredMicrograph, score_labelled
from napari_drpnet.labels import near
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.pickers.protocol.registry import load_picker
from napari_drpnet.regions import covered
from napari_drpnet.settings import HarvestSettings, validated
from napari_drpnet.steps import Job, Progress, translate, within
from napari_drpnet.training.labels.patches import (
    AGREE,
    APART,
    DIAMETER,
    agreement,
    at_network_scale,
    balanced,
    by_confidence,
    covered_places,
    scattered,
)

# Of a complete micrograph, the likeliest candidates that are no particles: so many for each particle.
_HARD = 2
# Where particles may be unlabelled, background is where the map is lowest: of so many times as many random places, and
# at most this part of those that are away from all that may be a particle.
_CHOICE, _LOWEST = 6, 4
# Percentile of the detector's map that stands for the height of a clear particle on this micrograph, and the least
# height of a maximum.
_CLEAR, _FLAT = 99.5, 1e-3


@dataclass(frozen=True, eq=False)
class HarvestReport:
    """What a harvest gave.

    Attributes
    ----------
    patches
        All of them; `PatchSet.counts` tells how many of each kind.
    folder
        Where they were written; None when they were not.
    notes
        What the user should know, a sentence each.
    """

    patches: PatchSet
    folder: Path | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Places:
    """Places on a micrograph, in its pixels, of one label and one origin."""

    yx: FloatArray
    particle: bool
    origin: str


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
    check_labelled(micrographs, settings)
    parts: list[Part] = []
    notes: list[str] = []
    for done, one in enumerate(micrographs):
        here = Progress(done, len(micrographs), sum(len(part.patches) for part in parts), one.name)
        yield here
        try:
            seen = yield from translate(score_labelled(one, picker), within(here))
            parts.append(part_of(seen, settings))
        except UserError as error:
            notes.append(f"{one.name} is left out: {error}")
    patches = assembled(parts, settings, notes)
    yield Progress(len(micrographs), len(micrographs), len(patches))
    return HarvestReport(patches, write_patches(patches, out) if out else None, tuple(notes))


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


@dataclass(frozen=True, eq=False)
class Part:
    """The patches of one micrograph, and the diameter of its particles in its pixels."""

    patches: PatchSet
    diameter: float


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
    if settings.balance:
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


def part_of(seen: ScoredMicrograph, settings: HarvestSettings) -> Part:
    """The patches of one micrograph.

    Raises
    ------
    UserError
        When its pixel size is not known.
    """
    # Every micrograph has randomness of its own, whichever others there are.
    rng = np.random.default_rng([settings.seed, *seen.labelled.name.encode()])
    chosen = {"labels": _by_labels, "agreement": _by_agreement, "confidence": _by_confidence}[settings.source]
    places = chosen(seen, settings, rng)
    places = [group for group in places if len(group.yx)]
    yx = np.concatenate([np.empty((0, 2)), *(group.yx for group in places)])
    sizes = [len(group.yx) for group in places]
    patches = PatchSet(
        seen.patches(yx),
        seen.diameter / DIAMETER,
        seen.diameter,
        np.repeat([group.particle for group in places], sizes),
        np.array(seen.labelled.name),
        yx,
        origin=np.repeat([group.origin for group in places], sizes),
        score=_scores(seen, yx),
    )
    return Part(patches, seen.pixels)


def _scores(seen: ScoredMicrograph, yx: FloatArray) -> FloatArray:
    """Probability of the candidate at each place; NaN where there is none."""
    found = seen.map.candidates
    if not len(found) or not len(yx):
        return np.full(len(yx), np.nan)
    distance, nearest = cKDTree(found.yx).query(yx)
    return np.where(distance <= seen.pixels / 4, found.probability[nearest], np.nan)


def _by_labels(seen: ScoredMicrograph, settings: HarvestSettings, rng: np.random.Generator) -> list[_Places]:
    told = seen.labelled
    places = [_Places(told.particles, True, "label"), _Places(told.background, False, "label")]
    if told.complete:
        found = seen.candidates
        free = ~near(found.yx, np.concatenate([told.particles, told.background]), APART * seen.pixels)
        hardest = np.flatnonzero(free)[np.argsort(-found.probability[free], kind="stable")]
        hardest = hardest[: _HARD * len(told.particles) + settings.random]
        places.append(_Places(found.yx[hardest], False, "candidate"))
    taken = told.particles if told.complete else np.concatenate([told.particles, _likely(seen, settings)])
    return [*places, *_elsewhere(seen, settings, taken, rng)]


def _by_agreement(seen: ScoredMicrograph, settings: HarvestSettings, rng: np.random.Generator) -> list[_Places]:
    sets = [picks.yx[picks.label != "background"] for picks in seen.labelled.sets]
    shared, alone = agreement(sets, AGREE * seen.pixels)
    places = [_Places(shared, True, "agreement")]
    if settings.difference:
        places.append(_Places(alone, False, "difference"))
    taken = np.concatenate([*sets, _likely(seen, settings)])
    return [*places, *_elsewhere(seen, settings, taken, rng)]


def _by_confidence(seen: ScoredMicrograph, settings: HarvestSettings, rng: np.random.Generator) -> list[_Places]:
    heights = seen.map.values
    if heights is None:
        raise UserError("This picker has no score map that would tell how sure it is.", "Harvest by another source.")
    clear = float(np.percentile(heights, _CLEAR))
    yx, _, level = candidates.find(heights, max(settings.height * clear, _FLAT))
    yx = seen.map.frame.to_micrograph(yx)
    inside = candidates.inside(yx, seen.shape, seen.pixels / 2) & ~_contaminated(seen, yx)
    yx, level = yx[inside], level[inside]
    sure, low, flat = by_confidence(yx, level, seen.patches(yx), seen.pixels, settings.mean, settings.deviation)
    places = [
        _Places(yx[sure], True, "level"), _Places(yx[low], False, "level"), _Places(yx[flat], False, "deviation")
    ]  # fmt: skip
    taken = np.concatenate([yx[level > 1], _likely(seen, settings)])
    return [*places, *_elsewhere(seen, settings, taken, rng)]


def _likely(seen: ScoredMicrograph, settings: HarvestSettings) -> FloatArray:
    """Candidates that may be particles, whatever was labelled; those in a painted region are none."""
    found = seen.map.candidates
    yx = found.yx[found.probability >= settings.likely]
    return yx[~_contaminated(seen, yx)]


def _height(seen: ScoredMicrograph, yx: FloatArray) -> FloatArray:
    """How high the picker's map is at each place; 0 where all particles are known, or there is no map."""
    values = seen.map.values
    if seen.labelled.complete or values is None or not len(yx):
        return np.zeros(len(yx))
    at = np.clip(np.rint(seen.map.frame.from_micrograph(yx)).astype(int), 0, np.array(values.shape) - 1)
    return np.asarray(values[at[:, 0], at[:, 1]], np.float64)


def _contaminated(seen: ScoredMicrograph, yx: FloatArray) -> MaskArray:
    if seen.labelled.region is None or not len(yx):
        return np.zeros(len(yx), bool)
    return covered(yx, seen.frame, seen.labelled.region)


def _elsewhere(
    seen: ScoredMicrograph, settings: HarvestSettings, taken: FloatArray, rng: np.random.Generator
) -> list[_Places]:
    """Background that nobody pointed at: random places, and such in the painted regions."""
    most = settings.random if seen.labelled.complete else _CHOICE * settings.random
    places = scattered(rng, seen.shape, seen.pixels / 2, taken, APART * seen.pixels, most)
    fewest = settings.random if seen.labelled.complete else min(settings.random, len(places) // _LOWEST)
    places = places[np.argsort(_height(seen, places), kind="stable")[:fewest]]
    groups = [_Places(places, False, "random")]
    if settings.regions and seen.labelled.region is not None:
        painted = covered_places(rng, seen.labelled.region, seen.shape, max(settings.random, 1))
        groups.append(_Places(painted, False, "region"))
    return groups


def harvest_inputs(
    project: Path | None,
    inputs: Sequence[str],
    coordinates: Sequence[Path],
    pixel_size: float | None,
    complete: bool,
    told: dict[str, Any],
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
            raise UserError("There is nothing to harvest.", "Name micrographs, or a project with --project.")
        picker = load_picker(**options)
        return labelled_in_files(inputs, coordinates, pixel_size, complete), settings, picker, out or Path("patches")
    if inputs or coordinates:
        raise UserError("Micrographs are given beside a project.", "Give one of the two.")
    with Project.open(project, read_only=True) as opened:
        every = None if settings.source == "labels" else [entry.name for entry in opened.micrographs]
        micrographs, folder = labelled_in_project(opened, every), out or opened.patch_set(name)
        return micrographs, settings, project_picker(opened, **options), folder
