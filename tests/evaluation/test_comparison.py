"""Sets of picks side by side: standings, agreement, and what a user is told."""

from __future__ import annotations

import math

import numpy as np
import pytest

from crowded import RADIUS as CROWDED_RADIUS
from crowded import SCORES, crowded
from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.evaluation import evaluate
from napari_drpnet.evaluation.comparison import compare, disagreements
from napari_drpnet.evaluation.counting import Counts, count, f1_score

RADIUS = 10.0
TRUTH = ((40, 50), (40, 150), (130, 60), (110, 160))


def picks(yx, score=np.nan, name: str = "a.mrc", shape: tuple[int, int] | None = (180, 200), **columns) -> Picks:
    return Picks(Frame(name, shape), np.array(yx, dtype=float).reshape(-1, 2), np.array(score), **columns)


GOOD = picks(TRUTH, [0.9, 0.8, 0.7, 0.6])
BAD = picks([*TRUTH[:2], (90, 20)], [0.3, 0.2, 0.9])
KNOWN = picks(TRUTH)


def test_names_keep_their_order_and_each_two_are_a_pair():
    result = compare({"z": [GOOD], "a": [BAD], "m": [KNOWN]}, RADIUS)
    assert [standing.name for standing in result.standings] == ["z", "a", "m"]
    assert [(pair.first, pair.second) for pair in result.pairs] == [("z", "a"), ("z", "m"), ("a", "m")]
    assert all(standing.evaluation is None for standing in result.standings)
    assert result.warnings == ()


def test_a_standing_has_what_the_evaluation_says():
    result = compare({"bad": [BAD], "truth": [KNOWN]}, RADIUS, truth="truth")
    bad, truth = result.standings
    assert bad.evaluation.counts == evaluate([BAD], [KNOWN], RADIUS, 1, 1).counts
    assert bad.area == bad.evaluation.area
    assert (truth.evaluation, truth.picks) == (None, 4)


def test_the_best_f1_is_over_all_thresholds():
    mixed = picks([*TRUTH, (90, 20), (20, 90)], [0.9, 0.8, 0.7, 0.6, 0.2, 0.1])
    (standing, _) = compare({"mixed": [mixed], "truth": [KNOWN]}, RADIUS, truth="truth").standings
    assert standing.best_f1 == 1
    assert standing.best_threshold == 0.6
    assert standing.evaluation.counts.f1 == pytest.approx(0.8)


def test_where_particles_are_close_f1_counts_the_best_assignment():
    yx, score, particles = crowded()
    assert count(yx, particles, CROWDED_RADIUS) == Counts(2, 0, 0)
    sets = {"close": [picks(yx, score)], "truth": [picks(particles)]}
    result = compare(sets, CROWDED_RADIUS, truth="truth")
    standing = result.standings[0]
    assert (standing.evaluation.counts.f1, standing.best_f1, standing.best_threshold) == (1, 1, SCORES[1])
    assert standing.curve.f1_at(SCORES[0]) == pytest.approx(2 / 3)
    assert result.pairs[0].f1 == 1


def test_f1_without_anything_to_count_is_not_a_number():
    assert math.isnan(f1_score(0, 0, 0))
    assert f1_score(0, 3, 0) == 0
    assert f1_score(np.array([1.0, 0.0]), np.array([1.0, 0.0]), 1).tolist() == [1, 0]
    assert f1_score(0.5, 0.75, 1) == pytest.approx(4 / 7)


def test_curves_are_over_every_candidate_where_they_are_given():
    shown = GOOD.select(GOOD.score >= 0.75)
    sets = {"good": [shown], "truth": [KNOWN]}
    (plain, _) = compare(sets, RADIUS, truth="truth").standings
    (whole, _) = compare(sets, RADIUS, truth="truth", every={"good": [GOOD]}).standings
    assert (plain.best_f1, whole.best_f1) == (pytest.approx(2 / 3), 1)
    assert whole.evaluation.counts == plain.evaluation.counts
    assert whole.picks == 2


def test_without_scores_there_is_no_curve():
    (standing, _) = compare({"one": [picks(TRUTH)], "truth": [KNOWN]}, RADIUS, truth="truth").standings
    assert standing.curve is None
    assert math.isnan(standing.best_f1)
    assert standing.evaluation.counts.f1 == 1


def test_a_set_without_a_common_micrograph_is_told_and_the_others_are_scored():
    sets = {"good": [GOOD], "other": [picks(TRUTH, name="b.mrc")], "truth": [KNOWN]}
    result = compare(sets, RADIUS, truth="truth")
    assert [standing.evaluation is not None for standing in result.standings] == [True, False, False]
    assert any("other has no micrograph in common with truth" in line for line in result.warnings)


def test_missing_micrographs_are_named():
    result = compare({"good": [GOOD, picks([], name="b.mrc")], "bad": [BAD]}, RADIUS)
    assert [line for line in result.warnings if "bad has no picks of b.mrc (1 of 2 micrographs)" in line]


def test_a_set_upside_down_is_told_once():
    upside_down = picks([(179 - y, x) for y, x in TRUTH], 0.5)
    two = compare({"flipped": [upside_down], "good": [GOOD]}, RADIUS)
    assert len(two.warnings) == 1
    assert "flipped fits good better when turned upside down" in two.warnings[0]
    three = compare({"good": [GOOD], "flipped": [upside_down], "known": [KNOWN]}, RADIUS)
    assert len(three.warnings) == 1
    assert "flipped fits good, known better when turned upside down" in three.warnings[0]


def test_of_two_sides_the_truths_is_the_right_way_up():
    upside_down = picks([(179 - y, x) for y, x in TRUTH], 0.5)
    sets = {"good": [GOOD], "one": [upside_down], "two": [upside_down], "three": [upside_down], "truth": [KNOWN]}
    (warning,) = compare(sets, RADIUS, truth="truth").warnings
    assert "one, two, three fit good, truth better when turned upside down" in warning


def test_picks_outside_and_micrographs_of_another_size_are_told():
    binned = picks(np.array(TRUTH) / 2, 0.5, shape=(90, 100))
    warnings = " ".join(compare({"binned": [binned], "good": [GOOD]}, RADIUS).warnings)
    assert "a.mrc has 90 x 100 and 180 x 200 pixels (1 of 1 micrographs)" in warnings
    outside = picks([(20, 30), (500, 30)], 0.5)
    (warning,) = compare({"out": [outside], "good": [GOOD]}, RADIUS).warnings
    assert "out: 1 of 2 picks lie outside their micrograph (a.mrc)" in warning


@pytest.mark.parametrize(("options", "about"), [({"radius": 0}, "radius"), ({"truth": "x"}, "named 'x'")])
def test_what_cannot_be_is_an_error(options, about):
    with pytest.raises(UserError, match=about):
        compare({"good": [GOOD]}, **{"radius": RADIUS} | options)


def test_disagreements_are_the_picks_of_one_set_only_best_first():
    only = disagreements(GOOD, BAD, RADIUS)
    assert only.tolist() == [[90, 20], [130, 60], [110, 160]]
    assert len(disagreements(GOOD, GOOD, RADIUS)) == 0
    assert disagreements(picks([(5, 5)]), picks([]), RADIUS).tolist() == [[5, 5]]
