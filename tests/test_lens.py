"""The lens against textbook values and analytic limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_drpnet.lens import Lens, aberration, ctf, envelope, frequencies, half_frequencies, wavelength


@pytest.mark.parametrize(("voltage", "expected"), [(100, 0.03701), (200, 0.02508), (300, 0.01969)])
def test_wavelength_is_the_textbooks(voltage: float, expected: float) -> None:
    assert wavelength(voltage) == pytest.approx(expected, abs=1e-5)


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


def test_the_envelope_is_a_gaussian_of_the_b_factor() -> None:
    f = np.array([[0.0, 0.05, 0.2]], np.float32)
    damped = envelope(Lens(b_factor=150), np.zeros((1, 1), np.float32), f)
    np.testing.assert_allclose(damped, np.exp(-150 * f**2 / 4), rtol=1e-5)


def test_a_phase_plate_gives_full_contrast_at_low_resolution() -> None:
    zero = np.zeros((1, 1), np.float32)
    with_plate = ctf(Lens(amplitude_contrast=0.07, phase_shift=np.pi / 2), zero, zero)[0, 0]
    assert with_plate == pytest.approx(-np.sqrt(1 - 0.07**2), abs=1e-5)


def test_the_ctf_is_that_of_torch_ctf() -> None:
    import torch_ctf

    lens = Lens(defocus=15000, astigmatism=300, astigmatism_angle=0.4, b_factor=0, phase_shift=0.5)
    # torch-ctf's astigmatism is half the difference, and its angle starts at the other axis than its text says
    theirs = torch_ctf.calculate_ctf_2d(
        1.5, 0.015, np.rad2deg(0.4), 300.0, 2.7, 0.1, np.rad2deg(0.5), 2.0, (256, 256), rfft=False, fftshift=False
    ).numpy()
    ours = -ctf(lens, *frequencies((256, 256), 2.0))
    inner = np.ones((256, 256), bool)
    inner[128] = inner[:, 128] = False  # the sign of a frequency at Nyquist is open
    np.testing.assert_allclose(ours[inner], theirs[inner], atol=2e-3)


@pytest.mark.parametrize("shape", [(6, 8), (5, 7)])
def test_half_of_the_frequencies_are_those_of_a_real_image(shape: tuple[int, int]) -> None:
    (fy, fx), (hy, hx) = frequencies(shape, 1.5), half_frequencies(shape, 1.5)
    np.testing.assert_array_equal(hy, fy)
    np.testing.assert_array_equal(hx, np.abs(fx[:, : shape[1] // 2 + 1]))
