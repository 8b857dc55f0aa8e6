"""RELION's STAR files as projects use them: which micrographs there are, and which file has whose particles."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_drpnet.errors import UserError
from napari_drpnet.io.files import write_text
from napari_drpnet.io.star_table import Table, format_table, read_tables

MICROGRAPH = "rlnMicrographName"
COORDINATES = "rlnMicrographCoordinates"
_GROUP = "rlnOpticsGroup"
# The first that is there: the particle's own pixel size only where nothing better is known.
_PIXEL_SIZES = ("rlnMicrographPixelSize", "rlnMicrographOriginalPixelSize", "rlnImagePixelSize")


@dataclass(frozen=True)
class MicrographEntry:
    """One micrograph of a project.

    Attributes
    ----------
    name
        As the STAR file writes it: RELION wants it back to the letter.
    path
        Where the file is; where it was looked for first if it is nowhere.
    pixel_size
        Angstrom per pixel; None when the STAR file does not tell.
    """

    name: str
    path: Path
    pixel_size: float | None


def read_micrographs(path: str | Path, root: Path = Path()) -> list[MicrographEntry]:
    """The micrographs of a RELION project, each once, in their order.

    Parameters
    ----------
    path
        A micrographs STAR of RELION 3.0, 3.1, 4 or 5, or any other that names micrographs. Names are looked
        for in ``root``, then in the STAR file's folder and all those above it.
    root
        The project's folder; by default the working folder.

    Raises
    ------
    UserError
        When the file is no STAR file or names no micrographs.
    """
    path = Path(path)
    tables = read_tables(path)
    named = [table for table in tables if MICROGRAPH in table]
    table = next((t for t in named if t.name == "micrographs"), named[0] if named else tables[-1])
    if any("rlnMicrographMovieName" in t for t in tables) and not named:
        raise UserError(f"{path} lists movies, not micrographs.", "Give the STAR file of the motion correction job.")
    size_of: dict[str, float | None] = {}
    for name, size in zip(table.texts(MICROGRAPH), pixel_sizes(tables, table), strict=True):
        size_of.setdefault(name, size)
    return [MicrographEntry(name, find_in_project(name, path, root), size) for name, size in size_of.items()]


def find_in_project(name: str, star: Path, root: Path = Path()) -> Path:
    """The file that a STAR file means by ``name``.

    RELION's names start at the project's folder, which is ``root`` (the working folder) or one above the STAR file.
    Where there is no such file, the first place looked at.
    """
    folders = [root, *star.absolute().parents]
    places = [folder / name for folder in folders]
    # Not Path.exists, which raises where a folder may not be entered.
    return next((place for place in places if os.path.exists(place)), places[0])  # noqa: PTH110


def pixel_sizes(tables: Sequence[Table], table: Table) -> list[float | None]:
    """Angstrom per micrograph pixel for each row of ``table``, from its optics groups or, in 3.0, its optics."""
    optics = next((t for t in tables if t.name == "optics" and _GROUP in t), None)
    column = next((c for c in _PIXEL_SIZES if optics is not None and c in optics), None)
    if optics is not None and column is not None and _GROUP in table:
        groups = dict(zip(optics.texts(_GROUP), optics.numbers(column), strict=True))
        return [_positive(groups.get(group, np.nan)) for group in table.texts(_GROUP)]
    if "rlnDetectorPixelSize" in table and "rlnMagnification" in table:
        micrometres, magnification = table.numbers("rlnDetectorPixelSize"), table.numbers("rlnMagnification")
        with np.errstate(divide="ignore", invalid="ignore"):
            return [_positive(value) for value in micrometres * 1e4 / magnification]
    return [None] * len(table)


def _positive(value: float) -> float | None:
    return float(value) if 0 < value < np.inf else None


def read_coordinate_list(path: str | Path) -> list[tuple[str, str]]:
    """Pairs of a micrograph's name and its coordinate file, as RELION 4 and 5 list them.

    Raises
    ------
    UserError
        When the file is no such list.
    """
    tables = read_tables(Path(path))
    table = next((t for t in tables if COORDINATES in t), tables[-1])
    return list(zip(table.texts(MICROGRAPH), table.texts(COORDINATES), strict=True))


def write_coordinate_list(pairs: Sequence[tuple[str, str]], path: str | Path) -> Path:
    """Write ``autopick.star``, with which RELION 4 and 5 find the coordinates of each micrograph.

    Parameters
    ----------
    pairs
        Names of micrographs, to the letter as in the micrographs STAR, and their coordinate files.
    path
        Where to write.

    Raises
    ------
    UserError
        When the file cannot be written.
    """
    columns = {MICROGRAPH: [name for name, _ in pairs], COORDINATES: [file for _, file in pairs]}
    return write_text(format_table(columns, "coordinate_files"), Path(path))
