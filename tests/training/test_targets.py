"""What a detector is to make of an image: cones that keep apart, and the distance transform of one mask."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_drpnet.training.targets import cones, distances


def _one(kind, yx, side, stride=1, *, radius):
    """The target of one crop with particles at some places."""
    return kind(torch.tensor(yx, dtype=torch.float32).reshape(1, -1, 2), side, stride, radius=radius)[0].numpy()


@settings(max_examples=30)
@given(st.floats(10, 50), st.floats(10, 50), st.sampled_from([1, 2]))
def test_the_target_is_highest_at_the_particle_and_0_beyond_it(y, x, stride):
    target = _one(cones, [[y, x]], 64, stride, radius=8)
    top = np.array(np.unravel_index(target.argmax(), target.shape))
    assert np.abs((top + 0.5) * stride - 0.5 - (y, x)).max() <= stride / 2 + 1e-5
    rows, columns = np.indices(target.shape) * stride + (stride - 1) / 2
    assert (target[np.hypot(rows - y, columns - x) >= 8] == 0).all()
    assert target.max() <= 1


def test_particles_beyond_the_border_shine_in_or_do_nothing():
    target = _one(cones, [[-3.0, 5.0], [200.0, 5.0]], 32, radius=8)
    assert target[0, 5] == pytest.approx(1 - 3 / 8)
    assert target[20:].max() == 0


def test_the_distance_at_the_centre_of_a_single_disc_is_its_radius():
    target = _one(distances, [[30.0, 34.0]], 64, radius=18)
    assert np.unravel_index(target.argmax(), target.shape) == (30, 34)
    assert target.max() == pytest.approx(18, abs=1)
    rows, columns = np.indices(target.shape)
    away = np.hypot(rows - 30, columns - 34)
    assert (target[away > 18] == 0).all()
    assert np.allclose(target[away < 17], 18 - away[away < 17], atol=1)


def test_discs_that_touch_are_one_hill_with_a_ridge():
    """Between two cones there is a valley; the distance transform of the union stays high from centre to centre."""
    yx = [[40.0, 30.0], [40.0, 50.0]]
    ridge, valley = (_one(kind, yx, 80, radius=16)[40, 30:51] for kind in (distances, cones))
    assert valley[10] < 0.4 * valley[0]
    assert ridge.min() > 0.75 * ridge.max()
    assert ridge[10] == pytest.approx((16**2 - 10**2) ** 0.5, abs=1)  # to where the discs meet


def test_the_distance_in_a_crop_is_that_of_the_whole_image():
    """Also where particles beyond the border reach in, and for a network whose map is smaller than its image."""
    yx = np.random.default_rng(0).uniform(0, 200, (30, 2))
    whole = _one(distances, yx, 200, radius=14)
    crop = _one(distances, yx - (60, 40), 64, radius=14)
    assert np.array_equal(crop, whole[60:124, 40:104])
    half = _one(distances, yx, 200, 2, radius=14)
    assert np.abs(half - whole.reshape(100, 2, 100, 2).mean((1, 3))).max() < 3


@pytest.mark.parametrize("kind", [cones, distances])
def test_without_particles_the_target_is_0(kind):
    far = [[-1e6, -1e6]]  # what fills up the places of a crop with fewer particles than its neighbours
    assert not _one(kind, far, 32, radius=8).any()


@pytest.mark.parametrize("kind", [cones, distances])
def test_crops_of_a_batch_know_nothing_of_each_other(kind):
    yx = np.random.default_rng(0).uniform(0, 64, (3, 4, 2))
    together = kind(torch.from_numpy(yx), 64, 2, radius=8).numpy()
    assert np.array_equal(together, np.stack([_one(kind, at, 64, 2, radius=8) for at in yx]))
