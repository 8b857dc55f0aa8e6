"""The two halves of a data set, of which each is measured by averages of the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from napari_drpnet.averaging.cutting import SHOWN
from napari_drpnet.data import FloatArray

IndexArray = npt.NDArray[np.int64]

# Neither half of a single micrograph has candidates that are so near the middle, in diameters: their pictures overlap.
_STRIP = SHOWN / 2


@dataclass(frozen=True)
class Halves:
    """Which half candidates belong to: whole micrographs, or of a single micrograph its two sides.

    Attributes
    ----------
    side
        0 or 1, by the name of the micrograph, or by its number as text.
    axis, middle
        Of a single micrograph: the axis that its sides lie along, 0 or 1, and where they meet, in diameters; ``middle``
        is None where whole micrographs are halves.
    """

    side: Mapping[str, int] = field(default_factory=dict)
    axis: int = 0
    middle: float | None = None

    @classmethod
    def of(cls, micrograph: IndexArray, yx: FloatArray) -> Halves:
        """The halves of candidates, with about as many in each.

        Parameters
        ----------
        micrograph
            ``(n,)`` number of the micrograph of each.
        yx
            ``(n, 2)`` where they are, in diameters.
        """
        numbers, first = np.unique(micrograph, return_index=True)
        half = two_halves(micrograph, yx)
        if len(numbers) == 1:
            return cls({str(numbers[0]): 0}, *_across(yx))
        return cls({str(number): int(half[at]) for number, at in zip(numbers, first, strict=True)})

    def named(self, names: Sequence[str]) -> Halves:
        """The same, by the names of the micrographs with these numbers."""
        return replace(self, side={names[int(number)]: half for number, half in self.side.items()})

    def where(self, micrograph: str, yx: FloatArray) -> IndexArray:
        """``(n,)`` half of candidates of one micrograph; -1 of those in neither, 1 of another micrograph.

        Parameters
        ----------
        micrograph
            Its name.
        yx
            ``(n, 2)`` y, x in diameters.
        """
        if micrograph not in self.side:
            return np.ones(len(yx), np.int64)
        if self.middle is None:
            return np.full(len(yx), self.side[micrograph])
        beyond = yx[:, self.axis] - self.middle
        return np.where(abs(beyond) < _STRIP, -1, beyond > 0).astype(np.int64)

    def of_all(self, micrograph: IndexArray, yx: FloatArray) -> IndexArray:
        """`where` for candidates of all micrographs, ``(n,)`` numbers."""
        half = np.empty(len(yx), np.int64)
        for number in np.unique(micrograph):
            mine = micrograph == number
            half[mine] = self.where(str(number), yx[mine])
        return half


def two_halves(micrograph: IndexArray, yx: FloatArray) -> IndexArray:
    """``(n,)`` 0 or 1: whole micrographs, of as many candidates each; of a single micrograph its two sides.

    Parameters
    ----------
    micrograph
        ``(n,)`` number of the micrograph of each candidate.
    yx
        ``(n, 2)`` where they are.
    """
    numbers, index, counts = np.unique(micrograph, return_inverse=True, return_counts=True)
    if len(numbers) == 1:
        axis, middle = _across(yx)
        return (yx[:, axis] > middle).astype(np.int64)
    side, total = np.zeros(len(numbers), np.int64), [0, 0]
    for number in np.argsort(-counts, kind="stable"):
        side[number] = int(total[1] < total[0])
        total[side[number]] += counts[number]
    return side[index]


def _across(yx: FloatArray) -> tuple[int, float]:
    """The axis that candidates spread over most, and the middle of them there."""
    spread = np.ptp(yx, axis=0)
    axis = int(spread[1] >= spread[0])
    return axis, float(np.median(yx[:, axis]))
