"""What picks of every format go through: rows by micrograph or from the bottom, numbers that are none, the scale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from warnings import warn

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray, MaskArray, Picks
from napari_drpnet.errors import UserError, cut, short

# Pixels beyond the border that rounding and the flip may cost.
_MARGIN = 1.0
# No image has so many pixels along a side.
_FARTHEST = 1e6
# So few picks outside tell nothing of the whole micrograph.
_FEW = 2
# What is left out of a message, in characters.
_NAME = 60
# Of the pixels of a track along a helix, which are scaled as positions are; the other lengths are in Angstrom.
_TRACK = "rlnHelicalTrackLength"
# Where refinement begins to look for the angles of helical segments, in degrees.
_ROT, _TILT, _PSI = "rlnAngleRotPrior", "rlnAngleTiltPrior", "rlnAnglePsiPrior"


class HeightError(UserError):
    """Rows that count from the bottom of a micrograph of unknown height."""


def rows_by_name(names: Iterable[str]) -> dict[str, list[int]]:
    """The numbers of the rows that name each micrograph, in the order of the names; ``./a`` and ``a`` are one."""
    names = list(names)
    if len(set(names)) == 1:
        return {names[0]: list(range(len(names)))}
    rows: dict[str, list[int]] = {}
    first: dict[PurePosixPath, str] = {}
    meant: dict[str, str] = {}
    for row, name in enumerate(names):
        if name not in meant:
            meant[name] = first.setdefault(PurePosixPath(name), name)
        rows.setdefault(meant[name], []).append(row)
    return rows


def upside_down(picks: Picks, path: Path, first: float = 0, height: float | None = None) -> Picks:
    """The picks with rows counted from the other end, ``y -> height - first - y``.

    Parameters
    ----------
    picks
        Of a micrograph whose height is known.
    path
        Their file, for the error.
    first
        0 where the height counts as a row, as in cryoSPARC and CryoPPP; 1 to turn pixels, row 0 to the last one.
    height
        In the pixels of the picks, where it is no whole number; default: of their frame.

    Raises
    ------
    HeightError
        When the micrograph's height is not known.
    """
    if picks.frame.shape is None:
        raise HeightError(
            f"{path}: its rows count from the bottom, and the height of {cut(picks.frame.micrograph, _NAME)} is not "
            "known.",
            "Put the micrograph (.mrc) beside it or open it first, or name its STAR file (--micrographs).",
        )
    y, x = picks.yx.T
    height = picks.frame.shape[0] if height is None else height
    return replace(picks, yx=np.column_stack([height - first - y, x]))


def mirrored(picks: Picks) -> Picks:
    """The same particles where the picture is mirrored, row 0 to the last one: their angles, not their places.

    A mirrored projection is that of the same object from behind, at ``(rot + 180, 180 - tilt, -psi)``.
    """
    helix = {name: _from_behind(name, values) for name, values in picks.helix.items()}
    return replace(picks, psi=0.0 - picks.psi, helix=helix)


def _from_behind(name: str, values: FloatArray) -> FloatArray:
    if name == _ROT:
        # Between -180 and 180, as RELION has them.
        return values - np.copysign(180.0, values)
    return 180.0 - values if name == _TILT else 0.0 - values if name == _PSI else values


def scaled(picks: Picks, factor: float, sides: tuple[float, float] | None = None) -> Picks:
    """The picks in pixels of another binning, ``factor`` of them for each pixel until now.

    Centres are multiplied, with nothing added: the way of images that are binned by cropping their Fourier transform.
    Such images show all of the micrograph, whether or not the factor divides its sides.

    Parameters
    ----------
    picks
        In the pixels until now.
    factor
        For lengths, and for places where nothing else is said.
    sides
        How often the image is as high and as wide, which need not be ``factor`` to the last pixel.
    """
    helix = {name: values * (factor if name == _TRACK else 1) for name, values in picks.helix.items()}
    diameter, box = (lengths * factor for lengths in (picks.diameter, picks.box))
    return replace(picks, yx=picks.yx * (sides or factor), diameter=diameter, box=box, helix=helix)


def checked(picks: Picks, path: Path) -> Picks:
    """The picks, without numbers that cannot be.

    Raises
    ------
    UserError
        When a coordinate is not finite or beyond any image, or the micrograph has no name that a file can have.

    Warns
    -----
    UserWarning
        When scores or angles that are not finite, and diameters and boxes that are not above zero, are read as unknown.
    """
    name = picks.frame.micrograph
    if not _is_name(name):
        raise UserError(f"{path}: a micrograph cannot be called {short(name)}.", "Correct the file, or export it anew.")
    if not np.isfinite(picks.yx).all():
        raise UserError(f"{path}: a coordinate is not a finite number.", "Correct the file, or export it anew.")
    far = (np.abs(picks.yx) > _FARTHEST).any(axis=1)
    if far.any():
        y, x = picks.yx[far][0]
        raise UserError(
            f"{path}: {np.sum(far)} of {len(picks)} picks lie beyond any image, the first at x {x:g}, y {y:g}.",
            "Correct the file, or export it anew.",
        )
    score, diameter, psi = np.isinf(picks.score), ~_possible(picks.diameter), ~np.isfinite(picks.psi)
    box = ~_possible(picks.box[:, 0]) | ~_possible(picks.box[:, 1])
    counts = (int(which.sum()) for which in (score, diameter, box, psi))
    wrong = dict(zip(("scores", "diameters", "boxes", "angles"), counts, strict=True))
    if not any(wrong.values()):
        return picks
    told = ", ".join(f"{count} {what}" for what, count in wrong.items() if count)
    warn(f"{path}: {told} that cannot be are read as unknown.", stacklevel=4)
    return replace(
        picks,
        score=np.where(score, np.nan, picks.score),
        diameter=np.where(diameter, np.nan, picks.diameter),
        box=np.where(box[:, None], np.nan, picks.box),
        psi=np.where(psi, 0, picks.psi),
    )


def _is_name(name: str) -> bool:
    try:
        return 0 not in name.encode("utf-8", "surrogateescape") and bool(name)
    except UnicodeEncodeError:
        return False


def _possible(size: FloatArray) -> MaskArray:
    return np.isnan(size) | ((size > 0) & np.isfinite(size))


def class_numbers(values: FloatArray, path: Path) -> npt.NDArray[np.int64]:
    """Classes ``(n,)`` from the numbers of a file; NaN becomes 0, unknown.

    Raises
    ------
    UserError
        For a number that no class has.
    """
    known = np.where(np.isnan(values), 0, values)
    if (np.abs(known) > np.iinfo(np.int32).max).any():
        raise UserError(f"{path}: a class number is beyond what any program counts.", "Correct the file.")
    return known.astype(np.int64)


def within(found: Sequence[Picks], path: Path) -> list[Picks]:
    """The picks of a file without those outside their micrographs.

    Raises
    ------
    UserError
        When most of them lie outside, of the file or of a micrograph: it is another's, or of another size.

    Warns
    -----
    UserWarning
        When picks are left out, such as those that refinement moved beyond the edge.
    """
    masks = [_inside(picks) for picks in found]
    out = [int(np.sum(~inside)) for inside in masks]
    if not any(out):
        return list(found)
    all_lost = 2 * sum(out) > sum(map(len, found))
    for picks, inside, count in zip(found, masks, out, strict=True):
        if count and (all_lost or (count > _FEW and 2 * count > len(picks))):
            raise _outside(picks, inside, path)
    first = next(picks for picks, count in zip(found, out, strict=True) if count)
    more = f" and {sum(map(bool, out)) - 1} other micrographs" if sum(map(bool, out)) > 1 else ""
    warn(
        f"{path}: {sum(out)} of {sum(map(len, found))} picks are left out, as they lie outside "
        f"{cut(first.frame.micrograph, _NAME)}{more}.",
        stacklevel=3,
    )
    return [picks.select(inside) for picks, inside in zip(found, masks, strict=True)]


def _inside(picks: Picks) -> MaskArray:
    height, width = picks.frame.shape or (np.inf, np.inf)
    y, x = picks.yx.T
    inside = (y >= -_MARGIN) & (y <= height - 1 + _MARGIN) & (x >= -_MARGIN) & (x <= width - 1 + _MARGIN)
    return np.asarray(inside, dtype=np.bool_)


def _outside(picks: Picks, inside: MaskArray, path: Path) -> UserError:
    at_y, at_x = picks.yx[~inside][0]
    size = "its {} x {} pixels".format(*picks.frame.shape) if picks.frame.shape else "any image"
    return UserError(
        f"{path}: {np.sum(~inside)} of {len(picks)} picks of {cut(picks.frame.micrograph, 30)} lie outside {size}, "
        f"as x {at_x:.0f}, y {at_y:.0f}.",
        "Check the names, or convert them (--scale).",
    )
