"""What is wrong with a large part of an image: a slope of its grey levels, and areas far from all others."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from napari_drpnet.data import FloatArray, ImageArray, MaskArray
from napari_drpnet.defects.flat import magnified
from napari_drpnet.defects.levels import Levels

# Grey levels of large areas are compared in squares of so many pixels, of which every so many are looked at.
_SQUARE, _EVERY = 16, 8
# A slope so many standard deviations of the noise high across the image is taken away.
_STEEP = 8.0
# An area is far from the rest by so many of them. It is this part of the shorter side of the image thick, touches a
# border, and is between these parts of the image: it is no particle, and no support film with particles.
_FAR, _THICK, _PART = 5.0, 16, (0.01, 0.1)


def without_slope(image: ImageArray, good: MaskArray) -> ImageArray:
    """The image without the plane in its grey levels; the image itself where there is no steep one."""
    squares = _squares(image, good)
    if min(squares.shape) < 4 or np.isnan(squares).mean() > 0.5:
        return image
    slopes = [float(np.nanmedian(np.diff(squares, axis=axis))) for axis in (0, 1)]
    some, told = image[::_SQUARE, ::_SQUARE], good[::_SQUARE, ::_SQUARE]
    apart = np.abs(some[:, 1:] - some[:, :-1] - np.float32(slopes[1]))[told[:, 1:] & told[:, :-1]]
    noise = float(np.median(apart)) if apart.size else 0.0
    across = max(abs(slope) * side for slope, side in zip(slopes, squares.shape, strict=True))
    if noise == 0 or across <= _STEEP * noise:
        return image
    y, x = (
        np.float32(slope / _SQUARE) * (np.arange(side, dtype=np.float32) - np.float32(side / 2))
        for slope, side in zip(slopes, image.shape, strict=True)
    )
    return np.asarray(image - y[:, None] - x, np.float32)


def far_areas(image: ImageArray, good: MaskArray, levels: Levels) -> MaskArray:
    """Large areas at the border whose grey levels are far from those of most of the image, such as gold; ``(h, w)``."""
    if min(image.shape) < _SQUARE:
        return np.zeros(image.shape, np.bool_)
    squares = _squares(image, good)
    thick = max(2, min(squares.shape) // _THICK)
    away = np.abs(squares - levels.median) > _FAR * levels.noise
    far = ndimage.binary_opening(np.pad(away, thick, mode="edge"), np.ones((thick, thick)))
    far = far[thick:-thick, thick:-thick]
    numbered, count = ndimage.label(far)
    touching = np.concatenate([numbered[0], numbered[-1], numbered[:, 0], numbered[:, -1]])
    sizes = np.bincount(numbered.ravel(), minlength=count + 1)
    chosen = [n for n in np.unique(touching) if n > 0 and _PART[0] <= sizes[n] / numbered.size <= _PART[1]]
    if not chosen or levels.noise == 0:
        return np.zeros(image.shape, np.bool_)
    return magnified(ndimage.maximum_filter(np.isin(numbered, chosen), 3), _SQUARE, image.shape)


def _squares(image: ImageArray, good: MaskArray) -> FloatArray:
    """Medians of the good pixels looked at in each whole square; NaN where there is none."""
    h, w = (side // _SQUARE for side in image.shape)
    n = _SQUARE // _EVERY
    some = [a[: h * _SQUARE : _EVERY, : w * _SQUARE : _EVERY] for a in (image, good)]
    values, told = (a.reshape(h, n, w, n).swapaxes(1, 2).reshape(h, w, n * n) for a in some)
    medians = np.median(values, axis=2)
    if not told.all():
        medians[~told.any(axis=2)] = np.nan
        spoilt = ~told.all(axis=2) & told.any(axis=2)
        medians[spoilt] = [np.median(v[t]) for v, t in zip(values[spoilt], told[spoilt], strict=True)]
    return np.asarray(medians, np.float64)
