"""What several sets of picks have in common: each particle once, with how many sets found it.

The picks of one particle are those of different sets that all lie within the radius of each other, joined from the
nearest pair on. The result does not depend on the order of the sets or of their picks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from napari_drpnet.candidates import suppress
from napari_drpnet.data import FloatArray, Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.evaluation.matching import IndexArray

# Rounding must not decide whether "at most" includes equality.
_ROUNDING = 1 + 1e-12


@dataclass(frozen=True, eq=False)
class _Points:
    """The picks of all sets in one order that does not depend on how they came."""

    names: tuple[str, ...]
    belongs: IndexArray  # index into names
    yx: FloatArray
    score: FloatArray
    diameter: FloatArray

    def __len__(self) -> int:
        return len(self.yx)


def consensus(
    sets: Mapping[str, Picks], radius: float, at_least: int = 1, weights: Mapping[str, float] | None = None
) -> Picks:
    """The particles of one micrograph that at least so many sets have, best score first.

    Parameters
    ----------
    sets
        Picks by the name of their set, all of one micrograph; those labelled ``background`` do not count.
    radius
        Picks of different sets at most this far apart, in micrograph pixels, may be the same particle. No two
        particles of the result are that near: the one with the better score stays.
    at_least
        1 is the union without duplicates, the number of sets the intersection.
    weights
        How much a set's word counts in positions and scores, 1 where it is not named.

    Returns
    -------
    Picks
        Positions are means of their picks weighted by score. The score is the weighted mean over all sets, 0 for a set
        that does not have the particle; a pick without a score, and those of a set whose scores are no probabilities,
        count 1. The source names the sets in alphabetical order, joined by ``+``; the diameter is the median of those
        known.

    Raises
    ------
    UserError
        For a radius that is not positive, a number of sets that cannot be met, or unusable weights.
    """
    _check(sets, radius, at_least)
    weight = _weights(sets, weights)
    frame = _frame(sets)
    points = _points(sets)
    cluster = _clusters(points, radius)
    n = int(cluster.max()) + 1 if len(points) else 0
    size = np.bincount(cluster, minlength=n)
    say = weight[points.belongs] * points.score
    total = np.bincount(cluster, say, minlength=n)
    # Where all scores are 0, all picks of the particle have the same say.
    share = np.where(total[cluster] > 0, say, 1)
    whole = np.bincount(cluster, share, minlength=n)
    yx = np.column_stack([np.bincount(cluster, share * axis, minlength=n) / whole for axis in points.yx.T])
    score = total / weight.sum()
    found = np.flatnonzero(size >= at_least)
    found = found[np.lexsort((yx[found, 1], yx[found, 0], -score[found]))]
    found = found[suppress(yx[found], score[found], np.nextafter(radius, math.inf) * (1 + 2e-9))]
    members = _members(cluster, found)
    return Picks(
        frame,
        yx[found],
        score[found],
        diameter=np.array([_median(points.diameter[m]) for m in members]),
        source=np.array(["+".join(points.names[i] for i in points.belongs[m]) for m in members], dtype=np.str_),
    )


def comparable(entries: Sequence[Picks]) -> list[Picks]:
    """A set of picks with scores 0 to 1: all 1 when some pick has none, or one that cannot be a probability."""
    if all(_are_probabilities(entry) for entry in entries):
        return list(entries)
    return [replace(entry, score=np.ones(len(entry))) for entry in entries]


def _are_probabilities(picks: Picks) -> bool:
    return bool(((picks.score >= 0) & (picks.score <= 1)).all())


def _check(sets: Mapping[str, Picks], radius: float, at_least: int) -> None:
    if not (math.isfinite(radius) and radius > 0):
        raise UserError(f"The radius of the consensus is {radius:g}.", "Give a number above zero.")
    if not 1 <= at_least <= len(sets):
        raise UserError(
            f"A particle cannot be in at least {at_least} of {len(sets)} sets of picks.",
            f"Give a number from 1 to {len(sets)}." if sets else "Give some sets of picks.",
        )


def _weights(sets: Mapping[str, Picks], weights: Mapping[str, float] | None) -> FloatArray:
    """One for each set, in alphabetical order of their names."""
    given = weights or {}
    if unknown := [name for name in given if name not in sets]:
        raise UserError(f"A weight is given for {unknown[0]}, which is no set.", f"The sets are: {', '.join(sets)}.")
    values = np.array([given.get(name, 1.0) for name in sorted(sets)], dtype=np.float64)
    if not (np.isfinite(values).all() and (values >= 0).all() and values.any()):
        raise UserError("A weight is negative, not finite, or all are zero.", "Give numbers of zero or more.")
    return values


def _frame(sets: Mapping[str, Picks]) -> Frame:
    """The micrograph, as the first set names it, with what any of them knows."""
    frames = [picks.frame for picks in sets.values()]
    shape = next((frame.shape for frame in frames if frame.shape), None)
    size = next((frame.pixel_size for frame in frames if frame.pixel_size), None)
    return replace(frames[0], shape=shape, pixel_size=size)


def _points(sets: Mapping[str, Picks]) -> _Points:
    names = tuple(sorted(sets))
    kept = [comparable([sets[name].select(sets[name].label != "background")])[0] for name in names]
    belongs = np.repeat(np.arange(len(names)), [len(picks) for picks in kept])
    yx = np.concatenate([picks.yx for picks in kept])
    score = np.concatenate([picks.score for picks in kept])
    diameter = np.concatenate([picks.diameter for picks in kept])
    order = np.lexsort((diameter, score, yx[:, 1], yx[:, 0], belongs))
    return _Points(names, belongs[order], yx[order], score[order], diameter[order])


def _clusters(points: _Points, radius: float) -> IndexArray:
    """``(n,)`` number of the particle that each pick is of, from 0 without gaps."""
    pairs = KDTree(points.yx).query_pairs(radius * _ROUNDING, output_type="ndarray").astype(np.int64)
    pairs = pairs[points.belongs[pairs[:, 0]] != points.belongs[pairs[:, 1]]]
    _, group = connected_components(_graph(pairs, len(points)), directed=False)
    group = group.astype(np.int64)
    tangled = ~_simple(points, pairs, group)
    knots = pairs[tangled[group[pairs[:, 0]]]]
    if len(knots):
        loose = np.flatnonzero(tangled[group])
        group[loose] = group.max() + 1 + loose
        _join_nearest(points, knots, group)
    numbers: IndexArray = np.unique(group, return_inverse=True)[1].astype(np.int64)
    return numbers


def _graph(pairs: npt.NDArray[np.int64], n: int) -> coo_array:
    return coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))


def _simple(points: _Points, pairs: npt.NDArray[np.int64], group: IndexArray) -> npt.NDArray[np.bool_]:
    """Which groups are one particle as they are: each set once, and all within the radius of each other."""
    size = np.bincount(group)
    links = np.bincount(group[pairs[:, 0]], minlength=len(size))
    # Picks of one set are never linked, so that a group with all its links has each set once.
    return np.asarray(links == size * (size - 1) // 2)


def _join_nearest(points: _Points, pairs: npt.NDArray[np.int64], group: IndexArray) -> None:
    """Join picks into particles from the nearest pair on, in ``group``; each starts as its own."""
    step = points.yx[pairs[:, 0]] - points.yx[pairs[:, 1]]
    first, second = np.sort(pairs, axis=1).T
    order = np.lexsort((second, first, np.hypot(step[:, 0], step[:, 1])))
    near = set(zip(first.tolist(), second.tolist(), strict=True))
    members = {i: [i] for i in np.unique(pairs).tolist()}
    for i, j in zip(first[order].tolist(), second[order].tolist(), strict=True):
        one, other = members[i], members[j]
        if one is other or any((min(a, b), max(a, b)) not in near for a in one for b in other):
            continue
        one += other
        for k in other:
            members[k] = one
        group[one] = group[one[0]]


def _members(cluster: IndexArray, wanted: IndexArray) -> list[IndexArray]:
    """Indices of the picks of each wanted particle, in the order of the points."""
    order = np.argsort(cluster, kind="stable")
    ends = np.searchsorted(cluster[order], wanted, side="right")
    starts = np.searchsorted(cluster[order], wanted, side="left")
    return [order[start:end] for start, end in zip(starts, ends, strict=True)]


def _median(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else math.nan
