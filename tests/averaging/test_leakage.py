"""What a particle lends to candidates on its rim."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from napari_drpnet.averaging.leakage import RIM, leak, nearest_surer, rim_places, without


def test_the_nearest_surer_candidate_is_found_and_the_surest_has_none():
    yx = np.array([[0, 0], [0, 0.6], [0, 1.1], [0, 0.2], [5, 5], [5, 5 + RIM + 0.01]])
    distance, nearest = nearest_surer(yx)
    assert nearest.tolist() == [-1, 0, 1, 0, -1, -1]
    assert np.allclose(distance, [np.inf, 0.6, 0.5, 0.2, np.inf, np.inf])


@pytest.mark.parametrize("n", [0, 1])
def test_few_candidates_have_no_neighbour(n: int):
    yx = np.zeros((n, 2))
    assert nearest_surer(yx)[1].tolist() == [-1] * n
    assert rim_places(yx, np.array([9.0, 9.0]), 10, 0).shape == (0, 2)


def test_places_are_as_far_from_a_candidate_as_others_are_and_clear_of_the_surest():
    rng = np.random.default_rng(0)
    surest = np.stack(np.meshgrid(np.arange(2, 20, 2.0), np.arange(2, 20, 2.0)), -1).reshape(-1, 2)
    on_rims = np.concatenate([surest, surest + np.array([0.6, 0])])
    free = rng.uniform(0, 20, (81, 2))
    yx = np.concatenate([on_rims, free[cKDTree(on_rims).query(free)[0] > RIM]])
    places = rim_places(yx, np.array([20.0, 20.0]), 60, 1)
    assert 50 < len(places) <= 60
    apart = cKDTree(surest).query(places)[0]
    assert (apart > 0.499).all()
    assert np.mean(np.isclose(apart, 0.6)) > 0.8
    assert np.array_equal(rim_places(yx, np.array([20.0, 20.0]), 60, 1), places)


def test_places_do_not_lie_outside_the_micrograph():
    yx = np.array([[0.6, 5.0], [0.6, 5.6], [9, 9], [9, 8.4]])
    for seed in range(20):
        places = rim_places(yx, np.array([10.0, 10.0]), 9, seed)
        assert ((places >= 0.5) & (places <= 9.5)).all()


def test_what_is_lent_is_the_mean_of_many_and_never_less_than_nothing():
    seen = np.random.default_rng(1).normal(0.3, 1, 4000)
    assert leak(seen) == pytest.approx(0.3, abs=0.05)
    assert leak(np.append(seen, np.nan)) == leak(seen)
    assert leak(-seen) == 0
    assert leak(seen[:20]) == 0


def test_it_is_taken_from_those_on_a_rim_alone():
    yx = np.array([[0, 0], [0, 0.6], [3, 3]])
    assert np.allclose(without(np.array([2.0, np.nan, 1.0]), yx, 0.5), [2.0, np.nan, 1.0], equal_nan=True)
    assert np.allclose(without(np.array([2.0, 0.7, 1.0]), yx, 0.5), [2.0, 0.2, 1.0])
