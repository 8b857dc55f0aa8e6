"""How much ice a micrograph shows, as one number from its spectrum."""

from __future__ import annotations

import math

import numpy as np
from scipy import fft

from napari_drpnet.data import FloatArray, ImageArray

_TILE = 256  # pixels
_TILES = 6  # along each side
# In Angstrom. Crystals of ice scatter at 3.7 to 3.9; beside that the spectrum is smooth.
_RING, _BESIDE = (3.65, 3.95), ((3.45, 3.6), (4.05, 4.5))
# Thick or dirty ice shows at large distances, compared with smaller ones.
_COARSE, _FINE = (40.0, 150.0), (12.0, 30.0)


def ice(image: ImageArray, pixel_size: float | None) -> float:
    """How much stronger the spectrum is where ice shows than beside it: about 1 for a good micrograph.

    Where pixels are small enough, at the ring of crystalline ice, 3.7 to 3.9 Angstrom; else the strength of large
    features, 40 to 150 Angstrom, over that of small ones, 12 to 30, in amplitudes.

    Parameters
    ----------
    image
        ``(h, w)`` pixels of the whole micrograph.
    pixel_size
        In Angstrom; None when not known.

    Returns
    -------
    float
        NaN where the pixel size is not known, or the image is too small or constant.
    """
    if not pixel_size or min(image.shape) < _TILE:
        return math.nan
    power = _spectrum(image)
    frequency = np.hypot(fft.fftfreq(_TILE)[:, None], fft.rfftfreq(_TILE)) / pixel_size
    # Rows and columns of the camera shine through along the axes.
    free = (np.abs(np.arange(_TILE) - _TILE // 2)[:, None] < _TILE // 2 - 1) & (np.arange(_TILE // 2 + 1) > 1)

    def strength(*bands: tuple[float, float]) -> float:
        inside = [(frequency >= 1 / longest) & (frequency <= 1 / shortest) for shortest, longest in bands]
        rings = [power[some & free].mean() if (some & free).any() else math.nan for some in inside]
        return float(np.mean(rings))

    if 2 * pixel_size < _BESIDE[0][0]:
        return _ratio(strength(_RING), strength(*_BESIDE))
    if 2 * pixel_size < _FINE[0]:
        return math.sqrt(_ratio(strength(_COARSE), strength(_FINE)))
    return math.nan


def _ratio(one: float, other: float) -> float:
    return one / other if other > 0 else math.nan


def _spectrum(image: ImageArray) -> FloatArray:
    """``(h, w)`` mean power of tiles spread over an image, as `rfft2` lays it out."""
    height, width = image.shape
    rows = np.linspace(0, height - _TILE, min(_TILES, height // _TILE)).astype(int)
    columns = np.linspace(0, width - _TILE, min(_TILES, width // _TILE)).astype(int)
    window = np.hanning(_TILE).astype(np.float32)
    window = window[:, None] * window
    total = np.zeros((_TILE, _TILE // 2 + 1))
    for row in rows:
        for column in columns:
            tile = image[row : row + _TILE, column : column + _TILE].astype(np.float32)
            tile = np.nan_to_num(tile - np.float32(np.nanmean(tile)))
            total += np.abs(fft.rfft2(tile * window)) ** 2
    return total
