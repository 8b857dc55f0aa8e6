"""The correlation of shells has the values that signal and noise of known strength must give."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import fft

from half_maps import halves, particle
from napari_drpnet.assessment.masking import soft_mask
from napari_drpnet.assessment.shells import HALF, Shells, correlate, crossing, last_shell, with_random_phases
from napari_drpnet.errors import UserError

RNG = np.random.default_rng(3)


def white(shape: tuple[int, ...], scale: float = 1.0) -> np.ndarray:
    return scale * RNG.standard_normal(shape, np.float32)


def up_to(shell: int, side: int, strength: float) -> np.ndarray:
    """White signal in the inner shells, and nothing beyond."""
    values = fft.rfftn(white((side,) * 3, strength))
    values[Shells((side,) * 3).index > shell] = 0
    return fft.irfftn(values, (side,) * 3).astype(np.float32)


@pytest.mark.parametrize("shape", [(48, 48, 48), (47, 47, 47), (40, 48, 56), (33, 40, 29)])
def test_white_signal_in_white_noise_has_the_same_correlation_everywhere(shape: tuple[int, ...]) -> None:
    signal = white(shape)
    found = correlate(signal + white(shape, 0.5), signal + white(shape, 0.5), 2.0)
    assert found.frequency[-1] == pytest.approx(0.25, rel=0.04)
    assert len(found.unmasked) == max(shape) // 2 + 1
    outer = slice(8, None)
    np.testing.assert_allclose(found.unmasked[outer], 1 / 1.25, atol=0.06)
    assert found.ssnr_of_half[outer].mean() == pytest.approx(4, rel=0.05)
    assert found.ssnr[outer].mean() == pytest.approx(8, rel=0.05)


def test_resolution_is_where_the_signal_ends() -> None:
    signal = up_to(15, 60, 2.0)
    found = correlate(signal + white(signal.shape), signal + white(signal.shape), 2.0)
    assert found.shell_resolution() == pytest.approx(120 / 15)
    assert 120 / 16 < found.resolution() < 120 / 15
    assert 120 / 16 < found.resolution(HALF) < 120 / 15
    assert not found.reaches_nyquist


def test_a_tight_mask_makes_maps_agree_and_random_phases_show_how_much() -> None:
    signal = up_to(10, 64, 6.0)
    zyx = np.indices(signal.shape) - 32
    mask = (np.sqrt((zyx**2).sum(axis=0)) < 6).astype(np.float32)
    found = correlate(signal + white(signal.shape), signal + white(signal.shape), 2.0, mask)
    assert found.masked is not None
    assert found.corrected is not None
    assert found.randomised_from == pytest.approx(128 / 11)
    beyond = slice(14, 20)
    assert found.masked[beyond].mean() > 0.25, "although nothing but noise is there"
    assert found.corrected[beyond].mean() < 0.5 * found.masked[beyond].mean()
    assert found.by_mask_alone > 0.1


def test_a_soft_mask_takes_noise_away() -> None:
    clean = particle()
    first, second = halves(clean, 0.6)
    mask = np.clip(clean / np.quantile(clean, 0.98), 0, 1)
    without, within = correlate(first, second, 3.0), correlate(first, second, 3.0, mask)
    assert within.resolution() < without.resolution()
    np.testing.assert_array_equal(within.unmasked, without.unmasked)


@pytest.mark.parametrize("noise", [0.1, 0.4])
def test_at_0143_the_mean_of_both_halves_correlates_by_a_half_with_the_truth(noise: float) -> None:
    clean = particle(64, 1.0)
    first, second = halves(clean, noise)
    mask = soft_mask(first, second, 3.0).values
    truth = correlate((first + second) / 2, clean, 3.0, mask)
    assert correlate(first, second, 3.0, mask).resolution() == pytest.approx(truth.resolution(HALF), rel=0.05)


def test_random_phases_are_the_same_for_a_seed_and_keep_amplitudes() -> None:
    volume = white((24, 24, 24))
    first, again, other = (with_random_phases(volume, 5, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    before, after = fft.rfftn(volume), fft.rfftn(first)
    inner, beyond = Shells(volume.shape).index < 5, Shells(volume.shape).index > 5
    np.testing.assert_allclose(after[inner], before[inner], atol=1e-2)
    np.testing.assert_allclose(np.abs(after[beyond]), np.abs(before[beyond]), atol=1e-2)
    assert abs(np.corrcoef(np.angle(after[beyond]), np.angle(before[beyond]))[0, 1]) < 0.1


def test_where_a_curve_crosses() -> None:
    frequency = np.arange(6) / 60
    assert crossing(frequency, np.array([1, 0.9, 0.6, 0.4, 0.6, 0.1]), 0.5) == pytest.approx(60 / 2.5)
    assert last_shell(frequency, np.array([1, 0.9, 0.6, 0.4, 0.6, 0.1]), 0.5) == pytest.approx(30)
    assert crossing(frequency, np.ones(6), 0.5) == pytest.approx(12)
    assert np.isinf(crossing(frequency, np.array([1, 0.1, 0.9, 0.9, 0.9, 0.9]), 0.5))


@pytest.mark.parametrize(
    ("first", "second", "mask", "said"),
    [
        (white((20, 20, 20)), white((20, 20, 22)), None, "20 x 20 x 20 and 20 x 20 x 22 px.*one size"),
        (white((20, 20)), white((20, 20)), None, "two volumes"),
        (white((8, 8, 8)), white((8, 8, 8)), None, "at least 16 px"),
        (np.ones((20, 20, 20), np.float32), white((20, 20, 20)), None, "same value everywhere"),
        (1e20 * white((20, 20, 20)), white((20, 20, 20)), None, "cannot be counted with"),
        (1e-20 * white((20, 20, 20)), white((20, 20, 20)), None, "cannot be counted with"),
        (white((20, 20, 20)), white((20, 20, 20)), np.ones((18, 18, 18), np.float32), "18 x 18 x 18 px.*mask of their"),
    ],
)
def test_what_is_no_pair_of_half_maps_is_refused(
    first: np.ndarray, second: np.ndarray, mask: np.ndarray | None, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        correlate(first, second, 2.0, mask)


def test_one_map_twice_is_refused() -> None:
    volume = white((20, 20, 20))
    with pytest.raises(UserError, match="are the same"):
        correlate(volume, volume.copy(), 2.0)
