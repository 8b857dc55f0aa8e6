"""Join sets of picks to a consensus, micrograph by micrograph, and write it for RELION."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError, cut
from napari_drpnet.evaluation.comparison import Comparison, compare
from napari_drpnet.evaluation.consensus import comparable
from napari_drpnet.evaluation.consensus import consensus as agreed
from napari_drpnet.evaluation.naming import same_names
from napari_drpnet.io import write_picks
from napari_drpnet.io.images import same_magnification
from napari_drpnet.io.lock import alone_in
from napari_drpnet.io.picks.known_micrographs import KnownMicrographs
from napari_drpnet.jobs.compare.contenders import read_set
from napari_drpnet.jobs.inputs import coordinate_files
from napari_drpnet.jobs.pick_report import PickLists, PickReport, PickResult
from napari_drpnet.settings import ConsensusSettings
from napari_drpnet.steps import Job, Progress

# The name of the set that a consensus is.
CONSENSUS = "consensus"

PicksBySet = Mapping[str, Sequence[Picks]]


@dataclass(frozen=True, eq=False)
class ConsensusReport:
    """What became of a consensus.

    Attributes
    ----------
    written
        The STAR files, and how many picks each has.
    sets
        What was joined: picks by the name of their set.
    comparison
        How far the sets agree.
    warnings
        All that a user should know, those of the comparison included.
    """

    written: PickReport
    sets: dict[str, tuple[Picks, ...]]
    comparison: Comparison
    warnings: tuple[str, ...]


def consensus(sources: Mapping[str, Path], settings: ConsensusSettings, out: Path) -> Job[ConsensusReport]:
    """Read sets of picks and write what at least so many of them have.

    Writes ``<micrograph>_autopick.star`` each, ``autopick.star`` and ``summary.tsv`` to ``out``. Names are matched with
    those of the first set. When the run is stopped, what is finished stays.

    Parameters
    ----------
    sources
        Files of picks, or folders with some, by the name of their set.
    settings
        What counts as the same particle, and how many sets must have it.
    out
        The folder.

    Raises
    ------
    UserError
        When a set cannot be read, the pixel size is not known or differs between sets, settings are unusable, or the
        output cannot be written.
    """
    known, read = KnownMicrographs(pixel_size=settings.pixel_size), []
    for done, (name, source) in enumerate(sources.items()):
        yield Progress(done, len(sources), 0, f"reading {name}")
        read.append(read_set(name, source, known))
    sets = same_names({one.name: one.picks for one in read})
    _check_sizes(sets)
    radius = settings.radius_fraction * settings.diameter / _pixel_size(settings, sets)
    comparison = compare(sets, radius)
    micrographs, notes = together(sets)
    targets = coordinate_files(map(_name, micrographs))
    with alone_in(out), PickLists(out) as lists:
        for done, found in enumerate(micrographs):
            name, start = _name(found), time.perf_counter()
            yield Progress(done, len(micrographs), sum(result.picks for result in lists.results), name)
            picks = agreed(found, radius, settings.at_least, settings.weights)
            lists.add(replace(_written(picks, out / targets[name]), seconds=time.perf_counter() - start))
    notes = [*(note for one in read for note in one.notes), *notes, *comparison.warnings]
    return ConsensusReport(PickReport(out, tuple(lists.results)), sets, comparison, tuple(notes))


def joined(sets: PicksBySet, radius: float, at_least: int) -> tuple[tuple[Picks, ...], list[str]]:
    """The consensus of each micrograph, and what a user should know; parameters as in `evaluation.consensus`."""
    micrographs, notes = together(sets)
    return tuple(agreed(found, radius, at_least) for found in micrographs), notes


def together(sets: PicksBySet) -> tuple[list[dict[str, Picks]], list[str]]:
    """Of each micrograph the picks of all sets, with scores that can be compared, and what a user should know.

    Entries belong together by equal names. A set without an entry for a micrograph has no picks there.
    """
    notes = []
    named: dict[str, dict[str, Picks]] = {}
    for name, entries in sets.items():
        usable = comparable(entries)
        if usable and usable[0] is not entries[0]:
            notes.append(f"{name}: its scores are no probabilities, so in the consensus each of its picks counts 1.")
        named[name] = {entry.frame.micrograph: entry for entry in usable}
    every = dict.fromkeys(micrograph for entries in named.values() for micrograph in entries)
    return [_of(micrograph, named) for micrograph in every], notes


def _of(micrograph: str, named: Mapping[str, Mapping[str, Picks]]) -> dict[str, Picks]:
    frame = next(entries[micrograph].frame for entries in named.values() if micrograph in entries)
    nothing = Picks(frame, np.empty((0, 2)))
    return {name: entries.get(micrograph, nothing) for name, entries in named.items()}


def write_set(sets: Sequence[Picks], out: Path, places: Mapping[str, PurePosixPath]) -> None:
    """Write one set as `pick` does; ``places`` tells where the picks of a micrograph go."""
    with PickLists(out) as lists:
        for picks in sets:
            lists.add(_written(picks, out / places[picks.frame.micrograph]))


def _written(picks: Picks, file: Path) -> PickResult:
    return PickResult(picks.frame.micrograph, len(picks), coordinates=write_picks(picks, file))


def _name(found: Mapping[str, Picks]) -> str:
    return next(iter(found.values())).frame.micrograph


def _check_sizes(sets: PicksBySet) -> None:
    """All sets count the same pixels of a micrograph."""
    first: dict[str, tuple[str, float]] = {}
    for name, entry in ((name, entry) for name, entries in sets.items() for entry in entries):
        micrograph, size = entry.frame.micrograph, entry.frame.pixel_size
        if size is None:
            continue
        other, known = first.setdefault(micrograph, (name, size))
        if not same_magnification(size, known):
            sizes = f"{known:g} A in {cut(other, 30)}, {size:g} A in {cut(name, 30)}"
            raise UserError(
                f"The pixel sizes of {cut(micrograph, 60)} differ: {sizes}.",
                "Give that of the micrographs (--pixel-size).",
            )


def _pixel_size(settings: ConsensusSettings, sets: PicksBySet) -> float:
    if settings.pixel_size is not None:
        return settings.pixel_size
    sizes = [entry.frame.pixel_size for entries in sets.values() for entry in entries if entry.frame.pixel_size]
    if not sizes:
        raise UserError("The pixel size is in none of the files.", "Give it in Angstrom (--pixel-size).")
    return float(np.median(sizes))
