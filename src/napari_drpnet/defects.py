"""Pixels that tell nothing of the specimen: found, replaced by what is around them, and marked as bad.

A detector has dead and hot pixels, columns and rows, and programs leave frames of one grey level. One such column at
300 standard deviations spoils everything that is computed of an image as a whole. An ordinary micrograph has none, and
comes back as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from math import frexp, gcd

import numpy as np
from scipy import ndimage

from napari_drpnet.data import ImageArray, MaskArray, Micrograph

# A pixel is bad this many times the range of the usual 90 % of pixels beyond that range: of noise, 15 standard
# deviations from its mean.
_BEYOND = 4.0
_USUAL, _DEVIATIONS = (5.0, 95.0), 3.29
_SAMPLE = 1 << 18  # pixels
# An object as many pixels thick is really there: gold, ice, a very clear particle. Its grey levels are clipped, unless
# such objects make this part of the image, so that the percentiles of the image take them in.
_THICK, _MANY = 8, 0.01
# A line is bad where its mean over so many pixels leaves that of its neighbours by so many standard deviations of such
# means, and of pixels.
_SEGMENT, _NEIGHBOURS, _LINE, _LINE_PIXELS = 512, 9, 10.0, 0.5
# Areas of one grey level are looked for in blocks of so many pixels: areas of fewer blocks, and rectangles that are
# narrower, may be chance. So many of the most common levels are looked at.
_BLOCK, _FEWEST, _NARROWEST, _COMMON = 4, 64, 4, 8
# An area is a frame where it takes this part of one border. Where there is more of it, the image itself is flat.
_BORDER, _FLAT = 0.25, 0.75
# Powers of 2 beyond which sums and squares of grey levels leave single precision.
_EXTREME = 40
# Grey levels nearer to each other than this part of them are the rounding errors of one; where the middle half of the
# pixels are so near to each other compared with the usual ones, there is no noise to compare anything with.
_CONSTANT, _NOISE = 2e-6, 1e-3


@dataclass(frozen=True)
class _Levels:
    """Bounds of the grey levels that a good pixel has, and the standard deviation of the usual ones."""

    bottom: float
    top: float
    deviation: float

    def times(self, factor: float) -> _Levels:
        return _Levels(self.bottom * factor, self.top * factor, self.deviation * factor)


def repaired(micrograph: Micrograph) -> Micrograph:
    """The micrograph with its bad pixels replaced and marked; an ordinary one comes back as it is.

    Bad are pixels that are marked already, lines and specks far from all usual grey levels, columns and rows that
    leave those beside them, and frames and rectangles of one grey level. They become the mean of the nearest good
    pixels. Larger objects far from the usual grey levels stay, clipped. Grey levels so small or so large that single
    precision fails are brought near 1, by a power of 2.

    Parameters
    ----------
    micrograph
        Any scale; finite everywhere.

    Returns
    -------
    Micrograph
        In the same frame; its ``valid`` is None when all pixels are good.
    """
    image = micrograph.image
    frame, others = flat_areas(image)
    bad = frame if micrograph.valid is None else frame | ~micrograph.valid
    levels = _usual_levels(image, ~(bad | others))
    if levels is None:
        return micrograph
    image, levels = _in_range(image, levels)
    beyond = (image < levels.bottom) | (image > levels.top)
    if beyond.any():
        unknown = beyond & ~(bad | others)
        thick = unknown & _thick(unknown)
        bad = bad | (beyond & ~thick)
        if thick.mean() < _MANY:
            image = np.clip(image, np.float32(levels.bottom), np.float32(levels.top))
    bad = bad | _columns(image, bad, levels) | _columns(image.T, bad.T, levels).T
    if not bad.any():
        return replace(micrograph, image=image, valid=None)
    return replace(micrograph, image=filled(image, ~bad), valid=~bad)


def filled(image: ImageArray, good: MaskArray) -> ImageArray:
    """The image with every other pixel replaced by the mean of the good ones around it.

    Around it: in the smallest square of 2, 4, 8, ... pixels of a fixed grid that has a good one.

    Parameters
    ----------
    image
        ``(h, w)`` float32.
    good
        ``(h, w)`` bool, True for at least one pixel.
    """
    return np.where(good, image, _means(np.where(good, image, np.float32(0)), good.astype(np.float32)))


def _means(total: ImageArray, weight: ImageArray) -> ImageArray:
    """``total / weight``; where there is no weight, that of the coarser squares."""
    empty = weight == 0
    means = np.asarray(total / np.where(empty, np.float32(1), weight), np.float32)
    if empty.any():
        coarse = _means(_halved(total), _halved(weight)).repeat(2, axis=0).repeat(2, axis=1)
        means = np.where(empty, coarse[: total.shape[0], : total.shape[1]], means)
    return means


def _halved(image: ImageArray) -> ImageArray:
    """Means of 2 x 2 pixels, 0 beyond the image."""
    h, w = image.shape
    even = np.pad(image, ((0, h % 2), (0, w % 2)))
    rows = even[::2] + even[1::2]
    return np.asarray((rows[:, ::2] + rows[:, 1::2]) / 4, np.float32)


def _usual_levels(image: ImageArray, good: MaskArray) -> _Levels | None:
    """What the usual pixels tell, from a sample that meets every column; None of an image without noise."""
    step = max(1, image.size // _SAMPLE)
    while gcd(step, image.shape[1]) > 1:
        step += 1
    sample = image.ravel()[::step][good.ravel()[::step]]
    if not len(sample):
        return None
    low, high, *middle = (float(level) for level in np.percentile(sample, (*_USUAL, 25, 75)))
    if not high - low > _CONSTANT * max(abs(low), abs(high)) or middle[1] - middle[0] < _NOISE * (high - low):
        return None
    return _Levels(low - _BEYOND * (high - low), high + _BEYOND * (high - low), (high - low) / _DEVIATIONS)


def _in_range(image: ImageArray, levels: _Levels) -> tuple[ImageArray, _Levels]:
    """Grey levels and their bounds as they are, or times a power of 2 where single precision would fail."""
    largest, smallest = frexp(max(abs(levels.bottom), abs(levels.top)))[1], frexp(levels.deviation)[1]
    if largest <= _EXTREME and smallest >= -_EXTREME:
        return image, levels
    with np.errstate(over="ignore"):  # what becomes infinite lies beyond the bounds
        return np.ldexp(image, -smallest), levels.times(2.0**-smallest)


def _thick(beyond: MaskArray) -> MaskArray:
    """Those that belong to an object at least `_THICK` pixels wide each way."""
    marked = beyond.astype(np.uint8)
    core = ndimage.minimum_filter(marked, _THICK, mode="constant")
    return np.asarray(ndimage.maximum_filter(core, 2 * _THICK + 1), np.bool_) if core.any() else np.zeros_like(beyond)


def _columns(image: ImageArray, bad: MaskArray, levels: _Levels) -> MaskArray:
    """Parts of columns whose mean leaves that of the columns beside them, ``(h, w)``."""
    middle = np.float32((levels.bottom + levels.top) / 2)
    starts = np.arange(0, max(len(image) - _SEGMENT // 2, 1), _SEGMENT)
    parts = [slice(start, end) for start, end in pairwise([*starts.tolist(), len(image)])]
    lengths = np.array([part.stop - part.start for part in parts])
    means = np.stack([image[part].mean(axis=0) for part in parts]) - middle
    good = np.broadcast_to(lengths[:, None], means.shape)
    if bad.any():
        good = good - np.stack([np.count_nonzero(bad[part], axis=0) for part in parts])
        sums = np.stack([np.where(bad[part], np.float32(0), image[part] - middle).sum(axis=0) for part in parts])
        means = sums / np.maximum(good, 1)
    apart = np.abs(means - ndimage.median_filter(means, (1, _NEIGHBOURS), mode="nearest"))
    usual = np.maximum(1.4826 * np.median(apart, axis=1), levels.deviation / lengths**0.5)
    lines = apart > np.maximum(_LINE * usual, _LINE_PIXELS * levels.deviation)[:, None]
    lines &= good > lengths[:, None] / 2
    return lines.repeat(lengths, axis=0) if lines.any() else np.zeros_like(bad)


def flat_areas(image: ImageArray) -> tuple[MaskArray, MaskArray]:
    """Areas of one grey level: frames along the border, and others that may be bad; ``(h, w)`` bool each.

    The others, rectangles and areas at the border, are bad where their grey level is unusual, too: a particle may be
    saturated. An image that is flat nearly everywhere has no frame.
    """
    frame, others = np.zeros(image.shape, np.bool_), np.zeros(image.shape, np.bool_)
    level, same = _blocks(image)
    values, counts = np.unique(level[same], return_counts=True)
    for number in np.argsort(-counts, kind="stable")[:_COMMON]:
        if counts[number] < _FEWEST:
            break
        for found, pixels in zip(_areas(same & (level == values[number])), (frame, others), strict=True):
            if found.any():
                pixels |= (image == values[number]) & _magnified(ndimage.maximum_filter(found, 3), image.shape)
    if frame.mean() > _FLAT:
        frame[:] = False
    return frame, others


def _blocks(image: ImageArray) -> tuple[ImageArray, MaskArray]:
    """The lowest grey level of each square of `_BLOCK` pixels, and whether it is the only one there."""
    h, w = (side // _BLOCK for side in image.shape)
    image = image[: h * _BLOCK, : w * _BLOCK]
    if not (image[::_BLOCK, ::_BLOCK] == image[1::_BLOCK, 1::_BLOCK]).any():  # most images: quick to see
        return np.empty((0, 0), np.float32), np.empty((0, 0), np.bool_)
    rows = image.reshape(h, _BLOCK, w * _BLOCK)
    low = rows.min(axis=1).reshape(h, w, _BLOCK).min(axis=2)
    high = rows.max(axis=1).reshape(h, w, _BLOCK).max(axis=2)
    return low, low == high


def _areas(flat: MaskArray) -> tuple[MaskArray, MaskArray]:
    """Connected areas of flat blocks: frames, and others that may be bad; each ``(h, w)`` in blocks."""
    frames, others = np.zeros_like(flat), np.zeros_like(flat)
    numbered, _ = ndimage.label(flat)
    for number, where in enumerate(ndimage.find_objects(numbered), start=1):
        area = numbered[where] == number
        if np.count_nonzero(area) < _FEWEST:
            continue
        part = _part_of_border(area, where, flat.shape)
        if part >= _BORDER:
            frames[where] |= area
        elif part > 0 or (area.all() and min(area.shape) >= _NARROWEST):
            others[where] |= area
    return frames, others


def _part_of_border(area: MaskArray, where: tuple[slice, slice], shape: tuple[int, ...]) -> float:
    """Which part of a side of an image of ``shape`` an area takes, cut out at ``where``; the most of the four sides."""
    (rows, columns), (h, w) = where, shape
    touched = (
        (rows.start == 0) * area[0].sum() / w,
        (rows.stop == h) * area[-1].sum() / w,
        (columns.start == 0) * area[:, 0].sum() / h,
        (columns.stop == w) * area[:, -1].sum() / h,
    )
    return float(max(touched))


def _magnified(blocks: MaskArray, shape: tuple[int, ...]) -> MaskArray:
    """Blocks as pixels of an image of ``shape``; what is beyond the last block goes with it."""
    pixels = blocks.repeat(_BLOCK, axis=0).repeat(_BLOCK, axis=1)
    return np.pad(pixels, [(0, side - have) for side, have in zip(shape, pixels.shape, strict=True)], mode="edge")
