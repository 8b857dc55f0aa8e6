"""Picks that come with the inputs of a project: in STAR files of particles, and in lists of coordinate files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from warnings import warn

from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.images import open_image
from napari_drpnet.io.names import NameIndex, owners
from napari_drpnet.io.picks.rows import checked, within
from napari_drpnet.io.picks.star import read_listed, read_star
from napari_drpnet.io.project.index import Record
from napari_drpnet.io.star_lists import COORDINATES, find_in_project, read_coordinate_list
from napari_drpnet.io.star_table import read_tables

_LEVEL = 7  # of whoever opened the project


def imported(inputs: Sequence[str], root: Path, records: Sequence[Record], free: Collection[str]) -> dict[str, Picks]:
    """Picks that STAR files among the inputs bring, by the name of their micrograph.

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
        Of files that cannot be read, of names that are unclear, of second sets of picks, and of picks outside.
    """
    found: dict[str, Picks] = {}
    by_listed = {record.listed: record for record in records}
    index = NameIndex(by_listed, {record.listed: root / (record.path or record.listed) for record in records})
    for text in inputs if free else ():
        if Path(text).suffix.lower() != ".star":
            continue
        for name, picks, file in _picks_of(root / text, root, index):
            record = by_listed[name]
            if record.name not in free:
                continue
            if record.name in found:
                warn(f"{file}: other picks of {name} came before; these are left out.", stacklevel=_LEVEL)
                continue
            try:
                found[record.name] = _placed(picks, file, root, record)
            except UserError as error:
                warn(str(error), stacklevel=_LEVEL)
    return found


def _picks_of(star: Path, root: Path, index: NameIndex) -> list[tuple[str, Picks, Path]]:
    """The picks that a STAR file brings, each with what the project calls its micrograph, and their file."""
    try:
        entries = _read(star, root, index)
        own = owners((picks.frame.micrograph for picks, _ in entries), index)
    except UserError as error:
        warn(str(error), stacklevel=_LEVEL)
        return []
    for why in dict.fromkeys(own.unclear.values()):
        warn(f"{star}: {why} Its picks are left out.", stacklevel=_LEVEL)
    return [(own.of[one.frame.micrograph], one, file) for one, file in entries if one.frame.micrograph in own.of]


def _read(star: Path, root: Path, index: NameIndex) -> list[tuple[Picks, Path]]:
    tables = read_tables(star)
    if any("rlnCoordinateX" in table for table in tables):
        return [(picks, star) for picks in read_star(star)]
    pairs = read_coordinate_list(star) if any(COORDINATES in table for table in tables) else []
    of = owners((listed for listed, _ in pairs), index).of
    found = []
    for listed, file in pairs:
        if listed in of:
            try:
                path = find_in_project(file, star, root)
                found.append((read_listed(listed, path), path))
            except UserError as error:
                warn(str(error), stacklevel=_LEVEL)
    return found


def _placed(picks: Picks, file: Path, root: Path, record: Record) -> Picks:
    """The picks in the frame of their micrograph, as far as that can be read."""
    path, frame = root / (record.path or record.listed), picks.frame
    try:
        image = open_image(path)
        height, width = image.array.shape[-2:]
        frame = Frame(path.as_posix(), (height, width), record.pixel_size or image.pixel_size)
    except UserError:
        pass  # picks may come before their micrographs
    (kept,) = within([checked(replace(picks, frame=frame), file)], file)
    return kept
