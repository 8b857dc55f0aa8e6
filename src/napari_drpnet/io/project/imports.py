"""Picks that come with the inputs of a project: in STAR files of particles, and in lists of coordinate files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from warnings import warn

from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.picks.known_micrographs import KnownMicrographs
from napari_drpnet.io.picks.star import read_listed, read_star
from napari_drpnet.io.project.index import Record
from napari_drpnet.io.star_lists import COORDINATES, MicrographEntry, find_in_project, read_coordinate_list
from napari_drpnet.io.star_table import read_tables

_LEVEL = 7  # of whoever opened the project


def imported(inputs: Sequence[str], root: Path, records: Sequence[Record], free: Collection[str]) -> dict[str, Picks]:
    """Picks that STAR files among the inputs bring, in pixels of their micrographs and by the names of these.

    Parameters
    ----------
    inputs, root
        What was named, and where relative names start.
    records
        All micrographs of the project.
    free
        Names of those that have no picks yet; those of others are left alone.

    Warns
    -----
    UserWarning
        Of files that cannot be read, of names that are unclear, of second sets of picks, of picks outside, and of pixel
        sizes that differ.
    """
    names = {record.listed: record.name for record in records}
    entries = [MicrographEntry(one.listed, root / (one.path or one.listed), one.pixel_size) for one in records]
    found: dict[str, Picks] = {}
    for text in inputs if free else ():
        if Path(text).suffix.lower() != ".star":
            continue
        for picks, file in _of_file(root / text, root, entries):
            micrograph = picks.frame.micrograph
            name = names[micrograph]
            if name in found:
                warn(f"{file}: other picks of {micrograph} came before; these are left out.", stacklevel=_LEVEL)
            elif name in free:
                found[name] = picks
    return found


def _of_file(star: Path, root: Path, entries: Sequence[MicrographEntry]) -> list[tuple[Picks, Path]]:
    """The picks that a STAR file brings of these micrographs, called as the project lists them, and their file."""
    known, found = KnownMicrographs(entries), []
    try:
        raw = _read(star, root)
        own = known.assign(raw)
    except UserError as error:
        warn(str(error), stacklevel=_LEVEL)
        return []
    for why in dict.fromkeys(own.unclear.values()):
        warn(f"{star}: {why} Its picks are left out.", stacklevel=_LEVEL)
    for picks, file in raw:
        if known.entry(picks.frame.micrograph, file) is not None:
            try:
                found += [(one, file) for one in known.within([picks], file)]
            except UserError as error:
                warn(str(error), stacklevel=_LEVEL)
    return found


def _read(star: Path, root: Path) -> list[tuple[Picks, Path]]:
    tables = read_tables(star)
    if any("rlnCoordinateX" in table for table in tables):
        return [(picks, star) for picks in read_star(star)]
    found = []
    for listed, file in read_coordinate_list(star) if any(COORDINATES in table for table in tables) else []:
        try:
            path = find_in_project(file, star, root)
            found.append((read_listed(listed, path), path))
        except UserError as error:
            warn(str(error), stacklevel=_LEVEL)
    return found
