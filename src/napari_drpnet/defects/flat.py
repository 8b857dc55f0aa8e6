"""Areas of one grey level, or nearly so: frames, rectangles, and what lies beyond the beam."""

from __future__ import annotations

from functools import reduce

import numpy as np
from scipy import ndimage

from napari_drpnet.data import ImageArray, MaskArray

# Areas of one grey level are looked for in blocks of so many pixels: areas of fewer blocks, and rectangles that are
# narrower, may be chance. So many of the most common levels are looked at.
_BLOCK, _FEWEST, _NARROWEST, _COMMON = 4, 64, 4, 8
# An area is a frame where it takes this part of one border. Where there is more of it, the image itself is flat.
_BORDER, _FLAT = 0.25, 0.75
# A block is quiet where its grey levels span this part of what those of the noisiest quarter span at least. A pixel
# may lie so many such spans from the usual level of a quiet area.
_QUIET, _SPANS = 0.1, 3
# Between a frame and the image there are few blocks that are nearly quiet; in an image without noise there are many.
_BETWEEN = 0.01
_SOME = 16  # of so many rows of blocks, one tells what is usual


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
                pixels |= (image == values[number]) & magnified(ndimage.maximum_filter(found, 3), _BLOCK, image.shape)
    if frame.mean() > _FLAT:
        frame[:] = False
    return frame, others


def quiet_frame(image: ImageArray) -> MaskArray:
    """A frame of nearly one grey level: areas along a border with far less noise than most of the image, ``(h, w)``."""
    frame = np.zeros(image.shape, np.bool_)
    h, w = (side // _BLOCK * _BLOCK for side in image.shape)
    if min(h, w) < _BLOCK:
        return frame
    borders = (image[:_BLOCK], image[h - _BLOCK : h], image[:, :_BLOCK].T, image[:, w - _BLOCK : w].T)
    low, high = _spans(image[:h].reshape(-1, _BLOCK, image.shape[1])[::_SOME].reshape(-1, image.shape[1]))
    quiet = _QUIET * float(np.percentile(high - low, 100 * _FLAT))
    if not any(np.mean(high - low < quiet) >= _BORDER for low, high in map(_spans, borders)):
        return frame
    low, high = _spans(image)
    if np.mean((high - low >= quiet) & (high - low < 3 * quiet)) > _BETWEEN:
        return frame
    numbered, count = ndimage.label(_areas(high - low < quiet)[0])
    for number in range(1, count + 1):
        found = numbered == number
        near = np.abs(image - np.median(low[found])) <= _SPANS * np.median((high - low)[found])
        frame |= near & magnified(ndimage.maximum_filter(found, 3), _BLOCK, image.shape)
    if frame.mean() > _FLAT:
        frame[:] = False
    return frame


def _blocks(image: ImageArray) -> tuple[ImageArray, MaskArray]:
    """The lowest grey level of each square of `_BLOCK` pixels, and whether it is the only one there and in many others.

    Those others are connected with it.
    """
    h, w = (side // _BLOCK * _BLOCK for side in image.shape)
    first, *others = (image[shift:h:_BLOCK, shift:w:_BLOCK] for shift in range(_BLOCK))
    alike = np.logical_and.reduce([first == other for other in others])
    if np.count_nonzero(alike) < _FEWEST:  # most images: quick to see
        return np.empty((0, 0), np.float32), np.empty((0, 0), np.bool_)
    low, high = _spans(image)
    same = low == high
    numbered, _ = ndimage.label(same)
    large = np.bincount(numbered.ravel()) >= _FEWEST
    large[0] = False
    return low, large[numbered]


def _spans(image: ImageArray) -> tuple[ImageArray, ImageArray]:
    """The lowest and the highest grey level of each whole square of `_BLOCK` pixels."""
    h, w = (side // _BLOCK for side in image.shape)
    rows = image[: h * _BLOCK, : w * _BLOCK].reshape(h, _BLOCK, w * _BLOCK)
    low, high = rows.min(axis=1), rows.max(axis=1)
    columns = [slice(shift, None, _BLOCK) for shift in range(_BLOCK)]
    return (
        reduce(np.minimum, (low[:, each] for each in columns)),
        reduce(np.maximum, (high[:, each] for each in columns)),
    )


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


def magnified(blocks: MaskArray, size: int, shape: tuple[int, ...]) -> MaskArray:
    """Blocks of ``size`` pixels as pixels of an image of ``shape``; what is beyond the last block goes with it."""
    pixels = blocks.repeat(size, axis=1).repeat(size, axis=0)
    if pixels.shape == shape:
        return pixels
    return np.pad(pixels, [(0, side - have) for side, have in zip(shape, pixels.shape, strict=True)], mode="edge")
