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
