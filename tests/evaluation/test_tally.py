"""Counting by any rule of what may be the same particle, and how far figures would be off with other micrographs."""

from __future__ import annotations

import numpy as np
import pytest

from napari_drpnet.data import Frame, Picks
from napari_drpnet.evaluation.counting import f1_score, paired
from napari_drpnet.evaluation.curves import Sweep, precision_recall, sweep
from napari_drpnet.evaluation.resampling import averaged, curve_figures, draws_of, median_of, pooled, value_and_error
from napari_drpnet.evaluation.tally import by_distance, by_overlap, tally

FRAME = Frame("a", (400, 500), 2.0)


def scattered(count: int, seed: int) -> Picks:
    rng = np.random.default_rng(seed)
    yx = rng.uniform((0, 0), (399, 499), (count, 2))
    return Picks(FRAME, yx, rng.uniform(size=count).round(1), np.array(30.0))


def squares(*yx: tuple[float, float], side: float = 30.0) -> Picks:
    return Picks(FRAME, np.array(yx, float).reshape(-1, 2), np.array(0.5), np.array(side))


@pytest.mark.parametrize("seed", range(4))
def test_by_distance_it_counts_as_all_others_do(seed: int):
    picks, truth = scattered(150, seed), scattered(120, seed + 10)
    found = tally(picks, truth, by_distance(20), edge=25)
    known = paired(picks, truth, 20, edge=25)
    assert found.counts == known.counts
    np.testing.assert_allclose(np.sort(found.off), np.sort(known.pairs.distance[known.scored]))
    curve = sweep(picks.yx[known.picks], picks.score[known.picks], truth.yx[known.particles], 20)
    assert found.sweep is not None
    np.testing.assert_array_equal(found.sweep.found, curve.found)


@pytest.mark.parametrize(("shift", "right"), [((0, 10.0), 1), ((0, 10.01), 0), ((5, 5), 1), ((6, 6), 0)])
def test_boxes_must_overlap_by_half_of_what_they_cover(shift: tuple[float, float], right: int):
    """Of two equal squares of 30, moved along one side by 10, half of what they cover together is in both."""
    found = tally(squares((100 + shift[0], 100 + shift[1])), squares((100, 100)), by_overlap(0.5), edge=0)
    assert (found.counts.true, found.counts.false, found.counts.missed) == (right, 1 - right, 1 - right)


def test_a_second_box_on_a_particle_is_wrong_and_a_large_one_covers_nothing():
    twice = tally(squares((100, 100), (100, 103)), squares((100, 101)), by_overlap(0.5), edge=0)
    assert (twice.counts.true, twice.counts.false) == (1, 1)
    large = tally(squares((100, 100), side=50.0), squares((100, 100)), by_overlap(0.5), edge=0)
    assert (large.counts.true, large.counts.false, large.counts.missed) == (0, 1, 1)


def test_picks_without_scores_are_counted_and_have_no_curve():
    bare = Picks(FRAME, np.array([(100.0, 100.0)]))
    found = tally(bare, squares((100, 100)), by_distance(5), edge=0)
    assert found.counts.true == 1
    assert found.sweep is None


def sweeps(count: int = 6) -> list[Sweep]:
    rng = np.random.default_rng(3)
    made = []
    for size in rng.integers(5, 40, count):
        score = rng.uniform(size=size).round(1)  # many are equal
        made.append(Sweep(score, rng.uniform(size=size) < score, int(size)))
    return made


def test_curves_of_draws_are_those_of_the_micrographs_drawn():
    each = sweeps()
    area, best = curve_figures(each)
    for drawn in (np.ones(6), np.array([0, 2, 1, 0, 3, 0])):
        several = [one for one, times in zip(each, drawn.astype(int), strict=True) for _ in range(times)]
        curve = precision_recall(several)
        assert curve is not None
        assert area(drawn[None].astype(float)) == pytest.approx(curve.area)
        assert best(drawn[None].astype(float)) == pytest.approx(curve.best[0])


def test_the_error_of_a_mean_is_the_one_of_the_books():
    values = np.random.default_rng(1).normal(0.7, 0.1, 12)
    value, error = value_and_error(averaged(values), 12)
    assert value == pytest.approx(values.mean())
    assert error == pytest.approx(values.std(ddof=1) / np.sqrt(12), rel=0.06)


def test_counts_are_pooled_and_undefined_micrographs_left_out_of_means():
    counts = np.array([(8, 2, 0), (0, 0, 10), (30, 10, 10)], float)

    def f1(one: np.ndarray) -> np.ndarray:
        return f1_score(one[:, 0], one[:, 0] + one[:, 1], one[:, 0] + one[:, 2])

    assert value_and_error(pooled(counts, f1), 3)[0] == pytest.approx(76 / (50 + 58))
    assert value_and_error(averaged(np.array([0.5, np.nan, 1.0])), 3)[0] == pytest.approx(0.75)


def test_one_micrograph_tells_no_error_and_medians_are_of_all_values_together():
    assert np.isnan(value_and_error(averaged(np.array([0.5])), 1)[1])
    assert median_of([np.array([1.0, 2.0, 3.0]), np.array([9.0, 10.0])])(np.ones((1, 2))) == 3.0
    assert np.isnan(median_of([np.empty(0)])(np.ones((1, 1)))).all()
    assert (draws_of(5).sum(axis=1) == 5).all()
