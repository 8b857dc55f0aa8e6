"""Where particles lie on a micrograph."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from napari_drpnet.data import FloatArray, MaskArray


def scatter(
    rng: np.random.Generator, allowed: MaskArray, diameter: float, coverage: float, clumping: float
) -> FloatArray:
    """Centres of particles, thrown one after the other and kept where they overlap little.

    Parameters
    ----------
    rng
        Source of randomness.
    allowed
        ``(h, w)`` True where a particle may lie; most of it must.
    diameter
        Pixels.
    coverage
        Part of the area under particles, a disc of one diameter each.
    clumping
        Part of the particles that are set beside an earlier one, from three quarters of a diameter away.

    Returns
    -------
    FloatArray
        ``(n, 2)`` in (y, x) order.
    """
    h, w = allowed.shape
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    rim = 0.4 * diameter * np.stack([np.sin(angles), np.cos(angles)], axis=1)

    def around(point: FloatArray) -> npt.NDArray[np.int64]:
        """Pixels at the particle's middle and rim, as an index."""
        return np.clip(np.vstack([point, point + rim]), 0, (h - 1, w - 1)).astype(np.int64).T

    wanted = int(coverage * h * w / (np.pi * diameter**2 / 4))
    spacing = rng.uniform(0.7, 1.05) * diameter
    centres = np.empty((wanted, 2))
    n = 0
    for _ in range(6 * wanted):
        if n == wanted:
            break
        touching = n > 0 and rng.random() < clumping
        if touching:
            angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(0.75, 1.1) * diameter
            point = centres[rng.integers(n)] + distance * np.array([np.sin(angle), np.cos(angle)])
        else:
            point = rng.uniform((0, 0), (h, w))
        if not (0 <= point[0] < h and 0 <= point[1] < w and allowed[tuple(around(point))].all()):
            continue
        nearest = np.sqrt(((centres[:n] - point) ** 2).sum(axis=1).min()) if n else np.inf
        if nearest >= (0.7 * diameter if touching else spacing):
            centres[n] = point
            n += 1
    return centres[:n]


def heap(rng: np.random.Generator, centre: FloatArray, diameter: float, n: int) -> FloatArray:
    """``(n, 2)`` centres of an aggregate: a branching heap of overlapping particles."""
    points = [np.asarray(centre, dtype=np.float64)]
    for _ in range(n - 1):
        angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(0.25, 0.7) * diameter
        points.append(points[rng.integers(len(points))] + distance * np.array([np.sin(angle), np.cos(angle)]))
    return np.asarray(points)


def heaps(rng: np.random.Generator, full: int, diameter: float) -> FloatArray:
    """``(n, 2)`` centres of one to three heaps on a canvas ``full`` pixels wide."""
    count = int(rng.integers(1, 4))
    return np.concatenate(
        [heap(rng, rng.uniform(0, full, 2), diameter, int(rng.integers(5, 25))) for _ in range(count)]
    )


def distance_to(points: FloatArray, others: FloatArray) -> FloatArray:
    """Distance of each point to the nearest of the others."""
    return np.asarray(KDTree(others).query(points)[0]) if len(points) else np.empty(0)
