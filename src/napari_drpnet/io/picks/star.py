"""Picks in RELION's STAR files.

RELION's coordinates are ours, in the other order: ``rlnCoordinateX = x`` and ``rlnCoordinateY = y`` count
pixels of the unbinned micrograph from 0, row 0 first. RELION cuts off what follows the decimal point, so
positions are written as the nearest whole pixel.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from warnings import warn

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray, Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import micrograph_stem, write_text
from napari_drpnet.io.star_lists import COORDINATES, MICROGRAPH, find_in_project, pixel_sizes, read_coordinate_list
from napari_drpnet.io.star_table import Table, format_table, read_tables

_X, _Y, _SCORE = "rlnCoordinateX", "rlnCoordinateY", "rlnAutopickFigureOfMerit"
_CLASS, _PSI = "rlnClassNumber", "rlnAnglePsi"
# RELION's own mark for "unknown", in manual picks.
_UNKNOWN = -999
# What RELION has no column for: a comment, which it reads over.
_NOTE = re.compile(r"# napari-drpnet picks(?: diameter=(?P<diameter>[\d.e+-]+))?(?: source=(?P<source>.*))?")


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
        if _has_coordinates(table):
            return _by_micrograph(tables, table, micrograph_stem(path))
    if any(COORDINATES in table for table in tables):
        return [read_listed(name, find_in_project(file, path)) for name, file in read_coordinate_list(path)]
    tables[-1].require(_X, _Y)
    return []


def _has_coordinates(table: Table) -> bool:
    return _X in table and _Y in table


def read_listed(name: str, path: Path) -> Picks:
    """The picks in a coordinate file that a list gives for the micrograph called ``name``."""
    tables = read_tables(path)
    table = next((table for table in tables if _has_coordinates(table)), tables[-1])
    return _picks(table, [None] * len(table), Frame(name))


def _by_micrograph(tables: Sequence[Table], table: Table, stem: str) -> list[Picks]:
    sizes = pixel_sizes(tables, table)
    picks = _picks(table, sizes, Frame(stem, pixel_size=sizes[0] if sizes else None))
    if MICROGRAPH not in table or len(table) == 0:
        return [picks]
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(table.texts(MICROGRAPH)):
        rows.setdefault(name, []).append(row)
    return [replace(picks.select(which), frame=Frame(name, pixel_size=sizes[which[0]])) for name, which in rows.items()]


def _picks(table: Table, sizes: Sequence[float | None], frame: Frame) -> Picks:
    table.require(_X, _Y)
    yx = np.column_stack([table.numbers(_Y), table.numbers(_X)]) - _origins(table, sizes)
    if not np.isfinite(yx).all():
        raise UserError(f"{table.path}: a coordinate is not a finite number.", "Correct the file, or export it anew.")
    diameter, source = _read_note(table.path)
    return Picks(
        frame,
        yx,
        score=_known(table, _SCORE),
        diameter=np.array(diameter),
        class_number=np.nan_to_num(_known(table, _CLASS)).astype(np.int64),
        psi=np.nan_to_num(_known(table, _PSI)),
        source=np.array(source),
    )


def _known(table: Table, column: str) -> FloatArray:
    """A column where unknown values, or all when it is missing, are NaN."""
    values = table.numbers(column) if column in table else np.full(len(table), np.nan)
    return np.where(values == _UNKNOWN, np.nan, values)


def _origins(table: Table, sizes: Sequence[float | None]) -> FloatArray:
    """How far refinement moved each particle, ``(n, 2)`` in whole micrograph pixels, to be subtracted."""
    if "rlnOriginXAngst" in table and "rlnOriginYAngst" in table:
        moved = np.column_stack([table.numbers("rlnOriginYAngst"), table.numbers("rlnOriginXAngst")])
        pixels = np.array(sizes, dtype=np.float64)[:, None]  # None becomes NaN
        if np.isnan(pixels).any() and moved.any():
            raise UserError(
                f"{table.path}: its origins are in Angstrom, and the pixel size is not in the file.",
                "Give the whole STAR file of the RELION job, with its data_optics.",
            )
        return np.rint(np.nan_to_num(moved / pixels))
    if "rlnOriginX" in table and "rlnOriginY" in table:
        return np.rint(np.column_stack([table.numbers("rlnOriginY"), table.numbers("rlnOriginX")]))
    return np.zeros((len(table), 2))


def _read_note(path: Path) -> tuple[float, str]:
    """Diameter in micrograph pixels and source, where we wrote the file and all picks shared them."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
        note = _NOTE.match(file.readline())
    if note is None:
        return np.nan, ""
    return float(note["diameter"] or "nan"), (note["source"] or "").strip()


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
    y, x = whole_pixels(kept.yx).T
    columns = {
        _X: [str(value) for value in x],
        _Y: [str(value) for value in y],
        _SCORE: [f"{value:.6f}" if np.isfinite(value) else str(_UNKNOWN) for value in kept.score],
        _CLASS: [str(value) for value in kept.class_number],
        _PSI: [f"{value:.6f}" for value in kept.psi],
    }
    return write_text(format_table(columns, comments=note(kept)), path)


def whole_pixels(yx: FloatArray) -> npt.NDArray[np.int64]:
    """Positions as the nearest whole pixels, halves upwards."""
    return np.floor(yx + 0.5).astype(np.int64)


def _extractable(picks: Picks, path: Path) -> Picks:
    particle = picks.label != "background"
    if not particle.all():
        warn(f"{path}: {np.sum(~particle)} picks labelled background are left out; CSV keeps them.", stacklevel=3)
    if picks.frame.shape is None:
        return picks.select(particle)
    (h, w), (y, x) = picks.frame.shape, whole_pixels(picks.yx).T
    inside = (y >= 0) & (y < h) & (x >= 0) & (x < w)
    if not inside[particle].all():
        warn(f"{path}: {np.sum(particle & ~inside)} picks outside the micrograph are left out.", stacklevel=3)
    return picks.select(particle & inside)


def note(picks: Picks) -> list[str]:
    """The comment that keeps what all picks share; nothing where they differ."""
    diameters = set(picks.diameter[np.isfinite(picks.diameter)].tolist())
    sources = set(picks.source.tolist()) - {""}
    line = "napari-drpnet picks"
    if len(diameters) == 1 and np.isfinite(picks.diameter).all():
        line += f" diameter={diameters.pop()!r}"
    if len(sources) == 1 and (picks.source != "").all():
        line += f" source={' '.join(sources.pop().split())}"
    return [line]
