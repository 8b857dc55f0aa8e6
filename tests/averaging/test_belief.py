"""What a picker's probabilities are worth before evidence, and with it, on small exact cases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from napari_drpnet.averaging.belief import Belief, believed, corrected

PROBABILITY = np.array([0.02, 0.1, 0.3, 0.6, 0.9])


def test_before_evidence_the_probabilities_are_the_best_guess_and_the_sure_ones_are_surest():
    before = believed(PROBABILITY)
    assert expit(before.logits) == pytest.approx(PROBABILITY)
    drawn = before.drawn()
    assert drawn.shape == (1024, 5)
    assert ((drawn > 0) & (drawn < 1)).all()
    assert np.median(drawn, axis=0) == pytest.approx(PROBABILITY, abs=0.03)
    assert drawn.std(0)[[0, -1]].max() < drawn.std(0)[2]


def test_probabilities_of_0_and_1_have_a_belief():
    assert np.isfinite(believed(np.array([0.0, 1.0])).drawn()).all()


def test_exact_shares_are_taken_as_they_are():
    share = np.array([0.01, 0.2, 0.25, 0.7, 0.8])
    after = corrected(believed(PROBABILITY), share, 1e-6 * np.eye(5))
    assert expit(after.logits) == pytest.approx(share, abs=0.01)
    assert after.drawn().std(0).max() < 0.01


def test_shares_that_say_nothing_change_nothing():
    before = believed(PROBABILITY)
    after = corrected(before, np.array([0.9, 0.1, 0.9, 0.1, 0.5]), 1e4 * np.eye(5))
    assert after.logits == pytest.approx(before.logits, abs=0.01)
    assert after.covariance == pytest.approx(before.covariance, abs=0.01)


def test_one_share_moves_its_neighbours_the_same_way():
    before = believed(PROBABILITY)
    error = np.diag([1e4, 1e4, 0.05**2, 1e4, 1e4])
    up, down = (corrected(before, np.full(5, share), error).logits - before.logits for share in (0.6, 0.1))
    assert (up > 0).all()
    assert (down < 0).all()
    assert up[2] == pytest.approx(logit(0.6) - logit(0.3), abs=0.2)


def test_of_two_shares_as_sure_the_middle_is_believed():
    after = corrected(Belief(np.zeros(1), np.full((1, 1), 0.01)), np.array([0.6]), np.full((1, 1), 0.01 / 16))
    assert expit(after.logits[0]) == pytest.approx(0.55, abs=0.003)
