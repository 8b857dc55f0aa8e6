"""Whether the picks of a micrograph are in doubt: it has no particles, though the picker finds some.

Two things tell: the evidence of its picks, and how many particles there are among all its candidates. The same score
means less on a micrograph without particles, where many low scores and hardly any high ones are, than on a crowded one.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import expit, logit

from napari_drpnet.averaging.shares import Estimate, Shares
from napari_drpnet.averaging.statistics import NOISE, bounded
from napari_drpnet.data import FloatArray

# The evidence of picks that nothing else speaks against must be so many standard errors below what is expected.
_SIGNIFICANT = 4.0
# A micrograph is deserted where its candidates have less than this part of the usual odds. On real sets, particles that
# are only fainter than others reach down to 0.4 of them, and simulated micrographs without particles up to 0.1.
_DESERTED = 0.2
# So many further candidates, with as many particles as usual, keep few candidates from saying much.
_AS_USUAL = 10.0
_ROUNDS, _EDGE = 100, 1e-4


def micrograph_evidence(probability: FloatArray, evidence: FloatArray, shares: Shares, threshold: float) -> Estimate:
    """The evidence of one micrograph's picks relative to what the data set expects of them.

    Parameters
    ----------
    probability, evidence
        ``(n,)`` of its candidates, as of those of the data set.
    shares
        Of the data set.
    threshold
        In the data set's own probability; candidates below it are not looked at. Their own evidence does not choose
        them, as it is what is measured.

    Returns
    -------
    Estimate
        About 1 for a micrograph like the others, 0 for one without particles; NaN where nothing was measured.
    """
    seen, expected, error = _compared(probability, evidence, shares, threshold)
    return Estimate(seen / expected, error / expected) if expected > 0 else Estimate(math.nan)


def unlike(probability: FloatArray, evidence: FloatArray, shares: Shares, threshold: float) -> bool:
    """Whether a micrograph has picks but, unlike its data set, no particles.

    Its evidence is then within two standard errors of none, and at least four below what is expected, and its
    candidates do not have more particles than usual; or they have next to none, and its evidence does not speak against
    that. Of a few picks among usual candidates, or where evidence is weak, this cannot be known; then it is False.

    Parameters
    ----------
    probability, evidence, shares, threshold
        See `micrograph_evidence`; of all its candidates that could be picked.
    """
    seen, expected, error = _compared(probability, evidence, shares, threshold)
    if not expected > 0:
        return False
    odds = crowding(probability, evidence, shares)
    if odds < _DESERTED:
        return seen < expected / 2
    return odds <= 1 and seen <= 2 * error and expected - seen >= _SIGNIFICANT * error


def crowding(probability: FloatArray, evidence: FloatArray, shares: Shares) -> float:
    """The odds that a candidate of a micrograph is a particle, as a part of those of such a candidate of its data set.

    It is found by expectation-maximisation of the share of particles (Saerens et al., Neural Computation 14 (2002) 21).
    Fainter particles look like fewer, too. 1 where nothing is known.

    Parameters
    ----------
    probability, evidence, shares
        See `micrograph_evidence`; of all its candidates that could be picked.
    """
    if not shares.significant or not 0 < shares.part < 1:
        return 1.0
    usual = logit(shares.part)
    prior, level = logit(np.clip(shares.probability(probability, evidence), _EDGE, 1 - _EDGE)), 0.0
    for _ in range(_ROUNDS):
        particles = expit(prior + level).sum() + _AS_USUAL * shares.part
        level = float(logit(particles / (len(prior) + _AS_USUAL)) - usual)
    return math.exp(level)


def _compared(
    probability: FloatArray, evidence: FloatArray, shares: Shares, threshold: float
) -> tuple[float, float, float]:
    """Mean bounded evidence of picks as it is and as expected, and the standard error of the difference."""
    picked = (shares.probability(probability) >= threshold) & np.isfinite(evidence)
    n = int(picked.sum())
    if not n or not shares.significant:
        return math.nan, 0.0, math.nan
    seen = bounded(evidence[picked])
    expected = float(np.interp(probability[picked], shares.knots, shares.seen).mean())
    return float(seen.mean()), expected, max(float(seen.std()), NOISE) / math.sqrt(n)
