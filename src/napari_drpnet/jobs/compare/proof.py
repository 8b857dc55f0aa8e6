"""What averages prove of a set of picks, without a truth: how many of them are particles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_drpnet.averaging.shares import Estimate, Shares, proves
from napari_drpnet.averaging.statistics import NOISE, IndexArray, bounded
from napari_drpnet.candidates import suppress
from napari_drpnet.data import FloatArray, Picks
from napari_drpnet.jobs.averaging.result import Averages
from napari_drpnet.jobs.prospect import said

_UNKNOWN = Estimate(math.nan)
# Particles of two sets are as clear as each other, but for this part.
_CLARITY_ERROR = 0.05
_ALONE = (
    "Picks of files are measured beside those of a picker, and here is none whose own picks prove enough. Let "
    "napari-drpnet compare run one beside them (--pickers)."
)


@dataclass(frozen=True)
class Proof:
    """What is expected of a set of picks; NaN where it is not known.

    Attributes
    ----------
    true
        Particles among the picks, each counted once.
    precision
        Part of the picks that are particles.
    recall, f1
        Of the particles among the candidates of the picker; a set without candidates has none.
    number
        Particles among the candidates, picked or not.
    reason
        What was measured, or why nothing was: a sentence.
    doubled
        Picks that lie on another one of the set.
    """

    true: Estimate = _UNKNOWN
    precision: Estimate = _UNKNOWN
    recall: Estimate = _UNKNOWN
    f1: Estimate = _UNKNOWN
    number: Estimate = _UNKNOWN
    reason: str = ""
    doubled: int = 0

    @property
    def known(self) -> bool:
        """Whether anything was measured."""
        return math.isfinite(self.true.error)

    def in_words(self, picks: int) -> str:
        """What is known of so many picks, as a sentence or two."""
        if not self.known:
            return f"How many of the picks are particles is not measured. {self.reason}"
        text = f"About {_of(self.true)} of {picks:,} picks are particles: precision {_of(self.precision)}"
        if math.isfinite(self.recall.error):
            text += f", recall {_of(self.recall)} of the {_of(self.number)} among its candidates, F1 {_of(self.f1)}"
        twice = f" {self.doubled:,} of the picks lie on another one; each particle counts once." if self.doubled else ""
        return f"{text}.{twice}"


def _of(estimate: Estimate) -> str:
    return said(estimate.value, estimate.error)


def of_candidates(shares: Shares, probability: FloatArray, evidence: FloatArray, threshold: float, picks: int) -> Proof:
    """What is expected of the picks of a picker.

    Parameters
    ----------
    shares
        Of the data set, by the picker's probability.
    probability, evidence
        ``(n,)`` that the picker gives to all that could be picked, and what averages prove of each, NaN where that was
        not measured.
    threshold
        In the data set's own probability.
    picks
        How many there are.
    """
    if not shares.significant:
        return Proof(reason=shares.reason)
    found = shares.expected(probability, threshold, evidence)
    part = found.precision
    if not picks or not math.isfinite(part.error):
        return Proof(reason="There are no picks.")
    true = Estimate(part.value * picks, part.error * picks)
    return Proof(true, part, found.recall, found.f1, found.number, shares.reason)


def of_picks(
    averages: Averages, sets: Sequence[Picks], distance: float, reference: tuple[Averages, Proof] | None
) -> Proof:
    """What is expected of picks that come without other candidates.

    Compared with a set of which more is known, they have as many particles as their evidence says, if these are as
    clear; fainter ones count less. Without such a set nothing is known: files hold only what some threshold left, and
    scores that may have evidence in them, so that the surest of them do not tell what a particle's evidence is.

    Parameters
    ----------
    averages
        Of the picks, or of some of them.
    sets
        All picks, an entry for each micrograph.
    distance
        In micrograph pixels; of two picks that are nearer, at most one is a particle.
    reference
        Averages of another set of this data set, and what is known of it; see `can_be_compared_with`.
    """
    evidence, micrograph = _evidence(averages)
    if not len(evidence):
        return Proof(reason=f"There are too few picks for averages that could prove something: {averages.picks}.")
    if reference is None:
        return Proof(reason=_ALONE)
    share, reason = _compared(_mean(evidence, micrograph), *reference)
    if not math.isfinite(share.error):
        return Proof(reason=reason)
    total = sum(map(len, sets))
    once = sum(_each_once(picks, distance) for picks in sets)
    true = Estimate(share.value * once, share.error * once)
    part = Estimate(true.value / total, true.error / total)
    return Proof(true, part, reason=reason, doubled=total - once)


def can_be_compared_with(averages: Averages, proof: Proof) -> bool:
    """Whether enough is known of a set, and of its averages, to compare others with it."""
    evidence, micrograph = _evidence(averages)
    return proof.known and proof.precision.value > 0 and len(evidence) > 0 and _proves(_mean(evidence, micrograph))


def _proves(mean: Estimate) -> bool:
    """Whether evidence can be told from that of noise."""
    return proves(mean.value, mean.error)


def _compared(mean: Estimate, other: Averages, known: Proof) -> tuple[Estimate, str]:
    """The share of particles among picks of some mean evidence, by that of another set; and a sentence."""
    seen = f"The evidence of its picks ({mean.value:.2f} ± {mean.error:.2f})"
    if not _proves(mean):
        return _UNKNOWN, (
            f"{seen} cannot be told from that of noise: they are no particles, too few, or too faint ones."
        )
    theirs = _mean(*_evidence(other))
    share = min(known.precision.value * mean.value / theirs.value, 1.0)
    parts = (known.precision, mean, theirs, Estimate(1.0, _CLARITY_ERROR))
    error = share * math.hypot(*(one.error / one.value for one in parts))
    return Estimate(share, error), f"{seen} was compared with that of a picker's ({theirs.value:.2f})."


def _evidence(averages: Averages) -> tuple[FloatArray, IndexArray]:
    """``(n,)`` evidence of the picks for which it was measured, and the number of the micrograph of each."""
    every = np.concatenate([np.empty(0), *(one.evidence for one in averages.members)])
    number = np.repeat(np.arange(len(averages.members)), [len(one.evidence) for one in averages.members])
    known = np.isfinite(every)
    return every[known], number[known]


def _mean(evidence: FloatArray, micrograph: IndexArray) -> Estimate:
    """Mean of bounded evidence, and its standard error; picks of one micrograph go together."""
    seen = bounded(evidence)
    away = seen - seen.mean()
    sums = np.bincount(micrograph, away)
    alone = max(float((away**2).sum()), len(seen) * NOISE**2)
    return Estimate(float(seen.mean()), math.sqrt(max(alone, float((sums**2).sum()))) / len(seen))


def _each_once(picks: Picks, distance: float) -> int:
    """How many of the picks are not within a distance of a surer one."""
    return len(suppress(picks.yx, np.nan_to_num(picks.score), distance))
