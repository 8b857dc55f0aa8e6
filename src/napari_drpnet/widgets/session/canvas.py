"""The one set of layers in which a session shows its micrograph: made once, then only their data are swapped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast
from weakref import ref

import numpy as np
from napari.utils.notifications import show_info
from psygnal import Signal

from napari_drpnet import layers
from napari_drpnet.data import Frame, MaskArray, Picks
from napari_drpnet.labels import following, removed
from napari_drpnet.widgets.kit.eye import Eye
from napari_drpnet.widgets.kit.parts import timer

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Points
    from napari.viewer import Viewer

_NO_PASTE = "Control-V"  # napari pastes without telling anybody


class Canvas:
    """Image, contaminated regions and picks. What a person does in them comes out of its signals.

    Parameters
    ----------
    viewer
        Where the layers go. It is not kept alive by this.
    """

    edited = Signal(object)  # the picks as a person changed them
    painted = Signal(object)  # the mask as a person painted it
    made = Signal()  # a layer is new

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = ref(viewer)
        self._refit = False
        self._image: Image | None = None
        self._points: Points | None = None
        self._regions: Labels | None = None
        self._picks: Picks | None = None
        self._shown: MaskArray = np.zeros(0, dtype=bool)
        self._drawing = False
        self._fresh = False  # something was painted that nobody was told of yet
        self._wet = timer(self.settle)

    # ------------------------------------------------------------ the layers

    @property
    def viewer(self) -> Viewer | None:
        """The viewer, None when it is gone."""
        return self._viewer()

    @property
    def image(self) -> Image | None:
        """The micrograph; None when there is none in the viewer."""
        return layers.there(self.viewer, self._image)

    @property
    def points(self) -> Points | None:
        """Its picks and labels; None when there are none in the viewer."""
        return layers.there(self.viewer, self._points)

    @property
    def regions(self) -> Labels | None:
        """Its contaminated regions; None when there are none in the viewer."""
        return layers.there(self.viewer, self._regions)

    @property
    def complete(self) -> bool:
        """Whether all layers are in the viewer."""
        return None not in (self.image, self.points, self.regions)

    # ------------------------------------------------------------ showing

    def show_image(self, made: layers.LayerTuple) -> None:
        """Show a micrograph; ``made`` is what `layers.image_layer` made of it."""
        viewer = self.viewer
        if viewer is None:
            return
        if self.image is None:
            first = self._image is None
            self._image = layers.add(viewer, made, 0)
            if first:
                viewer.reset_view()
            self.made.emit()
            return
        extent = self.image.extent.world
        for layer in (self.points, self.regions):
            if layer is not None:  # else they are hidden as those of another micrograph
                layer.metadata["frame"] = made[1]["metadata"]["frame"]
        layers.swap_image(self.image, made)
        self._refit = bool((self.image.extent.world != extent).any())

    def show_regions(self, mask: MaskArray, frame: Frame) -> None:
        """Show contaminated regions, coarse pixels over the micrograph of ``frame``."""
        viewer = self.viewer
        if viewer is None:
            return
        if self.regions is not None:
            layers.swap_regions(self.regions, mask, frame)
            return
        pictures = [layer for layer in (self.image, Eye.of(viewer).layer) if layer is not None]
        below = max((viewer.layers.index(layer) + 1 for layer in pictures), default=0)
        self._regions = regions = layers.add(viewer, layers.regions_layer(mask, frame), below)
        regions.brush_size = max(mask.shape) // 12
        regions.events.paint.connect(self._painted)  # comes before the data change, with some of napari's tools
        for key, step in (("Control-Z", regions.undo), ("Control-Shift-Z", regions.redo)):
            regions.bind_key(key, lambda _, step=step: self._step_regions(step), overwrite=True)
        self.made.emit()

    def show_picks(self, picks: Picks, shown: MaskArray, diameter: float | None, editable: bool = True) -> None:
        """Show picks, those that are ``shown``; ``diameter`` in micrograph pixels where they have none of their own."""
        viewer = self.viewer
        if viewer is None:
            return
        self._picks = picks
        layer = self.points or self._new_points(viewer, picks)
        with self._quietly(), layers.drawn_once(layer):
            stand_in = diameter or layers.STAND_IN_PIXELS
            layers.move_points(layer, picks.frame, diameter=stand_in)
            selected = set(layer.selected_data) if len(picks) == len(layer.data) else set()
            layers.swap_points(layer, picks)
            layers.show_labels(layer, picks)
            layer.current_size = stand_in
            layer.current_border_color = layers.LABELLED_COLOUR
            layer.shown = self._shown = shown
            _vanish(layer, ~shown)
            layer.editable = editable
            if selected:
                layer.selected_data = selected
                layer.feature_defaults = layers.new_point(layer.features)
        if self._refit:  # now that no layer is as large as the micrograph before
            self._refit = False
            viewer.reset_view()

    def look_at(self, yx: Sequence[float], pixel_size: float | None) -> None:
        """Centre the view on a place in micrograph pixels."""
        if self.viewer is not None:
            self.viewer.scene.camera.center = tuple(float(at) * (pixel_size or 1.0) for at in yx)

    def remove(self) -> None:
        """Take the layers out of the viewer."""
        viewer = self.viewer
        if viewer is None:
            return
        if self.points is not None:
            self.points.selected_data = set()  # removing a layer with a selection has crashed
        for layer in (self.points, self.regions, self.image):
            if layer is not None:
                layer.mode = "pan_zoom"
                viewer.layers.remove(layer)
        self._image = self._points = self._regions = self._picks = None

    # ------------------------------------------------------------ making

    def _new_points(self, viewer: Viewer, picks: Picks) -> Points:
        self._points = layer = cast("Points", layers.add(viewer, layers.points_layer(picks, name="picks")))
        layer.events.data.connect(self._follow)
        layer.bind_key(_NO_PASTE, lambda _: show_info("Picks cannot be pasted; add them with a click."), overwrite=True)
        viewer.layers.selection = {layer}
        self.made.emit()
        return layer

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        before, self._drawing = self._drawing, True
        try:
            yield
        finally:
            self._drawing = before

    # ------------------------------------------------------------ what a person does

    def _follow(self, event: Any) -> None:
        """Points added, moved or deleted in the layer."""
        if self._drawing or self._picks is None or str(event.action) not in {"added", "removed", "changed"}:
            return
        data = np.asarray(event.source.data, dtype=np.float64)[:, -2:]
        if str(event.action) == "removed" and len(data) + len(event.data_indices) == len(self._picks):
            chosen = np.zeros(len(self._picks), dtype=bool)
            chosen[list(event.data_indices)] = True
            after = removed(self._picks, chosen & self._shown)  # what nobody sees, nobody deletes
        else:
            after = following(self._picks, data)
        self.edited.emit(after)

    def _painted(self, event: Any = None) -> None:
        self._fresh = True
        self._wet.start()

    def settle(self) -> None:
        """Take over what was painted a moment ago; to be called before other regions are shown."""
        if not self._fresh:
            return
        self._fresh = False
        self._wet.stop()
        if self.regions is not None:
            self.painted.emit(np.asarray(self.regions.data) > 0)

    def _step_regions(self, step: Any) -> None:
        step()
        self._painted()


def _vanish(layer: Points, hidden: MaskArray) -> None:
    """Draw nothing where points are not shown: napari draws all points of a flat layer, whatever `shown` says."""
    if hidden.any():
        colours = layer.border_color.copy()
        colours[hidden, 3] = 0.0
        layer.border_color = colours
        layer.size = np.where(hidden, 0.0, layer.size)
