"""cryoSPARC's .cs: a numpy table of particles, with positions as fractions of the micrograph's width and height.

cryoSPARC counts rows from the bottom, ``y = (1 - fy) * ny``. Reading and writing leave them so, in pixels;
`picks.read_picks` and `picks.write_picks` turn them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray, Frame, Picks
from napari_drpnet.errors import UserError, cut, short
from napari_drpnet.io.beside import FrameOf, frame_beside
from napari_drpnet.io.files import atomic_write, micrograph_stem
from napari_drpnet.io.picks.cryosparc_shifts import has_shifts, may_count, shifts
from napari_drpnet.io.picks.cryosparc_table import CsTable, read_table
from napari_drpnet.io.picks.plain_text import tell_passed_over
from napari_drpnet.io.picks.rows import rows_by_name

_PATH, _SHAPE = "location/micrograph_path", "location/micrograph_shape"
_FX, _FY = "location/center_x_frac", "location/center_y_frac"
_SEPARATION, _PIXEL = "location/min_dist_A", "location/micrograph_psize_A"
_SCORE = "pick_stats/ncc_score"
# cryoSPARC's results of picking: what all columns of are in our tables, the latter where there are scores.
_LOCATION, _STATS = "location", "pick_stats"
# What cryoSPARC's tables have of particles, of their micrographs, and of the jobs before.
_OWN = re.compile(
    r"uid|location|filament|sym_expand|pick_stats|alignments.*|mscope_params|ml_properties|exposure_stats"
    r"|\w*(blob|ctf|motion|components|stats)\w*"
)
_OF_TEMPLATES = (("power", "<f4"), ("template_idx", "<u4"), ("angle_rad", "<f4"))
_UID = re.compile(r"^(\d{21})_")
# Rounding of fractions to 32 bits, and of who wrote them.
_TOLERANCE = 1e-3
_SHOWN = 3  # names in a message
# Pixels along a side of an image.
_LARGEST = 10**6


def read_cryosparc(path: str | Path, frame_of: FrameOf = frame_beside) -> list[Picks]:
    """Picks of each micrograph in the file, with rows as cryoSPARC counts them: from the bottom.

    The diameter is the least distance that cryoSPARC kept between particles. Aligned particles are where their
    alignment has them (`cryosparc_shifts`). An empty table gives one empty `Picks`.

    Parameters
    ----------
    path
        The table.
    frame_of
        What is known of a micrograph; asked for the pixel size where lengths need it and the file does not tell.

    Raises
    ------
    UserError
        When the file is missing, half-written, without locations, of other columns, contradicts itself, or most of its
        fractions are not between 0 and 1; when particles are shifted and nobody knows the pixel size.

    Warns
    -----
    UserWarning
        When particles are moved to where their alignment has them; for filaments, and for columns that are not
        cryoSPARC's own, which are passed over.
    """
    return table_picks(read_table(Path(path)), frame_of)


def table_picks(table: CsTable, frame_of: FrameOf = frame_beside) -> list[Picks]:
    """`read_cryosparc`, of a table that is read already."""
    hint = (
        "It lists micrographs: name it as such (--micrographs), and give the table of the particles."
        if any(name.startswith("micrograph_blob/") for name in table.names)
        else "Give the job's other .cs file (passthrough_particles.cs) with it, or that of the picking job."
    )
    table.require((_PATH, _SHAPE, _FX, _FY), "locations of particles", hint)
    if len(table) == 0:
        return [Picks(Frame(micrograph_stem(table.path)), np.empty((0, 2)))]
    tell_passed_over(table.path, sorted(name for name in table.names if not _is_own(name)))
    if any(name.startswith("filament/") for name in table.names):
        warn(f"{table.path}: which particles lie along one filament is passed over.", stacklevel=3)
    # In files that cryoSPARC exports, paths that start at their folder have a mark.
    rows_of = rows_by_name(name.removeprefix(">") for name in table.texts(_PATH))
    size = _positive(table.floats(_PIXEL))
    fractions = np.column_stack([table.numbers(_FY), table.numbers(_FX)]).astype(np.float64)
    shapes = table.numbers(_SHAPE, 2)
    frames = {
        name: _frame(table.path, name, shapes[rows], fractions[rows], size[rows]) for name, rows in rows_of.items()
    }
    separation = _known(table.floats(_SEPARATION))
    if has_shifts(table) or np.isfinite(separation).any():
        size = _sizes(table, frames, rows_of, size, frame_of)
    every = Picks(
        Frame(""),
        # What is not finite is refused below, where its micrograph is known.
        np.nan_to_num(fractions) * np.nan_to_num(shapes.astype(np.float64)) - shifts(table, size),
        score=table.floats(_SCORE),
        diameter=separation / size,
    )
    return [replace(every.select(rows), frame=frames[name]) for name, rows in rows_of.items()]


def _sizes(
    table: CsTable, frames: Mapping[str, Frame], rows_of: Mapping[str, list[int]], size: FloatArray, frame_of: FrameOf
) -> FloatArray:
    """The pixel size of each row, ``(n,)`` in Angstrom: the file's, or what is known of the micrograph."""
    found = size.copy()
    for name, rows in rows_of.items():
        frame = frames[name]
        if frame.pixel_size is None and (known := frame_of(name, table.path)) and known.pixel_size:
            # The fractions may be of a binned micrograph.
            binned = known.shape[0] / frame.shape[0] if known.shape and frame.shape else 1.0
            found[rows] = known.pixel_size * binned
        elif frame.pixel_size is not None:
            found[rows] = frame.pixel_size
    return found


def _frame(path: Path, name: str, shapes: npt.NDArray[Any], fractions: FloatArray, size: FloatArray) -> Frame:
    """The micrograph of some rows, which have one shape and lie in it, all but a few."""
    height, width = sides = shapes[0].tolist()
    if not name or (shapes != sides).any() or not all(1 <= side <= _LARGEST and side % 1 == 0 for side in sides):
        raise UserError(
            f"{path}: the micrograph {short(name)} has no name, or not one size that an image can have.",
            "Export the particles from cryoSPARC anew.",
        )
    inside = np.all((fractions >= -_TOLERANCE) & (fractions <= 1 + _TOLERANCE), axis=1)
    # A few lie outside where they were re-centred: they are left out where picks are placed on their micrographs.
    if not np.isfinite(fractions).all() or 2 * inside.sum() < len(fractions):
        raise UserError(f"{path}: picks outside {cut(name, 80)}.", "Export the particles from cryoSPARC anew.")
    known = size[np.isfinite(size)]
    if len(known) and not np.allclose(known, known[0], rtol=_TOLERANCE, atol=0):
        raise UserError(f"{path}: rows of {cut(name, 80)} have two pixel sizes.", "Export them from cryoSPARC anew.")
    return Frame(name, (int(height), int(width)), float(known[0]) if len(known) else None)


def _is_own(name: str) -> bool:
    """Whether cryoSPARC has such a column, and nothing of where particles are is lost without it."""
    group, _, last = name.partition("/")
    return _OWN.fullmatch(group) is not None and (last != "shift" or may_count(group))


def _known(values: FloatArray) -> FloatArray:
    return np.where(values == 0, np.nan, values)


def _positive(values: FloatArray) -> FloatArray:
    return np.where((values > 0) & (values < np.inf), values, np.nan)


def results_of(found: Sequence[Picks]) -> list[str]:
    """Which of cryoSPARC's results for particles a table of these picks has, with all their columns."""
    scored = any(np.isfinite(picks.score).any() for picks in found)
    return [_LOCATION, _STATS] if scored else [_LOCATION]


def write_cryosparc(
    found: Sequence[Picks], path: str | Path, exposures: Mapping[str, tuple[int, int]] | None = None
) -> Path:
    """Write the picks of all micrographs, whose rows count from the bottom already, into one table.

    Parameters
    ----------
    found
        One for each micrograph.
    path
        Where to write.
    exposures
        cryoSPARC's number of micrographs by their names, and that of their exposure groups. Of others the number is the
        one that the name begins with, or else made from the name.

    Raises
    ------
    UserError
        When the shape of a micrograph is unknown, or the file cannot be written.

    Warns
    -----
    UserWarning
        When diameters are lost because a pixel size is not known, and when numbers are made from names.
    """
    path = Path(path)
    _tell_unsized(found, path)
    names = [picks.frame.micrograph.encode("utf-8", "surrogateescape") for picks in found]
    numbers = _numbers(found, names, exposures or {}, path)
    dtype = _dtype(max(map(len, names), default=1), _STATS in results_of(found))
    pairs = zip(found, names, numbers, strict=True)
    tables = [_rows(picks, name, number, dtype, path) for picks, name, number in pairs if len(picks)]
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
    # Only the score is known of these, but a result is whole or not there.
    stats = [(_SCORE, "<f4"), *((f"{_STATS}/{name}", kind) for name, kind in _OF_TEMPLATES)]
    return np.dtype([*fields, *stats] if scored else fields)


def _numbers(
    found: Sequence[Picks], names: Sequence[bytes], exposures: Mapping[str, tuple[int, int]], path: Path
) -> list[tuple[int, int]]:
    """CryoSPARC's number of each micrograph, and of its exposure group."""
    numbers = [exposures.get(p.frame.micrograph) or _in_name(p.frame.micrograph) for p in found]
    if unknown := [p.frame.micrograph for p, one in zip(found, numbers, strict=True) if one is None and len(p)]:
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        warn(
            f"{path}: cryoSPARC's numbers of {', '.join(cut(name, 60) for name in unknown[:_SHOWN])}{more} are not "
            "known, and are made from the names, by which it does not find the micrographs. Give "
            "the exposures (.cs) of the job whose micrographs they are (--micrographs).",
            stacklevel=5,
        )
    return [one or (_number(name), 0) for one, name in zip(numbers, names, strict=True)]


def _in_name(micrograph: str) -> tuple[int, int] | None:
    """The number that cryoSPARC puts before a micrograph's name."""
    written = _UID.match(micrograph_stem(micrograph))
    return (int(written[1]), 0) if written and int(written[1]) < 2**64 else None


def _rows(picks: Picks, name: bytes, number: tuple[int, int], dtype: np.dtype[Any], path: Path) -> npt.NDArray[Any]:
    if picks.frame.shape is None:
        raise UserError(
            f"{path}: cryoSPARC counts in fractions of the micrograph, and the size of {picks.frame.micrograph} is "
            "not known.",
            "Name the micrographs' STAR file (--micrographs), or put the images beside the picks.",
        )
    size = picks.frame.pixel_size or 0.0
    rows = np.zeros(len(picks), dtype)
    rows["location/micrograph_uid"], rows["location/exp_group_id"] = number
    rows[_PATH] = name
    rows[_SHAPE] = picks.frame.shape
    rows[_FY], rows[_FX] = (picks.yx / picks.frame.shape).T
    # Of the place, too, as it is stored: other picks of the same micrograph are other particles.
    places = zip(rows[_FY].tolist(), rows[_FX].tolist(), strict=True)
    rows["uid"] = [_number(name + f" {i} {y!r} {x!r}".encode()) for i, (y, x) in enumerate(places)]
    rows[_SEPARATION] = np.nan_to_num(picks.diameter) * size
    rows[_PIXEL] = size
    if dtype.names and _SCORE in dtype.names:
        rows[_SCORE] = picks.score
    return rows


def _number(text: bytes) -> int:
    """The same number for the same text, so that a file written twice has the same bytes."""
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little")
