"""From intensity to a micrograph: counting, detector response, defects."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.errors import UserError
from napari_drpnet.io.star_table import read_tables
from napari_drpnet.simulation.filters import filter_radially

_MANY = 50  # electrons in a pixel
_MTF_FREQUENCY, _MTF_VALUE = "rlnResolutionInversePixel", "rlnMtfValue"


def count_electrons(rng: np.random.Generator, intensity: ImageArray, dose: float, pixel_size: float) -> ImageArray:
    """Electrons per pixel, Poisson-distributed about ``dose`` (e/A^2) times the pixel's area times the intensity.

    Where there are many, they are drawn from the normal distribution that Poisson's then is, which is quicker.
    """
    mean = intensity * np.float32(dose * pixel_size**2)
    if mean.min() < _MANY:
        return rng.poisson(mean).astype(np.float32)
    noise = rng.standard_normal(mean.shape, dtype=np.float32)
    noise *= np.sqrt(mean)
    noise += mean
    return np.rint(noise, out=noise)


def detector_response(falloff: float) -> FloatArray:
    """Transfer ``exp(-falloff (f / Nyquist)^2)`` of the detector and of binning, at 65 steps up to Nyquist."""
    return np.asarray(np.exp(-falloff * np.linspace(0, 1, 65) ** 2))


def read_mtf(path: Path) -> FloatArray:
    """Modulation transfer of a detector from a STAR file as RELION reads them, at 65 steps from zero to Nyquist.

    Raises
    ------
    UserError
        When the file cannot be read, or does not hold such a curve.
    """
    table = read_tables(path)[0]
    table.require(_MTF_FREQUENCY, _MTF_VALUE)
    frequency, value = table.numbers(_MTF_FREQUENCY), table.numbers(_MTF_VALUE)
    ascends = len(frequency) > 1 and bool((np.diff(frequency) > 0).all())
    if not (ascends and np.isfinite(value).all() and (value >= 0).all() and value[0] > 0):
        raise UserError(
            f"{path}: not the transfer curve of a detector.",
            f"{_MTF_FREQUENCY} must ascend from 0 to 0.5, and {_MTF_VALUE} must not be negative.",
        )
    return np.asarray(np.interp(np.linspace(0, 0.5, 65), frequency, value / value[0]))


def shaped_noise(rng: np.random.Generator, shape: tuple[int, int], spectrum: FloatArray) -> ImageArray:
    """Gaussian noise with a radial power spectrum given at equal steps from zero to Nyquist, of unit variance."""
    noise = filter_radially(rng.standard_normal(shape, dtype=np.float32), np.sqrt(spectrum))
    return np.asarray((noise - noise.mean()) / noise.std(), dtype=np.float32)


def counts_with_spectrum(
    rng: np.random.Generator, intensity: ImageArray, dose: float, pixel_size: float, spectrum: FloatArray
) -> ImageArray:
    """As `count_electrons`, but with noise of a given spectrum, half as strong again as that of counting."""
    electrons = dose * pixel_size**2
    noise = shaped_noise(rng, intensity.shape, spectrum)
    return np.asarray(electrons * intensity + noise * np.float32(1.5 * np.sqrt(electrons)), dtype=np.float32)


def add_defects(rng: np.random.Generator, image: ImageArray) -> ImageArray:
    """Dead and hot pixels, and sometimes a line, a scratch, or the pattern of a badly corrected detector."""
    result = image.copy()
    h, w = image.shape
    spread = image.std()
    n = int(rng.integers(3, 60))
    result[rng.integers(h, size=n), rng.integers(w, size=n)] += spread * rng.choice([-6, 6, 15], size=n).astype(
        np.float32
    )
    if rng.random() < 0.3:
        line = int(rng.integers(w))
        result[:, line : line + int(rng.integers(1, 3))] += spread * np.float32(rng.normal(0, 2))
    if rng.random() < 0.3:
        start, stop = rng.uniform((0, 0), (h, w)), rng.uniform((0, 0), (h, w))
        points = np.linspace(start, stop, 2 * max(h, w)).astype(int)
        result[tuple(points.T)] += spread * np.float32(rng.uniform(-4, 4))
    if rng.random() < 0.3:
        result += spread * np.float32(rng.uniform(0.03, 0.25)) * _gain_pattern(rng, h)[:, None]
        result += spread * np.float32(rng.uniform(0.03, 0.25)) * _gain_pattern(rng, w)[None, :]
    return result


def _gain_pattern(rng: np.random.Generator, n: int) -> ImageArray:
    """Offsets of ``n`` rows or columns, and steps where blocks of them are read out together."""
    block = n // int(rng.choice([4, 8, 16]))
    steps = np.repeat(rng.standard_normal(n // block + 1), block)[:n]
    return np.asarray(rng.standard_normal(n) + rng.uniform(0, 2) * steps, dtype=np.float32)
