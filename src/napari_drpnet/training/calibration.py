"""Scores to probabilities: a logistic model fitted on proteins no network was trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.spatial import cKDTree
from scipy.special import expit

from napari_drpnet.data import FloatArray

_RIDGE = 1e-4
# Of the two coefficients of a micrograph before any is seen, offset and slope.
_FIRST_MEAN, _FIRST_SPREAD = (0.0, 1.0), (1.0, 0.5)
_NEWTON, _ROUNDS = 12, 20


def greedy_hits(yx: FloatArray, score: FloatArray, truth: FloatArray, radius: float) -> npt.NDArray[np.bool_]:
    """Which candidates are particles: best first, each takes the nearest free truth within ``radius``.

    This is what a calibration is fitted to. The probability of a candidate must not depend on worse ones, and in the
    best assignment of all it would. No F1 is counted so: a greedy choice can leave a particle without a candidate that
    the best assignment, `evaluation.matching.match`, finds one for.

    Parameters
    ----------
    yx, truth
        ``(n, 2)`` and ``(m, 2)`` in the same pixels.
    score
        ``(n,)``; the better candidate chooses first, so a second one on the same particle is a miss.
    """
    hit = np.zeros(len(yx), bool)
    if not len(yx) or not len(truth):
        return hit
    taken = np.zeros(len(truth), bool)
    near = cKDTree(truth)
    for i in np.argsort(-score, kind="stable"):
        options = [j for j in near.query_ball_point(yx[i], radius) if not taken[j]]
        if options:
            taken[min(options, key=lambda j: float(np.hypot(*(truth[j] - yx[i]))))] = True
            hit[i] = True
    return hit


def fit_logistic(terms: Sequence[FloatArray], hit: npt.NDArray[np.bool_], weight: FloatArray) -> tuple[float, ...]:
    """Slopes and offset of ``p = expit(slopes . terms + offset)`` by maximum likelihood.

    Parameters
    ----------
    terms
        One ``(n,)`` array per slope.
    hit
        ``(n,)`` whether it was a particle.
    weight
        ``(n,)`` weight of each candidate, so that a crowded micrograph does not outvote a sparse one.
    """
    columns = np.stack([*terms, np.ones(len(hit))], axis=1)
    sign = np.where(hit, 1.0, -1.0)
    weight = weight / weight.sum()
    # Enough to keep slopes finite where few candidates leave them open.
    ridge = np.array([*([_RIDGE] * len(terms)), 0.0])

    def loss(c: FloatArray) -> tuple[float, FloatArray]:
        margin = sign * (columns @ c)
        gradient = -(weight * sign * expit(-margin)) @ columns + 2 * ridge * c
        return float(weight @ np.logaddexp(0, -margin) + ridge @ c**2), gradient

    found = minimize(loss, np.zeros(len(ridge)), jac=True, method="L-BFGS-B")
    return tuple(float(round(c, 5)) for c in found.x)


def typical(
    margins: Sequence[FloatArray], hits: Sequence[npt.NDArray[np.bool_]]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Offset and slope that make a margin right on a usual micrograph, and how much they vary between micrographs.

    Of micrograph ``i``, a candidate of margin ``m`` is a particle with probability ``expit(b_i + a_i m)``; ``b`` and
    ``a`` are normally distributed over micrographs. A model fitted to the candidates of all of them together is right
    for their mixture, and too flat for each: where particles are clear on one and faint on another, low scores are
    particles on the latter only.

    Fitted by expectation-maximisation with Laplace's approximation (Breslow and Clayton, J. Am. Stat. Assoc. 88 (1993)
    9).

    Parameters
    ----------
    margins, hits
        ``(n,)`` of the candidates of each micrograph; at least one of them is a particle.

    Returns
    -------
    tuple of tuple of float
        Means of ``b`` and ``a``, and their standard deviations.
    """
    mean, covariance = np.array(_FIRST_MEAN), np.diag(_FIRST_SPREAD) ** 2
    for _ in range(_ROUNDS):
        found = [_of_one(margin, hit, mean, covariance) for margin, hit in zip(margins, hits, strict=True)]
        each = np.array([coefficients for coefficients, _ in found])
        mean = each.mean(0)
        covariance = (each - mean).T @ (each - mean) / len(each) + np.mean([error for _, error in found], axis=0)
    spread = np.sqrt(np.diag(covariance))
    return (float(mean[0]), float(mean[1])), (float(spread[0]), float(spread[1]))


def _of_one(
    margin: FloatArray, hit: npt.NDArray[np.bool_], mean: FloatArray, covariance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Most probable offset and slope of a micrograph, and their covariance."""
    columns, believed = np.stack([np.ones(len(margin)), margin], axis=1), np.linalg.inv(covariance)
    found = mean
    for _ in range(_NEWTON):
        p = expit(columns @ found)
        precision = (columns * (p * (1 - p))[:, None]).T @ columns + believed
        step = np.linalg.solve(precision, columns.T @ (hit - p) - believed @ (found - mean))
        found = found + np.clip(step, -1, 1)
    return found, np.linalg.inv(precision)
