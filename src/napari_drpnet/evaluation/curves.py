"""The precision-recall curve: what every threshold on the score would give."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_drpnet.data import FloatArray, MaskArray
from napari_drpnet.evaluation.counting import f1_score
from napari_drpnet.evaluation.matching import Matching, near_pairs


@dataclass(frozen=True, eq=False)
class Curve:
    """What is found at every threshold, from the highest score down.

    Attributes
    ----------
    threshold, true, picks
        ``(k,)`` each, one entry per distinct score: how many of the picks at or above it are particles, and how many
        there are.
    particles
        How many there are to find.
    """

    threshold: FloatArray
    true: FloatArray
    picks: FloatArray
    particles: int

    @property
    def precision(self) -> FloatArray:
        """``(k,)`` part of the picks that are particles."""
        return self.true / self.picks

    @property
    def recall(self) -> FloatArray:
        """``(k,)`` part of the particles that are picked."""
        return self.true / self.particles

    @property
    def f1(self) -> FloatArray:
        """``(k,)`` harmonic mean of precision and recall."""
        return f1_score(self.true, self.picks, self.particles)

    @property
    def best(self) -> tuple[float, float]:
        """The best F1 and its threshold, the higher one of several; NaN without a pick."""
        if not len(self.threshold):
            return math.nan, math.nan
        f1 = self.f1
        at = int(np.argmax(f1))
        return float(f1[at]), float(self.threshold[at])

    def f1_at(self, threshold: float) -> float:
        """F1 of the picks whose score is at least ``threshold``; 0 when there is none."""
        taken = int((self.threshold >= threshold).sum())
        return float(self.f1[taken - 1]) if taken else 0.0

    @property
    def area(self) -> float:
        """Mean precision over recall 0 to 1, each step at its own precision; what is never found counts 0."""
        return float(np.sum(np.diff(self.recall, prepend=0.0) * self.precision))


@dataclass(frozen=True, eq=False)
class Sweep:
    """What one micrograph adds to a curve.

    Attributes
    ----------
    score
        ``(n,)`` of the picks.
    found
        ``(n,)`` whether a pick, added in order of falling score, raises the number of particles found.
    n_particles
        How many there are to find.
    """

    score: FloatArray
    found: MaskArray
    n_particles: int


def sweep(picks: FloatArray, score: FloatArray, particles: FloatArray, radius: float) -> Sweep:
    """Add the picks in order of falling score, as a falling threshold would.

    The picks found among the first k in that order are as many as those k alone allow in a one-to-one assignment,
    so that every threshold is counted as if it alone had been evaluated.

    Parameters
    ----------
    picks, particles
        ``(n, 2)`` and ``(m, 2)`` points, in any one unit.
    score
        ``(n,)``.
    radius
        The largest distance of a pair, in the unit of the points.
    """
    return swept(near_pairs(picks, particles, radius), score, len(particles))


def swept(near: Matching, score: FloatArray, n_particles: int) -> Sweep:
    """`sweep`, of the pairs that may be assigned, whatever says so; ``score`` is ``(n,)``, of all picks."""
    neighbours: list[list[int]] = [[] for _ in range(len(score))]
    for edge in np.argsort(near.distance, kind="stable"):
        neighbours[near.pick[edge]].append(int(near.particle[edge]))
    owner: dict[int, int] = {}
    held: dict[int, int] = {}
    found = np.zeros(len(score), dtype=bool)
    for pick in np.argsort(-score, kind="stable"):
        found[pick] = _augment(int(pick), neighbours, owner, held)
    return Sweep(score, found, n_particles)


def _augment(pick: int, neighbours: list[list[int]], owner: dict[int, int], held: dict[int, int]) -> bool:
    """Give ``pick`` a particle, moving earlier picks to others along the shortest augmenting path."""
    reached_from: dict[int, int] = {}
    queue = deque([pick])
    while queue:
        current = queue.popleft()
        for particle in neighbours[current]:
            if particle in reached_from:
                continue
            reached_from[particle] = current
            if particle in owner:
                queue.append(owner[particle])
            else:
                _hand_over(particle, pick, reached_from, owner, held)
                return True
    return False


def _hand_over(
    particle: int, pick: int, reached_from: dict[int, int], owner: dict[int, int], held: dict[int, int]
) -> None:
    """Shift the particles along the path that ends at a free ``particle`` and starts at ``pick``."""
    while True:
        taker = reached_from[particle]
        left_behind = held.get(taker)
        owner[particle], held[taker] = taker, particle
        if taker == pick or left_behind is None:
            return
        particle = left_behind


def precision_recall(sweeps: Sequence[Sweep]) -> Curve | None:
    """The curve pooled over micrographs.

    Returns
    -------
    None when there is no particle or some pick has no score: the curve is then not defined.
    """
    score = np.concatenate([*(one.score for one in sweeps), np.empty(0)])
    found = np.concatenate([*(one.found for one in sweeps), np.empty(0, bool)])
    n_particles = sum(one.n_particles for one in sweeps)
    if n_particles == 0 or np.isnan(score).any():
        return None
    order = np.argsort(-score, kind="stable")
    score, true = score[order], np.cumsum(found[order], dtype=np.float64)
    # Equal scores stand or fall together: only the last of each run is a threshold.
    last = np.flatnonzero(np.diff(score, append=-np.inf))
    return Curve(score[last], true[last], (last + 1).astype(np.float64), n_particles)
