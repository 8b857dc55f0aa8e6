"""What a few labels among many unlabelled candidates tell: a calibration, how many particles there are, and F1.

Labels are a sample, and nobody knows how it was drawn. A person may have labelled particles wherever they lie; have
confirmed right picks, removed wrong ones and added what was missed, of each as many as came along; or have judged what
lay before them, whatever it was. Each says something else about what is unlabelled. So every calibration of a grid is
weighed by how well it explains the labels in each of these ways, and by how far calibrations usually are off. What
follows is the mean over all of them, and their spread is its error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, log_expit, logsumexp

from napari_drpnet.data import FloatArray, MaskArray
from napari_drpnet.evaluation.counting import f1_score
from napari_drpnet.pickers.protocol.correction import UNCHANGED
from napari_drpnet.pickers.protocol.picker import Correction

# Fewer labelled particles say nothing.
FEWEST = 5
# The grid: slopes from 0.37 to 12, and the logits at which the odds are even.
_SLOPES, _MIDDLES = np.exp(np.linspace(-1, 2.5, 15)), np.linspace(-7, 7, 57)
# What pickers need on simulations: mean and width of the slope's logarithm, and width of the middle, in distributions
# with heavy tails (Student's, 3 degrees of freedom), since some are far off.
_SLOPE, _SLOPE_SPREAD, _MIDDLE_SPREAD = 0.3, 0.4, 0.55
# Where only particles are labelled, nearly all candidates above the lowest quarter of them may be particles; their
# number divided by the share of the labels there is then the number of particles, up to this part.
_BELOW, _COUNT_ERROR = 0.25, 0.2
# Candidates whose logits are so near are counted together.
_BIN = 0.05
# Of particles below the threshold, so many have no candidate before any label tells: 0.1 of 1.
_LOST = (0.1, 1.0)
# Probabilities are not quite a logistic curve: F1 is off by so much beside what the labels leave open.
_MODEL_ERROR = 0.04


@dataclass(frozen=True, eq=False)
class Sampled:
    """Candidates of some micrographs with the labels that are a sample.

    Attributes
    ----------
    margin
        ``(n,)`` logits of their probabilities.
    particle, background
        ``(n,)`` labelled so; of all others nothing is known.
    seen
        ``(n,)`` which were picks that the person saw while labelling.
    lost
        Labelled particles without a candidate.
    """

    margin: FloatArray
    particle: MaskArray
    background: MaskArray
    seen: MaskArray
    lost: int = 0


@dataclass(frozen=True)
class Told:
    """F1 as far as labels tell it, and its standard error."""

    f1: float
    error: float


class Belief:
    """What the labels make one believe of all candidates.

    Parameters
    ----------
    sample
        With any number of labels; with fewer than `FEWEST` particles the calibration stays as it is.
    """

    def __init__(self, sample: Sampled) -> None:
        self.sample = sample
        slopes, middles = (grid.ravel() for grid in np.meshgrid(_SLOPES, _MIDDLES, indexing="ij"))
        offsets = -slopes * middles
        self._bins = _Bins(sample)
        self._p = expit(slopes[:, None] * self._bins.margin + offsets[:, None])
        usual = _usual(slopes, middles)
        ways, by_count = _ways(sample, slopes, offsets)
        # The count brings the best calibration, but is wrong where labels were chosen by their score: F1 believes half.
        self._counted = _shares(usual, [way + count for way, count in zip(ways, by_count, strict=True)])
        self._weight = (self._counted + _shares(usual, ways)) / 2
        enough = int(sample.particle.sum()) >= FEWEST
        slope = float(self._counted @ slopes)
        best = slope, -slope * float(self._counted @ middles)
        self.line: Correction = best if enough else UNCHANGED

    @property
    def particles(self) -> float:
        """How many particles there are, with and without a candidate."""
        return float(self._counted @ self._number())

    def f1(self, chosen: MaskArray) -> Told:
        """F1 of picking these candidates, ``(n,)``."""
        sample, bins = self.sample, self._bins
        known = int((chosen & sample.particle).sum())
        picked = bins.count(chosen & bins.open)
        right = known + self._p @ picked
        picks, number = int(chosen.sum()), self._number()
        f1 = np.array([f1_score(one, picks, there) for one, there in zip(right, number, strict=True)])
        mean = float(self._weight @ f1)
        chance = 4 * ((self._p * (1 - self._p)) @ picked) / np.maximum(picks + number, 1) ** 2
        return Told(mean, float(np.sqrt(self._weight @ ((f1 - mean) ** 2 + chance) + _MODEL_ERROR**2)))

    def _number(self) -> FloatArray:
        """``(g,)`` particles under each calibration."""
        sample, bins = self.sample, self._bins
        unseen = int((sample.particle & ~sample.seen).sum())
        lost = (sample.lost + _LOST[0]) / (unseen + sample.lost + _LOST[1])
        below = self._p @ (bins.number * ~bins.seen) + unseen
        without = np.maximum(below * lost / (1 - lost), sample.lost)
        return np.asarray(self._p @ bins.number + int(sample.particle.sum()) + without, np.float64)


def _usual(slopes: FloatArray, middles: FloatArray) -> FloatArray:
    """Logarithm of how usual calibrations are, ``(g,)``."""
    away = (np.log(slopes) - _SLOPE) / _SLOPE_SPREAD, middles / _MIDDLE_SPREAD
    return np.asarray(sum(-2 * np.log1p(one**2 / 3) for one in away), np.float64)


def _shares(usual: FloatArray, ways: list[FloatArray]) -> FloatArray:
    """``(g,)`` weight of each calibration over all ways in which labels may be made; they sum to 1."""
    both = np.stack([usual + way for way in ways])
    return np.asarray(np.exp(both - logsumexp(both)).sum(axis=0), np.float64)


class _Bins:
    """Candidates without a label, counted by their logits, and whether they were seen."""

    def __init__(self, sample: Sampled) -> None:
        self.open = ~(sample.particle | sample.background)
        key = np.rint(sample.margin / _BIN) * 2 + sample.seen
        values, self._bin = np.unique(key, return_inverse=True)
        self.seen: MaskArray = np.asarray(values % 2 == 1)
        self.margin = (values - self.seen) / 2 * _BIN
        self.number = self.count(self.open)

    def count(self, which: MaskArray) -> FloatArray:
        """How many of these candidates, ``(n,)``, are in each bin."""
        return np.bincount(self._bin[which], minlength=len(self.margin)).astype(np.float64)


def _ways(sample: Sampled, slopes: FloatArray, offsets: FloatArray) -> tuple[list[FloatArray], list[FloatArray]]:
    """How well calibrations explain the labels, for the ways in which they may be made.

    Returns
    -------
    ways, by_count
        Logarithms, ``(g,)`` each: by which candidates are labelled, and by how many particles there must be.
    """
    particle, background, seen = sample.particle, sample.background, sample.seen
    judged = particle | background
    lines = slopes[:, None], offsets[:, None]
    yes = log_expit(lines[0] * sample.margin[particle] + lines[1]).sum(axis=1)
    no = log_expit(-(lines[0] * sample.margin[background] + lines[1])).sum(axis=1)
    every = _Bins(Sampled(sample.margin, judged & False, judged & False, seen))
    p = expit(lines[0] * every.margin + lines[1])
    labels = int(judged.sum())

    def among(values: FloatArray, where: MaskArray, drawn: MaskArray) -> FloatArray:
        """What drawing so many labels among all candidates of a zone takes off."""
        number = int(drawn.sum())
        total = values @ (every.number * where)
        return number * np.log(np.maximum(total, 1e-9)) if number else np.zeros(len(slopes))

    everywhere = every.number >= 0
    refused = no - among(1 - p, every.seen, background & seen) - among(1 - p, ~every.seen, background & ~seen)
    refused -= np.log(labels + 1) + np.log(background.sum() + 1)
    ways = [yes - among(p, everywhere, particle) + refused]
    by_count = [_by_count(sample, p, every, everywhere)]
    if seen.any():
        apart = yes - among(p, every.seen, particle & seen) - among(p, ~every.seen, particle & ~seen)
        ways.append(apart + refused - np.log(particle.sum() + 1))
        by_count.append(_by_count(sample, p, every, ~every.seen))
    if background.any():
        low, high = sample.margin[judged].min(), sample.margin[judged].max()
        ways.append(yes + no - labels * np.log(((sample.margin >= low) & (sample.margin <= high)).sum()))
        by_count.append(np.zeros(len(slopes)))
    return ways, by_count


def _by_count(sample: Sampled, p: FloatArray, every: _Bins, zone: npt.NDArray[np.bool_]) -> FloatArray:
    """What the number of particles in a zone says, where only particles are labelled; ``(g,)``."""
    own = zone[every._bin]
    scores = sample.margin[sample.particle & own]
    if sample.background.any() or len(scores) < FEWEST:
        return np.zeros(len(p))
    level = np.quantile(scores, _BELOW)
    share = float(np.mean(scores >= level))
    number = float(np.sum((sample.margin >= level) & own)) / share
    variance = (1 - share) / (len(scores) * share) + _COUNT_ERROR**2
    expected = np.maximum(p @ (every.number * zone), 1e-9)
    return np.asarray(-((np.log(expected) - np.log(number)) ** 2) / (2 * variance), np.float64)
