"""The layers of a comparison: one for each set of picks, and one for what is right, wrong and missed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_drpnet import layers
from napari_drpnet.data import Frame, Picks
from napari_drpnet.drawing.colours import colour, symbol
from napari_drpnet.drawing.overlay import FALSE, MISSED, TRUE
from napari_drpnet.evaluation import Verdict
from napari_drpnet.widgets.compare.sets import OfLayer, PickSet
from napari_drpnet.widgets.kit.source import ChosenImage

if TYPE_CHECKING:
    from napari.layers import Points
    from napari.viewer import Viewer

KINDS = {"right": (TRUE, "disc"), "wrong": (FALSE, "square"), "missed": (MISSED, "diamond")}
SIGNS = {"disc": "○", "square": "□", "diamond": "◇"}  # the symbols in text
JUDGED = "right, wrong, missed"
_DIM = 0.3  # opacity of what is not marked
# Circles of one particle would hide each other: those of each set are drawn a little smaller than the last one's.
_PARTS = (1.0, 0.88, 0.76, 0.64, 0.52, 0.4, 0.3, 0.2)


class SetLayers:
    """Layers that are made once; then only their data are swapped.

    Parameters
    ----------
    viewer
        Where they go.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._made: dict[PickSet, Points] = {}
        self._judged: Points | None = None
        self._behind: set[PickSet] = set()
        self._nested = True
        self._lit: dict[Any, bool] = {}  # what we made visible, so that a layer hidden by hand stays so
        self._wanted: dict[Any, bool] = {}
        self._bright: dict[Any, float] = {}  # opacity of layers that are dimmed

    def of(self, chosen: PickSet) -> Points | None:
        """The layer of a set; None when it has none in the viewer."""
        return layers.there(self._viewer, self._made.get(chosen))

    @property
    def judged(self) -> Points | None:
        """The layer of what is right, wrong and missed; None when there is none in the viewer."""
        return layers.there(self._viewer, self._judged)

    @property
    def all(self) -> list[Points]:
        """Every layer of ours in the viewer."""
        made = [self.of(chosen) for chosen in self._made]
        return [layer for layer in (*made, self.judged) if layer is not None]

    def show(self, chosen: PickSet, source: ChosenImage) -> None:
        """Bring the layer of a set up to date: its place, its circles and its table."""
        frame = source.frame.unbinned
        picks = chosen.picks if chosen.picks is not None else Picks(frame, np.empty((0, 2)))
        layer = self._fitting(self.of(chosen), source)
        self._behind.discard(chosen)
        if layer is None:
            part = self._part(chosen)
            made = layers.points_layer(
                picks, name=_layer_name(chosen), position=source.position, colour=colour(chosen.slot), part=part
            )
            self._made[chosen] = self._add(layers.laid_on(made, source.ground))
            self._shape(chosen)
            return
        layers.move_points(layer, picks.frame, source.position)
        layers.lay_on(layer, source.ground)
        with layers.drawn_once(layer):
            layers.swap_points(layer, picks)
        self._shape(chosen)
        layer.editable = False

    def follow(self, chosen: PickSet) -> None:
        """Show the picks above another threshold, at once; `complete` brings the rest up to date."""
        layer = self.of(chosen)
        if layer is not None and chosen.every is not None:
            self._behind.add(chosen)
            if layer.visible:
                layers.show_first(layer, chosen.every, chosen.count)
                layer.editable = False

    def nest(self, nested: bool, source: ChosenImage) -> None:
        """Draw the circles of each set a little smaller than the last one's, or all as large as the particles."""
        if nested == self._nested:
            return
        self._nested = nested
        for chosen, layer in self._made.items():
            layer.metadata = {**layer.metadata, "part": self._part(chosen)}
            self.show(chosen, source)

    def complete(self, chosen: PickSet, source: ChosenImage) -> None:
        """Bring up to date what `follow` left behind."""
        layer, picks = self.of(chosen), chosen.picks
        if chosen not in self._behind or layer is None or picks is None:
            return
        if layer.visible:
            self._behind.discard(chosen)
            layers.fill_table(layer, picks)
        else:
            self.show(chosen, source)

    def lost(self, chosen: PickSet) -> bool:
        """Whether a set had a layer that somebody removed."""
        return chosen in self._made and self.of(chosen) is None

    def show_verdict(self, verdict: Verdict | None, source: ChosenImage, diameter: float) -> None:
        """Show what is right, wrong and missed of one set, in circles of ``diameter`` Angstrom; None for nothing."""
        picks, kind = _of_verdict(verdict, source.frame.unbinned, diameter)
        layer = self._fitting(self.judged, source)
        if layer is None:
            made = layers.kinds_layer(picks, kind, KINDS, JUDGED, source.position)
            self._judged = self._add(layers.laid_on(made, source.ground))
            return
        layers.move_points(layer, picks.frame, source.position)
        layers.lay_on(layer, source.ground)
        layers.swap_kinds(layer, picks, kind, KINDS)
        layer.editable = False

    def arrange(self, judged: bool) -> None:
        """Show the sets that have picks, or the verdict in their place; what somebody hid by hand stays hidden."""
        for chosen in self._made:
            self._light(self.of(chosen), chosen.every is not None and not judged)
        self._light(self.judged, judged)

    def remove(self, chosen: PickSet) -> None:
        """Take the layer of a set out of the viewer."""
        layer = self.of(chosen)
        self._made.pop(chosen, None)
        self._behind.discard(chosen)
        self._discard(layer)

    def close(self) -> None:
        """Leave only what a person may want to keep: the sets, all visible."""
        self.dim(False)
        self.arrange(judged=False)
        self._discard(self.judged)
        for layer in self.all:
            layer.editable = True

    def dim(self, dimmed: bool) -> None:
        """Draw all layers faintly, so that what is marked stands out; or again as they were."""
        for layer in self.all:
            if dimmed:
                self._bright.setdefault(layer, layer.opacity)
                layer.opacity = min(_DIM, self._bright[layer])
            elif layer in self._bright:
                layer.opacity = self._bright[layer]
        if not dimmed:
            self._bright.clear()

    def _shape(self, chosen: PickSet) -> None:
        """Squares and others tell sets apart that share a colour."""
        layer, shape = self._made[chosen], symbol(chosen.slot)
        if shape != "disc":
            layer.current_symbol = shape
            if len(layer.data):
                layer.symbol = shape

    def _part(self, chosen: PickSet) -> float:
        return _PARTS[chosen.slot % len(_PARTS)] if self._nested else 1.0

    def _light(self, layer: Points | None, wanted: bool) -> None:
        if layer is None:
            return
        if layer.visible != self._lit.get(layer, layer.visible):
            self._wanted[layer] = layer.visible
        self._lit[layer] = wanted and self._wanted.get(layer, True)
        if layer.visible != self._lit[layer]:
            layer.visible = self._lit[layer]

    def _fitting(self, layer: Points | None, source: ChosenImage) -> Points | None:
        """The layer, if it has as many axes as the image has; else it goes, and another one is needed."""
        if layer is None or layer.ndim == len(source.position) + 2:
            return layer
        self._made = {chosen: made for chosen, made in self._made.items() if made is not layer}
        self._discard(layer)
        return None

    def _discard(self, layer: Points | None) -> None:
        if layer is not None:
            layer.selected_data = set()  # removing a layer with a selection has crashed
            self._lit.pop(layer, None)
            self._wanted.pop(layer, None)
            self._viewer.layers.remove(layer)

    def _add(self, made: layers.LayerTuple) -> Any:
        layer = layers.add(self._viewer, made)
        layer.editable = False  # edits would be lost at the next step; napari forgets this whenever data change
        return layer


def _layer_name(chosen: PickSet) -> str:
    """The name of the set; a layer that is compared keeps its own."""
    return f"{chosen.name}, compared" if isinstance(chosen.origin, OfLayer) else chosen.name


def _of_verdict(verdict: Verdict | None, frame: Frame, diameter: float) -> tuple[Picks, Any]:
    """All places of a verdict, and of which kind each is."""
    parts = [np.empty((0, 2))] * len(KINDS) if verdict is None else [verdict.true, verdict.false, verdict.missed]
    kind = np.repeat(list(KINDS), [len(part) for part in parts])
    return Picks(frame, np.concatenate(parts), diameter=np.array(frame.micrograph_pixels(diameter))), kind
