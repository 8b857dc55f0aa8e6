"""Filters that several parts of the simulation use."""

from __future__ import annotations

import numpy as np
import scipy.fft
from scipy import ndimage

from napari_drpnet.data import FloatArray, ImageArray


def broad_blur(image: ImageArray, sigma: float) -> ImageArray:
    """Nearly a Gaussian of a large ``sigma`` in pixels, at a cost that does not grow with it: three running means."""
    size = int(np.rint(np.sqrt(4 * sigma**2 + 1)))
    for _ in range(3):
        image = ndimage.uniform_filter(image, size)
    return image


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
