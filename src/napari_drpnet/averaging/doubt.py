"""Whether the picks of a micrograph are in doubt: it has no particles, though the picker finds some.

Two things tell: the evidence of its picks, and how many particles there are among all its candidates. The same score
means less on a micrograph without particles, where many low scores and hardly any high ones are, than on a crowded one.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from napari_drpnet.averaging.shares import Estimate, Shares, measured_shares, unmeasured_shares
from napari_drpnet.averaging.statistics import NOISE, IndexArray, bounded
from napari_drpnet.data import FloatArray

# The evidence of picks that nothing else speaks against must be so many standard errors below what is expected.
_SIGNIFICANT = 4.0
# A micrograph is deserted where its candidates have less than this part of the usual odds. Particles that are only
# fainter than those of other micrographs reach down to a third.
_DESERTED = 0.25
# So many further candidates, with as many particles as usual, keep few candidates from saying much.
_AS_USUAL = 10.0
_ROUNDS, _EDGE = 100, 1e-4
# Times the particles that a picker expects on the only micrograph: more look alike there because they are dirt.
_MOST_OF_ONE = 10.0
_REPEATED = 3


def shares_of_set(
    probability: FloatArray, evidence: FloatArray, micrograph: IndexArray, ranks: bool = False
) -> tuple[Shares, npt.NDArray[np.bool_]]:
    """`measured_shares` of the micrographs of a data set that are not in doubt; and which candidates are on these.

    What is in doubt follows from the shares, so both are found in rounds.

    Parameters
    ----------
    probability, evidence
        ``(n,)`` of all that could be picked.
    micrograph
        ``(n,)`` number of the micrograph of each.
    ranks
        See `measured_shares`.
    """
    left: npt.NDArray[np.bool_] = np.ones(len(probability), np.bool_)
    found = _with_part(measured_shares(probability, evidence, micrograph, ranks), probability, evidence)
    for _ in range(_REPEATED if found.significant else 0):
        threshold = found.threshold(probability[left], evidence[left])
        before, left = left, left.copy()
        for number in np.unique(micrograph):
            mine = micrograph == number
            left[mine] = not unlike(probability[mine], evidence[mine], found, threshold)
        again = measured_shares(probability[left], evidence[left], micrograph[left], ranks)
        if (left == before).all() or not again.significant:
            break
        found = _with_part(again, probability[left], evidence[left])
    return found, left


def believed_of_one(shares: Shares, probability: FloatArray) -> Shares:
    """The shares of a data set of one micrograph, whose dirt looks alike, too; what of them may be believed.

    On simulated validation micrographs without particles lumps of dirt proved 1.1 to 19 times as many particles as
    pickers expected, on those with particles 0.4 to 6 times, but for one of hardly visible ones.

    Parameters
    ----------
    shares
        Of the micrograph.
    probability
        ``(n,)`` of all that could be picked, by a picker whose probabilities can be relied on.
    """
    told, expected = float(shares.probability(probability).sum()), float(probability.sum())
    if not shares.significant or told <= _MOST_OF_ONE * expected:
        return shares
    return unmeasured_shares(
        f"Averages prove {told:.0f} particles, and the picker expects {expected:.0f}. Dirt of one micrograph looks "
        "alike, too, so the picker is believed. With more micrographs evidence tells more."
    )


def _with_part(shares: Shares, probability: FloatArray, evidence: FloatArray) -> Shares:
    if not shares.significant:
        return shares
    return replace(shares, part=float(shares.together(probability, evidence).mean()))


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

    Its candidates then have hardly any particles, and its evidence does not prove the contrary: it is not above two
    standard errors, or less than half of what is expected. Or they have no more particles than usual, and its evidence
    is within two standard errors of none, and at least four below what is expected. Of a few picks among usual
    candidates, or where evidence is weak, this cannot be known; then it is False.

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
        return seen < max(expected / 2, 2 * error)
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
    prior, level = logit(np.clip(shares.together(probability, evidence), _EDGE, 1 - _EDGE)), 0.0
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
