import numpy as np
import pytest

from napari_drpnet.assessment.bfactor import fit_b_factor
from napari_drpnet.errors import UserError

NUMBERS = np.array([1200.0, 2400, 4800, 9600, 19200, 38400])


def resolutions(b_factor: float, start: float = 8.0, scatter: float = 0.0, seed: int = 0) -> np.ndarray:
    """As B-factor and the resolution of the fewest particles have them."""
    noise = scatter * np.random.default_rng(seed).normal(size=len(NUMBERS))
    return (start**-2.0 + 2 / b_factor * np.log(NUMBERS / NUMBERS[0]) + noise) ** -0.5


def test_b_factor_is_two_by_the_slope():
    found = fit_b_factor(NUMBERS, resolutions(150.0))
    assert found.value == pytest.approx(150)
    assert found.error == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(found.resolution_of(NUMBERS), resolutions(150.0))
    # exp(B / 2 d^2) times as many particles for the same step: a figure of Rosenthal and Henderson's formula.
    assert found.resolution_of(NUMBERS[:1] * np.exp(150 / 2 * (1 / 16 - 1 / 64)))[0] == pytest.approx(4)


def test_its_error_is_how_far_it_is_off():
    found = [fit_b_factor(NUMBERS, resolutions(150.0, scatter=0.001, seed=seed)) for seed in range(300)]
    off = np.array([one.slope - 2 / 150 for one in found])
    told = np.array([one.slope_error for one in found])
    assert off.std() == pytest.approx(np.sqrt((told**2).mean()), rel=0.15)
    assert all(one.error == pytest.approx(one.value * one.slope_error / one.slope) for one in found)


def test_what_pixels_limit_is_left_out():
    limited = np.maximum(resolutions(100.0), 4.0)
    found = fit_b_factor(NUMBERS, limited, 4.0)
    assert found.used.tolist() == (limited > 4.2).tolist()
    assert not found.used.all()
    assert found.value == pytest.approx(100)
    assert fit_b_factor(NUMBERS, limited).value > 110


@pytest.mark.parametrize(
    ("numbers", "found", "told"),
    [
        ([1000, 2000], [8, 7], "there are 2"),
        ([1000, 1000, 2000, 2000], [8, 8.1, 7, 7.1], "there are 2"),
        ([1000, 2000, 4000], [8, np.nan, 7], "no positive number"),
        ([1000, 2000, 4000], [8, -1, 7], "no positive number"),
        ([0, 2000, 4000], [8, 7.5, 7], "less than one particle"),
        ([1000, 2000, 4000], [7, 7.5, 8], "does not grow"),
    ],
)
def test_what_tells_no_b_factor_is_refused(numbers: list[float], found: list[float], told: str):
    with pytest.raises(UserError, match=told):
        fit_b_factor(np.array(numbers, float), np.array(found, float))
