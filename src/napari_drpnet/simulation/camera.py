"""From intensity to the file people work with: counting, detector response, defects, and later treatment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.fft
from scipy import ndimage

from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.errors import UserError
from napari_drpnet.io.star_table import read_tables

_MTF_FREQUENCY, _MTF_VALUE = "rlnResolutionInversePixel", "rlnMtfValue"


def count_electrons(rng: np.random.Generator, intensity: ImageArray, dose: float, pixel_size: float) -> ImageArray:
    """Electrons per pixel, Poisson-distributed about ``dose`` (e/A^2) times the pixel's area times the intensity."""
    return rng.poisson(intensity * np.float32(dose * pixel_size**2)).astype(np.float32)


def filter_radially(image: ImageArray, response: FloatArray) -> ImageArray:
    """Multiply the spectrum by a response given at equal steps from zero to the Nyquist frequency."""
    spectrum = scipy.fft.rfft2(image, workers=1)
    fy = scipy.fft.fftfreq(image.shape[0]).astype(np.float32)[:, None]
    fx = scipy.fft.rfftfreq(image.shape[1]).astype(np.float32)[None, :]
    nodes = np.linspace(0, 0.5, len(response))
    rows = 256
    for start in range(0, image.shape[0], rows):
        f = np.sqrt(fy[start : start + rows] ** 2 + fx**2)
        spectrum[start : start + rows] *= np.interp(f, nodes, response).astype(np.float32)
    return np.asarray(scipy.fft.irfft2(spectrum, image.shape, overwrite_x=True, workers=1), dtype=np.float32)


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


def radial_spectrum(image: ImageArray, steps: int = 65) -> FloatArray:
    """Radially averaged power of the standardised image, at ``steps`` frequencies from zero to Nyquist.

    Slow gradients are subtracted first; the two lowest frequencies, where illumination rules, repeat the third.
    """
    flat = image - broad_blur(image, 0.06 * min(image.shape))
    flat /= flat.std()
    window = np.hanning(flat.shape[0])[:, None] * np.hanning(flat.shape[1])
    power = np.abs(scipy.fft.rfft2(flat * window, workers=1)) ** 2 / (window**2).sum()
    f = np.hypot(scipy.fft.fftfreq(flat.shape[0])[:, None], scipy.fft.rfftfreq(flat.shape[1])[None, :])
    index = np.rint(f * 2 * (steps - 1)).astype(int)
    counts = np.bincount(index.ravel(), minlength=steps)[:steps]
    radial = np.bincount(index.ravel(), power.ravel(), minlength=steps)[:steps] / counts
    radial[:2] = radial[2]
    return np.asarray(radial)


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


def post_process(rng: np.random.Generator, image: ImageArray) -> ImageArray:
    """What other people did to the image before it is picked: a filter, then 8 bits."""
    choice = rng.choice(["none", "lowpass", "wiener", "median", "highpass"], p=[0.45, 0.2, 0.15, 0.1, 0.1])
    if choice == "lowpass":
        image = ndimage.gaussian_filter(image, rng.uniform(0.5, 1.4))
    elif choice == "wiener":
        image = _wiener(image, int(rng.choice([3, 5])))
    elif choice == "median":
        image = ndimage.median_filter(image, 3)
    elif choice == "highpass":
        image = image - broad_blur(image, rng.uniform(60, 150))
    return quantise(rng, image)


def broad_blur(image: ImageArray, sigma: float) -> ImageArray:
    """Nearly a Gaussian of a large ``sigma`` in pixels, at a cost that does not grow with it: three running means."""
    size = int(np.rint(np.sqrt(4 * sigma**2 + 1)))
    for _ in range(3):
        image = ndimage.uniform_filter(image, size)
    return image


def _wiener(image: ImageArray, size: int) -> ImageArray:
    """Adaptive local Wiener filter (Lee, IEEE TPAMI 2 (1980) 165), the noise half the median local variance."""
    mean = ndimage.uniform_filter(image, size)
    variance = np.maximum(ndimage.uniform_filter(image**2, size) - mean**2, 1e-12)
    noise = 0.9 * np.median(variance)
    return np.asarray(mean + (image - mean) * np.clip(1 - noise / variance, 0, 1), dtype=np.float32)


def quantise(rng: np.random.Generator, image: ImageArray) -> ImageArray:
    """256 grey levels between two percentiles, or over a much wider range, as real 8-bit files have it."""
    low, high = np.percentile(image[::2, ::2], [rng.choice([0.0, 0.1, 1.0]), rng.choice([99.0, 99.9, 100.0])])
    margin = (high - low) * (rng.uniform(0, 2) if rng.random() < 0.5 else 0)
    return np.asarray(
        np.rint(np.clip((image - low + margin) / (high - low + 2 * margin), 0, 1) * 255), dtype=np.float32
    )
