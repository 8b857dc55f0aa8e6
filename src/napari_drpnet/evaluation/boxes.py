"""Boxes against the truth as COCO scores object detectors: by intersection over union, over all scores.

The rules are those of COCO's ``COCOeval`` for one category, with all boxes of a micrograph, not only the best 100.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_drpnet.data import FloatArray, MaskArray, Picks
from napari_drpnet.evaluation.matching import IndexArray, near_pairs

# COCO's: the least intersections over union, and the recalls at which precision is read off.
LEAST = np.linspace(0.5, 0.95, 10)
_RECALLS = np.linspace(0, 1, 101)
_AT_75 = 5


@dataclass(frozen=True)
class BoxScores:
    """COCO's figures of boxes, pooled over micrographs.

    Attributes
    ----------
    ap
        Average precision, the mean over intersections over union of at least .50, .55, ..., .95.
    ap50, ap75
        Average precision where .50 and .75 are enough.
    ar
        Average recall: the part of the particles that all boxes together find, the mean over the same ten.
    """

    ap: float
    ap50: float
    ap75: float
    ar: float


@dataclass(frozen=True, eq=False)
class Boxed:
    """The boxes of one micrograph, before they are assigned.

    Attributes
    ----------
    pick, particle
        ``(p,)`` indices of the two boxes of each pair whose intersection over union may be .50.
    overlap
        ``(p,)`` that intersection over union.
    score
        ``(n,)`` of the picks.
    pick_inside, particle_inside
        ``(n,)`` and ``(m,)`` masks of the scored region.
    """

    pick: IndexArray
    particle: IndexArray
    overlap: FloatArray
    score: FloatArray
    pick_inside: MaskArray
    particle_inside: MaskArray


def boxed(picks: Picks, truth: Picks, pick_inside: MaskArray, particle_inside: MaskArray) -> Boxed | None:
    """The boxes of the picks and of the particles of one micrograph.

    A pick with a diameter only has a square box of this side. So have all picks where the truth has no boxes, but
    diameters: like is compared with like.

    Parameters
    ----------
    picks, truth
        In pixels of the same micrograph.
    pick_inside, particle_inside
        ``(n,)`` and ``(m,)`` masks of the scored region.

    Returns
    -------
    None when the size of a pick or of a particle, or the score of a pick, is not known.
    """
    if not np.isfinite(truth.box).any():
        picks = replace(picks, box=np.array(np.nan))
    if not all(np.isfinite(known).all() for known in (picks.sides, truth.sides, picks.score)):
        return None
    # Where half of two boxes' union is in both, their centres are at most half a side apart, along y and along x.
    reach = float(np.hypot(*truth.sides.max(axis=0, initial=0)) / 2)
    near = near_pairs(picks.yx, truth.yx, reach)
    overlap = overlap_of_boxes(
        np.hstack([picks.yx, picks.sides])[near.pick], np.hstack([truth.yx, truth.sides])[near.particle]
    )
    return Boxed(near.pick, near.particle, overlap, picks.score, pick_inside, particle_inside)


def overlap_of_boxes(one: FloatArray, other: FloatArray) -> FloatArray:
    """``(n,)`` intersection over union of boxes ``(n, 4)``: y and x of the centre, height, width, in any one unit."""
    low = np.maximum(one[:, :2] - one[:, 2:] / 2, other[:, :2] - other[:, 2:] / 2)
    high = np.minimum(one[:, :2] + one[:, 2:] / 2, other[:, :2] + other[:, 2:] / 2)
    shared = np.maximum(high - low, 0).prod(axis=1)
    union = one[:, 2:].prod(axis=1) + other[:, 2:].prod(axis=1) - shared
    return np.asarray(np.divide(shared, union, out=np.zeros(len(union)), where=union > 0))


def box_scores(micrographs: Sequence[Boxed | None]) -> BoxScores | None:
    """COCO's figures over all micrographs.

    Boxes are assigned in order of falling score, each to the free particle that it covers best. What lies outside the
    scored region counts neither for nor against a box, as in COCO what is of no size that is asked for: a box inside
    the region that covers no other particle than one outside it is left out, too.

    Returns
    -------
    None when a size or a score is not known on one of them, or there is no particle.
    """
    known = [one for one in micrographs if one is not None]
    particles = sum(int(one.particle_inside.sum()) for one in known)
    if len(known) < len(micrographs) or not particles:
        return None
    score = np.concatenate([one.score for one in known])
    order = np.argsort(-score, kind="stable")
    precision, recall = [], []
    for least in LEAST:
        found, counts = (
            np.concatenate(parts)[order] for parts in zip(*(_assigned(m, least) for m in known), strict=True)
        )
        area, reached = _average_precision(found[counts], particles)
        precision.append(area)
        recall.append(reached)
    return BoxScores(float(np.mean(precision)), precision[0], precision[_AT_75], float(np.mean(recall)))


def _assigned(one: Boxed, least: float) -> tuple[MaskArray, MaskArray]:
    """Which boxes ``(n,)`` find a particle, and which count at all."""
    n = len(one.score)
    found, counts = np.zeros(n, dtype=np.bool_), one.pick_inside.copy()
    enough = np.flatnonzero(one.overlap >= least)
    pick, particle = one.pick[enough], one.particle[enough]
    # The order in which boxes choose, and for each its particles: those inside first, of these the best covered, and of
    # several the last one.
    order = np.lexsort((-particle, -one.overlap[enough], ~one.particle_inside[particle], pick, -one.score[pick]))
    taken: set[int] = set()
    served = -1
    for at, wanted in zip(pick[order].tolist(), particle[order].tolist(), strict=True):
        if at == served or wanted in taken:
            continue
        served = at
        taken.add(wanted)
        found[at] = counts[at] = one.particle_inside[wanted]
    return found, counts


def _average_precision(found: MaskArray, particles: int) -> tuple[float, float]:
    """Area under the curve of boxes in order of falling score, as COCO reads it off, and the recall of them all."""
    true = np.cumsum(found)
    precision = true / np.arange(1, len(found) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    recall = true / particles
    at = np.searchsorted(recall, _RECALLS, side="left")
    read = np.append(envelope, 0.0)[at]
    return float(read.mean()), float(recall[-1]) if len(recall) else 0.0
