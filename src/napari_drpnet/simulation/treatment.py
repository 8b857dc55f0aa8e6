"""What people do to a micrograph before anybody picks on it: filters, flattening, binning, and how it is stored."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from scipy import ndimage

from napari_drpnet.data import ImageArray
from napari_drpnet.rescaling import rescale
from napari_drpnet.simulation.filters import broad_blur


def treat(rng: np.random.Generator, image: ImageArray, diameter: float) -> ImageArray:
    """One chain of treatments, at random; ``diameter`` of a particle in pixels."""
    if rng.random() < 0.15:
        image = _binned(rng, image)
    image = _smoothed(rng, image, diameter)
    if rng.random() < 0.2:
        image = _flattened(rng, image, diameter)
    return _stored(rng, image)


def _smoothed(rng: np.random.Generator, image: ImageArray, diameter: float) -> ImageArray:
    """Less noise: most people do nothing, some a little, some so much that nothing finer than a particle is left."""
    choice = rng.choice(["none", "low pass", "denoised", "wiener", "median"], p=[0.4, 0.2, 0.2, 0.15, 0.05])
    if choice == "low pass":
        return np.asarray(ndimage.gaussian_filter(image, rng.uniform(0.5, 1.4)), dtype=np.float32)
    if choice == "denoised":
        return _denoised(rng, image, diameter)
    if choice == "wiener":
        return _wiener(image, int(rng.choice([3, 5])))
    if choice == "median":
        return np.asarray(ndimage.median_filter(image, 3), dtype=np.float32)
    return image


def _denoised(rng: np.random.Generator, image: ImageArray, diameter: float) -> ImageArray:
    """Strongly: what is finer than a fifth to a tenth of a particle goes, as on EMPIAR-10017 of CryoPPP."""
    if rng.random() < 0.3:
        image = _wiener(image, 2 * int(rng.uniform(0.05, 0.15) * diameter) + 3)
    sigma = rng.uniform(0.03, 0.1) * diameter
    return np.asarray(ndimage.gaussian_filter(image, sigma, truncate=4), dtype=np.float32)


def _flattened(rng: np.random.Generator, image: ImageArray, diameter: float) -> ImageArray:
    """Without what is slower than a window, and perhaps everywhere of the same contrast.

    With a window narrower than a particle, particles are texture and rims, and their density is gone.
    """
    window = diameter * float(np.exp(rng.uniform(np.log(0.35), np.log(4))))
    image = image - broad_blur(image, window)
    if rng.random() < 0.5:
        contrast = np.sqrt(np.maximum(broad_blur(image**2, max(window, 0.7 * diameter)), 1e-12))
        image = image / np.maximum(contrast, 0.1 * contrast.mean())
    return np.asarray(image, dtype=np.float32)


def _binned(rng: np.random.Generator, image: ImageArray) -> ImageArray:
    """Binned, and enlarged again to the size it had."""
    factor = rng.uniform(1.3, 2.2)
    h, w = image.shape
    small = rescale(image, 1 / factor)
    large = rescale(small, max(h / small.shape[0], w / small.shape[1]) * (1 + 1e-6))
    return np.ascontiguousarray(large[:h, :w])


def _wiener(image: ImageArray, size: int) -> ImageArray:
    """Adaptive local Wiener filter (Lee, IEEE TPAMI 2 (1980) 165), the noise half the median local variance."""
    mean = ndimage.uniform_filter(image, size)
    variance = np.maximum(ndimage.uniform_filter(image**2, size) - mean**2, 1e-12)
    noise = 0.9 * np.median(variance[::2, ::2])
    return np.asarray(mean + (image - mean) * np.clip(1 - noise / variance, 0, 1), dtype=np.float32)


def _stored(rng: np.random.Generator, image: ImageArray) -> ImageArray:
    """As a file keeps it: mostly 256 grey levels, sometimes fewer, sometimes a JPEG, sometimes all numbers."""
    choice = rng.choice(["numbers", "bytes", "few", "jpeg"], p=[0.25, 0.4, 0.15, 0.2])
    if choice == "numbers":
        return image
    if choice == "few":
        return quantise(rng, image, int(np.exp(rng.uniform(np.log(6), np.log(64)))))
    levels = quantise(rng, image)
    return jpeg(levels, int(rng.integers(25, 96))) if choice == "jpeg" else levels


def quantise(rng: np.random.Generator, image: ImageArray, levels: int = 256) -> ImageArray:
    """Whole numbers from 0 to ``levels - 1`` between two percentiles, or over a much wider range, as in real files."""
    low, high = np.percentile(image[::2, ::2], [rng.choice([0.0, 0.1, 1.0]), rng.choice([99.0, 99.9, 100.0])])
    wide = levels == 256 and rng.random() < 0.5
    margin = (high - low) * (rng.uniform(0, 2) if wide else 0)
    scale = (levels - 1) / max(high - low + 2 * margin, 1e-12)
    bounded = np.clip((image - np.float32(low - margin)) * np.float32(scale), 0, levels - 1)
    return np.asarray(np.rint(bounded), dtype=np.float32)


def jpeg(image: ImageArray, quality: int) -> ImageArray:
    """The image, of grey levels from 0 to 255, as a JPEG of a ``quality`` from 1 to 95 gives it back."""
    packed = io.BytesIO()
    Image.fromarray(image.astype(np.uint8)).save(packed, "JPEG", quality=quality)
    return np.asarray(Image.open(packed), dtype=np.float32)
