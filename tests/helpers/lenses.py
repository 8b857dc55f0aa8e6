"""Ice as a lens shows it, whose CTF is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.fft

from napari_drpnet.data import ImageArray
from napari_drpnet.io.ctf import CTF
from napari_drpnet.lens import ctf as transfer
from napari_drpnet.lens import half_frequencies


def told(defocus: float, astigmatism: float = 0.0) -> CTF:
    """A CTF of 300 kV."""
    return CTF(defocus + astigmatism / 2, defocus - astigmatism / 2, 30, 300, 2.7, 0.1)


def seen_with(ctf: CTF, pixel_size: float = 2.0, rings_to_noise: float = 0.5) -> ImageArray:
    """Ice of all frequencies as a lens shows it, on a falling background, with noise."""
    rng, shape = np.random.default_rng(0), (720, 800)
    fy, fx = half_frequencies(shape, pixel_size)
    ice = scipy.fft.rfft2(rng.standard_normal(shape)) * transfer(replace(ctf.lens, b_factor=80.0), fy, fx)
    noise = scipy.fft.rfft2(rng.standard_normal(shape))
    falling = 1 / (1 + 30 * np.hypot(fy, fx))
    return np.asarray(scipy.fft.irfft2((np.sqrt(rings_to_noise) * ice + noise) * falling, shape), np.float32)
