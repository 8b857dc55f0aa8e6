"""What is right, wrong and missed on one micrograph, as the picks are and upside down."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import overload

import numpy as np

from napari_drpnet.data import FloatArray, MaskArray, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.evaluation.matching import IndexArray, Matching, match

# Random picks match by chance, and a mirror image of them may do so a little better.
_CLEARLY_BETTER = 0.05


@overload
def f1_score(true: float, picks: float, particles: float) -> float: ...
@overload
def f1_score(true: FloatArray, picks: FloatArray, particles: float | FloatArray) -> FloatArray: ...
def f1_score(true: float | FloatArray, picks: float | FloatArray, particles: float | FloatArray) -> float | FloatArray:
    """F1, the harmonic mean of precision and recall; every F1 that is shown comes from here.

    Parameters
    ----------
    true
        How many picks are particles: counted by `count` or `paired`, or estimated.
    picks, particles
        How many there are of each.

    Returns
    -------
    float or FloatArray
        NaN where there is neither a pick nor a particle.
    """
    whole = np.asarray(picks + particles, np.float64)
    f1 = np.divide(2 * true, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
    return f1 if f1.ndim else float(f1)


@dataclass(frozen=True)
class Counts:
    """True positives, false positives and false negatives, and what follows from them.

    A ratio is NaN where nothing was counted: precision without a pick, recall without a particle.
    """

    true: int = 0
    false: int = 0
    missed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.true + other.true, self.false + other.false, self.missed + other.missed)

    @property
    def precision(self) -> float:
        """Part of the picks that are particles."""
        return _ratio(self.true, self.true + self.false)

    @property
    def recall(self) -> float:
        """Part of the particles that were picked."""
        return _ratio(self.true, self.true + self.missed)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return f1_score(self.true, self.true + self.false, self.true + self.missed)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def count(picks: FloatArray, particles: FloatArray, radius: float) -> Counts:
    """Picks against particles, assigned one to one by `match`.

    Parameters
    ----------
    picks, particles
        ``(n, 2)`` and ``(m, 2)`` points, in any one unit.
    radius
        The largest distance of a pair, in the same unit.
    """
    true = len(match(picks, particles, radius))
    return Counts(true, len(picks) - true, len(particles) - true)


def clearly_better(flipped: float, f1: float) -> bool:
    """Whether an F1 upside down is so much better that the rows seem to run the other way."""
    return flipped > f1 + _CLEARLY_BETTER


@dataclass(frozen=True, eq=False)
class Paired:
    """The picks and the particles of one micrograph, assigned to each other.

    Attributes
    ----------
    pairs
        The assignment, over all points.
    scored
        ``(m,)`` which pairs have both ends inside the scored region.
    picks, particles
        ``(n,)`` points that count: those inside, without those that have their other half outside.
    false, missed
        ``(n,)`` those of them without another half.
    counts, flipped
        As it is, and after turning the picks upside down.
    """

    pairs: Matching
    scored: MaskArray
    picks: MaskArray
    particles: MaskArray
    false: MaskArray
    missed: MaskArray
    counts: Counts
    flipped: Counts


def paired(picks: Picks, truth: Picks, radius: float, edge: float = 0) -> Paired:
    """Assign the picks of one micrograph to its particles; ``radius`` and ``edge`` in micrograph pixels.

    Raises
    ------
    UserError
        For an edge band on a micrograph whose shape is not known.
    """
    pick_inside, particle_inside = scored_region(picks, truth, edge)
    shape = truth.frame.shape or picks.frame.shape
    pairs = match(picks.yx, truth.yx, radius, pick_inside, particle_inside)
    scored = pick_inside[pairs.pick] & particle_inside[pairs.particle]
    pick_counts, particle_counts = counted(pairs, pick_inside, particle_inside)
    # The scored region is its own mirror image, and so is the mask of the picks inside it.
    mirrored = match(_upside_down(picks.yx, truth.yx, shape), truth.yx, radius, pick_inside, particle_inside)
    return Paired(
        pairs,
        scored,
        picks=pick_counts,
        particles=particle_counts,
        false=_without(pick_inside, pairs.pick),
        missed=_without(particle_inside, pairs.particle),
        counts=_counts(pairs, pick_inside, particle_inside),
        flipped=_counts(mirrored, pick_inside, particle_inside),
    )


def scored_region(picks: Picks, truth: Picks, edge: float) -> tuple[MaskArray, MaskArray]:
    """Which picks ``(n,)`` and particles ``(m,)`` lie in the scored region; ``edge`` in micrograph pixels.

    Raises
    ------
    UserError
        For an edge band on a micrograph whose shape is not known.
    """
    shape = truth.frame.shape or picks.frame.shape
    if edge and shape is None:
        raise UserError(
            f"{picks.frame.micrograph}: its shape is not known, so an edge band cannot be left out.",
            "Give the size of the micrographs in pixels (--shape HEIGHT,WIDTH).",
        )
    return _inside(picks.yx, shape, edge), _inside(truth.yx, shape, edge)


def counted(pairs: Matching, pick_inside: MaskArray, particle_inside: MaskArray) -> tuple[MaskArray, MaskArray]:
    """Which picks ``(n,)`` and particles ``(m,)`` count: those inside, without those whose other half is outside.

    Parameters
    ----------
    pairs
        From `match` with these masks.
    pick_inside, particle_inside
        ``(n,)`` and ``(m,)`` masks of the scored region.
    """
    across = pick_inside[pairs.pick] != particle_inside[pairs.particle]
    return _without(pick_inside, pairs.pick[across]), _without(particle_inside, pairs.particle[across])


def _counts(pairs: Matching, pick_inside: MaskArray, particle_inside: MaskArray) -> Counts:
    """Pairs inside, and what is inside without any pair."""
    return Counts(
        int((pick_inside[pairs.pick] & particle_inside[pairs.particle]).sum()),
        int(_without(pick_inside, pairs.pick).sum()),
        int(_without(particle_inside, pairs.particle).sum()),
    )


def _without(mask: MaskArray, index: IndexArray) -> MaskArray:
    """The mask with the entries at ``index`` cleared."""
    cleared = mask.copy()
    cleared[index] = False
    return cleared


def _inside(yx: FloatArray, shape: tuple[int, int] | None, edge: float) -> MaskArray:
    """Which points lie in the scored region."""
    if not edge or shape is None:
        return np.ones(len(yx), dtype=bool)
    inside: MaskArray = np.all((yx >= edge) & (yx <= np.array(shape) - 1 - edge), axis=1)
    return inside


def _upside_down(yx: FloatArray, particles: FloatArray, shape: tuple[int, int] | None) -> FloatArray:
    """The points with rows counted from the other end; without a shape, within the extent of all points."""
    if shape is not None:
        ends = shape[0] - 1.0
    else:
        rows = np.concatenate([yx[:, 0], particles[:, 0]])
        ends = rows.min() + rows.max() if len(rows) else 0.0
    return np.column_stack([ends - yx[:, 0], yx[:, 1]])
