"""The whole of it: what is bad in a micrograph is replaced, what can be made even is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary, WeakSet

import numpy as np
from scipy import ndimage

from napari_drpnet.data import ImageArray, MaskArray, Micrograph
from napari_drpnet.defects.columns import Columns, columns_of, levelled, lines
from napari_drpnet.defects.fill import filled
from napari_drpnet.defects.flat import flat_areas, quiet_frame
from napari_drpnet.defects.large import far_areas, without_slope
from napari_drpnet.defects.levels import Levels, in_range, usual_levels
from napari_drpnet.stages import stage

# An object as many pixels thick is really there: gold, ice, a very clear particle. Its grey levels are clipped, unless
# such objects make this part of the image, so that the percentiles of the image take them in.
_THICK, _MANY = 8, 0.01


# What was made of each micrograph, as long as somebody has it; and what came out. No value leads back to its key.
_KNOWN: WeakKeyDictionary[Micrograph, Micrograph] = WeakKeyDictionary()
_DONE: WeakSet[Micrograph] = WeakSet()


@stage("defects")
def repaired(micrograph: Micrograph) -> Micrograph:
    """The micrograph with its bad pixels replaced and marked; one that is repaired already comes back as it is.

    Every step that sees the pixels begins with this, and the same micrograph is looked at once.

    Bad are pixels that are marked already, lines and specks far from all usual grey levels, columns and rows that
    leave those beside them, frames and rectangles of one grey level, frames of nearly one, and large areas at a border
    far from the rest. They become the mean of the nearest good pixels. Bands of columns or rows with another level or
    another noise are made like those beside them, and a steep slope is taken away. Larger objects far from the usual
    grey levels stay, clipped. Grey levels so small or so large that single precision fails are brought near 1, by a
    power of 2.

    Parameters
    ----------
    micrograph
        Any scale; finite everywhere.

    Returns
    -------
    Micrograph
        In the same frame; its ``valid`` is None when all pixels are good.
    """
    if micrograph in _DONE:
        return micrograph
    known = _KNOWN.get(micrograph)
    if known is None:
        known = _KNOWN[micrograph] = _repaired(micrograph)
        _DONE.add(known)
    return known


def _repaired(micrograph: Micrograph) -> Micrograph:
    good = np.ones(micrograph.image.shape, np.bool_) if micrograph.valid is None else micrograph.valid
    found = _found(micrograph.image, good)
    if found is None:
        return replace(micrograph)
    even = _even(found)
    if even is not None:
        found = _found(*even) or found
    image, bad = found.image, found.bad
    bad = bad | far_areas(image, ~bad, found.levels)
    if not bad.any():
        return replace(micrograph, image=image, valid=None)
    return replace(micrograph, image=filled(image, ~bad), valid=~bad)


@dataclass(frozen=True, eq=False)
class _Found:
    """An image within bounds, its bad pixels, its usual grey levels, its columns and rows."""

    image: ImageArray
    bad: MaskArray
    levels: Levels
    columns: Columns
    rows: Columns


def _found(image: ImageArray, good: MaskArray) -> _Found | None:
    """What is bad in an image; None of one without noise."""
    frame, others = flat_areas(image)
    bad = frame
    bad |= quiet_frame(image)
    bad |= ~good
    image = without_slope(image, ~bad)
    levels = usual_levels(image, ~(bad | others) if others.any() else ~bad)
    if levels is None:
        return None
    image, levels = in_range(image, levels)
    if image.min() < levels.bottom or image.max() > levels.top:
        beyond = (image < levels.bottom) | (image > levels.top)
        unknown = beyond & ~(bad | others)
        thick = unknown & _thick(unknown)
        bad = bad | (beyond & ~thick)
        if thick.mean() < _MANY:
            image = np.clip(image, np.float32(levels.bottom), np.float32(levels.top))
    columns, rows = columns_of(image, bad, levels), columns_of(image.T, bad.T, levels)
    for each, pixels in ((columns, bad), (rows, bad.T)):
        parts = lines(each, levels)
        if parts.any():
            pixels |= parts.repeat(each.lengths, axis=0)
    return _Found(image, bad, levels, columns, rows)


def _even(found: _Found) -> tuple[ImageArray, MaskArray] | None:
    """The image without steps between bands of columns and of rows, and its good pixels; None where there are none."""
    image, bad, rows = found.image, found.bad, found.rows
    columns_made = levelled(image, found.columns, found.levels)
    if columns_made is not None:
        image, bad = columns_made[0], bad | columns_made[1]
        rows = columns_of(image.T, bad.T, found.levels)
    rows_made = levelled(image.T, rows, found.levels)
    if rows_made is not None:
        image, bad = np.ascontiguousarray(rows_made[0].T), bad | rows_made[1].T
    return None if columns_made is None and rows_made is None else (image, ~bad)


def _thick(beyond: MaskArray) -> MaskArray:
    """Those that belong to an object at least `_THICK` pixels wide each way."""
    marked = beyond.astype(np.uint8)
    core = ndimage.minimum_filter(marked, _THICK, mode="constant")
    return np.asarray(ndimage.maximum_filter(core, 2 * _THICK + 1), np.bool_) if core.any() else np.zeros_like(beyond)
