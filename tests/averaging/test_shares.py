"""The statistics of evidence, on small exact cases and on populations of which the truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import yaml

from napari_drpnet.averaging import statistics
from napari_drpnet.averaging.shares import (
    Estimate,
    Shares,
    measured_shares,
    unmeasured_shares,
)
from populations import Population, given


def estimates(expected):
    each = (expected.number, expected.precision, expected.recall, expected.f1)
    return np.array([one.value for one in each]), np.array([one.error for one in each])


class TestStatistics:
    def test_bounded_evidence_of_noise_is_even_and_of_clear_particles_one(self):
        assert statistics.bounded(np.array([0.0, 8.0, -8.0])) == pytest.approx([0, 1, -1])
        assert statistics.bounded(np.array([1.0])) + statistics.bounded(np.array([-1.0])) == pytest.approx(0)

    def test_rising_pools_what_falls_and_begins_at_zero(self):
        found = statistics.rising(np.array([-0.3, 0.4, 0.2, 0.9]), np.array([1.0, 1.0, 3.0, 1.0]))
        assert found == pytest.approx([0, 0.25, 0.25, 0.9])

    def test_equal_probabilities_are_in_one_bin(self):
        probability = np.repeat([0.1, 0.2, 0.9], [300, 301, 200])
        bins = statistics.binned(probability, np.zeros(801), np.arange(801) % 5)
        assert bins.count.tolist() == [300, 301, 200]
        assert bins.probability == pytest.approx([0.1, 0.2, 0.9])

    def test_share_is_evidence_over_that_of_the_surest_where_all_are_as_clear(self):
        seen = np.array([[0.0, 0.2, 0.4]])
        found = statistics.share_of(seen, np.full(3, 100.0), np.array([0.8]), np.zeros(1), 1.0)
        assert found == pytest.approx(np.array([[0.0, 0.4, 0.8]]))

    def test_shares_of_fading_particles_come_back(self):
        share, count, fainter = np.array([[0.1, 0.3, 0.6, 0.9]]), np.full(4, 100.0), np.array([0.6])
        clarity = statistics.clarity_of(share, count, fainter)
        seen = share * statistics.bounded(clarity * 1.5 / np.sqrt(2))
        assert clarity[0, -1] == 1
        assert (np.diff(clarity) > 0).all()
        found = statistics.share_of(seen, count, np.array([0.9]), fainter, 0.0)
        assert found == pytest.approx(share, abs=0.01)

    def test_signs_of_clear_particles_tell_the_share_of_the_surest(self):
        evidence = np.where(np.arange(1000) % 50 == 0, -1.0, 5.0)
        bins = statistics.binned(np.linspace(0, 1, 1000), evidence, np.arange(1000) % 7)
        share, error = statistics.top_share(bins)
        assert 0.96 <= share <= 1
        assert error < 0.02

    def test_micrographs_that_differ_make_errors_larger(self):
        probability, micrograph = np.linspace(0, 1, 2000), np.arange(2000) % 20
        noise = np.random.default_rng(0).standard_normal(2000)
        _, error = statistics.binned(probability, noise, micrograph).top
        differing = noise + 2 * np.random.default_rng(1).standard_normal(20)[micrograph]
        assert statistics.binned(probability, differing, micrograph).top[1] > 1.5 * error


class TestGates:
    def sentence(self, shares):
        assert not shares.significant
        assert shares.reason.endswith(".")
        assert len(shares.reason) > 20
        return shares.reason

    def test_nothing_one_and_few_candidates_are_too_few(self):
        for n in (0, 1, 39):
            shares = measured_shares(np.linspace(0.1, 0.9, n), np.full(n, 9.0), np.zeros(n, int))
            assert f"Too few candidates to measure evidence: {n}," in self.sentence(shares)

    def test_what_was_not_measured_does_not_count(self):
        evidence = np.full(100, np.nan)
        evidence[:10] = 5
        shares = measured_shares(np.linspace(0, 1, 100), evidence, np.zeros(100, int))
        assert "10, and at least 40" in self.sentence(shares)

    def test_equal_probabilities_have_no_surest(self):
        shares = measured_shares(np.full(500, 0.7), np.full(500, 3.0), np.arange(500) % 5)
        assert "the same probability" in self.sentence(shares)

    def test_noise_is_not_significant_whatever_its_probabilities(self):
        for seed in range(100):
            noise = Population(seed, share=0, each=200)
            assert "cannot be told from that of noise" in self.sentence(noise.shares())

    def test_noise_that_differs_between_micrographs_is_not_significant(self):
        for seed in range(50):
            noise = Population(seed, share=0, each=100)
            noise.evidence += np.random.default_rng(seed).normal(0, 0.1, 12)[noise.micrograph]
            assert not noise.shares().significant

    def test_without_evidence_the_probabilities_count_and_no_error_is_known(self):
        shares = unmeasured_shares("Nothing was measured.")
        probability = np.array([0.9, 0.6, 0.2])
        assert shares.probability(probability).tolist() == probability.tolist()
        assert shares.probability(probability, np.array([9.0, -9.0, 9.0])).tolist() == probability.tolist()
        expected = shares.expected(probability, 0.5)
        value, error = estimates(expected)
        assert value == pytest.approx([1.7, 0.75, 1.5 / 1.7, 3 / 3.7])
        assert np.isnan(error).all()
        # Expected F1 is 0.667, 0.811 and 0.723 of one, two and three picks.
        assert shares.threshold(probability) == pytest.approx(0.4)


class TestQuestions:
    def test_probability_follows_the_curve_and_keeps_the_order(self):
        shares = given([0.0, 0.6, 0.6])
        own = shares.probability(np.array([0.25, 0.6, 0.8]))
        assert own == pytest.approx([0.3, 0.6, 0.6], abs=0.002)
        assert own[1] < own[2]

    def test_expected_figures_are_sums(self):
        shares = given([0.2, 0.2, 0.8], knots=(0.0, 0.5, 0.6))
        value, error = estimates(shares.expected(np.repeat([0.2, 0.7], [100, 50]), 0.5))
        assert value == pytest.approx([60, 0.8, 2 / 3, 80 / 110], rel=0.01)
        # What is left is chance: each candidate is a particle or not.
        assert error[0] == pytest.approx(math.sqrt(150 * 0.16), rel=0.02)
        assert error[1] == pytest.approx(math.sqrt(0.16 / 50), rel=0.02)

    def test_an_error_of_the_curve_is_one_of_the_figures(self):
        probability = np.repeat([0.2, 0.7], [10000, 5000])
        _, error = estimates(given([0.2, 0.2, 0.8], (0.0, 0.5, 0.6), spread=0.05).expected(probability, 0.5))
        assert error[0] == pytest.approx(0.05 * 15000, rel=0.02)
        assert error[1] == pytest.approx(0.05, rel=0.02)

    def test_threshold_is_the_best_and_lower_only_where_that_cannot_be_told_from_it(self):
        # Picking the second group as well loses 0.0018 of expected F1; the third would lose 0.15.
        probability = np.repeat([0.1, 0.4, 0.9], 100)
        sure = given([0.0, 0.390, 0.390, 0.9], (0.1, 0.35, 0.6, 0.8))
        unsure = Shares(**{**vars(sure), "spread": np.array([[0.0, 0.1, 0.1, 0.0]])})
        for shares, picked in ((sure, {0.9}), (unsure, {0.4, 0.9})):
            assert set(probability[shares.probability(probability) >= shares.threshold(probability)]) == picked

    def test_the_cost_of_a_lower_threshold_is_small(self):
        for seed in range(5):
            drawn = Population(seed, strength=1.0)
            shares = drawn.shares()
            at = shares.threshold(drawn.probability)
            best = max(shares.expected(drawn.probability, t).f1.value for t in np.linspace(0, 1, 101))
            assert shares.expected(drawn.probability, at).f1.value >= best - 0.0021

    def test_nothing_to_pick_has_a_threshold_and_no_figures(self):
        for shares in (given([0.1, 0.5, 0.9]), unmeasured_shares("Nothing.")):
            nothing = np.empty(0)
            assert 0 < shares.threshold(nothing) <= 1
            expected = shares.expected(nothing, 0.5)
            assert expected.number.value == 0
            assert all(math.isnan(one.value) for one in (expected.precision, expected.recall, expected.f1))

    def test_one_candidate(self):
        shares = given([0.1, 0.5, 0.9])
        at = shares.threshold(np.array([0.8]))
        assert shares.probability(np.array([0.8])) >= at

    def test_own_evidence_raises_and_lowers_within_limits(self):
        shares = given([0.0, 0.5, 0.9])
        probability = np.full(5, 0.5)
        own = shares.probability(probability, np.array([-50.0, 0.0, 4.0, 50.0, np.nan]))
        assert own[0] < own[4] < own[2] <= own[3]
        assert own[0] == pytest.approx(own[1])  # no evidence is as bad as evidence below that of noise
        assert own[4] == pytest.approx(0.5)
        odds = own / (1 - own)
        assert odds[3] == pytest.approx(20)
        assert odds[0] == pytest.approx(1 / 3)

    def test_own_evidence_of_faint_particles_counts_for_nothing(self):
        shares = given([0.0, 0.5, 0.9], strength=0.5)
        probability = np.array([0.2, 0.7])
        assert (
            shares.probability(probability, np.array([-3.0, 3.0])).tolist() == shares.probability(probability).tolist()
        )


class TestPopulations:
    @pytest.mark.parametrize(
        "kind",
        [
            {},
            {"strength": 1.2},
            {"strength": 0.6},
            {"varied": 0.01},
            {"micrographs": 4, "each": 500},
            {"micrographs": 1, "each": 800},
            {"micrographs": 100, "each": 40},
            {"share": 0.05, "each": 600},
            {"empty": 4},
        ],
        ids=str,
    )
    def test_estimates_are_within_two_standard_errors(self, kind):
        self.within_two_standard_errors(kind, ranks=False)

    @pytest.mark.parametrize("kind", [{"strength": 0.6}, {"share": 0.05, "each": 600}, {"uncalibrated": True}], ids=str)
    def test_estimates_by_the_order_of_probabilities_are_within_two_standard_errors(self, kind):
        self.within_two_standard_errors(kind, ranks=True)

    def within_two_standard_errors(self, kind, ranks):
        off = []
        for seed in range(12):
            drawn = Population(seed, **kind)
            shares = drawn.shares(ranks)
            assert shares.significant
            picked = shares.probability(drawn.probability) >= shares.threshold(drawn.probability)
            value, error = estimates(shares.expected(drawn.probability, shares.threshold(drawn.probability)))
            off.append((value - drawn.figures(picked)) / error)
        assert (np.abs(off) < 2).mean() >= 0.9
        assert np.abs(np.mean(off, 0)).max() < 1.5

    def test_estimates_with_own_evidence_are_within_two_standard_errors(self):
        off = []
        for seed in range(12):
            drawn = Population(seed)
            shares, seen = drawn.shares(), (drawn.probability, drawn.evidence)
            at = shares.threshold(*seen)
            value, error = estimates(shares.expected(drawn.probability, at, drawn.evidence))
            off.append((value - drawn.figures(shares.probability(*seen) >= at)) / error)
        assert (np.abs(off) < 2).mean() >= 0.9

    def test_all_true(self):
        drawn = Population(0, share=1)
        shares = drawn.shares()
        expected = shares.expected(drawn.probability, shares.threshold(drawn.probability))
        assert expected.number.value > 0.95 * len(drawn.true)
        assert expected.f1.value > 0.97

    def test_errors_say_something(self):
        drawn = Population(0)
        expected = drawn.shares().expected(drawn.probability, 0.4)
        assert 0 < expected.number.error < 0.15 * expected.number.value
        assert 0 < expected.precision.error < 0.1

    @pytest.mark.parametrize("uncalibrated", [False, True])
    def test_the_threshold_is_nearly_the_best(self, uncalibrated):
        lost = []
        for seed in range(6):
            drawn = Population(seed, uncalibrated=uncalibrated)
            shares = drawn.shares()
            picked = shares.probability(drawn.probability) >= shares.threshold(drawn.probability)
            lost.append(drawn.best_f1() - drawn.f1(picked))
        assert np.mean(lost) < 0.015

    def test_own_evidence_moves_particles_from_one_to_another_and_adds_none(self):
        drawn = Population(2)
        shares = drawn.shares()
        alone, own = (shares.probability(drawn.probability, seen) for seen in (None, drawn.evidence))
        assert own.sum() == pytest.approx(alone.sum(), rel=1e-6)
        assert (own <= shares.at_most(drawn.probability) + 1e-9).all()
        assert own[drawn.evidence > 6] == pytest.approx(shares.at_most(drawn.probability)[drawn.evidence > 6], abs=0.02)

    def test_own_evidence_makes_picks_better(self):
        for seed in range(4):
            drawn = Population(seed)
            shares = drawn.shares()
            alone = shares.probability(drawn.probability) >= shares.threshold(drawn.probability)
            own = shares.probability(drawn.probability, drawn.evidence)
            both = own >= shares.threshold(drawn.probability, drawn.evidence)
            assert drawn.f1(both) > drawn.f1(alone) + 0.02

    def test_of_ranks_only_the_order_counts(self):
        drawn = Population(3)
        cubes = measured_shares(drawn.probability**3, drawn.evidence, drawn.micrograph, ranks=True)
        assert cubes.share == pytest.approx(drawn.shares(ranks=True).share)

    def test_right_probabilities_of_faint_particles_are_nearer_to_the_truth_than_what_their_order_and_evidence_say(
        self,
    ):
        wrong = {True: [], False: []}
        for seed in range(12):
            drawn = Population(seed, strength=0.4, micrographs=2, each=250)
            for ranks, found in wrong.items():
                shares = drawn.shares(ranks)
                if shares.significant:
                    found.append(np.square(shares.probability(drawn.probability) - drawn.true).mean())
        assert len(wrong[False]) == len(wrong[True]) > 3
        assert np.mean(wrong[False]) < 0.9 * np.mean(wrong[True])

    def test_the_same_input_gives_the_same_shares(self):
        drawn = Population(3)
        assert drawn.shares().lists() == drawn.shares().lists()


class TestLists:
    @pytest.mark.parametrize("shares", [Population(1).shares(), unmeasured_shares("Nothing was measured.")])
    def test_they_come_back_from_a_file(self, shares):
        again = Shares.of_lists(yaml.safe_load(yaml.safe_dump(shares.lists())))
        probability, evidence = np.linspace(0, 1, 50), np.linspace(-2, 5, 50)
        assert again.probability(probability, evidence).tolist() == shares.probability(probability, evidence).tolist()
        assert str(again.expected(probability, 0.5)) == str(shares.expected(probability, 0.5))
        assert (again.significant, again.reason) == (shares.significant, shares.reason)

    @pytest.mark.parametrize(
        "damage",
        [
            {"knots": "x"},
            {"knots": []},
            {"share": [0.1]},
            {"share": None},
            {"spread": [[1.0]]},
            {"seen": [float("nan")] * 3},
            {"particle": [1.0]},
            {"significant": "yes"},
            {"knots": [0.5, 0.4, 1.0]},
            {"share": [0.9, 0.4, 0.1]},
        ],
        ids=str,
    )
    def test_damage_is_an_error(self, damage):
        with pytest.raises(ValueError, match="not shares of particles"):
            Shares.of_lists(given([0.0, 0.5, 0.9]).lists() | damage)

    def test_a_missing_list_is_an_error(self):
        lists = given([0.0, 0.5, 0.9]).lists()
        del lists["seen"]
        with pytest.raises(ValueError, match="seen"):
            Shares.of_lists(lists)


def test_an_estimate_without_an_error_says_so():
    assert math.isnan(Estimate(1.0).error)
