"""The efficiency of views whose answer is known: from closed forms, and from sums that are made another way."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import ive

from napari_drpnet.assessment.efficiency import efficiency
from napari_drpnet.assessment.orientations import copies, point_group
from napari_drpnet.errors import UserError

C1 = point_group("C1")
DIAMETER, B_FACTOR = 150.0, 100.0
ACROSS = 4 * np.pi**2 / B_FACTOR


def uniform(n: int, seed: int = 0) -> np.ndarray:
    found = np.random.default_rng(seed).normal(size=(n, 3))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def belt(n: int, seed: int = 0) -> np.ndarray:
    """Views from all sides, none from above or below."""
    rot = np.random.default_rng(seed).uniform(0, 2 * np.pi, n)
    return np.stack([np.cos(rot), np.sin(rot), np.zeros(n)], axis=1)


def cones(n: int, angle: float = 30.0, seed: int = 0) -> np.ndarray:
    """Views from above and below, and no further from there than an angle."""
    rng = np.random.default_rng(seed)
    z, rot = 1 - rng.uniform(0, 1 - np.cos(np.deg2rad(angle)), n), rng.uniform(0, 2 * np.pi, n)
    return np.stack(
        [np.sqrt(1 - z**2) * np.cos(rot), np.sqrt(1 - z**2) * np.sin(rot), z * rng.choice([-1, 1], n)], axis=1
    )


def value_of(width, cuts: int = 400) -> float:
    """The efficiency from widths by the angle from the axis z, integrated over the sphere."""
    cosines = (np.arange(cuts) + 0.5) / cuts
    widths = np.array([width(float(cosine)) for cosine in cosines])
    return float(1 - 2 * widths.std() / widths.mean())


def test_views_from_everywhere_resolve_all_directions_alike():
    found = efficiency(uniform(100_000), C1, DIAMETER, B_FACTOR, resamples=8)
    assert found.value > 0.995
    # Half of the maximum of Dawson's function over x is at 1.0642.
    assert found.mean == pytest.approx(2 * 1.0642 / np.sqrt(ACROSS), rel=0.003)


def test_views_along_a_great_circle_are_as_a_bessel_function_has_them():
    """Rods in a plane: exp(-y) I0(y) in it, with y half the square of the radius there; a Gaussian across it."""

    def width(cosine: float) -> float:
        within = ACROSS * (1 - cosine**2)

        def left(radius: float) -> float:
            return float(np.exp(-ACROSS * (radius * cosine) ** 2) * ive(0, within * radius**2 / 2) - 0.5)

        return 2 * brentq(left, 1e-6, 50)

    found = efficiency(belt(50_000), C1, DIAMETER, B_FACTOR)
    assert found.value == pytest.approx(value_of(width), abs=0.01)
    assert found.best == pytest.approx(width(1.0), rel=0.02)
    assert found.worst == pytest.approx(width(0.0), rel=0.02)
    assert 0.68 < found.value < 0.74


def test_two_cones_are_as_the_sum_of_their_rods():
    """The sum over the cone, written as an integral over it, by another program."""
    least = np.cos(np.deg2rad(30))

    def width(cosine: float) -> float:
        sine = np.sqrt(1 - cosine**2)

        def height(radius: float) -> float:
            def ring(z: float) -> float:
                # Angle between the direction and the rods of a ring: a + b cos(phi); its square averaged by I0.
                phi = (np.arange(64) + 0.5) * np.pi / 64
                along = cosine * z + sine * np.sqrt(1 - z**2) * np.cos(phi)
                return float(np.exp(-ACROSS * radius**2 * (1 - along**2)).mean())

            return quad(ring, least, 1, epsabs=1e-6)[0] / (1 - least)

        return 2 * brentq(lambda radius: height(radius) - 0.5, 0.1, 100, rtol=1e-4)

    found = efficiency(cones(50_000), C1, DIAMETER, B_FACTOR)
    assert found.value == pytest.approx(value_of(width, 40), abs=0.03)
    assert found.worst > 2.5 * found.best


def test_one_view_resolves_nothing_along_it():
    found = efficiency(np.tile([[0.0, 0.0, 1.0]], (50, 1)), C1, DIAMETER, B_FACTOR)
    assert found.value == 0
    assert found.worst > 5 * found.best


def test_a_rod_is_what_a_slice_with_its_b_factor_becomes():
    """The width across a single view, by the transform of its slice on a grid."""
    box, pixel = 128, 0.5
    k = np.fft.fftfreq(box, pixel)
    seen = np.fft.fftshift(np.fft.ifft2(np.exp(-B_FACTOR * (k[:, None] ** 2 + k**2) / 4)).real)[box // 2]
    right = seen[box // 2 :] / seen.max()
    at = np.interp(-0.5, -right, np.arange(len(right))) * pixel
    found = efficiency(np.tile([[0.0, 0.0, 1.0]], (50, 1)), C1, DIAMETER, B_FACTOR)
    assert found.best == pytest.approx(2 * at, rel=0.01)


@pytest.mark.parametrize("kind", [uniform, cones])
def test_it_does_not_depend_on_the_number_of_particles(kind):
    true = efficiency(kind(200_000), C1, DIAMETER, B_FACTOR, resamples=4).value
    few = [efficiency(kind(400, seed=seed), C1, DIAMETER, B_FACTOR, seed) for seed in range(5)]
    assert np.mean([one.value for one in few]) == pytest.approx(true, abs=0.015)
    assert max(abs(one.value - true) / one.error for one in few) < 4
    assert max(one.error for one in few) < 0.03


def test_symmetry_fills_what_is_not_seen():
    group = point_group("O")
    found = efficiency(cones(2000, 15), group, DIAMETER, B_FACTOR)
    spread = efficiency(copies(cones(2000, 15), group).reshape(-1, 3), C1, DIAMETER, B_FACTOR, resamples=4)
    assert found.value > 0.9 > 0.3 > efficiency(cones(2000, 15), C1, DIAMETER, B_FACTOR, resamples=4).value
    assert found.value == pytest.approx(spread.value, abs=0.02)


def test_the_b_factor_sets_widths_and_hardly_the_efficiency():
    sharp, blunt = (efficiency(cones(5000), C1, DIAMETER, b, resamples=4) for b in (50.0, 200.0))
    assert blunt.mean == pytest.approx(2 * sharp.mean, rel=0.01)
    assert blunt.value == pytest.approx(sharp.value, abs=0.01)


def test_few_particles_are_refused():
    with pytest.raises(UserError, match="too few"):
        efficiency(uniform(9), C1, DIAMETER, B_FACTOR)
