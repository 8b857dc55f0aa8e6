"""Which picks a person means: by score, by place, or by how little the picker knows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray, MaskArray, Picks

# A calibrated probability of this says nothing.
UNDECIDED = 0.5


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
