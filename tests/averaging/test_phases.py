"""Phases flipped, against the lens that shifted them; RELION's own signs are in tests/interop."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.fft

from napari_drpnet.averaging.phases import flipped, phase_sign
from napari_drpnet.io.ctf import CTF
from napari_drpnet.lens import Lens, wavelength
from napari_drpnet.simulation.optics import image_intensity

ASTIGMATIC = CTF(21000, 17000, 25, 300, 2.7, 0.1)


@pytest.mark.parametrize("shape", [(64, 64), (63, 50), (50, 63)])
def test_there_is_a_sign_for_each_frequency(shape: tuple[int, int]) -> None:
    sign = phase_sign(shape, 2.0, ASTIGMATIC)
    assert sign.shape == np.fft.rfft2(np.zeros(shape)).shape
    assert sign.dtype == np.float32
    assert set(np.unique(sign)) == {-1, 1}


def test_the_sign_changes_where_the_textbook_has_the_zeros() -> None:
    ctf, n = CTF(20000, 20000, 0, 300, 0, 0), 4096
    sign = phase_sign((4, n), 1.0, ctf)[0]
    zeros = np.sqrt(np.arange(1, 6) / (wavelength(300) * 20000)) * n
    changes = np.flatnonzero(np.diff(sign))[:5]
    np.testing.assert_array_equal(changes, np.floor(zeros))
    assert sign[0] == sign[1] == 1


def test_the_larger_defocus_lies_along_its_angle() -> None:
    """At 90 degrees it is along y, so that the first zero comes sooner there."""
    sign = phase_sign((512, 512), 1.0, replace(ASTIGMATIC, angle=90.0))
    along_x, along_y = np.argmax(sign[0] < 0), np.argmax(sign[:, 0] < 0)
    assert along_y < along_x
    turned = phase_sign((512, 512), 1.0, replace(ASTIGMATIC, angle=0.0))
    np.testing.assert_array_equal(turned[:256, :256], sign[:256, :256].T)


def test_at_45_degrees_it_is_where_x_and_y_grow_together() -> None:
    sign = phase_sign((512, 512), 1.0, replace(ASTIGMATIC, angle=45.0))
    down = np.array([sign[k, k] for k in range(1, 250)])
    up = np.array([sign[-k, k] for k in range(1, 250)])
    assert np.argmax(down < 0) < np.argmax(up < 0)


def test_a_phase_plate_of_a_quarter_turn_moves_the_first_zero() -> None:
    ctf, n = CTF(20000, 20000, 0, 300, 0, 0, phase_shift=90), 4096
    change = np.flatnonzero(np.diff(phase_sign((4, n), 1.0, ctf)[0]))[0]
    assert change == np.floor(np.sqrt(0.5 / (wavelength(300) * 20000)) * n)


def test_in_overfocus_particles_become_dark() -> None:
    sign = phase_sign((64, 64), 4.0, CTF(-15000, -15000, 0, 300, 2.7, 0))
    assert sign[0, 1] == sign[1, 0] == -1


def test_flipping_brings_back_what_the_lens_turned_over() -> None:
    """All that is left of a weak phase object is the CTF's amplitude: no frequency is of the wrong sign."""
    phase = 1e-3 * np.random.default_rng(0).standard_normal((128, 128)).astype(np.float32)
    lens = replace(ASTIGMATIC.lens, b_factor=50)
    seen = image_intensity(phase, lens, 3.0) - 1
    object_, before, after = (scipy.fft.rfft2(i) for i in (-phase, seen, flipped(seen, 3.0, ASTIGMATIC)))
    inner = np.ones(after.shape, bool)
    inner[0, 0] = inner[64] = inner[:, 64] = False  # the sign of a frequency at Nyquist is open

    def agreement(spectrum: np.ndarray) -> np.ndarray:
        strong = inner & (np.abs(spectrum) > 0.1 * np.abs(object_))
        return np.cos(np.angle(spectrum[strong] / object_[strong]))

    assert agreement(after).min() > 0.9
    assert agreement(before).min() < -0.9


def test_particles_stay_dark_and_become_compact() -> None:
    y, x = np.mgrid[-64:64, -64:64]
    phase = (0.05 * np.exp(-(y**2 + x**2) / 50)).astype(np.float32)
    ctf = CTF(15000, 15000, 0, 300, 2.7, 0.1)
    seen = image_intensity(phase, Lens(defocus=15000, b_factor=20), 2.0) - 1
    mended = flipped(seen, 2.0, ctf)
    assert mended[64, 64] < seen[64, 64] < 0
    inside = y**2 + x**2 < 15**2
    assert (
        np.square(mended[inside]).sum() / np.square(mended).sum()
        > np.square(seen[inside]).sum() / np.square(seen).sum()
    )


def test_twice_flipped_is_as_before() -> None:
    image = np.random.default_rng(1).standard_normal((61, 50)).astype(np.float32)
    sign = phase_sign(image.shape, 1.5, ASTIGMATIC)
    np.testing.assert_allclose(sign * sign, 1)
    inner = scipy.fft.rfft2(image)
    inner[:, 25] = 0
    image = scipy.fft.irfft2(inner, s=image.shape).astype(np.float32)
    twice = flipped(flipped(image, 1.5, ASTIGMATIC), 1.5, ASTIGMATIC)
    np.testing.assert_allclose(twice, image, atol=1e-5)
