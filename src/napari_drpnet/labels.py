"""A person's labels beside a picker's proposal, and what becomes of both when either changes.

A pick is labelled when a person answers for it: its source is `MANUAL`, its label ``particle`` or ``background``.
All other picks are a picker's, and proposals only. Nothing here changes its arguments.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import MANUAL, FloatArray, MaskArray, Picks
from napari_drpnet.regions import covered

LabelKind = Literal["particle", "background"]

# A calibrated probability of this says nothing.
UNDECIDED = 0.5

# Pixels: STAR files of picks hold whole ones, and a pick that is read again is the same.
_SAME = 1.0


def join(first: Picks, second: Picks) -> Picks:
    """The picks of both, in the frame of the first."""
    return Picks.joined([first, second])


def near(yx: FloatArray, others: FloatArray, distance: float) -> MaskArray:
    """Which points ``(n, 2)`` have one of the others nearer than ``distance``, or exactly where they are."""
    if len(yx) == 0 or len(others) == 0:
        return np.zeros(len(yx), dtype=bool)
    from scipy.spatial import cKDTree  # the help of a command does without

    nearest, _ = cKDTree(others).query(yx)
    return np.asarray((nearest < distance) | (nearest == 0))


def same_places(before: FloatArray, after: FloatArray) -> npt.NDArray[np.int64]:
    """``(n,)`` for each of ``(n, 2)`` points before its row after, -1 where it is gone.

    In micrograph pixels: a point that is off by less than one is the same.
    """
    if len(before) == 0 or len(after) == 0:
        return np.full(len(before), -1, np.int64)
    from scipy.spatial import cKDTree  # the help of a command does without

    # Either must be the other's nearest, so that no two become one.
    distance, there = cKDTree(after).query(before)
    _, back = cKDTree(before).query(after)
    mutual = (distance < _SAME) & (back[there] == np.arange(len(before)))
    return np.asarray(np.where(mutual, there, -1), np.int64)


def labels_of(picks: Picks) -> Picks:
    """The picks that a person answers for."""
    return picks.select(picks.by_hand)


def proposals_of(picks: Picks) -> Picks:
    """The picks that nobody has looked at."""
    return picks.select(~picks.by_hand)


def with_labels(proposed: Picks, labels: Picks, distance: float) -> Picks:
    """A picker's proposal and a person's labels together.

    Parameters
    ----------
    proposed
        What the picker found.
    labels
        What the person said, particles and background; they all stay, and come last.
    distance
        In micrograph pixels: a proposed pick nearer than this to a label gives way to it.
    """
    return join(proposed.select(~near(proposed.yx, labels.yx, distance)), labels)


def labelled(picks: Picks, which: npt.ArrayLike, label: LabelKind) -> Picks:
    """The picks, those at a mask or an index array labelled by a person; they keep their scores."""
    names, sources = picks.label.astype(object), picks.source.astype(object)
    names[np.asarray(which)], sources[np.asarray(which)] = label, MANUAL
    return replace(picks, label=names.astype(np.str_), source=sources.astype(np.str_))


def added(picks: Picks, yx: npt.ArrayLike, label: LabelKind = "particle") -> Picks:
    """The picks and new labels at ``(n, 2)`` positions in micrograph pixels, as large as the others are."""
    known = picks.diameter[np.isfinite(picks.diameter)]
    diameter = np.array(np.median(known) if len(known) else np.nan)
    new = Picks(picks.frame, np.asarray(yx), diameter=diameter, label=np.array(label), source=np.array(MANUAL))
    return join(picks, new)


def moved(picks: Picks, which: npt.ArrayLike, yx: npt.ArrayLike) -> Picks:
    """The picks, those at a mask or an index array moved to ``(n, 2)`` positions; a person answers for them now."""
    places, sources = picks.yx.copy(), picks.source.astype(object)
    places[np.asarray(which)], sources[np.asarray(which)] = np.asarray(yx), MANUAL
    return replace(picks, yx=places, source=sources.astype(np.str_))


def following(picks: Picks, yx: FloatArray) -> Picks:
    """Picks after a person moved some or added some at the end, now that they lie at ``yx``."""
    kept = min(len(picks), len(yx))
    here = picks.select(np.arange(kept))
    changed = (here.yx != yx[:kept]).any(axis=1)
    here = moved(here, changed, yx[:kept][changed])
    return added(here, yx[kept:]) if len(yx) > kept else here


def removed(picks: Picks, which: npt.ArrayLike) -> Picks:
    """The picks without those at a mask or an index array.

    What the person had made is gone. What a picker had found becomes a background label, so that it is not found
    again.
    """
    chosen = np.zeros(len(picks), dtype=bool)
    chosen[np.asarray(which)] = True
    return labelled(picks, chosen, "background").select(~(chosen & picks.by_hand))


def inside_region(picks: Picks, region: MaskArray) -> MaskArray:
    """Which picks lie in a painted region.

    Parameters
    ----------
    picks
        Of a micrograph whose shape is known.
    region
        ``(h, w)`` in coarse pixels, True where the micrograph is contaminated; its edges are the micrograph's.

    Raises
    ------
    UserError
        When the micrograph's shape is not known.
    """
    return covered(picks.yx, picks.frame, region)


# ---------------------------------------------------------------- which picks a person means


def by_score(picks: Picks, low: float, high: float) -> MaskArray:
    """Picks whose score is within a range, both ends included; one without a score is in no range."""
    return np.asarray((picks.score >= low) & (picks.score <= high))


def near_edge(picks: Picks, distance: float) -> MaskArray:
    """Picks nearer than ``distance`` micrograph pixels to the edge of the micrograph, or outside it.

    No pick is, where the shape of the micrograph is not known.
    """
    if picks.frame.shape is None:
        return np.zeros(len(picks), dtype=bool)
    room = np.minimum(picks.yx + 0.5, np.array(picks.frame.shape) - 0.5 - picks.yx).min(axis=1)
    return np.asarray(room < distance)


def inside_outline(picks: Picks, outline: npt.ArrayLike) -> MaskArray:
    """Picks inside a closed line through ``(n, 2)`` corners in micrograph pixels."""
    corners = np.asarray(outline, dtype=np.float64).reshape(-1, 2)
    if len(corners) < 3 or len(picks) == 0:
        return np.zeros(len(picks), dtype=bool)
    y, x = picks.yx[:, :1], picks.yx[:, 1:]
    (y0, x0), (y1, x1) = corners.T, np.roll(corners, -1, axis=0).T
    # A pick is inside when a line from it to the right crosses the outline an odd number of times.
    crosses = (y0 > y) != (y1 > y)  # (picks, corners)
    slope = (x1 - x0) / np.where(y1 == y0, 1.0, y1 - y0)
    right = x < x0 + (y - y0) * slope
    return np.asarray((crosses & right).sum(axis=1) % 2 == 1)


def uncertain_order(picks: Picks, among: MaskArray) -> npt.NDArray[np.intp]:
    """Indices of the picks that nobody labelled, the least decided first.

    Parameters
    ----------
    picks
        Of one micrograph.
    among
        ``(n,)`` the ones to take.
    """
    doubt = uncertainty(picks)
    index = np.flatnonzero(among & ~picks.by_hand & np.isfinite(doubt))
    return index[np.lexsort((picks.yx[index, 1], picks.yx[index, 0], doubt[index]))]


def uncertainty(picks: Picks) -> FloatArray:
    """``(n,)`` distance of the probability from undecided: 0 for the least certain pick."""
    return np.asarray(np.abs(picks.score - UNDECIDED))
