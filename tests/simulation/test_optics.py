"""The electron wave against textbook values and analytic limits."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.fft
from hypothesis import given
from hypothesis import strategies as st

from napari_drpnet.lens import Lens, ctf, frequencies, wavelength
from napari_drpnet.settings import SimulationSettings
from napari_drpnet.simulation import simulate_one
from napari_drpnet.simulation.filters import radial_spectrum
from napari_drpnet.simulation.optics import image_intensity, interaction, slab_heights


@pytest.mark.parametrize(("voltage", "expected"), [(100, 9.244e-4), (200, 7.288e-4), (300, 6.526e-4)])
def test_interaction_is_the_textbooks(voltage: float, expected: float) -> None:
    assert interaction(voltage) == pytest.approx(expected, rel=1e-3)


def test_nothing_images_as_one() -> None:
    image = image_intensity(np.zeros((64, 64), np.float32), Lens(), 2.0)
    np.testing.assert_allclose(image, 1, atol=1e-5)


def test_a_weak_phase_is_imaged_through_the_ctf() -> None:
    phase = 1e-3 * np.random.default_rng(0).standard_normal((128, 128)).astype(np.float32)
    lens = Lens(astigmatism=400, astigmatism_angle=0.4)
    expected = 2 * scipy.fft.fft2(phase) * ctf(lens, *frequencies(phase.shape, 3.0))
    actual = scipy.fft.fft2(image_intensity(phase, lens, 3.0) - 1)
    for spectrum in (expected, actual):
        spectrum[0, 0] = 0  # the envelope leaves the unscattered wave alone
        spectrum[64] = spectrum[:, 64] = 0  # at Nyquist the sign of a frequency, and so its azimuth, is open
    assert np.abs(actual - expected).max() < 0.02 * np.abs(expected).max()


def test_particles_are_dark_in_underfocus() -> None:
    y, x = np.mgrid[-64:64, -64:64]
    phase = (0.2 * np.exp(-(y**2 + x**2) / 200)).astype(np.float32)
    image = image_intensity(phase, Lens(defocus=15000), 4.0)
    assert image[64, 64] < 0.97
    assert image[0, 0] == pytest.approx(1, abs=0.01)


def test_height_adds_to_the_defocus_of_what_lies_there() -> None:
    phase = 1e-3 * np.random.default_rng(0).standard_normal((2, 128, 128)).astype(np.float32)
    lens = Lens(defocus=10000)
    seen = scipy.fft.fft2(image_intensity(phase, lens, 2.0, (-400.0, 250.0)) - 1)
    grid = frequencies((128, 128), 2.0)
    expected = 2 * sum(
        scipy.fft.fft2(part) * ctf(replace(lens, defocus=10000 + height), *grid)
        for part, height in zip(phase, (-400, 250), strict=True)
    )
    for spectrum in (seen, expected):
        spectrum[0, 0] = 0
    assert np.abs(seen - expected).max() < 0.02 * np.abs(expected).max()


@given(height=st.floats(-500, 500))
def test_height_moves_the_zero_as_computed(height: float) -> None:
    lens = Lens(defocus=12000, cs=0, amplitude_contrast=0, b_factor=0)
    shape, pixel_size, k = (4, 1024), 1.0, 1024 // 16
    zero_at = 1 / (wavelength(300) * (k / 1024) ** 2)  # defocus whose first zero is the k-th frequency
    x = np.arange(1024, dtype=np.float32)
    wave = np.broadcast_to(1e-3 * np.cos(2 * np.pi * k * x / 1024), shape).astype(np.float32)
    focused = replace(lens, defocus=zero_at - height)
    slabs = np.stack([np.zeros_like(wave), wave])
    contrast = np.ptp(image_intensity(slabs, focused, pixel_size, (height - 100, height))) / 4e-3
    assert contrast < 5e-3
    off = np.ptp(image_intensity(slabs, replace(focused, defocus=zero_at), pixel_size, (height - 100, height))) / 4e-3
    assert off == pytest.approx(abs(np.sin(np.pi * height / zero_at)), abs=5e-3)


def test_as_many_slabs_as_the_picture_can_tell_apart() -> None:
    assert len(slab_heights(600, Lens(), 4.5)) == 1
    fine = slab_heights(600, Lens(b_factor=60), 1.0)
    assert len(fine) > 2
    np.testing.assert_allclose(fine, -fine[::-1], atol=1e-9)
    thinner = fine[1] - fine[0]
    finest = min(0.5, np.sqrt(4 * np.log(10) / 60))
    assert np.pi * wavelength(300) * thinner * finest**2 <= np.pi / 2


def test_thon_rings_of_a_simulated_micrograph_lie_where_defocus_puts_them() -> None:
    off = dict.fromkeys(("contamination", "carbon", "defects", "processed", "astigmatism"), 0)
    settings = SimulationSettings(
        size=768, pixel_size=2.0, empty=1, defocus=(1.5, 1.5), dose=(400, 400), structural_noise=(10, 10), views=1,
        b_factor=(60, 60), ice=(1000, 1000), voltage=(300,), amplitude_contrast=(0.07, 0.07), **off,
    )  # fmt: skip
    power = radial_spectrum(simulate_one(settings, 0).micrograph.image, 129)
    f = np.linspace(0, 0.25, 129).astype(np.float32)
    response = np.abs(ctf(Lens(defocus=15000, amplitude_contrast=0.07), np.zeros((1, 1), np.float32), f[None])[0])
    dips = [k for k in range(8, 120) if response[k] < response[k - 1] and response[k] <= response[k + 1]][:4]
    assert len(dips) == 4
    for k in dips:
        near = slice(k - 4, k + 5)
        assert abs(int(np.argmin(power[near])) - 4) <= 1
