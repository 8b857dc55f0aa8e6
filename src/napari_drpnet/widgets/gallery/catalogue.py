"""The particles of a gallery: which are shown, in which order, and which are selected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from napari_drpnet.candidates import IndexArray
from napari_drpnet.data import FloatArray, MaskArray, Picks
from napari_drpnet.labels import UNDECIDED, same_places

Filter = Literal["all", "picks", "particles", "background"]
Order = Literal["score", "uncertainty", "deviation", "micrograph"]
Key = tuple[str, float, float]  # micrograph, y, x


@dataclass(frozen=True)
class Particle:
    """One particle of the catalogue.

    Attributes
    ----------
    micrograph
        Its name in the project.
    y, x
        In micrograph pixels.
    score
        NaN when unknown.
    background
        Whether it is labelled background.
    by_hand
        Whether a person answers for it.
    """

    micrograph: str
    y: float
    x: float
    score: float
    background: bool
    by_hand: bool

    @property
    def key(self) -> Key:
        """What it is known by."""
        return self.micrograph, self.y, self.x


class Catalogue:
    """Columns over all particles of some micrographs, one after another.

    A *number* is a particle's place in these columns, a *position* its place among those that are shown. What is
    shown stays so when a label changes, and in its place, until it is arranged anew: who rejects a particle goes on
    seeing it.
    """

    def __init__(self) -> None:
        self.deviations: dict[Key, float] = {}
        self._filter: Filter = "all"
        self._by: Order = "score"
        self._backwards = False
        self.clear()

    def clear(self) -> None:
        """No particle is left; standard deviations stay known."""
        self.names: list[str] = []
        self._places: dict[str, int] = {}
        self._starts = np.zeros(1, np.int64)
        self.micrograph = np.empty(0, np.int64)
        self.yx: FloatArray = np.empty((0, 2))
        self.score: FloatArray = np.empty(0)
        self.background: MaskArray = np.empty(0, bool)
        self.by_hand: MaskArray = np.empty(0, bool)
        self.selected: MaskArray = np.empty(0, bool)
        self.shown: IndexArray = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self.score)

    # ------------------------------------------------------------ what is in it

    def add(self, found: Mapping[str, Picks]) -> None:
        """More micrographs with their picks, none of which is in it yet; they are shown when `arrange` is called."""
        parts = []
        for name, picks in found.items():
            self._places[name] = len(self.names)
            self.names.append(name)
            parts.append(self._columns(name, picks))
        for column in parts[0] if parts else ():
            setattr(self, column, np.concatenate([getattr(self, column), *(part[column] for part in parts)]))
        counts = np.bincount(self.micrograph, minlength=len(self.names))
        self._starts = np.concatenate([[0], np.cumsum(counts)])

    def replace(self, name: str, picks: Picks) -> IndexArray | None:
        """Other picks of one micrograph; those that are still there keep their place and stay selected.

        Returns
        -------
        numpy.ndarray
            The new number of each old number, -1 of what is gone; None when only labels changed.
        """
        place = self._places[name]
        start, stop = self._range(name)
        if np.array_equal(self.yx[start:stop], picks.yx) and np.array_equal(
            self.score[start:stop], picks.score, equal_nan=True
        ):
            self.background[start:stop], self.by_hand[start:stop] = picks.label == "background", picks.by_hand
            return None
        same = same_places(self.yx[start:stop], picks.yx)
        numbers = np.arange(len(self))
        numbers[stop:] += len(picks) - (stop - start)
        numbers[start:stop] = np.where(same >= 0, start + same, -1)
        columns = self._columns(name, picks)
        columns["selected"][same[same >= 0]] = self.selected[start:stop][same >= 0]
        for column, values in columns.items():
            old = getattr(self, column)
            setattr(self, column, np.concatenate([old[:start], values, old[stop:]]))
        self._starts[place + 1 :] += len(picks) - (stop - start)
        shown = numbers[self.shown]
        self.shown = shown[shown >= 0]
        self._insert(start + np.setdiff1d(np.arange(len(picks)), same))
        return numbers

    def _columns(self, name: str, picks: Picks) -> dict[str, Any]:
        return {
            "micrograph": np.full(len(picks), self._places[name], np.int64),
            "yx": picks.yx,
            "score": picks.score,
            "background": picks.label == "background",
            "by_hand": picks.by_hand,
            "selected": np.zeros(len(picks), bool),
        }

    def _range(self, name: str) -> tuple[int, int]:
        place = self._places[name]
        return int(self._starts[place]), int(self._starts[place + 1])

    def holds(self, name: str) -> bool:
        """Whether this micrograph is in it."""
        return name in self._places

    def places(self, name: str) -> FloatArray:
        """``(n, 2)`` where the particles of a micrograph are, in its pixels."""
        return self.yx[slice(*self._range(name))]

    # ------------------------------------------------------------ standard deviations

    def measured(self, name: str, yx: FloatArray, values: FloatArray) -> None:
        """Remember the standard deviations at some places of a micrograph."""
        keys = ((name, y, x) for y, x in yx.tolist())
        self.deviations.update(zip(keys, values.tolist(), strict=True))

    def unmeasured(self) -> dict[str, FloatArray]:
        """Places on each micrograph whose standard deviation is not known, ``(n, 2)``."""
        missing = {}
        for name in self.names:
            yx = self.places(name)
            new = [at for at, (y, x) in enumerate(yx.tolist()) if (name, y, x) not in self.deviations]
            if new:
                missing[name] = yx[new]
        return missing

    # ------------------------------------------------------------ what is shown

    def arrange(self, which: Filter, by: Order, backwards: bool = False) -> None:
        """Show some, in an order: the best, the least certain or the roughest first; what has no value comes last."""
        self._filter, self._by, self._backwards = which, by, backwards
        wanted = np.flatnonzero(self._wanted())
        self.shown = wanted[np.argsort(self._keys(wanted), kind="stable")]
        hidden = np.ones(len(self), bool)
        hidden[self.shown] = False
        self.selected[hidden] = False

    def _insert(self, numbers: IndexArray) -> None:
        """Show more, each at its place in the order, as far as the filter lets them."""
        numbers = numbers[self._wanted()[numbers]]
        if len(numbers):
            keys = self._keys(numbers)
            order = np.argsort(keys, kind="stable")
            places = np.searchsorted(self._keys(self.shown), keys[order], side="right")
            self.shown = np.insert(self.shown, places, numbers[order])

    def _wanted(self) -> MaskArray:
        if self._filter == "picks":
            return ~self.by_hand & ~self.background
        if self._filter == "particles":
            return self.by_hand & ~self.background
        return self.background if self._filter == "background" else np.ones(len(self), bool)

    def _keys(self, numbers: IndexArray) -> FloatArray:
        """What is sorted by, the smallest first; NaN sorts last."""
        if self._by == "score":
            keys = -self.score[numbers]
        elif self._by == "uncertainty":
            keys = abs(self.score[numbers] - UNDECIDED)
        elif self._by == "deviation":
            keys = -np.array([self.deviations.get(self.key(number), np.nan) for number in numbers.tolist()], float)
        else:
            keys = numbers.astype(float)
        return -keys if self._backwards else keys

    def key(self, number: int) -> Key:
        """What a particle is known by."""
        y, x = self.yx[number].tolist()
        return self.names[self.micrograph[number]], y, x

    def particle(self, position: int) -> Particle:
        """The particle that is shown at a position."""
        number = int(self.shown[position])
        return Particle(
            *self.key(number), float(self.score[number]), bool(self.background[number]), bool(self.by_hand[number])
        )

    def caption(self, particle: Particle) -> str:
        """The number that it was sorted by, as it is written on a thumbnail; empty when there is none."""
        measured = self._by == "deviation"
        value = self.deviations.get(particle.key, np.nan) if measured else particle.score
        return "" if np.isnan(value) else f"{'σ ' if measured else ''}{value:.2f}"

    def described(self, particle: Particle) -> str:
        """All that is known of a particle, a line each."""
        state = "background" if particle.background else "particle" if particle.by_hand else "not labelled"
        lines = [particle.micrograph, f"y {particle.y:.0f}, x {particle.x:.0f} px", f"Score {particle.score:.3f}"]
        deviation = self.deviations.get(particle.key)
        if deviation is not None:
            lines.append(f"Standard deviation {deviation:.2f}")
        return "\n".join([*lines, state.capitalize()])

    # ------------------------------------------------------------ what is selected

    def select(self, first: int, last: int, *, more: bool = False) -> None:
        """Select the positions from ``first`` to ``last``, in either direction; ``more`` keeps what is selected."""
        if not more:
            self.selected[:] = False
        low, high = sorted((first, last))
        self.selected[self.shown[low : high + 1]] = True

    def select_micrograph(self, name: str) -> None:
        """Select all of a micrograph that are shown, and no others."""
        self.selected[:] = False
        mine = self.shown[self.micrograph[self.shown] == self._places[name]]
        self.selected[mine] = True

    def toggle(self, position: int) -> None:
        """Select what is not selected, and the other way round."""
        number = self.shown[position]
        self.selected[number] = not self.selected[number]

    def places_of(self, numbers: npt.ArrayLike) -> dict[str, FloatArray]:
        """Where some particles are, ``(n, 2)`` by micrograph."""
        found = np.sort(np.asarray(numbers, np.int64))
        if len(found) == 0:
            return {}
        groups = np.split(found, np.flatnonzero(np.diff(self.micrograph[found])) + 1)
        return {self.names[self.micrograph[group[0]]]: self.yx[group] for group in groups}
