"""How far figures would be off with other micrographs of the same kind: the bootstrap over micrographs.

Micrographs are drawn with replacement, as many as there are, and the figure is computed anew. Picks of one micrograph
go together, since what makes one of them wrong, its ice for example, makes others wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray
from napari_drpnet.evaluation.curves import Sweep

DRAWS = 1000
# Thresholds of curves that are drawn, at most. Of more candidates some share a step, which the errors hardly know of.
_STEPS = 1000

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
    ends, of_each = _steps(values, [np.ones(len(one)) for one in values])

    def median(draws: Draws) -> FloatArray:
        if not len(ends):
            return np.full(len(draws), np.nan)
        below = np.cumsum(draws @ of_each[0], axis=1)
        at = np.argmax(below >= below[:, -1:] / 2, axis=1)
        return np.where(below[:, -1] > 0, ends[at], np.nan)

    return median


def curve_figures(sweeps: Sequence[Sweep]) -> tuple[Figure, Figure]:
    """Average precision, and best F1 over all thresholds, of the pooled curve; as `curves.Curve` has them."""
    found = [one.found.astype(np.float64) for one in sweeps]
    every = [np.ones(len(one.score)) for one in sweeps]
    _, (picks_at, true_at) = _steps([-one.score for one in sweeps], every, found)
    particles = np.array([one.n_particles for one in sweeps], np.float64)

    def over(draws: Draws, take: Callable[[FloatArray, FloatArray, FloatArray], FloatArray]) -> FloatArray:
        picks, true = (np.cumsum(draws @ each, axis=1) for each in (picks_at, true_at))
        whole = draws @ particles
        return np.where(whole > 0, take(true, picks, whole[:, None]), np.nan)

    return lambda draws: over(draws, _area), lambda draws: over(draws, _best_f1)


def _area(true: FloatArray, picks: FloatArray, particles: FloatArray) -> FloatArray:
    steps = np.diff(true, axis=1, prepend=0.0) / np.maximum(particles, 1)
    return np.asarray((steps * _ratio(true, picks, 0.0)).sum(axis=1))


def _best_f1(true: FloatArray, picks: FloatArray, particles: FloatArray) -> FloatArray:
    return np.asarray(_ratio(2 * true, picks + particles, 0.0).max(axis=1, initial=0.0))


def _ratio(part: FloatArray, whole: FloatArray, otherwise: float = math.nan) -> FloatArray:
    ratio: FloatArray = np.divide(part, whole, out=np.full(np.shape(whole), otherwise), where=whole > 0)
    return ratio


def _steps(values: Sequence[FloatArray], *weights: Sequence[FloatArray]) -> tuple[FloatArray, list[FloatArray]]:
    """Rising values of all micrographs as some steps ``(k,)``, and what of weights each micrograph has in each.

    Parameters
    ----------
    values
        Of each micrograph.
    *weights
        As long as ``values``, several times.

    Returns
    -------
    The last value of each step, and ``(micrographs, k)`` for each of the weights. Equal values are in one step.
    """
    every = np.concatenate([*values, np.empty(0)])
    owner = np.repeat(np.arange(len(values)), [len(one) for one in values])
    ends = np.unique(every)
    if len(ends) > _STEPS:
        ends = ends[np.linspace(0, len(ends) - 1, _STEPS + 1).round().astype(int)[1:]]
    place = owner * len(ends) + np.searchsorted(ends, every)
    size = len(values) * len(ends)
    flat = [np.concatenate([*one, np.empty(0)]) for one in weights]
    summed = [np.bincount(place, one, minlength=size).astype(np.float64) for one in flat]
    return ends, [one.reshape(len(values), len(ends)) for one in summed]
