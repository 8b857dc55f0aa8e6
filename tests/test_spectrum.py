"""The power spectrum: rings lie where the CTF says, in either direction, and the ground is even."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest
import scipy.fft

from napari_drpnet.io.ctf import CTF
from napari_drpnet.lens import ctf as transfer
from napari_drpnet.lens import half_frequencies
from napari_drpnet.spectrum import SIDE, Spectrum, model, power_spectrum, zeros

ROUND = CTF(15000, 15000, 0, 300, 2.7, 0.1)
BENT = CTF(16500, 13000, 25, 300, 2.7, 0.1)
OVER = CTF(-12000, -14000, 70, 200, 2.0, 0.07)
PHASE = CTF(9000, 8500, 10, 300, 0.01, 0.1, 80)
PIXEL_SIZE = 1.6


def noise(ctf: CTF, shape: tuple[int, int] = (1400, 1800), pixel_size: float = PIXEL_SIZE) -> np.ndarray:
    """A specimen that scatters alike at all frequencies, seen by a lens, on a falling ground and under uneven light."""
    rng = np.random.default_rng(3)
    wave = scipy.fft.rfft2(rng.standard_normal(shape, np.float32))
    ground = scipy.fft.rfft2(rng.standard_normal(shape, np.float32))
    fy, fx = half_frequencies(shape, pixel_size)
    falling = np.exp(-np.hypot(fy, fx) / 0.08) + 0.3
    image = scipy.fft.irfft2(wave * transfer(ctf.lens, fy, fx) + ground * falling, s=shape)
    return (image + np.linspace(0, 20, shape[1])).astype(np.float32)


def at(spectrum: Spectrum, frequencies: np.ndarray) -> float:
    """The mean of the picture at these frequencies, y and x."""
    pixels = np.rint(frequencies / spectrum.step).astype(int) + SIDE // 2
    return float(spectrum.power[pixels[:, 0], pixels[:, 1]].mean())


@pytest.mark.parametrize("ctf", [ROUND, BENT, OVER, PHASE], ids=["round", "astigmatic", "overfocus", "phase plate"])
def test_the_power_is_low_at_the_zeros_and_high_between_them(ctf: CTF) -> None:
    spectrum = power_spectrum(noise(ctf), PIXEL_SIZE)
    rings = zeros(ctf, 5.0, 6)
    assert len(rings) >= 4
    for ring, following in pairwise(rings):
        assert at(spectrum, ring) + 0.3 < at(spectrum, np.sqrt((ring**2 + following**2) / 2) * np.sign(ring))


@pytest.mark.parametrize("ctf", [ROUND, BENT, OVER, PHASE])
def test_the_lens_lets_nothing_through_at_its_zeros_and_none_is_missing(ctf: CTF) -> None:
    rings = zeros(ctf, 5.0, 100)
    for ring in rings:
        fy, fx = (ring[:, axis].astype(np.float32) for axis in (0, 1))
        np.testing.assert_allclose(transfer(ctf.lens, fy, fx), 0, atol=1e-3)
    along = np.linspace(1e-4, rings[-1][0, 1] + 1e-4, 20000, dtype=np.float32)
    changes = np.count_nonzero(np.diff(np.sign(transfer(ctf.lens, np.zeros_like(along), along))))
    assert changes == len(rings)


def test_the_picture_is_like_the_model_and_turned_neither_way() -> None:
    spectrum = power_spectrum(noise(BENT), PIXEL_SIZE)
    made = model(BENT, spectrum)
    line = (np.arange(SIDE) - SIDE // 2) * spectrum.step
    away = np.hypot(line[:, None], line[None])
    used = (away > 1 / 15) & (away < 1 / 5)
    likeness, mirrored = (np.corrcoef(spectrum.power[used], of[used])[0, 1] for of in (made, made[:, ::-1]))
    assert likeness > 0.6
    assert mirrored < likeness - 0.2


def test_the_ground_is_even_without_rings() -> None:
    rng = np.random.default_rng(0)
    shape, pixel_size = (1500, 1500), 2.0
    fy, fx = half_frequencies(shape, pixel_size)
    image = scipy.fft.irfft2(scipy.fft.rfft2(rng.standard_normal(shape)) * np.exp(-np.hypot(fy, fx) / 0.06), s=shape)
    spectrum = power_spectrum(image.astype(np.float32), pixel_size)
    line = np.abs(spectrum.power[SIDE // 2 + 40, SIDE // 2 + 20 :].reshape(-1, 59).mean(axis=1))
    assert (line < 0.15).all()


@pytest.mark.parametrize(("pixel_size", "edge"), [(2.0, 4.0), (0.6, 3.0), (5.4, 10.8)])
def test_the_resolution_at_a_place_is_that_of_the_wave_there(pixel_size: float, edge: float) -> None:
    waves = 31.0 * pixel_size
    x = np.arange(1600) * pixel_size
    image = np.tile(np.sin(2 * np.pi * x / waves), (1500, 1)) + np.random.default_rng(1).normal(0, 1, (1500, 1600))
    spectrum = power_spectrum(image.astype(np.float32), pixel_size)
    assert spectrum.edge == pytest.approx(edge, rel=0.02)
    assert spectrum.nyquist == 2 * pixel_size
    right = spectrum.power[:, SIDE // 2 + 3 :]
    row, column = np.unravel_index(right.argmax(), right.shape)
    assert row == SIDE // 2
    assert spectrum.resolution(float(row), float(column + SIDE // 2 + 3)) == pytest.approx(waves, rel=0.06)


@pytest.mark.parametrize("shape", [(40, 700), (512, 512), (700, 300)])
def test_small_and_constant_images_have_a_spectrum(shape: tuple[int, int]) -> None:
    for image in (np.ones(shape, np.float32), np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)):
        spectrum = power_spectrum(image, 3.0)
        assert np.isfinite(spectrum.power).all()
        assert spectrum.limits[1] > spectrum.limits[0]


def test_a_large_micrograph_takes_less_than_a_second() -> None:
    image = np.random.default_rng(0).normal(0, 1, (4096, 4096)).astype(np.float32)
    start = time.process_time()
    power_spectrum(image, 1.0)
    assert time.process_time() - start < 1.0
