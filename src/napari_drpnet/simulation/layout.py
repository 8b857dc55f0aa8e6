"""Where particles lie on a micrograph."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
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
    everywhere = bool(allowed.all())
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    disc = np.vstack([np.zeros((1, 2)), 0.4 * diameter * np.stack([np.sin(angles), np.cos(angles)], axis=1)])
    wanted = int(coverage * h * w / (np.pi * diameter**2 / 4))
    spacing = rng.uniform(0.7, 1.05) * diameter
    taken = _Taken(spacing)
    for _ in range(6 * wanted):
        if len(taken.points) == wanted:
            break
        touching = len(taken.points) > 0 and rng.random() < clumping
        if touching:
            angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(0.75, 1.1) * diameter
            y, x = taken.points[rng.integers(len(taken.points))]
            y, x = y + distance * math.sin(angle), x + distance * math.cos(angle)
        else:
            y, x = rng.uniform((0, 0), (h, w)).tolist()
        if not (0 <= y < h and 0 <= x < w and taken.distance(y, x) >= (0.7 * diameter if touching else spacing)):
            continue
        if everywhere or allowed[tuple(np.clip(disc + np.array([y, x]), 0, (h - 1, w - 1)).astype(np.int64).T)].all():
            taken.add(y, x)
    return np.asarray(taken.points, dtype=np.float64).reshape(-1, 2)


class _Taken:
    """Points in square cells, so that only those in the cells about a place are looked at."""

    def __init__(self, cell: float) -> None:
        self.points: list[tuple[float, float]] = []
        self._cell = cell
        self._cells: defaultdict[tuple[int, int], list[tuple[float, float]]] = defaultdict(list)

    def add(self, y: float, x: float) -> None:
        self.points.append((y, x))
        self._cells[int(y / self._cell), int(x / self._cell)].append((y, x))

    def distance(self, y: float, x: float) -> float:
        """To the nearest point; infinity, or more than a cell is wide, where none is nearer."""
        row, column = int(y / self._cell), int(x / self._cell)
        cells = (self._cells.get((row + i, column + j), ()) for i in (-1, 0, 1) for j in (-1, 0, 1))
        return min((math.hypot(y - cy, x - cx) for cell in cells for cy, cx in cell), default=math.inf)


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
