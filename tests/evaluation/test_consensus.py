"""The consensus of several pickers: each particle once, whatever the order of the sets."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.evaluation import match
from napari_drpnet.evaluation.consensus import comparable, consensus

RADIUS = 10.0

point = st.tuples(st.integers(0, 60), st.integers(0, 60), st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]))
clouds = st.lists(point, max_size=7)
several = st.lists(clouds, min_size=1, max_size=4)


def picks(yx, score=0.5, **columns) -> Picks:
    return Picks(Frame("a.mrc"), np.array(yx, dtype=float).reshape(-1, 2), np.array(score), **columns)


def named(sets) -> dict[str, Picks]:
    return {f"set{i}": picks([(y, x) for y, x, _ in one], [score for *_, score in one]) for i, one in enumerate(sets)}


def same(one: Picks, other: Picks) -> bool:
    return (
        np.array_equal(one.yx, other.yx)
        and np.array_equal(one.score, other.score)
        and one.source.tolist() == other.source.tolist()
    )


@given(several, st.randoms(use_true_random=False), st.integers(1, 4))
def test_neither_the_order_of_the_sets_nor_that_of_their_picks_matters(sets, random, at_least):
    at_least = min(at_least, len(sets))
    mixed = list(named([random.sample(one, len(one)) for one in sets]).items())
    random.shuffle(mixed)
    assert same(consensus(named(sets), RADIUS, at_least), consensus(dict(mixed), RADIUS, at_least))


@given(several)
def test_no_two_are_within_the_radius(sets):
    found = consensus(named(sets), RADIUS)
    apart = np.linalg.norm(found.yx[:, None] - found.yx[None], axis=2) + np.diag([np.inf] * len(found))
    assert (apart > RADIUS).all()


@given(several)
def test_at_least_one_is_the_union_without_duplicates(sets):
    """Nothing is lost: every pick has its particle, or one that stood in its way, near it."""
    found, everything = consensus(named(sets), RADIUS), np.array([(y, x) for one in sets for y, x, _ in one])
    for place in everything:
        assert np.linalg.norm(found.yx - place, axis=1).min() <= 2 * RADIUS
    assert len(found) <= len(everything)


@given(several)
def test_at_least_all_is_in_every_set(sets):
    found = consensus(named(sets), RADIUS, at_least=len(sets))
    for one in named(sets).values():
        assert len(match(found.yx, one.yx, RADIUS)) == len(found)


@given(several)
def test_each_set_counts_once_in_a_particle(sets):
    for source in consensus(named(sets), RADIUS).source:
        assert len(source.split("+")) == len(set(source.split("+")))


def test_position_and_score_are_weighted_means_and_an_absent_set_counts_zero():
    sets = {"b": picks([(0, 0)], 0.9), "a": picks([(0, 4)], 0.3), "c": picks([])}
    found = consensus(sets, RADIUS, at_least=2)
    assert found.yx.tolist() == [[0, pytest.approx(1)]]
    assert found.score.tolist() == [pytest.approx(0.4)]
    assert found.source.tolist() == ["a+b"]


def test_weights_say_whose_word_counts():
    sets = {"a": picks([(0, 0)], 0.5), "b": picks([(0, 4)], 0.5)}
    found = consensus(sets, RADIUS, weights={"a": 3})
    assert found.yx.tolist() == [[0, pytest.approx(1)]]
    silent = consensus(sets, RADIUS, weights={"b": 0})
    assert silent.yx.tolist() == [[0, 0]]
    assert silent.score.tolist() == [0.5]


def test_picks_in_a_row_are_not_one_particle():
    """Neighbours are near each other, the ends are not: the nearest pair is joined, the third stays alone."""
    sets = {"a": picks([(0, 0)], 0.9), "b": picks([(0, 8)], 0.9), "c": picks([(0, 15)], 0.9)}
    found = consensus(sets, RADIUS)
    assert sorted(found.source.tolist()) == ["a", "b+c"]


def test_scores_that_are_no_probabilities_count_one():
    sets = {"a": picks([(0, 0), (50, 50)], [5.3, -2.0]), "b": picks([(0, 4)], np.nan), "c": picks([(0, 2)], 0.4)}
    found = consensus(sets, RADIUS)
    assert found.source.tolist() == ["a+b+c", "a"]
    assert found.score.tolist() == [pytest.approx(0.8), pytest.approx(1 / 3)]


def test_a_whole_set_is_comparable_or_none_of_it():
    entries = [picks([(0, 0)], 0.2), picks([(0, 0)], 7.0)]
    assert [entry.score.tolist() for entry in comparable(entries)] == [[1], [1]]
    assert comparable(entries[:1])[0] is entries[0]


def test_background_does_not_count_and_the_diameter_is_the_median_of_those_known():
    sets = {
        "a": picks([(0, 0), (50, 50)], label=np.array(["particle", "background"]), diameter=np.array([20.0, 20.0])),
        "b": picks([(0, 0)], diameter=np.array(30.0)),
        "c": picks([(0, 0)]),
    }
    found = consensus(sets, RADIUS)
    assert len(found) == 1
    assert found.diameter.tolist() == [25]


def test_nothing_in_nothing_out():
    found = consensus({"a": picks([]), "b": picks([])}, RADIUS, at_least=2)
    assert len(found) == 0
    assert found.frame.micrograph == "a.mrc"


@pytest.mark.parametrize(
    ("options", "about"),
    [
        ({"at_least": 3}, "at least 3 of 2"),
        ({"at_least": 0}, "at least 0 of 2"),
        ({"radius": 0}, "radius"),
        ({"weights": {"d": 1}}, "which is no set"),
        ({"weights": {"a": -1}}, "weight"),
        ({"weights": {"a": 0, "b": 0}}, "weight"),
    ],
)
def test_what_cannot_be_is_an_error(options, about):
    with pytest.raises(UserError, match=about):
        consensus({"a": picks([]), "b": picks([])}, **{"radius": RADIUS} | options)


def test_five_sets_of_ten_thousand_take_well_under_a_second():
    random = np.random.default_rng(0)
    places = random.uniform(0, 4000, (10_000, 2))
    sets = {
        name: picks(places + random.normal(0, 3, places.shape), random.uniform(0, 1, len(places))) for name in "abcde"
    }
    start = time.process_time()
    found = consensus(sets, RADIUS, at_least=3)
    assert time.process_time() - start < 3  # 0.6 s where nothing else runs
    assert 5000 < len(found) < 10_000
