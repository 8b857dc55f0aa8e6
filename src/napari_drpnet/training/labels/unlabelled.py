"""A calibration from a few labelled particles among many that nobody has labelled.

The labelled particles are a sample of all. Where nearly every candidate is a particle, above a high score, the share of
labelled ones that lie there is the share of all particles that do; so the candidates there, divided by that share, are
the number of particles, and the probabilities of all candidates must sum to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from napari_drpnet.data import FloatArray, MaskArray

# Fewer labelled particles say nothing.
FEWEST = 5
# Part of the labelled particles below the score above which candidates are counted: a lower score counts false ones, a
# higher one leaves too few labels to count by.
_BELOW = 0.25
# How far a shift is believed to be from 0 without any label, and how far the count is off beside chance.
_PRIOR, _MODEL = 1.5, 0.1
# Where so large a part of the labels lies below the threshold, a person has labelled what the picker had missed.
_MISSED = 0.9
_WIDEST = 30.0


@dataclass(frozen=True)
class Shift:
    """What is added to the logit of every candidate's probability.

    Attributes
    ----------
    value
        To be added; between 0 and what the count asks for, the nearer to 0 the fewer labels there are.
    particles
        Estimated number of particles among the candidates, with all of the shift.
    """

    value: float
    particles: float


def shift(margin: FloatArray, labelled: MaskArray, background: MaskArray, picked: float | None = None) -> Shift:
    """How far the logits of some micrographs' candidates must be shifted, by the labels on them.

    Parameters
    ----------
    margin
        ``(n,)`` logits of the candidates' probabilities.
    labelled, background
        ``(n,)`` which of them a person has labelled particle, and background; of all others nothing is known.
    picked
        Logit above which candidates were picks that the person saw, and may have let stand while labelling what the
        picker had missed; None where there were no picks.
    """
    scores = margin[labelled]
    if len(scores) < FEWEST:
        return Shift(0.0, float(expit(margin[~background]).sum()))
    if picked is not None and float(np.mean(scores < picked)) >= _MISSED:
        return _of_missed(margin, labelled, background, picked)
    particles, share = _counted(margin[~background], scores)
    return _shrunk(margin[~background], particles, share, len(scores))


def _of_missed(margin: FloatArray, labelled: MaskArray, background: MaskArray, picked: float) -> Shift:
    """As `shift`, where the candidates above the threshold are picks that the person let stand."""
    open_ = ~background
    high, low = margin[open_ & (margin >= picked)], margin[open_ & (margin < picked)]
    scores = margin[labelled & (margin < picked)]
    particles, share = _counted(low, scores)
    return _shrunk(margin[open_], float(expit(high).sum()) + particles, share, len(scores))


def _counted(margin: FloatArray, scores: FloatArray) -> tuple[float, float]:
    """Particles among candidates, and the share of the labelled ones that lie where they were counted."""
    level = np.quantile(scores, _BELOW)
    share = float(np.mean(scores >= level))
    return float(np.sum(margin >= level)) / share, share


def _shrunk(margin: FloatArray, particles: float, share: float, labels: int) -> Shift:
    asked = shift_to(margin, particles)
    p = expit(margin + asked)
    # The count's relative variance, and how far the shift moves with the logarithm of the count.
    variance = (1 - share) / (labels * share) + _MODEL**2
    slope = p.sum() / max(float((p * (1 - p)).sum()), 1e-3)
    return Shift(float(asked * _PRIOR**2 / (_PRIOR**2 + slope**2 * variance)), float(p.sum()))


def shift_to(margin: FloatArray, particles: float) -> float:
    """The shift with which the probabilities of some candidates sum to a number of particles."""
    if not len(margin):
        return 0.0
    wanted = float(np.clip(particles, 0.02 * len(margin), 0.98 * len(margin)))
    return float(brentq(lambda b: expit(margin + b).sum() - wanted, -_WIDEST, _WIDEST))
