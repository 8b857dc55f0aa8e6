"""Micrographs with what is known about their particles: from a project, or from files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from warnings import warn

import numpy as np

from napari_drpnet.data import FloatArray, MaskArray, Micrograph, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io import read_micrograph
from napari_drpnet.io.names import places
from napari_drpnet.io.picks.folder import picks_of
from napari_drpnet.io.project.project import Project
from napari_drpnet.io.star_lists import MicrographEntry
from napari_drpnet.jobs.inputs import find_micrographs
from napari_drpnet.jobs.project import threshold_in_force
from napari_drpnet.regions import covered


@dataclass(frozen=True, eq=False)
class LabelledMicrograph:
    """One micrograph, and what is said about its particles.

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

    @property
    def says_something(self) -> bool:
        """Whether there is a label, a contaminated region, or the word that nothing else is a particle."""
        return self.complete or self.region is not None or any(len(picks) for picks in self.sets)

    def read(self) -> Micrograph:
        """Its pixels, from disk."""
        return read_micrograph(self.path, pixel_size=self.pixel_size, name=self.name)


def labelled_in_project(project: Project, names: Sequence[str] | None = None) -> list[LabelledMicrograph]:
    """The micrographs of a project about which a person said something; or those named.

    Only what is labelled counts. A micrograph is complete where it is done and no pick outside of contaminated regions
    is without a label: then there is no other particle on it.
    """
    known = [row for row in project.rows() if names is None or row.name in set(names)]
    told = [row for row in known if names is not None or row.state in ("edited", "done")]
    found = [_in_project(project, row.name, row.state == "done") for row in told]
    return found if names is not None else [one for one in found if one.says_something]


def _in_project(project: Project, name: str, done: bool) -> LabelledMicrograph:
    entry, picks, region = project.entry(name), project.read_picks(name), project.read_region(name)
    complete = done and not _unreviewed(picks, region).any()
    proposed = not picks.by_hand.all()
    picked = _picked_from(project, picks) if proposed and not complete else None
    labels = picks.select(picks.by_hand)
    return LabelledMicrograph(name, entry.path, entry.pixel_size, (labels,), region, complete, picked)


def _unreviewed(picks: Picks, region: MaskArray | None) -> MaskArray:
    """``(n,)`` picks that nobody labelled, outside of contaminated regions."""
    if region is None or picks.frame.shape is None:
        return ~picks.by_hand
    return ~picks.by_hand & ~covered(picks.yx, picks.frame, region)


def _picked_from(project: Project, picks: Picks) -> float | None:
    """The picker's probability from which candidates became picks; where no file tells, that of the least of them."""
    known = threshold_in_force(project)
    scores = picks.score[~picks.by_hand & np.isfinite(picks.score)]
    if known is not None or not len(scores):
        return known
    return float(scores.min())


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
        Of the micrographs, in Angstrom; None: as the inputs say.
    complete
        Whether the coordinates are of all particles.

    Raises
    ------
    UserError
        When no micrograph is found, none has coordinates, or as `picks_of` does.
    """
    tasks, refusals = find_micrographs(micrographs)
    if not tasks:
        raise refusals[0].error if refusals else UserError("There are no micrographs.", "Name some.")
    for refusal in refusals:
        warn(str(refusal.error), stacklevel=2)
    entries = {task.micrograph.name: task.micrograph for task in tasks}
    called = {place.as_posix(): entries[name] for name, place in places(entries).items()}
    return _in_files(called, coordinates, pixel_size, complete)


def _in_files(
    entries: Mapping[str, MicrographEntry], coordinates: Sequence[Path], pixel_size: float | None, complete: bool
) -> list[LabelledMicrograph]:
    """Micrographs, by what they are to be called, with their coordinates; see `labelled_in_files`."""
    sets = [picks_of([path], list(entries.values()), pixel_size) for path in coordinates]
    found = [
        LabelledMicrograph(
            *(called, entry.path, pixel_size or entry.pixel_size),
            sets=tuple(known[entry.name] for known in sets),
            complete=complete,
        )
        for called, entry in entries.items()
        if all(entry.name in known for known in sets)
    ]
    if not found:
        raise UserError(
            "None of the micrographs has coordinates in every set.", "Name coordinate files of the same micrographs."
        )
    return found


def harvested_in_project(project: Project, source: str, most: int, other: Path | None) -> list[LabelledMicrograph]:
    """The micrographs of a project that a harvest goes through; reads files.

    Parameters
    ----------
    project
        With labels or picks.
    source
        As in `HarvestSettings`: ``labels`` takes all micrographs with labels, and so does ``auto`` if a particle is
        labelled.
    most
        So many micrographs at most otherwise, spread over the project.
    other
        Coordinates of another picker for ``agreement``, a file or a folder.

    Raises
    ------
    UserError
        When the other coordinates cannot be read, or are of other micrographs.
    """
    told = labelled_in_project(project)
    if source == "labels" or (source == "auto" and any(len(one.particles) for one in told)):
        return told
    if source != "agreement":
        return labelled_in_project(project, spread([entry.name for entry in project.micrographs], most))
    if other is None:
        raise UserError("Agreement needs a second set of picks.", "Choose those of another picker.")
    picked = [row.name for row in project.rows() if row.picks]
    chosen = [project.entry(name) for name in picked]
    if not chosen:
        raise UserError("No micrograph of the project has picks.", "Press 'Pick all' in the Micrographs dock.")
    entries = {entry.name: MicrographEntry(entry.listed, entry.path, entry.pixel_size) for entry in chosen}
    theirs = {one.name: one for one in _in_files(entries, [other], None, False)}
    return [
        replace(one, sets=(_particles(project, one.name), *theirs[one.name].sets), picked=None)
        for one in labelled_in_project(project, spread(sorted(theirs), most))
    ]


def _particles(project: Project, name: str) -> Picks:
    picks = project.read_picks(name)
    return picks.select(picks.label == "particle")


def spread(names: Sequence[str], most: int) -> list[str]:
    """At most so many of them, at even steps."""
    count = min(most, len(names))
    return [names[i] for i in np.linspace(0, len(names) - 1, count).round().astype(int)] if count else []
