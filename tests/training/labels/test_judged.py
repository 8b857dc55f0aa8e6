"""What labels say about a picker: how far its probabilities are off, and F1 on labels that were left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from crowded import RADIUS, crowded
from napari_drpnet.evaluation.counting import f1_score
from napari_drpnet.training.labels.belief import Belief, Sampled
from napari_drpnet.training.labels.judged import (
    UNCHANGED,
    JudgedCandidates,
    cross_validate,
    direction,
    f1,
    fit_line,
    judge,
    sampled,
)


def candidates(n: int, off: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Margins that are too low by ``off``, and which candidates are particles: the surer, the likelier."""
    rng = np.random.default_rng(seed)
    margin = np.where(rng.random(n) < 0.5, rng.normal(2.5, 1.5, n), rng.normal(-2.5, 1.5, n))
    return margin - off, rng.random(n) < expit(margin)


def judged_candidates(
    margin: np.ndarray, particle: np.ndarray, complete: bool = True, name: str = "a"
) -> JudgedCandidates:
    yx = np.random.default_rng(1).uniform(0, 1000, (len(margin), 2))
    return JudgedCandidates(name, yx, margin, particle, np.zeros(len(margin), bool), yx[particle], 0.1, complete)


def belief(margin: np.ndarray, particle: np.ndarray, background: Any = None, seen: float = np.inf) -> Belief:
    none = np.zeros(len(margin), bool)
    return Belief(Sampled(margin, particle, none if background is None else background, margin >= seen))


def some(which: np.ndarray, count: int, seed: int) -> np.ndarray:
    """A mask of so many of them, at random."""
    chosen = np.zeros(len(which), bool)
    chosen[np.random.default_rng(seed).choice(np.flatnonzero(which), count, replace=False)] = True
    return chosen


def crossing(line: tuple[float, float]) -> float:
    """The margin at which a calibration says one half."""
    return -line[1] / line[0]


@pytest.mark.parametrize(("off", "labelled"), [(0.0, 50), (2.0, 20), (2.0, 200), (-1.5, 100)])
def test_a_few_labels_tell_how_far_probabilities_are_off(off: float, labelled: int):
    found = []
    for seed in range(6):
        margin, particle = candidates(1000, off, seed)
        told = belief(margin, some(particle, labelled, seed))
        found.append(crossing(told.line))
        assert 0.7 * particle.sum() < told.particles < 1.4 * particle.sum()
    assert abs(np.mean(found) + off) < 0.9


def test_without_labels_nothing_is_shifted():
    margin, particle = candidates(300, 2.0)
    assert belief(margin, some(particle, 4, 0)).line == UNCHANGED
    assert belief(np.empty(0), np.empty(0, bool)).line == UNCHANGED


def test_judged_picks_say_more_than_particles_alone():
    margin, particle = candidates(1000, -2.0)
    seen = some(margin >= 0, 60, 1)
    told = belief(margin, seen & particle, seen & ~particle, 0.0)
    assert abs(crossing(told.line) - 2) < 0.8
    assert told.f1(margin >= 0).error < belief(margin, seen & particle, None, 0.0).f1(margin >= 0).error


def test_labels_of_missed_particles_do_not_overshoot():
    margin, particle = candidates(1000, 2.0)
    found = belief(margin, some(particle & (margin < 0), 40, 0), None, 0.0)
    assert -3 < crossing(found.line) < 0
    assert found.particles < 1.4 * particle.sum()


SAMPLES = {
    "particles": lambda margin, particle, seed: (some(particle, 35, seed), particle & False),
    "picks judged": lambda margin, particle, seed: (
        (judged := some(margin >= 0, 35, seed)) & particle,
        judged & ~particle,
    ),
    "corrected": lambda margin, particle, seed: (
        some(particle & (margin >= 0), 18, seed) | some(particle & (margin < 0), 7, seed),
        some(~particle & (margin >= 0), 10, seed),
    ),
}


@pytest.mark.parametrize("how", SAMPLES)
@pytest.mark.parametrize("off", [-1.0, 0.0, 1.0])
def test_f1_told_from_35_labels_is_near_the_truth_and_its_error_is_honest(how: str, off: float):
    """Also where labels are not an even sample: on average within 0.05, each within twice the error that is told."""
    differences, within = [], []
    for seed in range(8):
        margin, particle = candidates(1500, off, seed)
        told = belief(margin, *SAMPLES[how](margin, particle, seed), 0.0)
        for chosen in (margin >= 0, margin >= crossing(told.line)):
            truth = f1_score(float((chosen & particle).sum()), float(chosen.sum()), float(particle.sum()))
            found = told.f1(chosen)
            differences.append(found.f1 - truth)
            within.append(abs(found.f1 - truth) < 2 * found.error)
    assert abs(np.mean(differences)) < 0.05
    assert np.mean(np.abs(differences)) < 0.05
    assert np.max(np.abs(differences)) < 0.15
    assert np.mean(within) >= 0.9


def test_complete_labels_fit_slope_and_shift_and_beat_the_old_calibration():
    margin, particle = candidates(1000, 2.0)
    both = [judged_candidates(margin[:500], particle[:500]), judged_candidates(margin[500:], particle[500:], name="b")]
    (slope, offset), count = fit_line(both)
    assert 0.7 < slope < 1.3
    assert 1.3 < offset < 2.6
    assert count == particle.sum()
    verdict = cross_validate(both)
    assert not verdict.estimated
    assert verdict.after > verdict.before + 0.05
    assert verdict.before == pytest.approx(f1(both, UNCHANGED))


def test_one_micrograph_is_cross_validated_by_its_sides():
    margin, particle = candidates(600, 2.0)
    verdict = cross_validate([judged_candidates(margin, particle)])
    assert verdict.after > verdict.before


def test_an_estimate_comes_near_the_truth():
    margin, particle = candidates(1000, 2.0)
    all_labels = [judged_candidates(margin, particle)]
    told = sampled(all_labels, 100, np.random.default_rng(0))
    verdict = cross_validate(told)
    assert verdict.estimated
    assert verdict.before == pytest.approx(f1(all_labels, UNCHANGED), abs=0.1)
    assert verdict.after == pytest.approx(f1(all_labels, fit_line(told)[0]), abs=0.1)


def test_too_few_labels_cannot_be_judged():
    margin, particle = candidates(300, 2.0)
    assert cross_validate(sampled([judged_candidates(margin, particle)], 6, np.random.default_rng(0))) is None
    assert cross_validate([]) is None


def test_a_classifier_that_knows_more_counts_and_one_that_guesses_does_not():
    margin, particle = candidates(800, 0.0)
    rng = np.random.default_rng(0)
    one = [judged_candidates(margin, particle)]
    telling, _ = direction(one, [np.where(particle, 2.0, -2.0) + rng.normal(0, 1, 800)])
    guessing, _ = direction(one, [rng.normal(0, 1, 800)])
    assert telling > 0.5
    assert abs(guessing) < 0.3


def test_candidates_where_nobody_looked_are_left_out():
    yx = np.array([[5.0, 50], [50, 50], [50, 20]])
    particles = np.stack(np.meshgrid(np.arange(30, 80, 10.0), np.arange(30, 80, 10.0)), -1).reshape(-1, 2)
    found = judge("a", yx, np.ones(3), particles, np.empty((0, 2)), 4, (100, 100), True)
    assert found.yx.tolist() == [[50, 50]]
    assert found.particle.all()
    assert found.lost == 24
    sample = judge("a", yx, np.ones(3), particles, np.array([[50.0, 21]]), 4, (100, 100), False)
    assert len(sample) == 3
    assert sample.background.tolist() == [False, False, True]


def test_where_particles_are_close_f1_counts_the_best_assignment():
    yx, score, particles = crowded(9)
    none, shape = np.empty((0, 2)), (700, 100)
    both = [judge(name, yx, score, particles, none, RADIUS, shape, True) for name in "ab"]
    assert [int(j.particle.sum()) for j in both] == [9, 9]  # a calibration takes the better half only
    assert [j.lost for j in both] == [9, 9]
    assert f1(both, UNCHANGED) == 1
    assert cross_validate(both).before == 1
    assert f1([both[0].between(0)], UNCHANGED) == 1


def test_a_part_of_a_micrograph_has_its_own_candidates_and_labels():
    yx = np.array([[50.0, 20], [50, 49], [50, 80]])
    particles = np.array([[50.0, 21], [50, 51], [50, 80], [50, 90]])
    whole = judge("a", yx, np.ones(3), particles, np.empty((0, 2)), 4, (100, 100), True)
    left, right = whole.between(0, 50), whole.between(50)
    assert (left.yx.tolist(), left.labelled.tolist(), left.lost) == ([[50, 20]], [[50, 21]], 0)
    assert (right.yx.tolist(), right.labelled.tolist(), right.lost) == ([[50, 80]], [[50, 80], [50, 90]], 1)
