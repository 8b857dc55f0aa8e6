"""What averages prove of a set of picks, without a truth: how many of them are particles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from napari_drpnet.averaging.shares import Estimate, Shares, measured_shares
from napari_drpnet.candidates import suppress
from napari_drpnet.data import FloatArray, Picks
from napari_drpnet.jobs.averaging.result import Averages
from napari_drpnet.jobs.prospect import said

_UNKNOWN = Estimate(math.nan)


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


def of_candidates(shares: Shares, probability: FloatArray, threshold: float, picks: int) -> Proof:
    """What is expected of the picks of a picker.

    Parameters
    ----------
    shares
        Of the data set, by the picker's probability.
    probability
        ``(n,)`` that the picker gives to all that could be picked.
    threshold
        In the data set's own probability.
    picks
        How many there are.
    """
    if not shares.significant:
        return Proof(reason=shares.reason)
    found = shares.expected(probability, threshold)
    part = found.precision
    if not picks or not math.isfinite(part.error):
        return Proof(reason="There are no picks.")
    true = Estimate(part.value * picks, part.error * picks)
    return Proof(true, part, found.recall, found.f1, found.number, shares.reason)


def of_picks(averages: Averages, order: FloatArray | None, sets: Sequence[Picks], distance: float) -> Proof:
    """What is expected of picks of which nothing but themselves is known.

    The share of particles among them is measured as among the candidates of a picker, from the surest down.

    Parameters
    ----------
    averages
        Of the picks, or of some of them.
    order
        ``(n,)`` how sure each of the averaged picks is; only the order counts. None: nobody knows.
    sets
        All picks, an entry for each micrograph.
    distance
        In micrograph pixels; of two picks that are nearer, at most one is a particle.
    """
    evidence = np.concatenate([np.empty(0), *(one.evidence for one in averages.members)])
    if not np.isfinite(evidence).any():
        return Proof(reason=f"There are too few picks for averages that could prove something: {len(evidence)}.")
    if order is None or np.ptp(order) == 0:
        return Proof(
            reason="Its picks have no scores that tell sure ones from others, and no picker whose averages prove "
            "something was run beside it to tell them. Run one with it."
        )
    sure = rankdata(order) / len(order)
    micrograph = np.repeat(np.arange(len(averages.members)), [len(one.evidence) for one in averages.members])
    shares = measured_shares(sure, evidence, micrograph)
    if not shares.significant:
        return Proof(reason=shares.reason)
    share = shares.expected(sure, 0.0).precision
    total = sum(map(len, sets))
    once = sum(_each_once(picks, distance) for picks in sets)
    true = Estimate(share.value * once, share.error * once)
    part = Estimate(true.value / total, true.error / total)
    return Proof(true, part, reason=shares.reason, doubled=total - once)


def _each_once(picks: Picks, distance: float) -> int:
    """How many of the picks are not within a distance of a surer one."""
    return len(suppress(picks.yx, np.nan_to_num(picks.score), distance))
