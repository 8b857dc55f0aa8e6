"""Micrographs with what is known about their particles, from a project or from files, and how the picker sees them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from warnings import warn

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import Candidates, FloatArray, Frame, ImageArray, MaskArray, Micrograph, Picks, ScoreMap
from napari_drpnet.errors import UserError
from napari_drpnet.io import PICK_SUFFIXES, micrograph_stem, read_micrograph, read_picks
from napari_drpnet.jobs.inputs import find_micrographs
from napari_drpnet.jobs.run_file import validated
from napari_drpnet.settings import HarvestSettings

if TYPE_CHECKING:
    from napari_drpnet.io.project.project import Project
    from napari_drpnet.pickers.drpnet import DRPnet


@dataclass(frozen=True, eq=False)
class LabelledMicrograph:
    """One micrograph to harvest.

    Attributes
    ----------
    name
        Of the micrograph.
    path
        Its file.
    pixel_size
        Angstrom per pixel; None: what the file says.
    sets
        Labels, or two and more sets of picks to compare, in micrograph pixels.
    region
        Contaminated, ``(h, w)`` of any size with the edges of the micrograph; None: nowhere.
    complete
        Whether every particle is among the labels.
    picked
        Probability from which candidates were picks that the person saw while labelling; None where there were none.
    """

    name: str
    path: Path
    pixel_size: float | None = None
    sets: tuple[Picks, ...] = ()
    region: MaskArray | None = None
    complete: bool = False
    picked: float | None = None

    @property
    def particles(self) -> FloatArray:
        """``(n, 2)`` labelled particles."""
        return self._labelled(False)

    @property
    def background(self) -> FloatArray:
        """``(n, 2)`` places labelled background."""
        return self._labelled(True)

    def _labelled(self, background: bool) -> FloatArray:
        found = [picks.yx[(picks.label == "background") == background] for picks in self.sets[:1]]
        return np.concatenate([np.empty((0, 2)), *found])

    def read(self) -> Micrograph:
        """Its pixels, from disk."""
        return read_micrograph(self.path, pixel_size=self.pixel_size, name=self.name)


def labelled_in_project(project: Project, names: Sequence[str] | None = None) -> list[LabelledMicrograph]:
    """The micrographs of a project about which a person said something; or those named.

    Of a micrograph that is done, all picks that are not background count as particles, and nothing else is one. Of any
    other, only what is labelled counts.
    """
    known = [row for row in project.rows() if names is None or row.name in set(names)]
    told = [row for row in known if names is not None or row.state in ("edited", "done")]
    return [_project_field(project, row.name, row.state == "done") for row in told]


def _project_field(project: Project, name: str, complete: bool) -> LabelledMicrograph:
    entry, picks = project.entry(name), project.read_picks(name)
    proposed = not picks.by_hand.all()
    told = picks if complete else picks.select(picks.by_hand)
    picked = project.settings.threshold if proposed and not complete else None
    return LabelledMicrograph(name, entry.path, entry.pixel_size, (told,), project.read_region(name), complete, picked)


def labelled_in_files(
    micrographs: Sequence[str],
    coordinates: Sequence[Path] = (),
    pixel_size: float | None = None,
    complete: bool = False,
) -> list[LabelledMicrograph]:
    """Micrographs with coordinate files.

    Parameters
    ----------
    micrographs
        Files, folders, patterns, or STAR files that list micrographs.
    coordinates
        One for each set of picks: a file, or a folder of one file a micrograph. Without any, all micrographs are
        taken, with nothing known about them.
    pixel_size
        Angstrom per pixel; None: as the inputs say.
    complete
        Whether the coordinates are of all particles.

    Raises
    ------
    UserError
        When no micrograph is found, or none has coordinates.
    """
    tasks, refusals = find_micrographs(micrographs)
    if not tasks:
        raise refusals[0].error if refusals else UserError("There are no micrographs.", "Name some.")
    for refusal in refusals:
        warn(str(refusal.error), stacklevel=2)
    sets = [{micrograph_stem(p.frame.micrograph): p for p in _read_set(path)} for path in coordinates]
    fields = []
    for task in tasks:
        entry, stem = task.micrograph, micrograph_stem(task.micrograph.path.name)
        own = tuple(found[stem] for found in sets if stem in found)
        if len(own) == len(sets):
            fields.append(LabelledMicrograph(stem, entry.path, pixel_size or entry.pixel_size, own, complete=complete))
    if not fields:
        raise UserError(
            "None of the micrographs has coordinates in every set.", "Name coordinate files of the same micrographs."
        )
    return fields


def _read_set(path: Path) -> list[Picks]:
    if not path.is_dir():
        return read_picks(path)
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in PICK_SUFFIXES)
    if not files:
        raise UserError(f"{path}: no picks lie in this folder.", f"Files of picks end in {', '.join(PICK_SUFFIXES)}.")
    found = [picks for file in files if file.name != "autopick.star" for picks in read_picks(file)[:1]]
    names = [file for file in files if file.name != "autopick.star"]
    # A file of one micrograph may not tell its name.
    return [Picks(Frame(micrograph_stem(n.name)), p.yx, p.score, p.diameter, label=p.label, source=p.source)
            for n, p in zip(names, found, strict=True)]  # fmt: skip


def harvested_in_project(project: Project, source: str, most: int, other: Path | None) -> list[LabelledMicrograph]:
    """The micrographs of a project that a harvest goes through; reads files.

    Parameters
    ----------
    project
        With labels or picks.
    source
        As in `HarvestSettings`: ``labels`` takes all micrographs with labels.
    most
        So many micrographs at most of the other two, spread over the project.
    other
        Coordinates of another picker for ``agreement``, a file or a folder.

    Raises
    ------
    UserError
        When the other coordinates cannot be read, or are of other micrographs.
    """
    if source == "labels":
        return labelled_in_project(project)
    if source == "confidence":
        return labelled_in_project(project, spread([entry.name for entry in project.micrographs], most))
    if other is None:
        raise UserError("Agreement needs a second set of picks.", "Choose those of another picker.")
    picked = {row.name for row in project.rows() if row.picks}
    paths = [str(entry.path) for entry in project.micrographs if entry.name in picked]
    if not paths:
        raise UserError("No micrograph of the project has picks.", "Press 'Pick all' in the Micrographs dock.")
    theirs = {field.name: field for field in labelled_in_files(paths, [other])}
    chosen = spread(sorted(theirs), most)
    return [replace(field, sets=(_particles(project, field.name), *theirs[field.name].sets), picked=None)
            for field in labelled_in_project(project, chosen)]  # fmt: skip


def _particles(project: Project, name: str) -> Picks:
    picks = project.read_picks(name)
    return picks.select(picks.label == "particle")


def spread(names: Sequence[str], most: int) -> list[str]:
    """At most so many of them, at even steps."""
    count = min(most, len(names))
    return [names[i] for i in np.linspace(0, len(names) - 1, count).round().astype(int)] if count else []


def harvest_settings(project: Project, **given: Any) -> HarvestSettings:
    """How a project is harvested: as it is picked, and what is given besides.

    Raises
    ------
    UserError
        When the project has no diameter, or a setting is unusable.
    """
    own = project.settings
    if own.diameter is None and not given.get("diameter"):
        raise UserError("The diameter of the particle is not known.", "Give it in the project's settings, in Angstrom.")
    fields: dict[str, Any] = {"diameter": own.diameter, "invert": own.invert, "threshold": own.threshold}
    fields["detector"] = project.weights(own.detector) if own.detector else None
    fields["classifier"] = project.weights(own.classifier) if own.classifier else None
    return validated(HarvestSettings, {**fields, **given})


@dataclass(frozen=True, eq=False)
class ScoredMicrograph:
    """A field as the picker sees it.

    Attributes
    ----------
    field
        What was looked at.
    frame
        Of the micrograph.
    map
        The detector's, with its candidates.
    image
        The micrograph at the scale of the patches, in 16 bits to save memory.
    image_frame
        Of that image.
    """

    field: LabelledMicrograph
    frame: Frame
    map: ScoreMap
    image: npt.NDArray[np.float16]
    image_frame: Frame

    @property
    def shape(self) -> tuple[int, int]:
        """``(h, w)`` of the micrograph."""
        assert self.frame.shape is not None, "it was read from a file"
        return self.frame.shape

    @property
    def heights(self) -> ImageArray:
        """The detector's map ``(h, w)``."""
        assert self.map.values is not None, "DRPnet has a map"
        return self.map.values

    @property
    def candidates(self) -> Candidates:
        """What may be a pick at the usual distance."""
        every = self.map.candidates
        keep = every.level > 1
        return Candidates(every.yx[keep], every.detection[keep], every.level[keep], every.probability[keep])

    def patches(self, yx: FloatArray) -> ImageArray:
        """``(n, 64, 64)`` patches around places in micrograph pixels."""
        from napari_drpnet.candidates import crop
        from napari_drpnet.networks import Classifier

        if not len(yx):
            return np.empty((0, Classifier.patch, Classifier.patch), np.float32)
        return crop(self.image.astype(np.float32), self.image_frame.from_micrograph(yx), Classifier.patch)


def look(field: LabelledMicrograph, picker: DRPnet) -> Generator[float, None, ScoredMicrograph]:
    """See one field, yielding the fraction done.

    Raises
    ------
    UserError
        When it cannot be read or picked.
    """
    from napari_drpnet.pickers.network import network_image
    from napari_drpnet.training.labels.patches import DIAMETER

    micrograph = field.read()
    score_map = yield from picker.score_steps(micrograph)
    seen = network_image(micrograph, picker.settings.diameter, DIAMETER, picker.settings.invert)
    return ScoredMicrograph(field, micrograph.frame, score_map, seen.image.astype(np.float16), seen.frame)


def harvest_inputs(
    project: Path | None,
    inputs: Sequence[str],
    coordinates: Sequence[Path],
    pixel_size: float | None,
    complete: bool,
    given: dict[str, Any],
    out: Path | None,
    name: str,
) -> tuple[list[LabelledMicrograph], HarvestSettings, Path]:
    """What the command line was told, as the arguments of `harvest.harvest`.

    Raises
    ------
    UserError
        When both a project and files are given, or neither, or one of them cannot be read.
    """
    if project is None:
        if not inputs:
            raise UserError("There is nothing to harvest.", "Name micrographs, or a project with --project.")
        settings = validated(HarvestSettings, given)
        fields = labelled_in_files(inputs, coordinates, pixel_size, complete)
        return fields, settings, out or Path("patches")
    if inputs or coordinates:
        raise UserError("Micrographs are given beside a project.", "Give one of the two.")
    from napari_drpnet.io.project.project import Project

    with Project.open(project, read_only=True) as opened:
        settings = harvest_settings(opened, **given)
        told = None if settings.source == "labels" else [entry.name for entry in opened.micrographs]
        return labelled_in_project(opened, told), settings, out or opened.folder / "patches" / name
