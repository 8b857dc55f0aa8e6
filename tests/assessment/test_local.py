"""Local resolution is better where the particle is finer or its noise weaker."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from half_maps import halves, particle
from napari_drpnet.assessment.local import LocalResolution, Sphere, local_resolution
from napari_drpnet.errors import UserError
from napari_drpnet.steps import drained

SPHERE = Sphere(step=12, radius=9, edge=9, randomised_from=25, worst=40)


def measured(first: np.ndarray, second: np.ndarray, mask: np.ndarray, sphere: Sphere = SPHERE) -> LocalResolution:
    return drained(local_resolution(first, second, 3.0, mask, sphere))


def test_a_blurred_side_has_worse_resolution() -> None:
    clean = particle(sigma=0.8)
    mask = (ndimage.gaussian_filter(clean, 3) > 0.01).astype(np.float32)
    left = np.arange(48) < 24
    uneven = np.where(left, ndimage.gaussian_filter(clean, 3), clean)
    found = measured(*halves(uneven, 0.02), mask)
    inside = mask > 0.5
    assert (found.values[~inside] == 0).all()
    assert (found.values[inside] > 0).mean() > 0.95
    worse, better = (np.median(found.values[:, :, side][inside[:, :, side]]) for side in (np.s_[:20], np.s_[28:]))
    assert worse > 1.25 * better
    assert found.values.max() <= SPHERE.worst * 1.001
    assert found.values[found.values > 0].min() >= 6 * 0.999, "Nyquist"
    low, middle, high = found.quantiles(0.1, 0.5, 0.9)
    assert low < middle < high


def test_noise_has_the_worst_resolution() -> None:
    first, second = halves(np.zeros((48, 48, 48), np.float32), 1.0)
    found = measured(first, second, np.ones_like(first))
    assert np.median(found.values[found.values > 0]) > 20


def test_steps_tell_how_far_they_are() -> None:
    first, second = halves(particle(), 0.1)
    parts = list(local_resolution(first, second, 3.0, np.ones_like(first), SPHERE))
    assert parts[0] == 0
    assert parts[-1] == 1
    assert parts == sorted(parts)
    assert len(parts) > 50


def test_a_sphere_that_does_not_fit_is_told() -> None:
    first, second = halves(particle(), 0.1)
    for sphere in (Sphere(12, 90, 9, 25, 40), Sphere(12, 9, 1e6, 25, 40)):
        with pytest.raises(UserError, match=r"is wider than the maps, 144 A"):
            measured(first, second, np.ones_like(first), sphere)
    corner = np.zeros_like(first)
    corner[:2, :2, :2] = 1
    with pytest.raises(UserError, match="radius of 9 A finds no place"):
        measured(first, second, corner, Sphere(12, 9, 9, 25, 40))


def test_nothing_is_resolved_better_than_pixels_allow() -> None:
    first, second = halves(particle(), 0.1)
    with pytest.raises(UserError, match=r"nothing finer than 6 A.*is to be 5 A"):
        measured(first, second, np.ones_like(first), Sphere(12, 9, 9, 25, 5))
