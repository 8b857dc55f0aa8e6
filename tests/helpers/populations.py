"""Candidates of data sets of which the truth is known, as scores and evidence alone."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from napari_drpnet.averaging.shares import Shares, measured_shares


class Population:
    """Candidates of simulated micrographs: score and evidence both rise with how clear a particle is."""

    def __init__(
        self, seed, micrographs=12, each=300, share=0.4, strength=3.0, varied=0.2, empty=0, uncalibrated=False
    ):
        chance = np.random.default_rng(seed)
        self.micrograph = np.repeat(np.arange(micrographs), each)
        n = len(self.micrograph)
        shares = np.minimum(share * chance.lognormal(0, 0.3, micrographs), 0.98) if share < 1 else np.ones(micrographs)
        shares[:empty] = 0
        self.true = chance.random(n) < shares[self.micrograph]
        clear = self.true * chance.lognormal(0, varied, n) * chance.lognormal(0, 0.15, micrographs)[self.micrograph]
        score = 2.5 * clear + chance.standard_normal(n)
        usual = logit(np.clip(share, 0.05, 0.6)) - logit(0.4)
        self.probability = expit(0.5 * (score - 4) if uncalibrated else 1.8 * (score - 1.5) + usual)
        self.evidence = strength * clear + chance.standard_normal(n)

    def shares(self, ranks=False) -> Shares:
        return measured_shares(self.probability, self.evidence, self.micrograph, ranks)

    def figures(self, picked):
        right = (self.true & picked).sum()
        whole = self.true.sum()
        return np.array([whole, right / picked.sum(), right / whole, 2 * right / (picked.sum() + whole)])

    def f1(self, picked):
        return self.figures(picked)[3]

    def best_f1(self):
        right = np.cumsum(self.true[np.argsort(-self.probability)])
        return (2 * right / (np.arange(1, len(right) + 1) + right[-1])).max()

    def of(self, micrograph):
        which = self.micrograph == micrograph
        return self.probability[which], self.evidence[which]


def given(share, knots=(0.0, 0.5, 1.0), spread=0.0, strength=3.0):
    """Shares as if they had been measured."""
    share = np.array(share)
    deviation = np.full((1, len(share)), spread)
    return Shares(
        np.array(knots), share, abs(deviation[0]), deviation, share, (strength, 1.0), significant=True, reason="given"
    )
