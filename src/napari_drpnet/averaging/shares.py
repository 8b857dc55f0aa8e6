"""The share of true particles among candidates, measured by evidence, and what follows: threshold, precision, recall.

Whoever asks gives the candidates that could be picked at the lowest threshold: after spacing at the usual distance and
without those in the border. Spaced peaks are chosen greedily from the highest score down, so a higher threshold only
leaves out the lower ones, and the counts are right at each threshold. A particle that no candidate stands for is not
counted: recall is of the particles that the picker could find.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, logit

from napari_drpnet.averaging.belief import weighed
from napari_drpnet.averaging.statistics import (
    FEWEST,
    TELLING,
    IndexArray,
    binned,
    curve,
    particle,
    rising,
)
from napari_drpnet.data import FloatArray, MaskArray

# The evidence of the surest must be so many standard errors above that of noise.
_SIGNIFICANT = 4.0
# And so much on its own, from -1 to 1: a picker that sees a little of the measured frequencies gives noise up to 0.03.
_LEAST_EVIDENCE = 0.08
# Deviations of the curve that are kept; the first few hold nearly all of its error.
_DIRECTIONS = 6
# In the order of probabilities, shares may stay the same for long; this part of the picker's own keeps them apart.
_OWN_PART = 0.005
# A candidate's own evidence raises its odds by at most the one factor, and lowers them by at most the other: a particle
# may be off its centre, or in a view that no average shows.
_FOR, _AGAINST = 20.0, 3.0
# Of many candidates together, strange ones are as many here as there, and one may say nearly all that it can.
_HARDLY_LIMITED = 1000.0
# How far such odds can be trusted is not known well, as they are of particles that look like the surest.
_TRUST_ERROR = 0.5
# An offset of their logits is not larger.
_FARTHEST = 3.0
# True particles that are hardly sure have this part less evidence than the surest: the middle of what can be.
_FAINTER = 0.5
_LEAST = 1e-4
# What expected F1 may be given up for a lower threshold.
_GIVEN_UP = 0.002
# Without candidates every threshold is as good.
_ANY_THRESHOLD = 0.5


@dataclass(frozen=True)
class Estimate:
    """A number and its standard error; NaN where it is not known."""

    value: float
    error: float = math.nan


@dataclass(frozen=True)
class Expected:
    """What is expected of the picks at a threshold.

    Attributes
    ----------
    number
        True particles among all candidates, picked or not.
    precision, recall, f1
        Of the picks; recall of the true particles among the candidates. NaN where nothing is to be counted.
    """

    number: Estimate
    precision: Estimate
    recall: Estimate
    f1: Estimate


@dataclass(frozen=True, eq=False)
class Shares:
    """The share of true particles as a function of a picker's probability.

    Attributes
    ----------
    knots
        ``(k,)`` probabilities that the picker gives, rising.
    share
        ``(k,)`` of true particles there, never falling; between knots on a line, beyond them as at the last. True
        particles that are too faint to have evidence are not in it, so at low probabilities it is a lower bound.
    error
        ``(k,)`` standard error.
    spread
        ``(m, k)`` deviations of the curve that together make its error, independent of each other.
    seen
        ``(k,)`` mean bounded evidence (see `statistics.bounded`) of candidates there.
    particle
        Mean and standard deviation of the evidence of the surest true particles.
    offset
        Of the logits of candidates whose own evidence counts: with it, they sum up to as many particles as without.
    lent
        Evidence that a candidate on the rim of a surer one has for that alone, see `leakage`; already taken off.
    part
        Share of true particles among all candidates of the sample that could be picked; 0 where that is not known.
    significant
        Whether evidence was measured; otherwise the picker's probabilities are taken as they are, without an error.
    reason
        One sentence: what was measured, or why nothing was.
    """

    knots: FloatArray
    share: FloatArray
    error: FloatArray
    spread: FloatArray
    seen: FloatArray
    particle: tuple[float, float]
    significant: bool
    reason: str
    offset: float = 0.0
    lent: float = 0.0
    part: float = 0.0

    def probability(self, probability: FloatArray, evidence: FloatArray | None = None) -> FloatArray:
        """The data set's own probability of candidates, in the order of the picker's.

        Parameters
        ----------
        probability
            ``(n,)`` that the picker gives.
        evidence
            ``(n,)`` of each; NaN where it was not measured. None: only the picker's probability tells. Where particles
            are faint it counts for nothing: of a single candidate the picker's score tells more.
        """
        return self._own(self.share, probability, evidence)

    def together(self, probability: FloatArray, evidence: FloatArray) -> FloatArray:
        """`probability`, but evidence counts in full, and where particles are faint, too: of many together it tells."""
        return self._own(self.share, probability, evidence, always=True)

    def expected(self, probability: FloatArray, threshold: float, evidence: FloatArray | None = None) -> Expected:
        """What is expected of picking candidates whose own probability is at least ``threshold``.

        Parameters
        ----------
        probability, evidence
            Of all candidates, see `probability`.
        threshold
            In the data set's own probability.
        """
        own = self.probability(probability, evidence)
        picked = own >= threshold
        value = _figures(own, picked)
        variance = _chance(own, picked)
        for up, down in self._deviating(probability, evidence):
            variance += ((_figures(up, picked) - _figures(down, picked)) / 2) ** 2
        error = np.sqrt(variance) if self.significant else np.full(4, np.nan)
        return Expected(*(Estimate(float(v), float(e)) for v, e in zip(value, error, strict=True)))

    def threshold(self, probability: FloatArray, evidence: FloatArray | None = None) -> float:
        """The threshold, in the data set's own probability, of the greatest expected F1.

        Of thresholds that the measurement cannot tell from the best (their expected F1 is less by no more than the
        standard error of the difference, and by no more than 0.002), the lowest: shares at low probabilities are lower
        bounds.

        Parameters
        ----------
        probability, evidence
            Of all candidates, see `probability`.
        """
        own = self.probability(probability, evidence)
        if not len(own):
            return _ANY_THRESHOLD
        order = np.argsort(-own, kind="stable")
        ends = np.flatnonzero(np.diff(own[order], append=-1.0))
        f1 = _f1_curve(own[order])[ends]
        best = int(np.argmax(f1))
        lost, variance = f1[best] - f1, np.zeros(len(ends))
        for deviating in self._deviating(probability, evidence):
            up, down = (_f1_curve(one[order])[ends] for one in deviating)
            variance += ((up[best] - up - down[best] + down) / 2) ** 2
        chosen = int(np.flatnonzero(lost <= np.minimum(np.sqrt(variance), _GIVEN_UP))[-1])
        at = own[order][ends]
        return float(at[chosen] if chosen + 1 == len(ends) else (at[chosen] + at[chosen + 1]) / 2)

    def _deviating(
        self, probability: FloatArray, evidence: FloatArray | None
    ) -> Iterator[tuple[FloatArray, FloatArray]]:
        """The data set's own probabilities, one standard error up and down, for each error there is."""
        for one in self.spread:
            yield self._own(self.share + one, probability, evidence), self._own(self.share - one, probability, evidence)
        if evidence is not None and self.telling:
            more, less = 1 + _TRUST_ERROR, 1 - _TRUST_ERROR
            yield (
                self._own(self.share, probability, evidence, more),
                self._own(self.share, probability, evidence, less),
            )

    def at_most(self, probability: FloatArray) -> FloatArray:
        """The most that a candidate's own evidence can make of the picker's probability, ``(n,)``."""
        own = self.probability(probability)
        if not self.telling:
            return own
        return np.asarray(expit(logit(np.clip(own, _LEAST, 1 - _LEAST)) + math.log(_FOR) + self.offset), np.float64)

    @property
    def telling(self) -> bool:
        """Whether the evidence of a single candidate counts."""
        return self.significant and self.particle[0] >= TELLING

    def _own(
        self,
        share: FloatArray,
        probability: FloatArray,
        evidence: FloatArray | None,
        trust: float = 1,
        always: bool = False,
    ) -> FloatArray:
        """Probabilities with another curve than the best one, and with own evidence trusted more or less, or always."""
        if not self.significant:
            return np.array(probability, np.float64)
        level = np.interp(probability, self.knots, np.clip(share, 0, 1))
        own = level + _OWN_PART * (probability - level)
        if evidence is None or not (always or self.telling):
            return np.asarray(own, np.float64)
        top = max(float(self.share[-1]), _LEAST)
        prior = logit(np.clip(own, _LEAST, 1 - _LEAST))
        odds = self._odds(evidence, np.clip(own / top, 0, 1))
        limits = (_HARDLY_LIMITED, _HARDLY_LIMITED) if always else (_AGAINST, _FOR)
        odds = trust * np.clip(odds, -math.log(limits[0]), math.log(limits[1])) + self.offset
        return np.asarray(np.where(np.isfinite(evidence), expit(prior + odds), own), np.float64)

    def _odds(self, evidence: FloatArray, surety: FloatArray) -> FloatArray:
        """``(n,)`` logarithm of how much likelier evidence is for a particle than for noise."""
        mean, width = self.particle
        mean_here = mean * (1 - _FAINTER * (1 - surety))
        # A wide distribution has more in its far lower tail than noise has; less evidence never speaks for a particle.
        lowest = -mean_here / max(width**2 - 1, 1e-3)
        seen = np.maximum(evidence, lowest)
        odds = seen**2 / 2 - (seen - mean_here) ** 2 / (2 * width**2) - math.log(width)
        return np.asarray(odds, np.float64)

    def lists(self) -> dict[str, object]:
        """Plain lists, numbers and text, for a file."""
        arrays = {name: getattr(self, name).tolist() for name in _ARRAYS}
        return arrays | {
            "particle": list(self.particle),
            "offset": self.offset,
            "lent": self.lent,
            "part": self.part,
            "significant": self.significant,
            "reason": self.reason,
        }

    @classmethod
    def of_lists(cls, lists: Mapping[str, object]) -> Shares:
        """What `lists` gave.

        Raises
        ------
        ValueError
            When it is something else.
        """
        try:
            arrays = {name: np.array(lists[name], np.float64) for name in _ARRAYS}
            particle = np.array(lists["particle"], np.float64)
            significant, reason = lists["significant"], lists["reason"]
            names = ("offset", "part", "lent")
            offset, part, lent = (float(np.array(lists.get(name, 0.0), np.float64)) for name in names)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not shares of particles: {error}") from error
        k = arrays["knots"].shape
        arrays["spread"] = arrays["spread"].reshape(-1, *k) if arrays["spread"].size == 0 else arrays["spread"]
        fits = len(k) == 1 and k[0] > 0 and all(arrays[name].shape == k for name in ("share", "error", "seen"))
        if not fits or arrays["spread"].ndim != 2 or arrays["spread"].shape[1:] != k or particle.shape != (2,):
            raise ValueError("not shares of particles: their lists differ in length")
        numbers = [np.array([offset, part, lent]), particle, arrays["spread"].ravel()]
        numbers += [arrays[name] for name in ("knots", "share", "seen")]
        if not isinstance(significant, bool) or not all(np.isfinite(one).all() for one in numbers):
            raise ValueError("not shares of particles: a value is no number")
        if (np.diff(arrays["knots"]) <= 0).any() or (np.diff(arrays["share"]) < 0).any() or particle[1] < 1:
            raise ValueError("not shares of particles: values are out of order")
        return cls(
            **arrays,
            particle=(float(particle[0]), float(particle[1])),
            significant=significant,
            reason=str(reason),
            offset=offset,
            lent=lent,
            part=part,
        )


_ARRAYS = ("knots", "share", "error", "spread", "seen")


def unmeasured_shares(reason: str) -> Shares:
    """The picker's probabilities as they are; ``reason`` says why nothing was measured."""
    line = np.array([0.0, 1.0])
    return Shares(line, line, np.full(2, np.nan), np.zeros((0, 2)), np.zeros(2), (0.0, 1.0), False, reason)


def measured_shares(
    probability: FloatArray, evidence: FloatArray, micrograph: IndexArray, ranks: bool = False
) -> Shares:
    """The share of true particles by probability, where the evidence is significant.

    Parameters
    ----------
    probability
        ``(n,)`` that a picker gives its candidates; it is believed as far as evidence leaves room (`belief`).
    evidence
        ``(n,)`` mean 0 and standard deviation of about 1 for background, more for particles; NaN: not measured.
    micrograph
        ``(n,)`` number of the micrograph of each.
    ranks
        ``probability`` is only an order.
    """
    known = np.isfinite(evidence) & np.isfinite(probability)
    probability, evidence, micrograph = probability[known], evidence[known], micrograph[known]
    if (n := len(probability)) < FEWEST:
        return unmeasured_shares(f"Too few candidates to measure evidence: {n}, and at least {FEWEST} are needed.")
    if probability.max() == probability.min():
        return unmeasured_shares(
            "All candidates have the same probability, so that evidence cannot tell sure ones from others."
        )
    bins = binned(probability, evidence, micrograph)
    seen, error = bins.top
    surest = f"{bins.count[-1]:.0f} surest candidates"
    if not proves(seen, error):
        return unmeasured_shares(
            f"The evidence of the {surest} ({seen:.2f} ± {error:.2f}) cannot be told from that of noise: there are no "
            "particles, too few, or too faint ones."
        )
    found = (curve if ranks else weighed)(bins, _DIRECTIONS)
    shares = Shares(
        bins.probability,
        found.share,
        found.error,
        found.spread,
        rising(bins.evidence, bins.count),
        particle(bins, max(float(found.share[-1]), _LEAST)),
        True,
        f"The evidence of the {surest} ({seen:.2f} ± {error:.2f}) is {seen / error:.0f} standard errors above that of "
        "noise.",
    )
    return replace(shares, offset=_offset(shares, probability, evidence))


def _offset(shares: Shares, probability: FloatArray, evidence: FloatArray) -> float:
    """The offset with which candidates of known evidence sum up to as many particles as by the curve."""
    if not shares.telling:
        return 0.0
    number = shares.probability(probability).sum()

    def surplus(offset: float) -> float:
        return float(replace(shares, offset=offset).probability(probability, evidence).sum() - number)

    from scipy.optimize import brentq  # slow to load

    return float(brentq(surplus, -_FARTHEST, _FARTHEST)) if surplus(-_FARTHEST) < 0 < surplus(_FARTHEST) else 0.0


def proves(mean: float, error: float) -> bool:
    """Whether a mean of bounded evidence, with its standard error, is more than a picker finds in noise."""
    return bool(mean >= max(_SIGNIFICANT * error, _LEAST_EVIDENCE))


def _figures(own: FloatArray, picked: MaskArray) -> FloatArray:
    """Number, precision, recall and F1 expected of picks; NaN where nothing is to be counted."""
    number, true, n = own.sum(), own[picked].sum(), picked.sum()
    return np.array([number, _part(true, n), _part(true, number), _part(2 * true, n + number)])


def _part(some: float, whole: float) -> float:
    return float(some / whole) if whole > 0 else math.nan


def _chance(own: FloatArray, picked: MaskArray) -> FloatArray:
    """Variances of the four figures as each candidate is a particle or not, with its probability."""
    spread = own * (1 - own)
    of_picks, of_others = spread[picked].sum(), spread[~picked].sum()
    number, true, n = own.sum(), own[picked].sum(), picked.sum()
    whole = n + number
    recall = (number - true) ** 2 * of_picks + true**2 * of_others
    f1 = (2 * (whole - true)) ** 2 * of_picks + (2 * true) ** 2 * of_others
    return np.array([of_picks + of_others, _part(of_picks, n**2), _part(recall, number**4), _part(f1, whole**4)])


def _f1_curve(own: FloatArray) -> FloatArray:
    """``(n,)`` expected F1 of the first so many, `evaluation.f1_score` of expected numbers."""
    true = np.cumsum(own)
    return np.asarray(2 * true / np.maximum(np.arange(1, len(own) + 1) + true[-1], 1e-12), np.float64)
