"""The lens against textbook values and analytic limits."""

import numpy as np
import pytest
import scipy.fft
from hypothesis import given
from hypothesis import strategies as st

from napari_drpnet.simulation.optics import Lens, aberration, ctf, frequencies, image_intensity, interaction, wavelength


@pytest.mark.parametrize(("voltage", "expected"), [(100, 0.03701), (200, 0.02508), (300, 0.01969)])
def test_wavelength_is_the_textbooks(voltage: float, expected: float) -> None:
    assert wavelength(voltage) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("voltage", "expected"), [(100, 9.244e-4), (200, 7.288e-4), (300, 6.526e-4)])
def test_interaction_is_the_textbooks(voltage: float, expected: float) -> None:
    assert interaction(voltage) == pytest.approx(expected, rel=1e-3)


def test_first_zero_of_the_ctf_lies_where_defocus_puts_it() -> None:
    lens = Lens(defocus=20000, cs=0, amplitude_contrast=0, b_factor=0)
    zero = np.float32(1 / np.sqrt(wavelength(300) * 20000))
    f = np.array([0.98, 1.0, 1.02], dtype=np.float32)[None, :] * zero
    below, at, above = ctf(lens, np.zeros((1, 1), np.float32), f)[0]
    assert at == pytest.approx(0, abs=1e-3)
    assert below < 0 < above


def test_ctf_begins_at_the_amplitude_contrast() -> None:
    zero = np.zeros((1, 1), np.float32)
    assert ctf(Lens(amplitude_contrast=0.07), zero, zero)[0, 0] == pytest.approx(-0.07)


@given(angle=st.floats(0, np.pi), difference=st.floats(0, 2000))
def test_astigmatism_changes_defocus_along_and_across_its_axis(angle: float, difference: float) -> None:
    lens = Lens(defocus=15000, astigmatism=difference, astigmatism_angle=angle, cs=0)

    def phase(direction: float) -> float:
        fy, fx = 0.05 * np.sin(direction), 0.05 * np.cos(direction)
        return float(aberration(lens, np.array([[fy]], np.float32), np.array([[fx]], np.float32))[0, 0])

    unit = np.pi * wavelength(300) * 0.05**2
    assert phase(angle) == pytest.approx(unit * (15000 + difference / 2), rel=1e-4)
    assert phase(angle + np.pi / 2) == pytest.approx(unit * (15000 - difference / 2), rel=1e-4)


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
