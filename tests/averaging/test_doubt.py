"""Micrographs without particles are told from good ones, on populations of which the truth is known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from napari_drpnet.averaging.doubt import believed_of_one, crowding, micrograph_evidence, shares_of_set, unlike
from napari_drpnet.averaging.shares import unmeasured_shares
from populations import Population, given


class TestMicrographs:
    def test_good_ones_are_like_the_set_and_those_without_particles_are_not(self):
        flagged = {True: 0, False: 0}
        for seed in range(10):
            drawn = Population(seed, empty=4)
            # The picker is fooled by something in the first two: as sure as of particles, and without evidence.
            fooled = (drawn.micrograph < 2) & (np.random.default_rng(seed).random(len(drawn.true)) < 0.3)
            drawn.probability[fooled] = np.random.default_rng(seed).uniform(0.6, 0.95, fooled.sum())
            shares = drawn.shares()
            at = shares.threshold(drawn.probability)
            for number in range(12):
                found = unlike(*drawn.of(number), shares, at)
                if number < 2:
                    flagged[True] += found
                    assert abs(micrograph_evidence(*drawn.of(number), shares, at).value) < 0.5
                elif number >= 4:
                    flagged[False] += found
        # Nothing has more evidence than two standard errors in one case of 40.
        assert flagged[True] >= 18
        assert flagged[False] == 0

    def test_a_few_picks_cannot_be_told(self):
        shares = given([0.0, 0.5, 0.9])
        assert not unlike(np.full(4, 0.9), np.zeros(4), shares, 0.5)
        assert unlike(np.full(40, 0.9), np.zeros(40), shares, 0.5)
        assert not unlike(np.full(40, 0.9), np.full(40, 3.0), shares, 0.5)

    def test_one_with_half_the_evidence_has_particles(self):
        shares = given([0.0, 0.5, 0.9])
        half = np.repeat([0.0, 3.0], 200)
        assert micrograph_evidence(np.full(400, 0.9), half, shares, 0.5).value == pytest.approx(0.62, abs=0.05)
        assert not unlike(np.full(400, 0.9), half, shares, 0.5)

    def test_nothing_is_known_without_picks_or_evidence(self):
        shares = given([0.0, 0.5, 0.9])
        nothing = micrograph_evidence(np.full(9, 0.1), np.zeros(9), shares, 0.5)
        assert math.isnan(nothing.value)
        assert not unlike(np.full(9, 0.1), np.zeros(9), shares, 0.5)
        assert not unlike(np.full(9, 0.9), np.full(9, np.nan), shares, 0.5)
        assert not unlike(np.full(90, 0.9), np.zeros(90), unmeasured_shares("Nothing."), 0.5)


def test_shares_are_those_of_the_micrographs_that_have_particles():
    off = {True: [], False: []}
    for seed in range(8):
        drawn = Population(seed, micrographs=12, empty=4)
        shares, left = shares_of_set(drawn.probability, drawn.evidence, drawn.micrograph)
        assert left[drawn.micrograph >= 4].all()
        assert np.unique(drawn.micrograph[~left]).size >= 3
        assert shares.part == pytest.approx(drawn.true[left].mean(), rel=0.15)
        for alone, found in ((True, shares), (False, drawn.shares())):
            expected = found.expected(drawn.probability[left], 0.5)
            picked = left & (found.probability(drawn.probability) >= 0.5)
            off[alone].append(abs(expected.precision.value - drawn.true[picked].mean()))
    assert np.mean(off[True]) < np.mean(off[False])


def test_without_evidence_nothing_is_in_doubt():
    chance = np.random.default_rng(0)
    shares, left = shares_of_set(chance.random(400), chance.standard_normal(400), np.arange(400) % 5)
    assert not shares.significant
    assert left.all()


class TestDeserted:
    """Micrographs whose few picks say little, but whose candidates all together say that there are no particles."""

    def test_they_are_told_by_a_few_picks_and_good_ones_never_are(self):
        flagged, without = {True: 0, False: 0}, 0
        for seed in range(10):
            drawn = Population(seed, micrographs=9, empty=3)
            faint = drawn.micrograph == 8
            drawn.evidence[faint] -= 1.5 * drawn.true[faint]
            drawn.probability[faint & drawn.true] *= 0.8
            shares = drawn.shares()
            shares = replace(shares, part=float(shares.together(drawn.probability, drawn.evidence).mean()))
            at = shares.threshold(drawn.probability)
            for number in range(9):
                flagged[number < 3] += unlike(*drawn.of(number), shares, at)
                without += number < 3 and unlike(*drawn.of(number), replace(shares, part=0.0), at)
        assert flagged[True] >= 25 > without
        assert flagged[False] == 0

    def test_a_sparse_one_whose_particles_are_clear_is_not_in_doubt(self):
        shares = replace(given([0.0, 0.5, 0.9]), part=0.3)
        probability, evidence = np.repeat([0.05, 0.9], [292, 8]), np.repeat([0.0, 4.0], [292, 8])
        assert crowding(probability, evidence, shares) < 0.2
        assert not unlike(probability, evidence, shares, 0.5)
        assert unlike(probability, np.zeros(300), shares, 0.5)

    def test_one_with_more_particles_than_usual_is_not_in_doubt_for_a_few_sure_picks(self):
        """Dirt that is picked first and has no evidence, beside many particles."""
        shares = replace(given([0.0, 0.5, 0.9]), part=0.3)
        probability, evidence = np.repeat([0.95, 0.45], [60, 240]), np.repeat([0.0, 4.0], [60, 240])
        assert crowding(probability, evidence, shares) > 1
        assert not unlike(probability, evidence, shares, 0.6)
        assert unlike(probability, evidence, replace(shares, part=0.0), 0.6)

    def test_crowding_is_one_for_a_micrograph_like_its_set_and_falls_and_rises_with_its_particles(self):
        drawn = Population(3, micrographs=20, each=400)
        shares = drawn.shares()
        shares = replace(shares, part=float(shares.together(drawn.probability, drawn.evidence).mean()))
        odds = [crowding(*drawn.of(number), shares) for number in range(20)]
        share = np.array([drawn.true[drawn.micrograph == number].mean() for number in range(20)])
        true = share / (1 - share) / (drawn.true.mean() / (1 - drawn.true.mean()))
        assert np.corrcoef(np.log(odds), np.log(true))[0, 1] > 0.9
        assert np.exp(np.log(odds) - np.log(true)).mean() == pytest.approx(1, rel=0.2)
        assert crowding(*drawn.of(0), replace(shares, part=0.0)) == 1


class TestOneMicrograph:
    def test_far_more_particles_than_the_picker_expects_are_dirt_that_looks_alike(self):
        shares = given([0.0, 0.3, 0.6])
        shares = replace(shares, knots=np.array([0.0, 0.01, 1.0]))
        dirt, particles = np.full(500, 0.01), np.concatenate([np.full(300, 0.7), np.full(200, 0.05)])
        found = believed_of_one(shares, dirt)
        assert not found.significant
        assert "prove 149 particles, and the picker expects 5." in found.reason
        assert believed_of_one(shares, particles) is shares

    def test_what_was_not_measured_stays(self):
        nothing = unmeasured_shares("Too few candidates.")
        assert believed_of_one(nothing, np.full(9, 0.01)) is nothing
