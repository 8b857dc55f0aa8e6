"""Several sets of picks side by side: how far they agree, and how good each is where the truth is known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from napari_drpnet.data import FloatArray, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.evaluation.agreement import Pair, agreed
from napari_drpnet.evaluation.boxes import BoxScores
from napari_drpnet.evaluation.curves import Curve
from napari_drpnet.evaluation.matching import match
from napari_drpnet.evaluation.naming import by_micrograph, same_names
from napari_drpnet.evaluation.score import Evaluation, judged

Sets = Mapping[str, Sequence[Picks]]


@dataclass(frozen=True, eq=False)
class Standing:
    """One set of picks, by itself and against the truth.

    Attributes
    ----------
    name
        Of the set.
    picks
        How many it has, on all its micrographs.
    evaluation
        Against the truth; None without truth, of the truth itself, and of a set that shares no micrograph with it.
    ranking
        All that it could pick, above any threshold, against the truth; None where ``evaluation`` is.
    """

    name: str
    picks: int
    evaluation: Evaluation | None = None
    ranking: Evaluation | None = None

    @property
    def curve(self) -> Curve | None:
        """Precision and recall over all thresholds; None without truth or without scores."""
        return None if self.ranking is None else self.ranking.curve

    @property
    def boxes(self) -> BoxScores | None:
        """How good all its boxes are by intersection over union; None where a size or a score is not known."""
        return None if self.ranking is None else self.ranking.boxes

    @property
    def best_f1(self) -> float:
        """The best F1 over all thresholds on the score; NaN without a curve."""
        return math.nan if self.curve is None else self.curve.best[0]

    @property
    def best_threshold(self) -> float:
        """The threshold of `best_f1`; NaN without a curve."""
        return math.nan if self.curve is None else self.curve.best[1]

    @property
    def area(self) -> float:
        """Average precision by distance, the area under the curve; NaN without one."""
        return math.nan if self.curve is None else self.curve.area


@dataclass(frozen=True, eq=False)
class Comparison:
    """The result of `compare`: a standing for each set, a pair for each two, and what a user should know.

    ``truth`` is the name of the set that the others are judged by.
    """

    standings: tuple[Standing, ...]
    pairs: tuple[Pair, ...]
    truth: str | None
    warnings: tuple[str, ...]


def compare(
    sets: Sets, radius: float, truth: str | None = None, edge: float = 0, every: Sets | None = None
) -> Comparison:
    """Compare sets of picks with each other and, where one of them is the truth, with that.

    Parameters
    ----------
    sets
        Picks by the name of their set, one entry per micrograph; names keep their order. Which belong together is what
        `io.names` says of their names, and those labelled ``background`` do not count.
    radius
        The largest distance of two picks that are the same particle, in micrograph pixels.
    truth
        The name of one of the sets.
    edge
        Width in micrograph pixels of the band along the border that is left out.
    every
        For sets that have more than they show, all candidates above any threshold: the curves are over these.

    Raises
    ------
    UserError
        For a radius that is not positive, an unknown name of the truth, two entries of one micrograph in a set, or an
        edge band on a micrograph whose shape is not known.
    """
    if not (math.isfinite(radius) and radius > 0):
        raise UserError(f"The radius of the comparison is {radius:g}.", "Give a number above zero.")
    if truth is not None and truth not in sets:
        raise UserError(f"No set of picks is named {truth!r}.", f"The sets are: {', '.join(sets)}.")
    given, sets = sets, same_names(sets)
    every = {name: _called_as(entries, given[name], sets[name]) for name, entries in (every or {}).items()}
    pairs = tuple(
        agreed((first, sets[first]), (second, sets[second]), radius, edge) for first, second in combinations(sets, 2)
    )
    standings = tuple(_standing(name, sets, truth, radius, edge, every) for name in sets)
    warnings = [*_outside(sets), *_sizes(sets), *_unmatched(sets, truth), *_flipped(pairs, truth)]
    return Comparison(standings, pairs, truth, tuple(warnings))


def disagreements(first: Picks, second: Picks, radius: float) -> FloatArray:
    """``(n, 2)`` places in micrograph pixels that only one of two sets has, most striking first.

    Parameters
    ----------
    first, second
        Of one micrograph; picks labelled ``background`` do not count.
    radius
        As in `compare`.

    Returns
    -------
    FloatArray
        Highest score first, picks without a score last, of equal scores the upper left one first.
    """
    ours, theirs = (picks.select(picks.label != "background") for picks in (first, second))
    pairs = match(ours.yx, theirs.yx, radius)
    alone = [np.delete(np.arange(len(ours)), pairs.pick), np.delete(np.arange(len(theirs)), pairs.particle)]
    yx = np.concatenate([ours.yx[alone[0]], theirs.yx[alone[1]]])
    score = np.nan_to_num(np.concatenate([ours.score[alone[0]], theirs.score[alone[1]]]), nan=-np.inf)
    return yx[np.lexsort((yx[:, 1], yx[:, 0], -score))]


def _standing(name: str, sets: Sets, truth: str | None, radius: float, edge: float, every: Sets) -> Standing:
    picks = sum(int((entry.label != "background").sum()) for entry in sets[name])
    if truth is None or name == truth or not _names(sets[name]) & _names(sets[truth]):
        return Standing(name, picks)
    result = judged(sets[name], sets[truth], radius, edge)
    ranking = judged(every[name], sets[truth], radius, edge) if name in every else result
    return Standing(name, picks, result, ranking)


def _called_as(entries: Sequence[Picks], given: Sequence[Picks], called: Sequence[Picks]) -> list[Picks]:
    """Entries of a set, called as that set's others are now."""
    names = {old.frame.micrograph: new.frame.micrograph for old, new in zip(given, called, strict=True)}
    return [
        replace(entry, frame=replace(entry.frame, micrograph=names.get(entry.frame.micrograph, entry.frame.micrograph)))
        for entry in entries
    ]


def _names(entries: Sequence[Picks]) -> set[str]:
    return set(by_micrograph(entries, "picks"))


def _outside(sets: Sets) -> list[str]:
    """Picks that lie outside their micrograph: of another one, of a binned one, or x and y swapped."""
    told = []
    for name, entries in sets.items():
        known = [entry for entry in entries if entry.frame.shape is not None]
        outside = {entry.frame.micrograph: n for entry in known if (n := _count_outside(entry))}
        if outside:
            total = sum(len(entry) for entry in known)
            told.append(
                f"{name}: {sum(outside.values())} of {total} picks lie outside their micrograph ({some(outside)}): "
                "they may be of another or a binned one, or have x and y swapped."
            )
    return told


def _count_outside(picks: Picks) -> int:
    return int(((picks.yx < -0.5) | (picks.yx > np.array(picks.frame.shape) - 0.5)).any(axis=1).sum())


def _sizes(sets: Sets) -> list[str]:
    """Sets that hold different sizes of one micrograph."""
    told = []
    for first, second in combinations(sets, 2):
        ours, theirs = by_micrograph(sets[first], first), by_micrograph(sets[second], second)
        shapes = {one: (ours[one].frame.shape, theirs[one].frame.shape) for one in ours if one in theirs}
        if differ := [name for name, (a, b) in shapes.items() if a and b and a != b]:
            (h, w), (h2, w2) = (shape or (0, 0) for shape in shapes[differ[0]])
            told.append(
                f"{first} and {second} are picks of micrographs of different size: {differ[0]} has {h} x {w} and "
                f"{h2} x {w2} pixels ({len(differ)} of {len(shapes)} micrographs): one of them is binned."
            )
    return told


def _unmatched(sets: Sets, truth: str | None) -> list[str]:
    """Micrographs that one set lacks and another has."""
    everywhere = {one: None for entries in sets.values() for one in by_micrograph(entries, "picks")}
    told = []
    for name, entries in sets.items():
        have = _names(entries)
        if truth is not None and name != truth and not have & _names(sets[truth]):
            told.append(f"{name} has no micrograph in common with {truth}, so it is not scored.")
        elif missing := [one for one in everywhere if one not in have]:
            told.append(
                f"{name} has no picks of {some(missing)} ({len(missing)} of {len(everywhere)} micrographs); its scores "
                "and agreement leave them out."
            )
    return told


def _flipped(pairs: Sequence[Pair], truth: str | None) -> list[str]:
    """Sets that fit others upside down only; the truth is taken to be the right way up."""
    left, told = [pair for pair in pairs if pair.fits_better_flipped], []
    while left:
        side = _sides(left)
        groups = [[name for name, up in side.items() if up == which] for which in (True, False)]
        odd, others = sorted(groups, key=lambda names: (truth in names, len(names)))
        best = max((pair for pair in left if pair.first in side), key=lambda pair: pair.flipped_f1)
        told.append(
            f"{', '.join(odd)} fit{'s' * (len(odd) == 1)} {', '.join(others)} better when turned upside down (F1 up to "
            f"{best.flipped_f1:.3f} instead of {best.f1:.3f}): one of them counts its rows from the other end."
        )
        left = [pair for pair in left if pair.first not in side]
    return told


def _sides(pairs: Sequence[Pair]) -> dict[str, bool]:
    """Which way up the sets are that hang together with the first pair, as seen from its first set."""
    side = {pairs[0].first: True}
    for _ in pairs:  # each round reaches those that are one pair further away
        for pair in pairs:
            for one, other in ((pair.first, pair.second), (pair.second, pair.first)):
                if one in side:
                    side.setdefault(other, not side[one])
    return side


def some(names: Sequence[str] | Mapping[str, object], most: int = 5) -> str:
    """The first few names, and how many more there are."""
    shown = list(names)
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more
