"""What a run found on one micrograph, with the layers that show it and the edits a person made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_drpnet import layers
from napari_drpnet.data import ScoreMap
from napari_drpnet.pickers.base import ScoringPicker
from napari_drpnet.widgets.edits import Edits
from napari_drpnet.widgets.source import Source, SourceForm

if TYPE_CHECKING:
    from napari.layers import Image, Points
    from napari.viewer import Viewer


class Result:
    """The picks at the sliders' values in one Points layer, whose data is swapped; layers are never replaced.

    Parameters
    ----------
    viewer
        Where the layers go.
    source
        The micrograph.
    picker, score_map
        From which picks follow at any threshold.
    last
        The result of an earlier run on the same micrograph: its layers and its edits are taken over.
    """

    def __init__(
        self, viewer: Viewer, source: Source, picker: ScoringPicker, score_map: ScoreMap, last: Result | None = None
    ) -> None:
        self._viewer = viewer
        self.source = source
        self.picker = picker
        self.score_map = score_map
        self.threshold = 0.5
        self.min_distance = 0.0
        frame = source.frame.unbinned
        self.edits = Edits.none(frame)
        self.shown = self.edits.made
        self._points: Points | None = None
        self._scores: Image | None = None
        if last is not None and last.layer is not None:
            last.note_edits()
            self.edits, self.shown = last.edits, last.shown
            self._points, self._scores = last.layer, last.score_layer

    @property
    def layer(self) -> Points | None:
        """The Points layer, None when there is none in the viewer."""
        return self._points if self._points is not None and self._points in self._viewer.layers else None

    @property
    def score_layer(self) -> Image | None:
        """The score map's layer, None when there is none in the viewer."""
        return self._scores if self._scores is not None and self._scores in self._viewer.layers else None

    def valid(self, form: SourceForm) -> bool:
        """Whether the layers are there, and the image is what it was."""
        return self.layer is not None and form.holds(self.source)

    def note_edits(self) -> None:
        """Remember what a person changed in the layer since it was last filled."""
        if self.layer is not None:
            self.edits = self.edits.updated(self.shown, layers.picks_of(self.layer))

    def show(self, threshold: float, min_distance: float) -> None:
        """Show the picks at a probability ``threshold`` and a ``min_distance`` in Angstrom, and the edits."""
        self.threshold, self.min_distance = threshold, min_distance
        self.note_edits()
        frame = self.source.frame
        diameter = frame.micrograph_pixels(self.picker.settings.diameter)
        proposed = self.picker.picks_from(self.score_map, threshold, min_distance)
        self.shown = self.edits.apply(proposed, diameter, frame.micrograph_pixels(min_distance))
        layer = self.layer
        if layer is None:
            data, attributes, _ = layers.points_layer(self.shown, position=self.source.position)
            layer = self._points = self._viewer.add_points(data, **attributes)
            layer.events.data.connect(_mark_added)
        else:
            layers.swap_points(layer, self.shown)
        layer.current_size = diameter

    def show_scores(self, visible: bool) -> None:
        """Show the score map as a layer under the picks, or hide it."""
        layer = self.score_layer
        if layer is None and not visible:
            return
        values, attributes, _ = layers.score_layer(self.score_map)
        if layer is None:
            self._scores = self._viewer.add_image(values, **attributes)
            self._bring_to_front(self.layer)
            return
        if layer.data is not values:
            layer.data = values
            for name in ("scale", "translate", "contrast_limits", "metadata"):
                setattr(layer, name, attributes[name])
        layer.visible = visible

    def _bring_to_front(self, layer: Any) -> None:
        if layer is not None:
            self._viewer.layers.move(self._viewer.layers.index(layer), len(self._viewer.layers))
            self._viewer.layers.selection = {layer}


def _mark_added(event: Any) -> None:
    """Points added by hand, which napari counts from the end; filling the layer counts from 0."""
    if str(event.action) == "added" and event.data_indices[0] < 0:
        layers.mark_manual(event.source, event.data_indices)
