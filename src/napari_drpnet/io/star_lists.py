"""RELION's STAR files as projects use them: which micrographs there are, and which file has whose particles."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from warnings import warn

from napari_drpnet.errors import UserError, short
from napari_drpnet.io.files import write_text
from napari_drpnet.io.paths import exists
from napari_drpnet.io.star_optics import SAME_SIZE, lens, pixel_sizes
from napari_drpnet.io.star_table import format_table, read_tables

MICROGRAPH = "rlnMicrographName"
COORDINATES = "rlnMicrographCoordinates"
_SHOWN = 3  # names in a message
_LONGEST_NAME = 255  # bytes of a file's name, without its folders


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
    lens
        Voltage and the like of its optics group, as the STAR file writes them by their columns.
    shape
        Height and width in pixels; None when the list does not tell.
    exposure
        cryoSPARC's number of it, and that of its exposure group; None when the list is not cryoSPARC's.
    """

    name: str
    path: Path
    pixel_size: float | None
    lens: Mapping[str, str] = field(default_factory=dict, compare=False)
    shape: tuple[int, int] | None = None
    exposure: tuple[int, int] | None = field(default=None, compare=False)


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
        When the file is no STAR file, names no micrographs, or none that files can have, or gives one two pixel sizes.

    Warns
    -----
    UserWarning
        For names that cannot be those of files, which are left out.
    """
    path = Path(path)
    tables = read_tables(path)
    named = [table for table in tables if MICROGRAPH in table]
    if any("rlnMicrographMovieName" in t for t in tables) and not named:
        raise UserError(f"{path} lists movies, not micrographs.", "Give the STAR file of the motion correction job.")
    found: dict[PurePosixPath, tuple[str, float, dict[str, str]]] = {}
    for table in [t for t in named if t.name == "micrographs"] or named or tables[-1:]:
        sizes = pixel_sizes(tables, table).micrograph.tolist()
        for name, size, told in zip(table.texts(MICROGRAPH), sizes, lens(tables, table), strict=True):
            first = found.setdefault(PurePosixPath(name), (name, size, told))
            if not math.isclose(first[1], size, rel_tol=SAME_SIZE) and math.isfinite(first[1] + size):
                raise UserError(
                    f"{path}: {short(name)} is listed with pixel sizes of {first[1]:g} and {size:g} A.", "Correct one."
                )
            if math.isnan(first[1]):
                found[PurePosixPath(name)] = first[0], size, told
    if wrong := [name for name, _, _ in found.values() if not _is_name(name)]:
        if len(wrong) == len(found):
            raise UserError(f"{path}: no file can have the names in it: {_some(wrong)}.", "Correct or export it anew.")
        warn(f"{path}: names that no file can have are left out: {_some(wrong)}.", stacklevel=2)
    return [
        MicrographEntry(name, find_in_project(name, path, root), None if math.isnan(size) else size, told)
        for name, size, told in found.values()
        if _is_name(name)
    ]


def _is_name(name: str) -> bool:
    """Whether a file can be called so."""
    parts = name.encode("utf-8", "surrogateescape").split(b"/")
    return bool(name) and "\0" not in name and max(map(len, parts)) <= _LONGEST_NAME


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(short, names[:_SHOWN])) + more


def find_in_project(name: str, star: Path, root: Path = Path()) -> Path:
    """The file that a STAR file means by ``name``.

    RELION's names start at the project's folder, which is ``root`` (the working folder) or one above the STAR file.
    Where there is no such file, the first place looked at.
    """
    first = root / name
    if exists(first):
        return first
    above = (folder / name for folder in star.absolute().parents)
    return next((place for place in above if exists(place)), first)


def read_coordinate_list(path: str | Path) -> list[tuple[str, str]]:
    """Pairs of a micrograph's name and its coordinate file, as RELION 4 and 5 list them, each pair once.

    Raises
    ------
    UserError
        When the file is no such list.
    """
    tables = read_tables(Path(path))
    pairs: dict[tuple[str, str], None] = {}
    for table in [t for t in tables if COORDINATES in t] or tables[-1:]:
        pairs |= dict.fromkeys(zip(table.texts(MICROGRAPH), table.texts(COORDINATES), strict=True))
    return list(pairs)


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
