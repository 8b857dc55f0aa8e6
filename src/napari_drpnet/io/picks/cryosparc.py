"""cryoSPARC's .cs: a numpy table of particles, with positions as fractions of the micrograph's width and height.

cryoSPARC counts rows from the bottom, ``y = (1 - fy) * ny``. Reading and writing leave them so, in pixels;
`picks.read_picks` and `picks.write_picks` turn them. How a table is loaded and joined is in `cryosparc_table`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray, Frame, Picks
from napari_drpnet.errors import UserError, short
from napari_drpnet.io.files import atomic_write, micrograph_stem
from napari_drpnet.io.picks.cryosparc_table import AGAIN, Rows, column, load_table, names_of, pairs
from napari_drpnet.io.picks.rows import rows_by_name

_PATH, _SHAPE = "location/micrograph_path", "location/micrograph_shape"
_FX, _FY = "location/center_x_frac", "location/center_y_frac"
_SEPARATION, _PIXEL = "location/min_dist_A", "location/micrograph_psize_A"
_SCORE = "pick_stats/ncc_score"
_NEEDED = (_PATH, _SHAPE, _FX, _FY)
# Of a classification: the shift of each class, of which the likeliest is meant.
_CLASS = re.compile(r"(alignments_class\w*)/class_posterior")
_UID = re.compile(r"^(\d{21})_")
# Rounding of fractions to 32 bits, and of who wrote them.
_TOLERANCE = 1e-3
_LARGEST = 1_000_000  # pixels along a side


def read_cryosparc(path: str | Path) -> list[Picks]:
    """Picks of each micrograph in the file, with rows as cryoSPARC counts them: from the bottom.

    The diameter is the least distance that cryoSPARC kept between particles. Particles that were aligned are moved to
    their centre, see `picks_of_table`. An empty table gives one empty `Picks`.

    Raises
    ------
    UserError
        When the file is missing, half-written, compressed, of another schema, without locations, or has fractions
        outside 0 to 1.

    Warns
    -----
    UserWarning
        When particles are moved by their alignment, or cannot be.
    """
    path = Path(path)
    return picks_of_table(load_table(path), path)


def picks_of_table(table: Rows, path: Path) -> list[Picks]:
    """The picks of a table that was read from ``path``.

    Particles are moved by ``x - shift_x``, ``y - shift_y`` in the pixels of their micrograph with the rows turned, as
    RELION's origins are: pyem's csparc2star, by which people bring alignments from cryoSPARC to RELION, takes shifts
    for origins so. A 3D alignment goes before a classification in 3D, of which the likeliest class counts, and that
    before an alignment in 2D.
    """
    missing = [name for name in _NEEDED if name not in (table.dtype.names or ())]
    if missing:
        raise UserError(
            f"{path} has no locations of particles: {', '.join(missing)} is missing.",
            "Give the job's other .cs file (passthrough_particles.cs) too, or that of the picking job.",
        )
    if len(table) == 0:
        return [Picks(Frame(micrograph_stem(path)), np.empty((0, 2)))]
    rows = rows_by_name(names_of(table, _PATH, path))
    moved = _moved(table, path)
    return [_picks(path, name, table[which], moved[which]) for name, which in rows.items()]


def _moved(table: Rows, path: Path) -> FloatArray:
    """How far alignment moved each particle, ``(n, 2)`` in micrograph pixels in (y, x) order, rows from the bottom."""
    shift, size = _shift(table, path)
    if not shift.any():
        return np.zeros((len(table), 2))
    pixel = column(table, _PIXEL, path)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = (size / pixel)[:, None]
    known = (factor > 0) & np.isfinite(factor) & np.isfinite(shift)
    if not known.all():
        warn(
            f"{path}: particles were aligned, but the pixel size of the shifts or of the micrograph is not in it; they "
            "stay where they were picked.",
            stacklevel=5,
        )
        return np.zeros((len(table), 2))
    warn(f"{path}: particles are moved to the centre that their alignment found.", stacklevel=5)
    x, y = (shift * factor).T
    return np.column_stack([y, -x])


def _shift(table: Rows, path: Path) -> tuple[FloatArray, FloatArray]:
    """Shifts ``(n, 2)`` in (x, y) order and Angstrom per pixel of them ``(n,)``; nought where nothing was aligned."""
    there = table.dtype.names or ()
    classes = [found[1] for name in there if (found := _CLASS.fullmatch(name)) and f"{found[1]}/shift" in there]
    if "alignments3D/shift" in there or not classes:
        kind = next((kind for kind in ("alignments3D", "alignments2D") if f"{kind}/shift" in there), None)
        if kind is None:
            return np.zeros((len(table), 2)), np.ones(len(table))
        return pairs(table, f"{kind}/shift", path), _size(table, kind, path)
    best = np.argmax([np.nan_to_num(column(table, f"{one}/class_posterior", path)) for one in classes], axis=0)
    each = np.arange(len(table))
    shifts = np.array([pairs(table, f"{one}/shift", path) for one in classes])[best, each]
    return shifts, np.array([_size(table, one, path) for one in classes])[best, each]


def _size(table: Rows, kind: str, path: Path) -> FloatArray:
    own = column(table, f"{kind}/psize_A", path)
    return np.where(own > 0, own, column(table, "blob/psize_A", path))


def _picks(path: Path, name: str, rows: Rows, moved: FloatArray) -> Picks:
    sides = pairs(rows, _SHAPE, path)
    height, width = sides[0]
    if not name or (sides != sides[0]).any() or not ((sides >= 1) & (sides <= _LARGEST) & (sides % 1 == 0)).all():
        raise UserError(f"{path}: the micrograph {short(name)} has no name, or not one size.", AGAIN)
    fractions = np.column_stack([column(rows, _FY, path), column(rows, _FX, path)])
    if not ((fractions >= -_TOLERANCE) & (fractions <= 1 + _TOLERANCE)).all():
        raise UserError(f"{path}: picks outside {short(name)}.", AGAIN)
    size = _positive(column(rows, _PIXEL, path))
    known = size[np.isfinite(size)]
    return Picks(
        Frame(name, (int(height), int(width)), float(known[0]) if len(known) else None),
        fractions * (height, width) + moved,
        score=column(rows, _SCORE, path),
        diameter=_positive(column(rows, _SEPARATION, path) / size),
    )


def _positive(values: FloatArray) -> FloatArray:
    return np.where((values > 0) & (values < np.inf), values, np.nan)


def write_cryosparc(found: Sequence[Picks], path: str | Path) -> Path:
    """Write the picks of all micrographs, whose rows count from the bottom already, into one table.

    cryoSPARC's number of a micrograph is the one that its name begins with, or else made from the name.

    Raises
    ------
    UserError
        When the shape of a micrograph is unknown, or the file cannot be written.

    Warns
    -----
    UserWarning
        When diameters are lost because a pixel size is not known.
    """
    path = Path(path)
    _tell_unsized(found, path)
    scored = any(np.isfinite(picks.score).any() for picks in found)
    names = [picks.frame.micrograph.encode("utf-8", "surrogateescape") for picks in found]
    dtype = _dtype(max(map(len, names), default=1), scored)
    tables = [_rows(picks, name, dtype, path) for picks, name in zip(found, names, strict=True) if len(picks)]
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.save(file, np.concatenate([np.empty(0, dtype), *tables]), allow_pickle=False)
    return path


def _tell_unsized(found: Sequence[Picks], path: Path) -> None:
    names = [p.frame.micrograph for p in found if p.frame.pixel_size is None and np.isfinite(p.diameter).any()]
    if names:
        warn(
            f"{path}: cryoSPARC keeps lengths in Angstrom; the pixel size of {', '.join(names)} is not known, and "
            "their diameters are lost.",
            stacklevel=5,
        )


def _dtype(length: int, scored: bool) -> np.dtype[Any]:
    fields: list[Any] = [
        ("uid", "<u8"),
        ("location/micrograph_uid", "<u8"),
        ("location/exp_group_id", "<u4"),
        (_PATH, f"S{max(length, 1)}"),
        (_SHAPE, "<u4", (2,)),
        *((name, "<f4") for name in (_FX, _FY, _SEPARATION, _PIXEL)),
    ]
    return np.dtype([*fields, (_SCORE, "<f4")] if scored else fields)


def _rows(picks: Picks, name: bytes, dtype: np.dtype[Any], path: Path) -> npt.NDArray[Any]:
    if picks.frame.shape is None:
        raise UserError(
            f"{path}: cryoSPARC counts in fractions of the micrograph, and the size of {picks.frame.micrograph} is "
            "not known.",
            "Name the micrographs' STAR file with --micrographs, or put the images beside the picks.",
        )
    size = picks.frame.pixel_size or 0.0
    rows = np.zeros(len(picks), dtype)
    rows["uid"] = [_number(name + b" %d" % i) for i in range(len(picks))]
    rows["location/micrograph_uid"] = _micrograph_number(name)
    rows[_PATH] = name
    rows[_SHAPE] = picks.frame.shape
    rows[_FY], rows[_FX] = (picks.yx / picks.frame.shape).T
    rows[_SEPARATION] = np.nan_to_num(picks.diameter) * size
    rows[_PIXEL] = size
    if dtype.names and _SCORE in dtype.names:
        rows[_SCORE] = picks.score
    return rows


def _micrograph_number(name: bytes) -> int:
    written = _UID.match(micrograph_stem(name.decode("utf-8", "surrogateescape")))
    return int(written[1]) if written and int(written[1]) < 2**64 else _number(name)


def _number(text: bytes) -> int:
    """The same number for the same text, so that a file written twice has the same bytes."""
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little")
