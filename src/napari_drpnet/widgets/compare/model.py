"""The sets of picks that are compared on one micrograph: their layers, their numbers, and how they are shown."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtCore import QObject

from napari_drpnet.drawing.colours import colour, dashed
from napari_drpnet.jobs.compare.consensus import CONSENSUS
from napari_drpnet.jobs.compare.figures import Figures, Question, measure
from napari_drpnet.widgets.compare.curves import CurveLine
from napari_drpnet.widgets.compare.grid import SideBySide
from napari_drpnet.widgets.compare.layers import SetLayers
from napari_drpnet.widgets.compare.sets import OfLayer, OfOthers, Origin, PickSet
from napari_drpnet.widgets.compare.tour import Tour
from napari_drpnet.widgets.kit.background import Background
from napari_drpnet.widgets.kit.eye import Eye
from napari_drpnet.widgets.kit.parts import timer
from napari_drpnet.widgets.kit.source import ChosenImage

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

ALL_SETS, VERDICT, GRID = "all sets", "right, wrong and missed", "side by side"
RESTED = 150  # milliseconds after which a threshold has settled: numbers and tables follow then
_ALONE = "Add another set to see where they differ."
_LIME = 7  # the brightest colour is that of the consensus
SAME = 0.5  # diameters that picks of one particle may be apart


class CompareModel:
    """Sets, and everything that follows from them. Only the main thread may use it.

    Parameters
    ----------
    viewer
        Where they are shown.
    parent
        With which its timer ends.

    Attributes
    ----------
    sets
        In the order they came.
    chosen
        The set that the slider moves and the verdict is of.
    truth
        The set that the others are judged by.
    figures
        What was measured last; None before.
    """

    changed = Signal()  # sets came or went, or have other picks
    measured = Signal()  # the figures are new

    def __init__(self, viewer: Viewer, parent: QObject) -> None:
        self._viewer = viewer
        self.sets: list[PickSet] = []
        self.chosen: PickSet | None = None
        self.figures: Figures | None = None
        self.layers = SetLayers(viewer)
        self.grid = SideBySide(viewer)
        self.background = Background()
        self._image: Image | None = None
        self._source: ChosenImage | None = None
        self.truth: PickSet | None = None
        self._diameter = 0.0
        self._at_least = 0
        self._view = ALL_SETS
        self._tour = Tour(viewer)
        self._between: tuple[PickSet, PickSet] | None = None  # the sets whose differences are gone through
        self._rest = timer(self._settle, RESTED, parent)

    # ------------------------------------------------------------ sets

    def shows(self, source: ChosenImage | None) -> bool:
        """Whether this is the micrograph that is shown, unchanged."""
        if source is None or self._source is None:
            return source is self._source
        same = source.key == self._source.key and source.frame == self._source.frame
        return same and source.array is self._source.array

    @property
    def busy(self) -> bool:
        """Whether numbers are still to come."""
        return self._rest.isActive() or self.background.busy

    def named(self, name: str) -> PickSet | None:
        """The set of a name."""
        return next((chosen for chosen in self.sets if chosen.name == name), None)

    def add(self, name: str, origin: Origin, threshold: float = -math.inf) -> PickSet:
        """One more set; a name that is taken gets a number."""
        names = [name, *(f"{name} {n}" for n in range(2, len(self.sets) + 3))]
        taken = {chosen.name for chosen in self.sets}
        slots = {chosen.slot for chosen in self.sets}
        wanted = [_LIME] if name == CONSENSUS else []
        slot = next(n for n in (*wanted, *range(len(self.sets) + 1)) if n not in slots)
        made = PickSet(next(free for free in names if free not in taken), origin, slot, threshold)
        self.sets.append(made)
        self.chosen = self.chosen or made
        self.look_again(made)
        return made

    def remove(self, chosen: PickSet | None) -> None:
        """Take a set and its layer away, if there is such a set."""
        if chosen is None or chosen not in self.sets:
            return
        self.sets.remove(chosen)
        self.truth = None if self.truth is chosen else self.truth
        self.chosen = (self.sets[0] if self.sets else None) if self.chosen is chosen else self.chosen
        self.layers.remove(chosen)
        if isinstance(chosen.origin, OfLayer):
            chosen.origin.release()
        self._begin()

    def drop_lost(self, _: Any = None) -> None:
        """Somebody removed a layer: its set goes, too."""
        here = self._viewer.layers
        for chosen in list(self.sets):
            gone = isinstance(chosen.origin, OfLayer) and chosen.origin.layer not in here
            if gone or self.layers.lost(chosen):
                self.remove(chosen)

    def look_again(self, *these: PickSet) -> None:
        """Take the picks of these sets anew from where they come from."""
        for chosen in these:
            chosen.follow(self._source)
            if self._source is not None:
                self.layers.show(chosen, self._source)
        self._begin()

    # ------------------------------------------------------------ what is asked

    def follow(self, source: ChosenImage | None, image: Image | None) -> None:
        """Another micrograph, None for none: nothing of the last one stays in sight."""
        self.background.drop()
        self.leave_place()
        self.figures = None
        self._source, self._image = source, image
        for chosen in self.sets:
            if isinstance(chosen.origin, OfOthers):
                chosen.origin.made = None
        self.look_again(*self.sets)

    def ask(self, truth: str | None, diameter: float, at_least: int) -> None:
        """What to measure: against which set, for particles of ``diameter`` Angstrom, and the consensus of how many.

        ``at_least`` is 0 where no consensus is asked for.
        """
        self.truth = None if truth is None else self.named(truth)
        self._diameter, self._at_least = diameter, at_least
        agreed = self.named(CONSENSUS)
        if at_least and agreed is None:
            self.add(CONSENSUS, OfOthers(), 0.0)
        elif not at_least and agreed is not None:
            self.remove(agreed)
        self._begin()

    def choose(self, chosen: PickSet) -> None:
        """The slider moves this one, and the verdict is of it."""
        self.chosen = chosen
        self.show(self._view)

    def let_through(self, threshold: float, together: bool = False) -> None:
        """Move the threshold of the chosen set, or of all that have scores of one kind; circles follow at once."""
        self.leave_place()
        for chosen in self._moved_by(together):
            chosen.threshold, chosen.moved = threshold, True
            self.layers.follow(chosen)
        self._rest.start()

    def suit(self, together: bool = False) -> None:
        """Let the threshold of the chosen set, or of all alike, be the one that suits its picks."""
        for chosen in self._moved_by(together):
            chosen.suit()
            self.layers.follow(chosen)
        self._rest.start()
        self.changed.emit()

    def _moved_by(self, together: bool) -> list[PickSet]:
        """The sets that the slider moves."""
        if self.chosen is None:
            return []
        return [one for one in self.sets if one.range == self.chosen.range] if together else [self.chosen]

    # ------------------------------------------------------------ what follows

    @property
    def radius(self) -> float | None:
        """Largest distance of picks of one particle, in micrograph pixels; None where no length is known."""
        size = None if self._source is None else self._source.frame.pixel_size
        return SAME * self._diameter / size if size and self._diameter > 0 else None

    @property
    def lines(self) -> list[CurveLine]:
        """The curves, with marks at the thresholds as they are now."""
        standings = () if self.figures is None else self.figures.comparison.standings
        found = [(self.named(standing.name), standing.curve) for standing in standings]
        return [
            CurveLine(
                *(chosen.name, curve, chosen.threshold, colour(chosen.slot)),
                chosen is self.chosen,
                dashed(chosen.slot),
            )
            for chosen, curve in found
            if chosen is not None and curve is not None
        ]

    @property
    def own_sizes(self) -> tuple[str, float] | None:
        """A picker that found out sizes itself, and their median in Angstrom."""
        size = None if self._source is None else self._source.frame.pixel_size
        found = [(chosen.name, chosen.own_size) for chosen in self.sets]
        return next(((name, pixels * size) for name, pixels in found if pixels is not None and size), None)

    @property
    def best_threshold(self) -> float | None:
        """Where the chosen set is best against the truth; None when nobody knows."""
        standing = None if self.figures is None or self.chosen is None else self.figures.standing(self.chosen.name)
        return None if standing is None or math.isnan(standing.best_threshold) else standing.best_threshold

    def _begin(self) -> None:
        """Sets changed: show what is there, and measure when it rests."""
        self.show(self._view)
        self._rest.start()
        self.changed.emit()

    def _settle(self) -> None:
        """Nobody moves anything: bring the layers' tables up to date, and measure."""
        if self._source is None:
            return
        for chosen in self.sets:
            self.layers.complete(chosen, self._source)
        self._measure()
        self.changed.emit()

    def _measure(self) -> None:
        here = {chosen: chosen.picks for chosen in self.sets if chosen.name != CONSENSUS}
        now = {chosen.name: picks for chosen, picks in here.items() if picks is not None}
        if self.radius is None or not now:
            self.figures = None
            self.background.drop()
            self.measured.emit()
            return
        every = {chosen.name: chosen.every for chosen in here if chosen.every is not None and chosen.range}
        truth = self.truth.name if self.truth is not None and self.truth.name in now else None
        agreed = self.named(CONSENSUS)
        at_least = self._at_least if agreed is not None else 0
        least = max(0.0, agreed.threshold) if agreed is not None else 0.0
        task = Question(now, every, self.radius, truth, at_least, least)
        self.background.order(partial(measure, task), self._take)

    def _take(self, figures: Figures) -> None:
        """The numbers are there."""
        self.figures = figures
        agreed = self.named(CONSENSUS)
        if agreed is not None and isinstance(agreed.origin, OfOthers) and self._source is not None:
            agreed.origin.made = figures.consensus
            agreed.follow(self._source)
            self.layers.show(agreed, self._source)
        self.show(self._view)
        self.measured.emit()

    # ------------------------------------------------------------ what is seen

    def show(self, view: str) -> None:
        """Show all sets, the verdict on the chosen one, or the sets side by side."""
        if view != self._view:
            self.leave_place()
        self._view = view
        if view != GRID:
            self.grid.hide()
        if self._source is not None:
            self.layers.nest(view != GRID, self._source)
        if view == VERDICT and self._source is not None and self._source.frame.pixel_size:
            judged = None if self.figures is None or self.chosen is None else self.figures.verdict(self.chosen.name)
            self.layers.show_verdict(judged, self._source, self._diameter)
        self.layers.arrange(judged=view == VERDICT)
        if view == GRID:
            shown = [self.layers.of(chosen) for chosen in self.sets if chosen.every is not None]
            self.grid.show(
                Eye.of(self._viewer).layer or self._image,
                [layer for layer in shown if layer is not None and layer.visible],
            )

    def go_on(self, chosen: PickSet, other: PickSet | None = None) -> str:
        """Go to the next place where two sets differ, and mark it; the other one is the truth, or the first set."""
        others = [other, self.truth, *self.sets]
        against = next((one for one in others if one is not None and one is not chosen), None)
        self._between = None if against is None else (chosen, against)
        return self.step(1)

    def step(self, step: int) -> str:
        """Go to the place after the last one, or before it where ``step`` is -1; says which it is."""
        if self._between is None or not all(one in self.sets for one in self._between):
            self._between = None
            return self.go_on(self.chosen) if self.chosen is not None and len(self.sets) > 1 else _ALONE
        if self.radius is None or self._source is None:
            return _ALONE
        told = self._tour.go_on(*self._between, self.radius, self._diameter, self._source, step)
        self.layers.dim(self._tour.ring is not None and self._tour.ring.visible)
        return told

    def leave_place(self) -> None:
        """Show all again as it was before a place was marked."""
        self._tour.leave()
        self.layers.dim(False)

    def leave(self, window: bool) -> None:
        """The form is gone: leave the sets' layers, and nothing else."""
        self._rest.stop()
        self.background.leave(window)
        self.grid.close(window)
        if window:
            for chosen in self.sets:
                if isinstance(chosen.origin, OfLayer):
                    chosen.origin.release()
            self._tour.close()
            self.layers.close()
