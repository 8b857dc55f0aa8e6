"""cryoSPARC's .cs: a numpy table of particles, with positions as fractions of the micrograph's width and height.

cryoSPARC counts rows from the bottom, ``y = (1 - fy) * ny``. Reading and writing leave them so, in pixels;
`picks.read_picks` and `picks.write_picks` turn them.
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
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import atomic_write, micrograph_stem, reading
from napari_drpnet.io.picks.rows import rows_by_name

_PATH, _SHAPE = "location/micrograph_path", "location/micrograph_shape"
_FX, _FY = "location/center_x_frac", "location/center_y_frac"
_SEPARATION, _PIXEL = "location/min_dist_A", "location/micrograph_psize_A"
_SCORE = "pick_stats/ncc_score"
_COMPRESSED = b"\x94CSDAT"
_UID = re.compile(r"^(\d{21})_")
# Rounding of fractions to 32 bits, and of who wrote them.
_TOLERANCE = 1e-3


def read_cryosparc(path: str | Path) -> list[Picks]:
    """Picks of each micrograph in the file, with rows as cryoSPARC counts them: from the bottom.

    The diameter is the least distance that cryoSPARC kept between particles. An empty table gives one empty `Picks`.

    Raises
    ------
    UserError
        When the file is missing, half-written, compressed, without locations, or has fractions outside 0 to 1.
    """
    path = Path(path)
    table = _load(path)
    missing = [name for name in (_PATH, _SHAPE, _FX, _FY) if name not in (table.dtype.names or ())]
    if missing:
        raise UserError(
            f"{path} has no locations of particles: {', '.join(missing)} is missing.",
            "Give the job's other .cs file (passthrough_particles.cs), or that of the picking job.",
        )
    if len(table) == 0:
        return [Picks(Frame(micrograph_stem(path)), np.empty((0, 2)))]
    rows = rows_by_name(map(_text, table[_PATH].tolist()))
    return [_picks(path, name, table[which]) for name, which in rows.items()]


def _text(name: object) -> str:
    return name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else str(name)


def _load(path: Path) -> npt.NDArray[Any]:
    again = "Copy or export it from cryoSPARC anew."
    with reading(path), path.open("rb") as file:
        if file.read(len(_COMPRESSED)) == _COMPRESSED:
            raise UserError(f"{path} is compressed by cryoSPARC.", "Export it, or save it by cryosparc-tools as numpy.")
        file.seek(0)
        try:
            table = np.load(file, allow_pickle=False)
        except (ValueError, EOFError, MemoryError, OverflowError, TypeError, SyntaxError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"{path} is not a table of cryoSPARC, or only a part of it: {reason}.", again) from error
    if not isinstance(table, np.ndarray) or table.ndim != 1 or table.dtype.names is None:
        raise UserError(f"{path} is not a table of cryoSPARC.", "Choose another file.")
    return table


def _picks(path: Path, name: str, rows: npt.NDArray[Any]) -> Picks:
    shapes = {tuple(shape) for shape in rows[_SHAPE].tolist()}
    height, width = next(iter(shapes))
    if not name or len(shapes) > 1 or not (height and width):
        raise UserError(
            f"{path}: the micrograph {name!r} has no name, or not one size.",
            "Export the particles from cryoSPARC anew.",
        )
    fractions = np.column_stack([rows[_FY], rows[_FX]]).astype(np.float64)
    if not ((fractions >= -_TOLERANCE) & (fractions <= 1 + _TOLERANCE)).all():
        raise UserError(f"{path}: picks outside {name}.", "Export the particles from cryoSPARC anew.")
    size = _positive(_column(rows, _PIXEL))
    known = size[np.isfinite(size)]
    return Picks(
        Frame(name, (height, width), float(known[0]) if len(known) else None),
        fractions * (height, width),
        score=_column(rows, _SCORE),
        diameter=_positive(_column(rows, _SEPARATION) / size),
    )


def _column(rows: npt.NDArray[Any], name: str) -> FloatArray:
    """``(n,)`` float64, NaN when the column is missing."""
    values = rows[name] if name in (rows.dtype.names or ()) else np.full(len(rows), np.nan)
    # Shortest digits: 1.77 stored in 32 bits is 1.77, not 1.7699999809.
    return np.array([float(str(value)) for value in values], dtype=np.float64)


def _positive(values: FloatArray) -> FloatArray:
    return np.where(values > 0, values, np.nan)


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
