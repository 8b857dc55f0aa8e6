"""Evidence that a candidate has only because a particle is near: what its neighbour lends to any place around it.

A candidate on the rim of a particle shows a part of it, and agrees a little with averages. Around the same particles
other places, as far away, which no picker proposed, are measured as well. What these have is no proof of anything.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from napari_drpnet.data import FloatArray

IndexArray = npt.NDArray[np.int64]

# Nearer than this to a surer candidate, in diameters, a candidate is on its rim.
RIM = 0.7
_FEWEST = 40  # places that tell something
# Places keep off other candidates that are among so many of the surest, by so many diameters.
_SUREST, _CLEAR = 1 / 3, 0.5
_TRIES = 20


def nearest_surer(yx: FloatArray) -> tuple[FloatArray, IndexArray]:
    """How far the nearest surer candidate is, and which one it is; infinity and -1 where none is on the rim.

    Parameters
    ----------
    yx
        ``(n, 2)`` y, x in particle diameters, the surest first.
    """
    distance, nearest = np.full(len(yx), np.inf), np.full(len(yx), -1, np.int64)
    if len(yx) < 2:
        return distance, nearest
    surer, other = np.sort(cKDTree(yx).query_pairs(RIM, output_type="ndarray"), axis=1).T
    apart = np.hypot(*(yx[surer] - yx[other]).T)
    farthest_first = np.argsort(-apart, kind="stable")
    nearest[other[farthest_first]] = surer[farthest_first]
    distance[other[farthest_first]] = apart[farthest_first]
    return distance, nearest


def rim_places(yx: FloatArray, size: FloatArray, most: int, seed: int) -> FloatArray:
    """Places around candidates, each as far away as another candidate on the rim is, in a direction drawn by chance.

    Parameters
    ----------
    yx
        ``(n, 2)`` y, x in particle diameters, the surest first.
    size
        ``(2,)`` height and width of the micrograph in diameters.
    most
        How many at most.
    seed
        Of the draw.

    Returns
    -------
    numpy.ndarray
        ``(k, 2)``; none where there is no room between the surest candidates.
    """
    rng = np.random.default_rng(seed)
    distance, nearest = nearest_surer(yx)
    left = rng.permutation(np.flatnonzero(nearest >= 0))[:most]
    surest = cKDTree(yx[: math.ceil(_SUREST * len(yx))]) if len(yx) else None
    found: list[FloatArray] = []
    for _ in range(_TRIES):
        if surest is None or not len(left):
            break
        angle = rng.uniform(0, 2 * np.pi, len(left))
        place = yx[nearest[left]] + distance[left, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)
        apart, which = (np.asarray(one) for one in surest.query(place, k=2))
        others = np.where(which[:, 0] == nearest[left], apart[:, 1], apart[:, 0])
        free = (others >= _CLEAR) & (others >= distance[left])
        free &= ((place >= _CLEAR) & (place <= size - _CLEAR)).all(axis=1)
        found.append(place[free])
        left = left[~free]
    return np.concatenate([np.empty((0, 2)), *found])


def leak(evidence: FloatArray) -> float:
    """What a particle lends to candidates on its rim: the mean evidence of other places there, ``(k,)``; at least 0."""
    known = evidence[np.isfinite(evidence)]
    return max(0.0, float(known.mean())) if len(known) >= _FEWEST else 0.0


def without(evidence: FloatArray, yx: FloatArray, lent: float) -> FloatArray:
    """``(n,)`` evidence of candidates, the surest first, less what is ``lent`` to those on a rim."""
    return np.asarray(evidence - lent * (nearest_surer(yx)[1] >= 0), np.float64)
