"""Particles are cut where they are, at one scale, from a micrograph whose noise is made white."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_drpnet.averaging.cutting import Cutter, coloured, restored, whitened
from napari_drpnet.data import Micrograph
from napari_drpnet.errors import UserError
from napari_drpnet.io.ctf import CTF
from napari_drpnet.lens import ctf as transfer
from napari_drpnet.lens import half_frequencies


def micrograph(shape: tuple[int, int] = (400, 500), seed: int = 0) -> Micrograph:
    """Steep noise: strong low frequencies."""
    noise = np.random.default_rng(seed).standard_normal(shape)
    return Micrograph.from_array(ndimage.gaussian_filter(noise, 2.0) * 50 + noise, 2.0, "m")


def test_noise_of_any_colour_becomes_white() -> None:
    white, amplitude = whitened(micrograph().image, 32)
    power = np.abs(np.fft.fft2(white * np.hanning(400)[:, None] * np.hanning(500))) ** 2
    radius = np.hypot(np.fft.fftfreq(400)[:, None], np.fft.fftfreq(500))
    rings = [power[(radius > r) & (radius < r + 0.05)].mean() for r in np.arange(0.02, 0.4, 0.05)]
    assert max(rings) / min(rings) < 1.3
    assert white.std() == pytest.approx(0.85, abs=0.15)  # nothing is left above the sharpest frequency
    assert amplitude[2] > 5 * amplitude[-10]


def test_particles_are_cut_where_they_are() -> None:
    image = np.random.default_rng(1).standard_normal((400, 500)).astype(np.float32)
    places = np.array([[101.0, 120.0], [203.0, 260.0], [303.0, 401.0]])
    for y, x in places.astype(int):
        image[y - 2 : y + 3, x - 2 : x + 3] -= 8
    cutter = Cutter(128.0)
    found = cutter.cut(Micrograph.from_array(image, 2.0), places)
    assert found.images.shape == (3, 48, 48)
    middle = found.images[:, 21:28, 21:28].mean((1, 2))
    around = found.images[:, ::47, :].mean((1, 2))
    assert (middle < around - 0.8).all()
    assert np.abs(found.centres - places).max() <= 1.0  # half a pixel of the picture is one of the micrograph


def test_borders_are_reflected_and_bad_pixels_do_not_spread() -> None:
    image = np.array(micrograph().image)
    image[100:140, 100:140] = np.nan
    found = Cutter(120.0).cut(Micrograph.from_array(image, 2.0), np.array([[0.0, 0.0], [399.0, 499.0], [120.0, 120.0]]))
    assert np.isfinite(found.images).all()


def test_colour_comes_back() -> None:
    image = micrograph().image
    white, amplitude = whitened(image, 32)
    cut = white[100:148, 100:148]
    back = coloured(cut[None], amplitude)[0]
    truth = image[100:148, 100:148]
    inner = slice(8, -8)
    assert np.corrcoef(back[inner, inner].ravel(), truth[inner, inner].ravel())[0, 1] > 0.9


def test_what_a_lens_took_comes_back() -> None:
    ctf = CTF(15_500.0, 14_500.0, 30.0, 300.0, 2.7, 0.07)
    image = ndimage.gaussian_filter(np.random.default_rng(2).standard_normal((400, 500)), 2.0).astype(np.float32)
    # A phase-flipped micrograph shows each frequency as strong as the lens passes it.
    fy, fx = half_frequencies(image.shape, 4.0)
    seen = np.fft.irfft2(np.fft.rfft2(image) * -abs(transfer(ctf.lens, fy, fx)), image.shape).astype(np.float32)
    white, amplitude = whitened(seen, 32)
    cutter = Cutter(128.0, 32)  # 4 Angstrom per pixel, too

    def likeness(gain: np.ndarray) -> float:
        back = coloured(white[None, 100:148, 100:148], gain)[0][8:-8, 8:-8]
        return float(np.corrcoef(-back.ravel(), image[108:140, 108:140].ravel())[0, 1])

    assert likeness(restored(amplitude, cutter.passed(ctf))) > 0.98
    assert likeness(amplitude) < 0.9


def test_a_particle_of_few_pixels_is_refused() -> None:
    with pytest.raises(UserError, match=r"spans 3 pixels"):
        Cutter(6.0).cut(micrograph(), np.zeros((1, 2)))


def test_no_particle_is_no_error() -> None:
    assert Cutter(120.0).cut(micrograph(), np.empty((0, 2))).images.shape == (0, 48, 48)
