"""Particles as the eye wants them: cut out of a micrograph, low-passed, at one size whatever the pixel size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.errors import UserError

SIDE = 64  # pixels of a cutout
DIAMETERS = 1.6  # and how many particle diameters they show
RESOLUTION = 12  # parts of a diameter that are still told apart
_SIGMA = 0.65  # of the Gaussian, in units of the smallest detail that is to be seen
_REACH = 3.0  # sigmas
_WINDOWS = 5  # along each side, spread over a micrograph to tell its contrast
_SKIPPED = 4  # rows from one to the next: neighbours are too alike to tell more
_TYPICAL = 60  # percentile of the windows' standard deviations
_MIDDLE = 127.5
_RANGE = 3.2  # standard deviations from grey to black, and to white
_CONSTANT = 2e-6  # rounding errors of single precision, relative to the grey level

GreyArray = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Contrast:
    """How strong the structure on one micrograph is, so that all its cutouts can be compared.

    Attributes
    ----------
    spread
        Standard deviation within a window of the smoothed micrograph, of those windows that show more than ice and
        less than a contamination.
    """

    spread: float


def cut(image: Any, yx: npt.ArrayLike, diameter: float) -> ImageArray:
    """Smoothed cutouts of `DIAMETERS` particle diameters, centred to the pixel.

    Of a memory map only what is needed is read. Beyond the border the image is reflected; pixels that are not finite
    become the cutout's median.

    Parameters
    ----------
    image
        ``(h, w)`` of any number type, in micrograph pixels.
    yx
        ``(n, 2)`` centres in micrograph pixels.
    diameter
        Of the particle in micrograph pixels.

    Returns
    -------
    numpy.ndarray
        ``(n, SIDE, SIDE)`` float32 in the image's grey levels; a row and a column step `DIAMETERS` * diameter / SIDE.

    """
    return _smoothed(image, yx, diameter, every=1)


def contrast(image: Any, diameter: float) -> Contrast:
    """The contrast of one micrograph, from windows spread evenly over it.

    Parameters
    ----------
    image, diameter
        See `cut`.

    Raises
    ------
    UserError
        When the micrograph is constant.
    """
    steps = [(np.arange(_WINDOWS) + 0.5) / _WINDOWS * size for size in image.shape]
    grid = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 2)
    windows = _smoothed(image, grid, diameter, every=_SKIPPED)
    spread = float(np.percentile(windows.std(axis=(1, 2)), _TYPICAL))
    if not spread > _CONSTANT * float(abs(windows).max()):
        raise UserError("The image is constant: every pixel has the same value.", "Leave it out, or make it anew.")
    return Contrast(spread)


def grey(cutouts: ImageArray, levels: Contrast) -> GreyArray:
    """Cutouts as 8-bit grey levels, the mean of each in the middle: thick ice and carbon are darker as a whole."""
    even = cutouts - cutouts.mean(axis=(1, 2), keepdims=True)
    shown = _MIDDLE + even * np.float32(_MIDDLE / (_RANGE * levels.spread))
    return np.asarray(np.clip(np.rint(shown), 0, 255), np.uint8)


def deviations(cutouts: ImageArray, levels: Contrast) -> FloatArray:
    """``(n,)`` standard deviation of each cutout in a disc as wide as the particle; that of the micrograph is 1."""
    inside: FloatArray = cutouts[:, _disc()].std(axis=1).astype(np.float64) / levels.spread
    return inside


def _smoothed(image: Any, yx: npt.ArrayLike, diameter: float, every: int) -> ImageArray:
    """Cutouts with only so many of their rows, ``(n, SIDE / every, SIDE)``; see `cut`."""
    centres = np.rint(np.asarray(yx, np.float64).reshape(-1, 2)).astype(np.int64)
    columns = _weights(float(diameter))
    rows = columns[::every]
    half = columns.shape[1] // 2
    made = np.empty((len(centres), len(rows), SIDE), np.float32)
    for place, (y, x) in enumerate(centres):
        made[place] = rows @ _window(image, int(y), int(x), half) @ columns.T
    return made


@lru_cache(maxsize=8)
def _weights(diameter: float) -> ImageArray:
    """``(SIDE, n)``: what each pixel of a window gives to each of a cutout, along one axis. n is odd.

    A Gaussian that is wide enough to leave neither noise nor aliases.
    """
    step = DIAMETERS * diameter / SIDE
    sigma = max(_SIGMA * diameter / RESOLUTION, 0.5 * step)
    half = int(np.ceil(0.5 * SIDE * step + _REACH * sigma))
    centres = (np.arange(SIDE) - (SIDE - 1) / 2) * step
    away = centres[:, None] - np.arange(-half, half + 1)
    weights = np.exp(-0.5 * (away / sigma) ** 2) * (abs(away) <= max(_REACH * sigma, 0.5))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


@lru_cache(maxsize=1)
def _disc() -> npt.NDArray[np.bool_]:
    away = np.hypot(*np.ogrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j])
    return np.asarray(away <= 1 / DIAMETERS)


def _window(image: Any, y: int, x: int, half: int) -> ImageArray:
    """``(2 * half + 1,) * 2`` float32 pixels around a place, reflected at the border, finite everywhere."""
    height, width = image.shape
    rows, columns = _reflected(y, half, height), _reflected(x, half, width)
    top, left = int(rows.min()), int(columns.min())
    part = np.asarray(image[top : int(rows.max()) + 1, left : int(columns.max()) + 1], np.float32)
    if len(rows) != part.shape[0] or len(columns) != part.shape[1]:
        part = part[rows - top][:, columns - left]
    good = np.isfinite(part)
    if good.all():
        return part
    return np.where(good, part, np.median(part[good]) if good.any() else np.float32(0))


def _reflected(centre: int, half: int, size: int) -> npt.NDArray[np.int64]:
    """Indices ``centre - half .. centre + half``, those outside 0 .. size - 1 folded back."""
    index = np.arange(centre - half, centre + half + 1) % (2 * size)
    return np.asarray(np.where(index < size, index, 2 * size - 1 - index))
