"""What a run found on one micrograph, with the layers that show it and the edits a person made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from napari_drpnet import jobs, layers
from napari_drpnet.data import FloatArray, Picks, ScoreMap
from napari_drpnet.edits import Edits
from napari_drpnet.settings import AUTO, EVEN, USUAL_DISTANCE, ThresholdValue
from napari_drpnet.widgets.kit.source import ChosenImage, ImageForm
from napari_drpnet.widgets.pick.run import Scored
from napari_drpnet.widgets.pick.tally import Tally

if TYPE_CHECKING:
    from napari.layers import Image, Points
    from napari.viewer import Viewer

IndexArray = npt.NDArray[np.int64]

_PENDING = "How many picks are particles is not measured yet. These picks are by the picker's own scores."


class Result:
    """The picks at the sliders' values in one Points layer, whose data is swapped; layers are never replaced.

    Parameters
    ----------
    viewer
        Where the layers go.
    source
        The micrograph.
    found
        The score map, from which picks follow at any threshold, and what is known of the data set.
    last
        The result of an earlier run on the same micrograph: its layers and its edits are taken over.

    Attributes
    ----------
    pending
        Whether it is not yet measured what averages prove.
    asked
        The threshold that was asked for, which may be ``auto``.
    threshold, min_distance
        In force; the threshold in the data set's own probability, the distance in Angstrom, None for the usual one.
    diameter
        Of a particle in micrograph pixels, as the picker was told, or the median of those it found; 0 when not known.
    """

    def __init__(
        self,
        viewer: Viewer,
        source: ChosenImage,
        found: Scored,
        last: Result | None = None,
    ) -> None:
        self._viewer = viewer
        self.source = source
        self.picker, self.score_map, self.judgement = found.picker, found.score_map, found.judgement
        self.pending = found.pending
        self._own_map = self.score_map if self.judgement is None else self.judgement.adapted(self.score_map)
        self._pickable: tuple[float | None, IndexArray] | None = None
        self.asked: ThresholdValue = AUTO
        self.threshold = EVEN
        self.min_distance: float | None = None
        self.diameter = 0.0
        frame = source.frame.unbinned
        self.edits = Edits.none(frame)
        self.shown = self.edits.made
        self._points: Points | None = None
        self._scores: Image | None = None
        self._filling = self._heard = False
        if last is not None and last.layer is not None:
            last.note_edits()
            self.edits, self.shown = last.edits, last.shown
            self._points, self._scores = last.layer, last.score_layer
            for layer in (last.layer, last.score_layer):
                if layer is not None:
                    layers.lay_on(layer, source.ground)

    edited = Signal()  # a person changed picks in the layer

    @property
    def layer(self) -> Points | None:
        """The Points layer, None when there is none in the viewer."""
        return layers.there(self._viewer, self._points)

    @property
    def score_layer(self) -> Image | None:
        """The score map's layer, None when there is none in the viewer."""
        return layers.there(self._viewer, self._scores)

    @property
    def found_diameter(self) -> bool:
        """Whether the picker was not told how large particles are."""
        return not self.picker.settings.diameter

    def valid(self, form: ImageForm) -> bool:
        """Whether the layers are there, and the image is what it was."""
        return self.layer is not None and form.holds(self.source)

    def note_edits(self) -> None:
        """Remember what a person changed in the layer since it was last filled."""
        if self.layer is not None:
            self.edits = self.edits.updated(self.shown, layers.picks_of(self.layer))

    def show(self, threshold: ThresholdValue, min_distance: float | None) -> None:
        """Show the picks at a ``threshold``, or ``auto``, and a ``min_distance`` in Angstrom, and the edits."""
        self.note_edits()
        proposed = self._propose(threshold, min_distance)
        self.shown = self.edits.apply(proposed, self.diameter, self._distance)
        self._filling = True
        try:
            self._fill()
        finally:
            self._filling = False

    def _fill(self) -> None:
        layer = self.layer
        if layer is None:
            made = layers.points_layer(self.shown, position=self.source.position)
            data, attributes, _ = layers.laid_on(made, self.source.ground)
            layer = self._points = self._viewer.add_points(data, **attributes)
            layer.events.data.connect(_mark_added)
        else:
            layers.swap_points(layer, self.shown)
        if not self._heard:
            layer.events.data.connect(self._note_change)
            self._heard = True
        layer.current_size = self.diameter or layer.metadata["stand_in"]

    def _propose(self, threshold: ThresholdValue, min_distance: float | None) -> Picks:
        """The picker's own picks at these values, which are in force from now on."""
        self.asked, self.min_distance = threshold, min_distance
        self.threshold = self._chosen() if threshold == AUTO else float(threshold)
        proposed = self.picker.picks_from(self._map(), self.threshold, min_distance)
        self.diameter = self._measured(proposed)
        return proposed

    def _chosen(self) -> float:
        """The threshold that suits the data set, or this image where nothing is known."""
        if self.judgement is not None:
            return self.judgement.decision.threshold
        return self.picker.threshold_on(self.score_map, self.min_distance)

    def _map(self) -> ScoreMap:
        """The candidates that picks are chosen from; a rule of the picker's own sees its own probabilities."""
        by_rule = self.judgement is not None and self.judgement.decision.basis == "rule"
        return self.score_map if by_rule else self._own_map

    @property
    def pickable(self) -> tuple[FloatArray, FloatArray | None]:
        """All that could be picked at the minimum distance in force: ``(n,)`` probabilities by the picker, evidence."""
        found, index = self.score_map.candidates, self._could
        return found.probability[index], None if found.evidence is None else found.evidence[index]

    @property
    def _could(self) -> IndexArray:
        """Places among the candidates of all that could be picked at the minimum distance in force."""
        if self._pickable is None or self._pickable[0] != self.min_distance:
            self._pickable = self.min_distance, self.picker.pickable(self.score_map, self.min_distance).index
        return self._pickable[1]

    @property
    def scores(self) -> FloatArray | None:
        """``(n,)`` of all that could be picked, as the threshold counts; None where the picker's own rule picks."""
        if self.picker.by_rule(self._map()):
            return None
        return self._own_map.candidates.probability[self._could]

    @property
    def hint(self) -> str:
        """Why the threshold looks wrong; empty where it does not."""
        scores = None if self.pending else self.scores
        if scores is None:
            return ""
        return jobs.doubt_in_words(self.judgement, *self.pickable, scores, self.threshold)

    @property
    def tally(self) -> Tally:
        """How many picks there are, with what a person changed."""
        picks = self.shown if self.layer is None else layers.picks_of(self.layer)
        return Tally.of_edits(picks, self.edits.updated(self.shown, picks))

    @property
    def expected(self) -> str:
        """What is expected of the threshold, in words, or why nobody knows."""
        if self.pending:
            return _PENDING
        expected = jobs.expected_in_words(self.judgement, *self.pickable, self.threshold)
        return f"{expected} {jobs.levels_in_words(self.picker.levels(self.score_map))}".strip()

    def _measured(self, proposed: Picks) -> float:
        if not self.found_diameter:
            return self.source.frame.micrograph_pixels(self.picker.settings.diameter)
        found = _known(proposed.diameter)
        if not len(found):  # a threshold that nothing reaches says nothing of the size
            found = _known(self.score_map.candidates.diameter)
        return float(np.median(found)) if len(found) else 0.0

    @property
    def _distance(self) -> float:
        """The minimum distance in force, in micrograph pixels."""
        asked = self.min_distance
        return USUAL_DISTANCE * self.diameter if asked is None else self.source.frame.micrograph_pixels(asked)

    @property
    def has_boxes(self) -> bool:
        """Whether the picker found out height and width of the particles."""
        box = self.score_map.candidates.box
        return box is not None and bool(np.isfinite(box).any())

    def show_boxes(self, visible: bool) -> None:
        """Draw the picks as boxes, or as circles."""
        if self.layer is not None:
            layers.show_boxes(self.layer, visible)

    def show_scores(self, visible: bool) -> None:
        """Show the score map as a layer under the picks, or hide it; a picker without a map has nothing to show."""
        layer = self.score_layer
        if self.score_map.values is None:
            if layer is not None:
                layer.visible = False
            return
        if layer is None and not visible:
            return
        values, attributes, _ = layers.laid_on(layers.score_layer(self.score_map), self.source.ground)
        if layer is None:
            self._scores = self._viewer.add_image(values, **attributes)
            self._bring_to_front(self.layer)
            return
        if layer.data is not values:
            layer.data = values
            names = ("scale", "translate", "contrast_limits", "metadata")
            layers.assign(layer, {name: attributes[name] for name in names})
        layer.visible = visible

    def _note_change(self, event: Any) -> None:
        """A person added, moved or deleted points."""
        if not self._filling and str(event.action) in {"added", "removed", "changed"}:
            self.edited.emit()

    def _bring_to_front(self, layer: Any) -> None:
        if layer is not None:
            self._viewer.layers.move(self._viewer.layers.index(layer), len(self._viewer.layers))
            self._viewer.layers.selection = {layer}


def _known(diameter: FloatArray | None) -> FloatArray:
    """Diameters that are known."""
    return np.empty(0) if diameter is None else diameter[np.isfinite(diameter)]


def _mark_added(event: Any) -> None:
    """Points added by hand, which napari counts from the end; filling the layer counts from 0."""
    if str(event.action) == "added" and event.data_indices[0] < 0:
        layers.mark_manual(event.source, event.data_indices)
