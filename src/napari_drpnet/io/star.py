"""RELION's STAR files: which micrographs a project has, and where their particles are.

RELION's coordinates are ours, in the other order: ``rlnCoordinateX = x`` and ``rlnCoordinateY = y`` count
pixels of the unbinned micrograph from 0, row 0 first. RELION cuts off what follows the decimal point, so
positions are written as the nearest whole pixel.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from warnings import warn

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray, Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import atomic_write, micrograph_stem
from napari_drpnet.io.star_table import Table, format_table, read_tables

_X, _Y, _SCORE = "rlnCoordinateX", "rlnCoordinateY", "rlnAutopickFigureOfMerit"
_CLASS, _PSI = "rlnClassNumber", "rlnAnglePsi"
_MICROGRAPH, _COORDINATES, _GROUP = "rlnMicrographName", "rlnMicrographCoordinates", "rlnOpticsGroup"
# RELION's own mark for "unknown", in manual picks.
_UNKNOWN = -999
# What a STAR file has no column for and RELION reads over: one comment, see docs/file-formats.md.
_NOTE = re.compile(r"# napari-drpnet diameter=(?P<diameter>\S+) source=(?P<source>.*)")


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


def read_micrographs(path: str | Path) -> list[MicrographEntry]:
    """The micrographs of a RELION project, each once, in their order.

    Parameters
    ----------
    path
        A micrographs STAR of RELION 3.0, 3.1, 4 or 5, or any other that names micrographs. Names are looked
        for in the working folder, then in the STAR file's folder and all those above it.

    Raises
    ------
    UserError
        When the file is no STAR file or names no micrographs.
    """
    path = Path(path)
    tables = read_tables(path)
    named = [table for table in tables if _MICROGRAPH in table]
    table = next((t for t in named if t.name == "micrographs"), named[0] if named else tables[-1])
    if any("rlnMicrographMovieName" in t for t in tables) and not named:
        raise UserError(f"{path} lists movies, not micrographs.", "Give the STAR file of the motion correction job.")
    names = table.texts(_MICROGRAPH)
    sizes = _pixel_sizes(tables, table)
    first = {name: row for row, name in reversed(list(enumerate(names)))}
    return [MicrographEntry(name, _find(name, path), sizes[first[name]]) for name in dict.fromkeys(names)]


def _find(name: str, star: Path) -> Path:
    """The file a STAR file means: RELION's names start at the project's folder."""
    folders = [Path(), *star.absolute().parents]
    return next((folder / name for folder in folders if (folder / name).exists()), Path(name))


def _pixel_sizes(tables: Sequence[Table], table: Table) -> list[float | None]:
    """Angstrom per micrograph pixel, for each row of ``table``."""
    columns = ("rlnMicrographPixelSize", "rlnMicrographOriginalPixelSize", "rlnImagePixelSize")
    optics = next((t for t in tables if t.name == "optics"), None)
    if optics is not None and _GROUP in optics and _GROUP in table:
        sizes = next((optics.numbers(column) for column in columns if column in optics), None)
        if sizes is not None:
            groups = dict(zip(optics.texts(_GROUP), sizes, strict=True))
            return [_positive(groups.get(group)) for group in table.texts(_GROUP)]
    if "rlnDetectorPixelSize" in table and "rlnMagnification" in table:
        with np.errstate(divide="ignore", invalid="ignore"):
            values = table.numbers("rlnDetectorPixelSize") * 1e4 / table.numbers("rlnMagnification")
        return [_positive(value) for value in values]
    return [None] * len(table)


def _positive(value: float | None) -> float | None:
    return float(value) if value is not None and 0 < value < np.inf else None


def read_star(path: str | Path) -> list[Picks]:
    """Picks of a STAR file, one `Picks` per micrograph.

    Parameters
    ----------
    path
        Picks of one micrograph, a particles STAR (their origins are taken into account), or the list of
        coordinate files that RELION 4 and 5 call ``autopick.star``, which is followed.

    Raises
    ------
    UserError
        When the file, or one it lists, is missing, damaged, or without coordinates.
    """
    path = Path(path)
    tables = read_tables(path)
    for table in tables:
        if _X in table and _Y in table:
            return _picks_by_micrograph(tables, table)
    if any(_COORDINATES in table for table in tables):
        return [_listed(name, _find(file, path)) for name, file in read_coordinate_list(path)]
    tables[-1].require(_X, _Y)
    raise AssertionError("unreachable: a table with both columns was looked for above")


def _listed(name: str, path: Path) -> Picks:
    tables = read_tables(path)
    table = next((t for t in tables if _X in t and _Y in t), tables[-1])
    return _picks(table, [None] * len(table), np.arange(len(table)), name)


def _picks_by_micrograph(tables: Sequence[Table], table: Table) -> list[Picks]:
    rows = np.arange(len(table))
    sizes = _pixel_sizes(tables, table)
    if _MICROGRAPH not in table:
        return [_picks(table, sizes, rows, micrograph_stem(table.path))]
    names = np.array(table.texts(_MICROGRAPH), dtype=np.str_)
    return [_picks(table, sizes, rows[names == name], name) for name in dict.fromkeys(names.tolist())]


def _picks(table: Table, sizes: Sequence[float | None], rows: npt.NDArray[np.int64], name: str) -> Picks:
    """The picks at ``rows``, which belong to the micrograph called ``name``."""
    yx = np.column_stack([table.numbers(_Y), table.numbers(_X)]) - _origins(table, sizes)
    if not np.isfinite(yx).all():
        raise UserError(f"{table.path}: a coordinate is not a finite number.", "Correct the file, or export it anew.")
    diameter, source = _read_note(table.path)
    class_number = np.nan_to_num(_known(table, _CLASS)).astype(np.int64)
    psi = np.nan_to_num(_known(table, _PSI))
    frame = Frame(name, None, sizes[rows[0]] if len(rows) else None)
    return Picks(
        frame,
        yx[rows],
        _known(table, _SCORE)[rows],
        np.array(diameter),
        class_number[rows],
        psi[rows],
        source=np.array(source),
    )


def _known(table: Table, column: str) -> FloatArray:
    """A column where unknown values, or all when it is missing, are NaN."""
    values = table.numbers(column) if column in table else np.full(len(table), np.nan)
    return np.where(values == _UNKNOWN, np.nan, values)


def _origins(table: Table, sizes: Sequence[float | None]) -> FloatArray:
    """How far refinement moved each particle, ``(n, 2)`` in whole micrograph pixels, to be subtracted."""
    if "rlnOriginXAngst" in table and "rlnOriginYAngst" in table:
        pixel = np.array([np.nan if size is None else size for size in sizes])[:, None]
        moved = np.column_stack([table.numbers("rlnOriginYAngst"), table.numbers("rlnOriginXAngst")]) / pixel
        return np.rint(np.nan_to_num(moved))
    if "rlnOriginX" in table and "rlnOriginY" in table:
        return np.rint(np.column_stack([table.numbers("rlnOriginY"), table.numbers("rlnOriginX")]))
    return np.zeros((len(table), 2))


def _read_note(path: Path) -> tuple[float, str]:
    """Diameter in micrograph pixels and source of all picks, where we wrote the file."""
    with path.open(encoding="utf-8", errors="surrogateescape") as file:
        note = _NOTE.match(file.readline())
    return (float(note["diameter"]), note["source"].strip()) if note else (np.nan, "")


def write_star(picks: Picks, path: str | Path) -> Path:
    """Write the picks of one micrograph for RELION.

    Positions become whole pixels, because RELION would cut them off instead of rounding them. Unknown scores
    become -999, as in RELION's manual picks. The diameter and the source are kept in a comment where all
    picks agree on them.

    Raises
    ------
    UserError
        When the file cannot be written.

    Warns
    -----
    UserWarning
        When picks are left out: those labelled background, which RELION would take for particles, and those
        whose centre is outside the micrograph, on which its extraction stops.
    """
    path = Path(path)
    kept = _extractable(picks, path)
    x, y = (whole_pixels(kept.yx)[:, axis] for axis in (1, 0))
    columns = {
        _X: [str(value) for value in x],
        _Y: [str(value) for value in y],
        _SCORE: [f"{value:.6f}" if np.isfinite(value) else str(_UNKNOWN) for value in kept.score],
        _CLASS: [str(value) for value in kept.class_number],
        _PSI: [f"{value:.6f}" for value in kept.psi],
    }
    return _write(format_table(columns, comments=_note(kept)), path)


def whole_pixels(yx: FloatArray) -> npt.NDArray[np.int64]:
    """Positions as the nearest whole pixels, halves upwards."""
    return np.floor(yx + 0.5).astype(np.int64)


def _extractable(picks: Picks, path: Path) -> Picks:
    particle = picks.label != "background"
    if not particle.all():
        warn(f"{path}: {np.sum(~particle)} picks labelled background are left out; CSV keeps them.", stacklevel=3)
    if picks.frame.shape is None:
        return picks.select(particle)
    yx = whole_pixels(picks.yx)
    inside = ((yx >= 0) & (yx < picks.frame.shape)).all(axis=1)
    if not inside[particle].all():
        warn(f"{path}: {np.sum(particle & ~inside)} picks outside the micrograph are left out.", stacklevel=3)
    return picks.select(particle & inside)


def _note(picks: Picks) -> list[str]:
    diameters, sources = np.unique(picks.diameter), np.unique(picks.source)
    if len(diameters) != 1 or len(sources) != 1:
        return []
    return [f"napari-drpnet diameter={float(diameters[0])!r} source={' '.join(sources[0].split())}"]


def read_coordinate_list(path: str | Path) -> list[tuple[str, str]]:
    """Pairs of a micrograph's name and its coordinate file, as RELION 4 and 5 list them.

    Raises
    ------
    UserError
        When the file is no such list.
    """
    tables = read_tables(Path(path))
    table = next((t for t in tables if _COORDINATES in t), tables[-1])
    return list(zip(table.texts(_MICROGRAPH), table.texts(_COORDINATES), strict=True))


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
    columns = {_MICROGRAPH: [name for name, _ in pairs], _COORDINATES: [file for _, file in pairs]}
    return _write(format_table(columns, "coordinate_files"), Path(path))


def _write(text: str, path: Path) -> Path:
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape", newline="\n")
    return path
