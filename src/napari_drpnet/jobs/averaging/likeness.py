"""Which class of better averages is which class of those before."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_drpnet.jobs.averaging.result import AveragedPicks, Averages
from napari_drpnet.labels import same_places

# A class that keeps less than this part of its members is another one.
_KEPT = 0.25


def same_classes(before: Averages, after: Averages) -> npt.NDArray[np.int64]:
    """``(k,)`` for each class before its place among those after, -1 where it is no longer there.

    Two are the same when each has more of its members in the other than in any third.
    """
    shared = np.zeros((len(before.classes) + 1, len(after.classes) + 1))
    later = {one.name: one for one in after.members}
    for one in before.members:
        if one.name in later:
            _count(one, later[one.name], shared)
    shared = shared[1:, 1:]
    if not shared.size:
        return np.full(len(before.classes), -1, np.int64)
    there, back, every = shared.argmax(1), shared.argmax(0), np.arange(len(shared))
    kept = shared.max(1) > _KEPT * np.maximum(shared.sum(1), 1)
    return np.asarray(np.where(kept & (back[there] == every), there, -1), np.int64)


def _count(one: AveragedPicks, other: AveragedPicks, shared: npt.NDArray[np.float64]) -> None:
    """Add the members that two results have in common on one micrograph to the table of both their classes."""
    if np.array_equal(one.picks.yx, other.picks.yx):
        rows = np.arange(len(one.picks))
    else:
        rows = same_places(one.picks.yx, other.picks.yx)
    pairs = one.picks.class_number[rows >= 0], other.picks.class_number[rows[rows >= 0]]
    np.add.at(shared, pairs, 1)
