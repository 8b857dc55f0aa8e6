"""Particles that stand out more clearly than the networks know are brought back into their noise.

The networks learnt from cryo-EM, where noise hides most of a particle. Without it (phase plates, negative stain, images
that were denoised or made up) a particle looks to them like nothing they have seen, and they find fewer the clearer
they are. Noise is what is missing, so it is added, the same each time. Ordinary micrographs are not changed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from napari_drpnet.data import ImageArray, MaskArray
from napari_drpnet.errors import UserError
from napari_drpnet.preprocess import limits, smooth
from napari_drpnet.stages import stage

# Contrast: how far the grey levels go within a window, in standard deviations of the noise of the detail that networks
# see. Pure noise has about 9, ordinary micrographs 10 to 20, images without their noise (EMPIAR-10017) up to 27.
# Above the first it is brought to the second.
_CLEAR, _WANTED = 29.0, 8.5
# Sides of windows in particle diameters: most of the first have a particle in them, many of the second have none, and
# show the noise.
_WINDOW, _GAP = 2.0, 0.5
# Quantiles: something must be clear in all but so many windows, so that frost or carbon elsewhere adds no noise; noise
# is measured where it is quiet.
_MOST, _QUIET = 0.3, 0.25
# Standard deviation of that detail, of white noise of 1 and a smoothing of 1 px: the difference of two Gaussians.
_DETAIL = math.sqrt(0.1125 / math.pi)


@stage("rescale")
def within_noise(image: ImageArray, diameter: float, sigma: float, valid: MaskArray | None = None) -> ImageArray:
    """The image, with noise added where its particles are clearer than networks know.

    Parameters
    ----------
    image
        ``(h, w)`` float32 with even illumination, not smoothed yet.
    diameter
        Of a particle, in pixels.
    sigma
        Of the smoothing that follows, in pixels.
    valid
        ``(h, w)`` bool; bad pixels are not measured.
    """
    seen = smooth(image, sigma)
    try:
        bottom, top = limits(seen, valid=valid)
    except UserError:  # constant: nothing is clear, and who stretches it says so
        return image
    grey = _windows(np.clip(seen, bottom, top), valid, _WINDOW * diameter)
    detail = _windows(seen - smooth(seen, sigma * math.sqrt(3)), valid, _GAP * diameter)
    if not len(grey) or not len(detail):
        return image
    height = float(np.quantile(np.ptp(grey, axis=1), _MOST))
    noise = float(np.quantile(np.sqrt((detail**2).mean(axis=1)), _QUIET))
    if height <= _CLEAR * noise:
        return image
    missing = math.sqrt((height / _WANTED) ** 2 - noise**2) * sigma / _DETAIL
    added = np.random.default_rng(0).standard_normal(image.shape, np.float32)
    return np.asarray(image + np.float32(missing) * added, np.float32)


def _windows(image: ImageArray, valid: MaskArray | None, side: float) -> Any:
    """The squares of ``side`` pixels that an image is made of, ``(n, pixels)``, without those that hold a bad pixel."""
    size = max(1, int(side))
    squares = _squares(image, size)
    return squares if valid is None else squares[_squares(valid, size).all(axis=1)]


def _squares(image: ImageArray | MaskArray, size: int) -> Any:
    h, w = (side // size for side in image.shape)
    cut: Any = image[: h * size, : w * size].reshape(h, size, w, size)
    return cut.swapaxes(1, 2).reshape(h * w, size * size)
