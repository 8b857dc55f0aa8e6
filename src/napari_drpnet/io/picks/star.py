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
from typing import Any
from warnings import warn

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray, Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import micrograph_stem, write_text
from napari_drpnet.io.picks.rows import rows_by_name
from napari_drpnet.io.star_lists import COORDINATES, MICROGRAPH, find_in_project, pixel_sizes, read_coordinate_list
from napari_drpnet.io.star_table import Table, format_table, read_tables

X, Y, SCORE = "rlnCoordinateX", "rlnCoordinateY", "rlnAutopickFigureOfMerit"
CLASS, PSI = "rlnClassNumber", "rlnAnglePsi"
# RELION's own mark for "unknown", in manual picks.
_UNKNOWN = -999
# What RELION has no column for: a comment, which it reads over.
_NOTE = re.compile(r"^# napari-drpnet picks(?: diameter=(?P<diameter>[\d.e+-]+))?(?: source=(?P<source>.*))?$", re.M)


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
    tables[-1].require(X, Y)
    return []


def _has_coordinates(table: Table) -> bool:
    return X in table and Y in table


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
    rows = rows_by_name(table.texts(MICROGRAPH))
    return [replace(picks.select(which), frame=Frame(name, pixel_size=sizes[which[0]])) for name, which in rows.items()]


def _picks(table: Table, sizes: Sequence[float | None], frame: Frame) -> Picks:
    table.require(X, Y)
    yx = np.column_stack([table.numbers(Y), table.numbers(X)]) - _origins(table, sizes)
    if not np.isfinite(yx).all():
        raise UserError(f"{table.path}: a coordinate is not a finite number.", "Correct the file, or export it anew.")
    with table.path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
        diameter, source = read_note(file.readline())
    return Picks(frame, yx, diameter=np.array(diameter), source=np.array(source), **score_columns(table))


def score_columns(table: Table) -> dict[str, Any]:
    """Score, class and in-plane rotation as columns of `Picks`."""
    angle, number = (np.nan_to_num(known(table, column)) for column in (PSI, CLASS))
    return {"score": known(table, SCORE), "class_number": number.astype(np.int64), "psi": angle}


def known(table: Table, column: str) -> FloatArray:
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


def read_note(text: str) -> tuple[float, str]:
    """Diameter in micrograph pixels and source, where we wrote a file with this text and all its picks shared them."""
    found = _NOTE.search(text)
    return (float(found["diameter"] or "nan"), (found["source"] or "").strip()) if found else (np.nan, "")


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
    return write_text(format_table(star_columns(kept), comments=note(kept)), path)


def star_columns(picks: Picks) -> dict[str, list[str]]:
    """What RELION reads of picks, at whole pixels."""
    y, x = whole_pixels(picks.yx).T.tolist()
    return {X: list(map(str, x)), Y: list(map(str, y)), SCORE: score_texts(picks.score)} | orientation_columns(picks)


def score_texts(score: FloatArray) -> list[str]:
    """Scores as RELION writes them."""
    return [f"{value:.6f}" if np.isfinite(value) else str(_UNKNOWN) for value in score.tolist()]


def orientation_columns(picks: Picks) -> dict[str, list[str]]:
    """Class and in-plane rotation."""
    return {CLASS: list(map(str, picks.class_number.tolist())), PSI: [f"{value:.6f}" for value in picks.psi.tolist()]}


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
