"""Evaluation against the truth: the rules of one-to-one matching, as facts."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.evaluation import Evaluation, evaluate, match
from napari_drpnet.evaluation.curves import precision_recall, sweep
from napari_drpnet.io import read_picks

SHAPE = (400, 600)


def points(*yx: tuple[float, float], name: str = "a.mrc", shape: tuple[int, int] | None = None, **columns) -> Picks:
    return Picks(Frame(name, shape), np.array(yx, dtype=float).reshape(-1, 2), **columns)


def score(picks: Picks, truth: Picks, edge: float = 0) -> Evaluation:
    """At a radius of 10 px."""
    return evaluate([picks], [truth], diameter=20, pixel_size=1, edge=edge)


def counts(result: Evaluation) -> tuple[int, int, int]:
    return result.counts.true, result.counts.false, result.counts.missed


clouds = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=7).map(
    lambda yx: np.array(yx, dtype=float).reshape(-1, 2)
)


def best_by_trying_all(picks: np.ndarray, particles: np.ndarray, radius: float) -> tuple[int, float]:
    """Size and total distance of the best assignment, by brute force."""
    if len(picks) > len(particles):
        picks, particles = particles, picks
    best = (0, 0.0)
    for chosen in itertools.permutations(range(len(particles)), len(picks)):
        distance = np.linalg.norm(picks - particles[list(chosen)], axis=1)
        near = distance <= radius
        best = max(best, (int(near.sum()), -float(distance[near].sum())))
    return best[0], -best[1]


@settings(max_examples=60, deadline=None)
@given(clouds, clouds)
def test_matching_has_the_most_pairs_and_then_the_least_distance(picks, particles):
    found = match(picks, particles, radius=15)
    size, distance = best_by_trying_all(picks, particles, 15)
    assert len(found) == size
    assert found.distance.sum() == pytest.approx(distance)
    assert len(set(found.pick)) == len(set(found.particle)) == len(found)


@given(clouds, clouds)
def test_matching_is_the_same_seen_from_either_side(picks, particles):
    forth, back = match(picks, particles, 15), match(particles, picks, 15)
    assert len(forth) == len(back)
    assert forth.distance.sum() == pytest.approx(back.distance.sum())


@given(clouds, clouds, st.randoms(use_true_random=False))
def test_the_order_of_picks_does_not_matter(picks, particles, random):
    order = list(range(len(picks)))
    random.shuffle(order)
    value = np.linspace(1, 0, len(picks))
    one = score(Picks(Frame("a"), picks, value), Picks(Frame("a"), particles))
    other = score(Picks(Frame("a"), picks[order], value[order]), Picks(Frame("a"), particles))
    assert counts(one) == counts(other)
    assert one.area == other.area or (math.isnan(one.area) and math.isnan(other.area))


@given(clouds, clouds)
def test_every_pick_and_every_particle_is_counted_once(picks, particles):
    result = score(Picks(Frame("a"), picks), Picks(Frame("a"), particles))
    true, false, missed = counts(result)
    assert true + false == len(picks)
    assert true + missed == len(particles)
    (verdict,) = result.verdicts
    assert (len(verdict.true), len(verdict.false), len(verdict.missed)) == (true, false, missed)


@given(clouds.filter(len))
def test_perfect_picks_score_one(particles):
    result = score(Picks(Frame("a"), particles, score=0.9), Picks(Frame("a"), particles))
    assert result.counts.precision == result.counts.recall == result.counts.f1 == result.area == 1


@settings(max_examples=60, deadline=None)
@given(clouds, clouds, st.data())
def test_the_curve_counts_every_threshold_as_if_it_alone_were_evaluated(picks, particles, data):
    value = np.array(data.draw(st.lists(st.integers(0, 4), min_size=len(picks), max_size=len(picks)))) / 4
    curve = precision_recall([sweep(picks, value, particles, 15)])
    if not len(particles):
        assert curve is None
        return
    for threshold, precision, recall in zip(curve.threshold, curve.precision, curve.recall, strict=True):
        kept = picks[value >= threshold]
        found = len(match(kept, particles, 15))
        assert precision == pytest.approx(found / len(kept))
        assert recall == pytest.approx(found / len(particles))


def test_a_pick_exactly_half_a_diameter_away_is_right_and_one_further_is_wrong():
    truth = points((100, 100))
    assert counts(score(points((100, 110)), truth)) == (1, 0, 0)
    assert counts(score(points((100, 110.01)), truth)) == (0, 1, 1)


def test_a_duplicate_is_a_false_positive():
    assert counts(score(points((100, 100), (101, 100)), points((100, 100)))) == (1, 1, 0)


def test_the_nearest_particle_is_given_up_where_that_finds_one_more():
    assert counts(score(points((0, 10), (0, 18)), points((0, 2), (0, 11)))) == (2, 0, 0)


def test_background_points_do_not_count():
    picks = points((10, 10), (50, 50), label=["particle", "background"])
    assert counts(score(picks, points((10, 10)))) == (1, 0, 0)


def test_no_picks_have_no_precision_and_find_nothing():
    result = score(points(), points((1, 1)))
    assert math.isnan(result.counts.precision)
    assert result.counts.recall == result.counts.f1 == result.area == 0


def test_no_particles_have_no_recall_and_no_area():
    result = score(points((1, 1), score=0.5), points())
    assert result.counts.precision == 0
    assert math.isnan(result.counts.recall)
    assert math.isnan(result.area)


def test_picks_without_score_have_counts_but_no_area():
    result = score(points((10, 10), (90, 90), score=[0.5, np.nan]), points((10, 10)))
    assert counts(result) == (1, 1, 0)
    assert math.isnan(result.area)


def test_area_of_a_right_a_wrong_and_a_right_pick():
    picks = points((10, 10), (200, 200), (50, 50), score=[0.9, 0.8, 0.7])
    assert score(picks, points((10, 10), (50, 50))).area == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_counts_are_pooled_before_ratios_are_taken():
    easy = [points((i, i), name="easy.mrc") for i in (5,)]
    hard = [points(*((i * 30, 0) for i in range(9)), name="hard.mrc")]
    truth = [points((5, 5), name="easy.mrc"), points((300, 300), name="hard.mrc")]
    result = evaluate(easy + hard, truth, 20, 1)
    assert counts(result) == (1, 9, 1)
    assert result.counts.precision == 0.1


class TestEdgeBand:
    """Scored region: 50 px from every border."""

    def judge(self, picks: Picks, truth: Picks) -> tuple[int, int, int]:
        return counts(score(picks, truth, edge=50))

    def test_both_sides_are_left_out(self):
        truth = points((10, 10), (200, 200), shape=SHAPE)
        assert self.judge(points((350, 580), (200, 200)), truth) == (1, 0, 0)

    def test_the_first_and_the_last_scored_pixel_are_alike(self):
        truth = points((50, 50), (349, 549), (49, 49), (350, 550), shape=SHAPE)
        assert self.judge(points(), truth) == (0, 0, 2)

    def test_a_pick_inside_may_match_a_particle_in_the_band(self):
        assert self.judge(points((52, 200)), points((48, 200), shape=SHAPE)) == (0, 0, 0)

    def test_a_particle_inside_may_match_a_pick_in_the_band(self):
        assert self.judge(points((48, 200)), points((52, 200), shape=SHAPE)) == (0, 0, 0)

    def test_a_pair_inside_comes_before_a_nearer_pair_across_the_edge(self):
        truth = points((49, 200), (58, 200), shape=SHAPE)
        assert self.judge(points((51, 200)), truth) == (1, 0, 0)

    def test_a_duplicate_next_to_the_band_is_still_false(self):
        assert self.judge(points((52, 200), (53, 200)), points((48, 200), shape=SHAPE)) == (0, 1, 0)

    def test_it_needs_the_shape(self):
        with pytest.raises(UserError, match="--shape"):
            self.judge(points((52, 200)), points((48, 200)))


@pytest.mark.parametrize("shape", [SHAPE, None])
def test_upside_down_picks_are_noticed(shape):
    rng = np.random.default_rng(0)
    yx = rng.uniform((0, 0), SHAPE, (60, 2))
    yx[:2, 0] = 0, SHAPE[0] - 1
    truth = points(*yx, shape=shape)
    flipped = points(*np.column_stack([SHAPE[0] - 1 - yx[:, 0], yx[:, 1]]))
    assert score(flipped, truth).fits_better_flipped
    assert score(flipped, truth).flipped.f1 == 1
    assert not score(truth, truth).fits_better_flipped


def test_files_belong_together_by_the_name_of_the_micrograph():
    picks = [points((1, 1), name=name) for name in ("Micrographs/a.mrc", "b.mrc")]
    truth = [points((1, 1), name=name) for name in ("a.csv", "c.csv")]
    result = evaluate(picks, truth, 20, 1)
    assert [verdict.micrograph for verdict in result.verdicts] == ["Micrographs/a.mrc"]
    assert result.only_picks == ("b.mrc",)
    assert result.only_truth == ("c.csv",)


def test_nothing_in_common_is_an_error_that_shows_both_names():
    with pytest.raises(UserError, match=r"a.*b"):
        evaluate([points(name="a.mrc")], [points(name="b.mrc")], 20, 1)


def test_two_entries_of_one_micrograph_are_an_error():
    with pytest.raises(UserError, match="two entries"):
        evaluate([points(name="a.mrc"), points(name="a.mrc")], [points(name="a.mrc")], 20, 1)


def test_micrographs_of_one_name_are_told_apart_by_their_folders():
    here, there = points((5, 5), name="x/a.mrc"), points((60, 60), name="y/a.mrc")
    found = evaluate([here, there], [points((60, 60), name="lab/y/a"), points((5, 5), name="lab/x/a")], 20, 1)
    assert (found.counts.true, found.counts.false, found.counts.missed) == (2, 0, 0)
    with pytest.raises(UserError, match=r"truth: 'a' may be 'x/a.mrc', 'y/a.mrc'"):
        evaluate([here, there], [points(name="a")], 20, 1)


@pytest.mark.parametrize("name", ["a_topazpicks", "000012345678901234567_a_patch_aligned_doseweighted.mrc"])
def test_names_of_other_programs_are_understood(name):
    assert evaluate([points(name=name)], [points(name="Mics/a.mrc")], 20, 1).counts.false == 0


@pytest.mark.parametrize("diameter", [0, -1, math.nan])
def test_a_diameter_that_is_no_length_is_an_error(diameter):
    with pytest.raises(UserError, match="diameter"):
        evaluate([points()], [points()], diameter, 1)


def test_two_thousand_crowded_points_match_all_of_their_jittered_selves():
    rng = np.random.default_rng(1)
    truth = rng.uniform(0, 4096, (2000, 2))
    picks = truth + rng.uniform(-7, 7, (2000, 2))
    found = match(picks, truth, radius=108)
    assert len(found) == 2000


@pytest.mark.parametrize(
    ("micrograph", "f1"), [("14_33_35", 0.80), ("14_57_34", 0.75), ("15_07_41", 0.51), ("15_14_01", 0.79)]
)
def test_picks_of_the_drpnet_authors_score_as_is_known(shared: Path, micrograph: str, f1: float):
    """Their rows run the other way, and their pixels are three times larger (data/README.md)."""
    folder = shared / "data" / "10017"
    (theirs,) = read_picks(folder / "other_picks" / f"drpnet_{micrograph}.star")
    (truth,) = read_picks(folder / f"Falcon_2012_06_12-{micrograph}_0.csv")
    right_way = np.column_stack([4096 - 3 * theirs.yx[:, 0], 3 * theirs.yx[:, 1]])
    result = evaluate([Picks(truth.frame, right_way)], [truth], diameter=108, pixel_size=1)
    assert result.counts.f1 == pytest.approx(f1, abs=0.011)
    assert not result.fits_better_flipped
    as_written = evaluate([Picks(truth.frame, 3 * theirs.yx)], [truth], diameter=108, pixel_size=1)
    assert as_written.fits_better_flipped
