"""Read what is to be converted: files and folders of picks, together."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.paths import is_dir
from napari_drpnet.io.picks.cryosparc_group import CRYOSPARC_SUFFIXES, read_group, read_together
from napari_drpnet.io.picks.folder import pick_files, with_folders
from napari_drpnet.io.picks.formats import CRYOSPARC, warn_of_tiff
from napari_drpnet.io.picks.known_micrographs import KnownMicrographs
from napari_drpnet.io.picks.rows import checked, upside_down, within
from napari_drpnet.io.tiff import is_tiff
from napari_drpnet.jobs.inputs import Refusal
from napari_drpnet.settings import ConversionSettings
from napari_drpnet.steps import Job, Progress


@dataclass(frozen=True)
class Found:
    """The picks of one micrograph and the file they are from."""

    picks: Picks
    path: Path

    @property
    def name(self) -> str:
        """Of the micrograph."""
        return self.picks.frame.micrograph


def count(found: Sequence[Found]) -> int:
    """How many picks there are."""
    return sum(len(one.picks) for one in found)


def files_of(sources: Sequence[Path]) -> tuple[list[Path], tuple[Path, ...]]:
    """The files to read, each once, and those in folders that only look like picks."""
    files: dict[Path, None] = {}
    passed_over: dict[Path, None] = {}
    for source in sources:
        found, others = pick_files(source)
        files |= dict.fromkeys(found)
        passed_over |= dict.fromkeys(others)
    return list(files), tuple(passed_over)


def read_all(
    files: Sequence[Path],
    sources: Sequence[Path],
    known: KnownMicrographs,
    settings: ConversionSettings,
    failed: list[Refusal],
) -> Job[list[Found]]:
    """The picks of all files that the sources mean; ``failed`` takes those that cannot be read."""
    raw: list[tuple[Path, list[Picks]]] = []
    root, units = _root(sources), _units(files, sources)
    for done, unit in enumerate(units):
        yield Progress(done, len(units), sum(len(picks) for _, some in raw for picks in some), unit[0].name)
        try:
            raw.append((unit[0], _read(unit, known, settings)))
        except UserError as error:
            failed.append(Refusal(str(unit[0]), error))
    own = known.assign([(picks.frame.micrograph, file) for file, some in raw for picks in some])
    own.settle(sources[0] if len(sources) == 1 else "The sources")
    found: list[Found] = []
    for file, some in raw:
        try:
            found += _placed(some, file, root, known, settings)
        except UserError as error:
            failed.append(Refusal(str(file), error))
    return found


def _units(files: Sequence[Path], sources: Sequence[Path]) -> list[tuple[Path, ...]]:
    """The files, those together that are read together: of cryoSPARC, those that are named, and those of one folder."""
    groups: dict[Path | None, list[Path]] = {}
    for file in files:
        if file.suffix.lower() in CRYOSPARC_SUFFIXES:
            groups.setdefault(None if file in sources else file.parent, []).append(file)
    units = [unit for group in groups.values() for unit in (read_together(group) if len(group) > 1 else [(*group,)])]
    return [*((file,) for file in files if file.suffix.lower() not in CRYOSPARC_SUFFIXES), *units]


def _root(sources: Sequence[Path]) -> Path:
    """The folder that all sources lie in: those below it tell micrographs of equal names apart."""
    return Path(os.path.commonpath([(one if is_dir(one) else one.parent).absolute() for one in sources]))


def _read(unit: Sequence[Path], known: KnownMicrographs, settings: ConversionSettings) -> list[Picks]:
    """The picks of a file, or of several that belong together, as they have them."""
    if len(unit) == 1:
        return known.raw(unit[0], flip_y=settings.flip_y)
    return _group(unit, known, settings)


def _placed(
    raw: Sequence[Picks], file: Path, root: Path, known: KnownMicrographs, settings: ConversionSettings
) -> list[Found]:
    """The picks of a file, each within its micrograph's frame, and with the given diameter where it has none."""
    placed = known.placed(raw, file, flip_y=settings.flip_y)
    named = [
        picks if known.entry(picks.frame.micrograph, file) else with_folders(picks, file.absolute(), root)
        for picks in within(placed, file)
    ]
    return [Found(_sized(picks, settings.box_size), file) for picks in named]


def _group(files: Sequence[Path], known: KnownMicrographs, settings: ConversionSettings) -> list[Picks]:
    """The picks of several files of cryoSPARC, whose rows count from the bottom."""

    def frame_of(name: str, path: Path) -> Frame:
        """What is known of a micrograph is what picks that say nothing are placed on, in the pixels of the files."""
        (nothing,) = known.placed([Picks(Frame(name), np.empty((0, 2)))], path)
        size = nothing.frame.pixel_size
        return replace(nothing.frame, pixel_size=size and size * (settings.scale or 1))

    found = [checked(picks, files[0]) for picks in read_group(files, frame_of)]
    warn_of_tiff(files[0], [picks for picks in found if is_tiff(picks.frame.micrograph)], CRYOSPARC)
    return found if settings.flip_y else [upside_down(picks, files[0]) if len(picks) else picks for picks in found]


def _sized(picks: Picks, size: float | None) -> Picks:
    """Picks with a diameter, in pixels, where they have none and one is given."""
    if size is None:
        return picks
    return replace(picks, diameter=np.where(np.isfinite(picks.diameter), picks.diameter, size))
