"""From the evidence of candidates to the share of true particles among them, with its errors.

Evidence is first made bounded: `bounded` gives a candidate the probability that noise has less evidence, minus that it
has more. Of background its mean is 0, whatever the spread, as noise is as often below 0 as above. Of clear particles it
is nearly 1, however clear they are, so that it counts them; the mean of evidence itself would count a particle that is
half as clear as half a particle. Where all are faint it is as good as the mean (0.95 of its efficiency).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from napari_drpnet.data import FloatArray

IndexArray = npt.NDArray[np.int64]

# The share of true particles among the surest candidates of a picker that works, and its standard error, where neither
# evidence nor the picker tells.
USUAL_TOP = (0.91, 0.07)
# Of bounded evidence of noise, which is spread evenly from -1 to 1.
NOISE = float(1 / np.sqrt(3))
FEWEST = 40  # candidates that are a sample
_FIRST_SUREST = 40
_MOST_SUREST = 0.3  # part of all candidates
_KNOWN_WELL = 16.0  # standard errors
_SMALLEST_BIN = 30
_BINS = 24
# So many micrographs tell as much about how far candidates of one go together as is assumed without any.
_TRUSTED_MICROGRAPHS = 8
# The faintest true particle that is proposed has at most this part less evidence than the clearest; perhaps no less.
_MOST_FAINTER = 0.95
_PARTS = 20
# Particles do not fade quite as evenly as is assumed: with this chance the fit tells nothing.
_UNEVEN = 0.2
_ROUNDS = 20
# Evidence of particles that are so many standard deviations above noise tells one from the other.
TELLING = 1.6
_DRAWS = 256
_GRID = 512
# Clearer particles than this cannot be told from these.
_CLEAREST = 0.995


def bounded(evidence: FloatArray) -> FloatArray:
    """Evidence as a number between -1 and 1, with mean 0 for noise of any spread."""
    return np.asarray(2 * ndtr(evidence) - 1, np.float64)


@dataclass(frozen=True, eq=False)
class Bins:
    """Candidates in groups of neighbouring probability, in rising order; the last holds the surest.

    Attributes
    ----------
    probability
        ``(k,)`` mean of each.
    count
        ``(k,)`` candidates.
    evidence
        ``(k,)`` mean of bounded evidence.
    covariance
        ``(k, k)`` of these means.
    plain, plain_error
        ``(k,)`` mean of evidence as it is, and its standard error.
    signs
        Of the surest: how much more of them have evidence above 0 than below, as a part of all.
    width
        Variance of the evidence of the surest.
    """

    probability: FloatArray
    count: FloatArray
    evidence: FloatArray
    covariance: FloatArray
    plain: FloatArray
    plain_error: FloatArray
    signs: float
    width: float

    @property
    def top(self) -> tuple[float, float]:
        """Mean bounded evidence of the surest, and its standard error; never less than noise has."""
        return float(self.evidence[-1]), float(np.sqrt(self.covariance[-1, -1]))


def binned(probability: FloatArray, evidence: FloatArray, micrograph: IndexArray) -> Bins:
    """Sort candidates into bins.

    Parameters
    ----------
    probability, evidence
        ``(n,)``, finite; at least one.
    micrograph
        ``(n,)`` which micrograph each is from.
    """
    order = np.argsort(probability, kind="stable")
    probability, seen = probability[order], bounded(evidence[order])
    numbers, member = np.unique(micrograph[order], return_inverse=True)
    edges = _edges(probability, seen)
    which = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    count = np.diff(edges).astype(np.float64)
    mean = np.bincount(which, seen) / count
    plain = evidence[order]
    middle = np.bincount(which, plain) / count
    spread = np.bincount(which, (plain - middle[which]) ** 2) / count
    surest = plain[edges[-2] :]
    return Bins(
        np.bincount(which, probability) / count,
        count,
        mean,
        _covariance(seen - mean[which], which, member, count, len(numbers)),
        middle,
        np.sqrt(np.maximum(spread, 1) / count),
        float(np.sign(surest).mean()),
        float(surest.var()),
    )


def _edges(probability: FloatArray, seen: FloatArray) -> IndexArray:
    """Where bins begin, and the number of candidates; equal probabilities are never divided."""
    n = len(probability)
    starts = np.flatnonzero(np.diff(probability, prepend=-np.inf))
    first = _surest(starts, seen)
    bins = int(np.clip(first // _SMALLEST_BIN, 1, _BINS))
    wanted = np.linspace(0, first, bins + 1)[:-1]
    below = starts[starts < first]
    inner = below[np.searchsorted(below, wanted, side="right") - 1] if len(below) else np.empty(0, np.int64)
    return np.unique(np.concatenate([inner, [first, n]])).astype(np.int64)


def _surest(starts: IndexArray, seen: FloatArray) -> int:
    """Where the surest begin: few, twice as many and so on, until their mean evidence is known well.

    A fixed part of all would be too many where few candidates are particles, and too few where particles are faint.
    Where it is never known well, those count whose evidence is the most significant.
    """
    n = len(seen)
    totals, counts = np.cumsum(seen[::-1])[::-1], n - starts
    best, start = -np.inf, 0
    size = min(_FIRST_SUREST, n)
    while True:
        tried = int(starts[counts >= size].max())
        significance = totals[tried] / np.sqrt(n - tried) / NOISE
        if significance > best:
            best, start = significance, tried
        size *= 2
        if best >= _KNOWN_WELL or size > _MOST_SUREST * n:
            return start


def _covariance(
    away: FloatArray, which: IndexArray, member: IndexArray, count: FloatArray, micrographs: int
) -> FloatArray:
    """``(k, k)`` covariance of the means of bins.

    Candidates of one micrograph go together: what is between micrographs counts as far as there are enough of them to
    tell, and what candidates on their own would give counts for the rest.
    """
    k = len(count)
    spread = np.maximum(np.bincount(which, away**2) / count, NOISE**2)
    alone = np.diag(spread / count)
    if micrographs < 2:
        return alone
    sums = np.bincount(member * k + which, away, micrographs * k).reshape(micrographs, k) / count
    between = sums.T @ sums * micrographs / (micrographs - 1)
    return (micrographs * between + _TRUSTED_MICROGRAPHS * alone) / (micrographs + _TRUSTED_MICROGRAPHS)


def top_share(bins: Bins, usual: tuple[float, float] = USUAL_TOP) -> tuple[float, float]:
    """The share of true particles among the surest, and its standard error.

    Noise is below 0 as often as above. So at least the part that is above more often than below is true, and this
    narrows what is usual: a share and its standard error.
    """
    shares = np.linspace(0, 1, _GRID)
    error = np.sqrt(max(1 - bins.signs**2, 1 / bins.count[-1]) / bins.count[-1])
    weight = np.exp(-0.5 * ((shares - usual[0]) / usual[1]) ** 2) * ndtr((shares - bins.signs) / error)
    mean = weight @ shares / weight.sum()
    return float(mean), float(np.sqrt(weight @ (shares - mean) ** 2 / weight.sum()))


def particle(bins: Bins, top: float) -> tuple[float, float]:
    """Mean and standard deviation of the evidence of true particles, which are the part ``top`` of the surest."""
    mean = float(bins.plain[-1]) / top
    variance = (bins.width + (top * mean) ** 2 - (1 - top)) / top - mean**2
    return max(mean, 0.0), float(np.sqrt(max(variance, 1.0)))


def clarity_of(share: FloatArray, count: FloatArray, fainter: FloatArray) -> FloatArray:
    """``(d, k)`` how clear true particles are in bins, compared with the surest.

    Score and evidence both tell how clear a particle is. So of the true particles, ordered by probability, each is a
    little less clear than the one before.

    Parameters
    ----------
    share
        ``(d, k)`` of true particles.
    count
        ``(k,)`` candidates.
    fainter
        ``(d,)`` the part by which the last is less clear than the first, below 1.
    """
    true = share * count
    place = 1 - (np.cumsum(true, 1) - true / 2) / true.sum(1, keepdims=True)
    clear = 1 - fainter[:, None] * place
    return np.asarray(clear / clear[:, -1:], np.float64)


def share_of(seen: FloatArray, count: FloatArray, top: FloatArray, fainter: FloatArray, varied: float) -> FloatArray:
    """Shares from mean bounded evidence, rising with it from 0 to ``top``.

    How clear true particles are follows from the shares themselves (`clarity_of`), so both are found in rounds.

    Parameters
    ----------
    seen
        ``(d, k)`` mean bounded evidence, rising; the last, of the surest, above 0.
    count
        ``(k,)`` candidates.
    top, fainter
        ``(d,)`` share of true particles among the surest, and see `clarity_of`.
    varied
        Standard deviation of the evidence of the surest true particles, beyond that of noise; it falls as they fade.
    """
    top, surest = top[:, None], seen[:, -1:]
    clear = ndtri((1 + np.minimum(surest / top, _CLEAREST)) / 2)
    share = np.minimum(seen / surest, 1) * top
    for _ in range(_ROUNDS):
        clarity = clarity_of(share, count, fainter)
        here = clear * clarity * np.sqrt((2 + varied**2) / (2 + (varied * clarity) ** 2))
        lost = (2 * ndtr(here) - 1) / (2 * ndtr(clear) - 1)
        share = np.maximum.accumulate(np.minimum(seen / surest / lost, 1) * top, axis=1)
    return np.asarray(share, np.float64)


def fainter_by(bins: Bins, top: float) -> tuple[FloatArray, FloatArray]:
    """How much less clear the last true particle may be than the first, ``(m,)`` parts, and how probable each is.

    Where particles are clear, bounded evidence counts them, and plain evidence tells how clear they are. Where not,
    both tell the same, and all parts are as probable. ``top``: the share among the surest.
    """
    parts = np.linspace(0, _MOST_FAINTER, _PARTS)
    even = np.full(_PARTS, 1 / _PARTS)
    mean, width = particle(bins, top)
    if mean < TELLING:
        return parts, even
    seen = np.tile(rising(bins.evidence, bins.count), (_PARTS, 1))
    share = share_of(seen, bins.count, np.full(_PARTS, top), parts, math.sqrt(width**2 - 1))
    ratio = share / top * clarity_of(share, bins.count, parts)
    variance = bins.plain_error**2 + (bins.plain_error[-1] * ratio) ** 2
    misfit = ((bins.plain - bins.plain[-1] * ratio) ** 2 / variance)[:, :-1].sum(1)
    # Where no part fits well, none is much better than another.
    misfit /= max(1, misfit.min() / max(1, len(bins.count) - 2))
    likely = np.exp(-0.5 * (misfit - misfit.min()))
    return parts, np.asarray(_UNEVEN * even + (1 - _UNEVEN) * likely / likely.sum(), np.float64)


def rising(seen: FloatArray, count: FloatArray) -> FloatArray:
    """The nearest means that never fall, from 0 on."""
    from scipy.optimize import isotonic_regression  # slow to load

    return np.asarray(np.clip(isotonic_regression(seen, weights=count).x, 0, None), np.float64)


@dataclass(frozen=True, eq=False)
class Curve:
    """Shares of true particles in bins.

    Attributes
    ----------
    share, error
        ``(k,)``, and their standard errors.
    spread
        ``(m, k)`` deviations, each as probable as one standard error and independent of the others.
    """

    share: FloatArray
    error: FloatArray
    spread: FloatArray


def curve(bins: Bins, directions: int, usual: tuple[float, float] = USUAL_TOP) -> Curve:
    """Shares of bins whose surest have significant evidence, of which the order of the bins tells, and nothing else.

    Errors are those of sampling, of the share among the surest (see `top_share`), and of how much fainter the others
    are.
    """
    top, top_error = top_share(bins, usual)
    chance = np.random.default_rng(0)
    draws = chance.multivariate_normal(bins.evidence, bins.covariance, _DRAWS, method="eigh")
    draws[:, -1] = np.maximum(draws[:, -1], bins.top[0] / 4)
    tops = np.clip(top + top_error * chance.standard_normal(_DRAWS), 0.5, 1)
    parts, likely = fainter_by(bins, top)
    varied = math.sqrt(particle(bins, top)[1] ** 2 - 1)
    fainter = chance.permutation(np.interp((np.arange(_DRAWS) + 0.5) / _DRAWS, np.cumsum(likely) - likely / 2, parts))
    seen = np.array([rising(one, bins.count) for one in (bins.evidence, *draws)])
    share = share_of(seen, bins.count, np.append(top, tops), np.append(parts @ likely, fainter), varied)
    return drawn_curve(share[0], share[1:], directions)


def drawn_curve(share: FloatArray, drawn: FloatArray, directions: int) -> Curve:
    """Shares ``(k,)`` with the errors that other draws ``(n, k)`` of them show, at most in so many directions."""
    away = (drawn - drawn.mean(0)) / np.sqrt(len(drawn) - 1)
    _, size, along = np.linalg.svd(away, full_matrices=False)
    return Curve(share, np.sqrt((away**2).sum(0)), (size[:, None] * along)[:directions])
