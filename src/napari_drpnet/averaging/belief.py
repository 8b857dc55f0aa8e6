"""What a picker's probabilities are worth on a data set before anything is measured there, and with what is measured.

Of one data set the logit of the share of true particles is about that of the picker's probability, but shifted, and
steeper or flatter: some particles are harder to tell from the background than those that the probabilities were fitted
to. By how much usually is known. What evidence measures has an error, too. Both are weighed by their errors: where
evidence says little, the picker is believed; where it says much, the evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from napari_drpnet.averaging.statistics import TELLING, USUAL_TOP, Bins, Curve, curve, drawn_curve, rising
from napari_drpnet.data import FloatArray

# Standard deviations of the shift in logits and of the slope, and of what no line brings: how far the logit strays from
# one, and over what distance it does. Over micrographs of simulated proteins that were not trained on, the logit of the
# share is off by 0.8 where the detector says 0.5, by 1.3 at 0.025 and by 1.3 at 0.95.
_SHIFT, _SLOPE, _BEND, _BEND_LENGTH = 0.75, 0.28, 0.5, 1.5
# Shares of particles too faint to have evidence are measured too low, whatever the error of sampling is.
_LEAST_ERROR = 0.02
_EDGE = 1e-3  # of probabilities, whose logits are finite
_DRAWS = 1024
# Steps of the filter, and the longest, in logits.
_ROUNDS, _FARTHEST = 30, 1.0
_ALL = 64  # directions: no fewer than there are bins


@dataclass(frozen=True, eq=False)
class Belief:
    """Logits of the share of true particles in bins, normally distributed.

    Attributes
    ----------
    logits
        ``(k,)`` mean.
    covariance
        ``(k, k)``.
    """

    logits: FloatArray
    covariance: FloatArray

    def drawn(self) -> FloatArray:
        """``(n, k)`` shares."""
        chance = np.random.default_rng(0)
        return np.asarray(expit(chance.multivariate_normal(self.logits, self.covariance, _DRAWS, method="eigh")))


def believed(probability: FloatArray) -> Belief:
    """What probabilities ``(k,)`` of a picker, which were right for many data sets, are worth for one."""
    logits = logit(np.clip(probability, _EDGE, 1 - _EDGE))
    apart = (logits[:, None] - logits) / _BEND_LENGTH
    bend = _BEND**2 * np.exp(-0.5 * apart**2)
    return Belief(logits, _SHIFT**2 + _SLOPE**2 * np.outer(logits, logits) + bend)


def corrected(before: Belief, measured: FloatArray, covariance: FloatArray) -> Belief:
    """A belief after shares ``(k,)`` were measured, with errors of a covariance ``(k, k)``: the most probable logits.

    An iterated Kalman filter (Bell and Cathey, IEEE Trans. Autom. Control 38 (1993) 294): a share is no straight line
    of its logit.
    """
    logits, spread = before.logits, before.covariance
    for _ in range(_ROUNDS):
        share = expit(logits)
        slope = share * (1 - share)
        gain = np.linalg.solve((slope[:, None] * spread) * slope + covariance, slope[:, None] * spread).T
        step = before.logits + gain @ (measured - share + slope * (logits - before.logits)) - logits
        logits = logits + np.clip(step, -_FARTHEST, _FARTHEST)
    return Belief(logits, spread - gain @ (slope[:, None] * spread))


def weighed(bins: Bins, directions: int) -> Curve:
    """Shares of true particles in bins: what evidence measures, and what the picker's probabilities are worth."""
    before = believed(bins.probability)
    measured = curve(bins, _ALL, _top(bins, before))
    # Means of neighbours that were made equal look surer than they are: each bin has the error of its own, too.
    alone = measured.share[-1] / bins.top[0] * np.sqrt(np.diag(bins.covariance))
    error = measured.spread.T @ measured.spread + np.diag(alone**2 + _LEAST_ERROR**2)
    drawn = corrected(before, measured.share, error).drawn()
    return drawn_curve(rising(drawn.mean(0), bins.count), drawn, directions)


def _top(bins: Bins, before: Belief) -> tuple[float, float]:
    """The share of true particles among the surest before evidence tells it, and its standard error.

    The picker says it; and where the evidence is clear, its surest candidates are particles, as those of other pickers
    are. Both are weighed by their errors.
    """
    drawn = before.drawn()[:, -1]
    usual, error = USUAL_TOP
    clear = min(float(bins.plain[-1]) / TELLING, 1.0)
    weights = np.array([1 / drawn.var(), clear**4 / error**2])
    return float(weights @ (drawn.mean(), usual) / weights.sum()), float(weights.sum() ** -0.5)
