"""How far figures would be off with other micrographs of the same kind: the bootstrap over micrographs.

Micrographs are drawn with replacement, as many as there are, and the figure is computed anew. Picks of one micrograph
go together, since what makes one of them wrong, its ice for example, makes others wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray
from napari_drpnet.evaluation.curves import Sweep

DRAWS = 1000
# Values that are held at once.
_BLOCK = 4_000_000

# ``(draws, micrographs)``: how often each draw has each micrograph.
Draws = npt.NDArray[np.float64]
# A figure of each draw, ``(draws,)``; the first row of what it is given may be "each micrograph once".
Figure = Callable[[Draws], FloatArray]


def draws_of(micrographs: int, count: int = DRAWS) -> Draws:
    """Random draws, the same each time."""
    chance = np.full(micrographs, 1 / max(micrographs, 1))
    return np.random.default_rng(0).multinomial(micrographs, chance, size=count).astype(np.float64)


def value_and_error(figure: Figure, micrographs: int) -> tuple[float, float]:
    """A figure of all micrographs, and its standard error; NaN where it is not defined, or there is one micrograph.

    The draws are spread about the mean of these n micrographs, and by ``sqrt((n - 1) / n)`` too little: put right.
    """
    (value,) = figure(np.ones((1, micrographs)))
    if micrographs < 2 or math.isnan(value):
        return float(value), math.nan
    return float(value), spread(figure(draws_of(micrographs)), micrographs)


def spread(drawn: FloatArray, micrographs: int) -> float:
    """The standard error that values of draws ``(draws,)`` tell of, those left out in which it is not defined."""
    known = drawn[np.isfinite(drawn)]
    if micrographs < 2 or len(known) < len(drawn) / 2:
        return math.nan
    return float(known.std() * math.sqrt(micrographs / (micrographs - 1)))


def pooled(counts: FloatArray, ratio: Callable[[FloatArray], FloatArray]) -> Figure:
    """A ratio of counts that are summed over the micrographs first (micro average).

    Parameters
    ----------
    counts
        ``(n, 3)`` true, false and missed of each micrograph.
    ratio
        Of such counts, ``(m, 3)`` to ``(m,)``; NaN where it is not defined.
    """
    return lambda draws: ratio(draws @ counts)


def averaged(values: FloatArray) -> Figure:
    """The mean of the micrographs' own values ``(n,)`` (macro average); those that are NaN are left out."""
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)

    def mean(draws: Draws) -> FloatArray:
        return _ratio(draws @ filled, draws @ known.astype(np.float64))

    return mean


def median_of(values: Sequence[FloatArray]) -> Figure:
    """The median of the values of all micrographs together, the lower one of the two in the middle."""
    every, owner = _together(values)
    order = np.argsort(every, kind="stable")
    every, owner = every[order], owner[order]

    def median(draws: Draws) -> FloatArray:
        found = np.full(len(draws), np.nan)
        for rows, weights in _weighted(draws, owner):
            below = np.cumsum(weights, axis=1)
            if below.shape[1]:
                at = np.argmax(below >= below[:, -1:] / 2, axis=1)
                found[rows] = np.where(below[:, -1] > 0, every[at], np.nan)
        return found

    return median


def curve_figures(sweeps: Sequence[Sweep]) -> tuple[Figure, Figure]:
    """Average precision, and best F1 over all thresholds, of the pooled curve; as `curves.Curve` has them."""
    score, owner = _together([one.score for one in sweeps])
    found = np.concatenate([*(one.found for one in sweeps), np.empty(0, bool)])
    order = np.argsort(-score, kind="stable")
    owner, found = owner[order], found[order].astype(np.float64)
    # Equal scores stand or fall together: only the last of each run is a threshold.
    last = np.flatnonzero(np.diff(score[order], append=-np.inf))
    particles = np.array([one.n_particles for one in sweeps], np.float64)

    def over(draws: Draws, take: Callable[[FloatArray, FloatArray, FloatArray], FloatArray]) -> FloatArray:
        taken = np.full(len(draws), np.nan)
        for rows, weights in _weighted(draws, owner):
            picks = np.cumsum(weights, axis=1)[:, last]
            true = np.cumsum(weights * found, axis=1)[:, last]
            taken[rows] = take(true, picks, (draws[rows] @ particles)[:, None])
        return np.where(draws @ particles > 0, taken, np.nan)

    return lambda draws: over(draws, _area), lambda draws: over(draws, _best_f1)


def _area(true: FloatArray, picks: FloatArray, particles: FloatArray) -> FloatArray:
    steps = np.diff(true, axis=1, prepend=0.0) / np.maximum(particles, 1)
    return np.asarray((steps * _ratio(true, picks, 0.0)).sum(axis=1))


def _best_f1(true: FloatArray, picks: FloatArray, particles: FloatArray) -> FloatArray:
    return np.asarray(_ratio(2 * true, picks + particles, 0.0).max(axis=1, initial=0.0))


def _ratio(part: FloatArray, whole: FloatArray, otherwise: float = math.nan) -> FloatArray:
    ratio: FloatArray = np.divide(part, whole, out=np.full(np.shape(whole), otherwise), where=whole > 0)
    return ratio


def _together(values: Sequence[FloatArray]) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """All values, and which of the micrographs each is of."""
    owner = np.repeat(np.arange(len(values)), [len(one) for one in values])
    return np.concatenate([*values, np.empty(0)]), owner


def _weighted(draws: Draws, owner: npt.NDArray[np.int64]) -> Iterator[tuple[slice, FloatArray]]:
    """Some of the draws at a time, and how often each has each value."""
    step = max(1, _BLOCK // max(len(owner), 1))
    for start in range(0, len(draws), step):
        rows = slice(start, start + step)
        yield rows, draws[rows][:, owner]
