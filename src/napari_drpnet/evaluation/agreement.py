"""How far two sets of picks agree, where neither of them is the truth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_drpnet.data import Picks
from napari_drpnet.evaluation.counting import Counts, clearly_better, paired
from napari_drpnet.evaluation.naming import by_micrograph, same_names

Named = tuple[str, Sequence[Picks]]


@dataclass(frozen=True)
class Pair:
    """Two sets of picks of the same micrographs, counts summed over these.

    Attributes
    ----------
    first, second
        Their names.
    shared
        Picks of one that are assigned to a pick of the other.
    only_first, only_second
        Picks without a counterpart.
    distance
        Median distance of the shared picks, in micrograph pixels; NaN when there is none.
    flipped_f1
        F1 after turning the first set upside down.
    """

    first: str
    second: str
    shared: int
    only_first: int
    only_second: int
    distance: float
    flipped_f1: float

    @property
    def f1(self) -> float:
        """The same from either side, 1 when each pick has its counterpart; NaN when neither has a pick."""
        return Counts(self.shared, self.only_first, self.only_second).f1

    @property
    def fits_better_flipped(self) -> bool:
        """Whether one of the two seems to count its rows from the other end."""
        return clearly_better(self.flipped_f1, self.f1)


def agreement(first: Named, second: Named, radius: float, edge: float = 0) -> Pair:
    """Compare two sets of picks, one to one, by the same rules as picks with the truth.

    Parameters
    ----------
    first, second
        The name of a set and its picks, one entry per micrograph; those labelled ``background`` do not count.
        Which belong together is what `io.names` says of their names; micrographs that only one set has are left out.
    radius
        The largest distance of two picks that are the same particle, in micrograph pixels.
    edge
        Width in micrograph pixels of the band along the border that is left out.

    Raises
    ------
    UserError
        For two entries of one micrograph, or an edge band on a micrograph whose shape is not known.
    """
    (name, entries), (other_name, other_entries) = first, second
    ours, theirs = same_names({f"picks of {name}": entries, f"picks of {other_name}": other_entries}).values()
    return agreed((name, ours), (other_name, theirs), radius, edge)


def agreed(
    first: tuple[str, Sequence[Picks]], second: tuple[str, Sequence[Picks]], radius: float, edge: float = 0
) -> Pair:
    """`agreement`, of entries that belong together by equal names."""
    (name, entries), (other_name, other_entries) = first, second
    ours, theirs = by_micrograph(entries, f"picks of {name}"), by_micrograph(other_entries, f"picks of {other_name}")
    results = [
        paired(ours[micrograph], theirs[micrograph], radius, edge) for micrograph in ours if micrograph in theirs
    ]
    counts = sum((result.counts for result in results), Counts())
    flipped = sum((result.flipped for result in results), Counts())
    distance = np.concatenate([*(result.pairs.distance[result.scored] for result in results), np.empty(0)])
    return Pair(
        name,
        other_name,
        counts.true,
        counts.false,
        counts.missed,
        float(np.median(distance)) if len(distance) else math.nan,
        flipped.f1,
    )
