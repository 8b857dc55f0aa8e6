"""Columns and bands of columns that differ from those beside them; rows are the columns of the transposed image."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_drpnet.data import FloatArray, ImageArray, MaskArray
from napari_drpnet.defects.levels import Levels

# A line is bad where its mean over so many pixels leaves that of its neighbours by so many standard deviations of such
# means, and of pixels; or where it is so many times noisier or quieter than they are.
_SEGMENT, _NEIGHBOURS, _LINE, _LINE_PIXELS, _LINE_NOISE = 512, 9, 10.0, 0.5, 3.0
# A band begins and ends where the means of so many columns on both sides differ by as much, and most of that between
# two columns; or where the noise differs so many times. Of every so many rows, the noise of one is measured.
_SIDE, _SHARP, _BAND, _BAND_NOISE, _ROWS = 4, 0.5, 0.85, 1.5, 4
# Beyond so many times more or less noise, there is no signal.
_NO_SIGNAL = 3.0


@dataclass(frozen=True, eq=False)
class Columns:
    """Of parts of columns, ``(n, w)``: their means, the logarithms of their noise, and which have enough good pixels.

    ``lengths`` ``(n,)`` are in pixels, as deep as each row of parts.
    """

    lengths: NDArray[np.intp]
    means: FloatArray
    noise: FloatArray
    known: MaskArray


def columns_of(image: ImageArray, bad: MaskArray, levels: Levels) -> Columns:
    """The columns of an image, in parts of about `_SEGMENT` pixels."""
    middle = np.float32((levels.bottom + levels.top) / 2)
    starts = np.arange(0, max(len(image) - _SEGMENT // 2, 1), _SEGMENT)
    parts = [slice(start, end) for start, end in pairwise([*starts.tolist(), len(image)])]
    lengths = np.array([part.stop - part.start for part in parts], np.intp)
    means = np.stack([image[part].mean(axis=0) for part in parts]) - middle
    good = np.broadcast_to(lengths[:, None], means.shape)
    if bad.any():
        good = good - np.stack([np.count_nonzero(bad[part], axis=0) for part in parts])
        sums = np.stack([np.where(bad[part], np.float32(0), image[part] - middle).sum(axis=0) for part in parts])
        means = sums / np.maximum(good, 1)
    rough = np.stack([_roughness(image[part], bad[part], 5 * levels.deviation) for part in parts])
    noise = np.log(np.maximum(rough, 1e-3 * levels.deviation))
    return Columns(lengths, np.asarray(means, np.float64), noise, good > lengths[:, None] / 2)


def _roughness(image: ImageArray, bad: MaskArray, most: float) -> FloatArray:
    """How much good pixels of each column differ from the next, ``(w,)``; differences above ``most`` count as that."""
    out = bad[:-1:_ROWS] | bad[1::_ROWS]
    apart = np.minimum(np.abs(image[:-1:_ROWS] - image[1::_ROWS]), np.float32(most))
    apart[out] = 0
    return np.asarray(apart.sum(axis=0) / np.maximum(len(out) - np.count_nonzero(out, axis=0), 1), np.float64)


def lines(columns: Columns, levels: Levels) -> MaskArray:
    """Parts of columns whose mean or noise leaves that of the columns beside them, ``(n, w)``."""
    usual = np.asarray(levels.deviation / np.sqrt(columns.lengths), np.float64)
    found = _apart(columns.means, usual, _LINE_PIXELS * levels.deviation)
    found[:, _SIDE:-_SIDE] |= _apart(columns.noise, np.zeros(len(usual)), np.log(_LINE_NOISE))[:, _SIDE:-_SIDE]
    return np.asarray(found & columns.known, np.bool_)


def _apart(values: FloatArray, usual: FloatArray, least: float) -> MaskArray:
    apart = np.abs(values - ndimage.median_filter(values, (1, _NEIGHBOURS), mode="nearest"))
    scatter = np.maximum(1.4826 * np.median(apart, axis=1), usual)
    return np.asarray(apart > np.maximum(_LINE * scatter, least)[:, None], np.bool_)


def levelled(image: ImageArray, columns: Columns, levels: Levels) -> tuple[ImageArray, MaskArray] | None:
    """The image without the steps between bands of columns, and where there is too much or too little noise.

    Most columns stay as they are. None where there are no such steps.

    Parameters
    ----------
    image
        ``(h, w)`` float32.
    columns, levels
        Of that image.
    """
    known = columns.known & ~lines(columns, levels)
    shift = _steps(columns.means, known, _BAND * levels.deviation)
    louder = _steps(columns.noise, known, np.log(_BAND_NOISE))
    lost = np.abs(louder) > np.log(_NO_SIGNAL)
    if not (shift.any() or louder.any()):
        return None
    middle = columns.means + (levels.bottom + levels.top) / 2
    factor = np.exp(-louder)
    factors, offsets = (
        np.asarray(each, np.float32).repeat(columns.lengths, axis=0) for each in (factor, middle * (1 - factor) - shift)
    )
    return np.asarray(image * factors + offsets, np.float32), lost.repeat(columns.lengths, axis=0)


def _steps(values: FloatArray, known: MaskArray, least: float) -> FloatArray:
    """What the steps between neighbours of each row add up to, ``(n, w)``; 0 for most."""
    total = np.zeros(values.shape)
    for row, (value, here) in enumerate(zip(values, known, strict=True)):
        at = np.flatnonzero(here)
        if len(at) < 2 * _SIDE:
            continue
        whole = np.interp(np.arange(len(value)), at, value[at])
        jumps = _jumps(whole)
        size = np.abs(jumps)
        edges = size > max(_LINE * 1.4826 * float(np.median(size)), least)
        edges &= (size == ndimage.maximum_filter1d(size, 2 * _SIDE - 1)) & (
            np.abs(np.diff(whole, prepend=whole[0])) > _SHARP * size
        )
        if edges.any():
            steps = np.cumsum(np.where(edges, jumps, 0))
            total[row] = steps - np.sort(steps)[len(steps) // 2]
    return total


def _jumps(values: FloatArray) -> FloatArray:
    """The mean of the `_SIDE` values from each on, minus that of as many before it; 0 where there are fewer.

    The first and last few lines of many micrographs differ from the rest, by what was done to the image.
    """
    sums = np.cumsum(values - values[0], dtype=np.float64)
    means = (sums[_SIDE:] - sums[:-_SIDE]) / _SIDE  # of the values from 1, 2, 3, ... on
    return np.pad(means[_SIDE:] - means[:-_SIDE], (_SIDE + 1, _SIDE - 1))
