"""Sets of picks side by side: a cell for each, with the micrograph in it, all moving together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_drpnet import layers
from napari_drpnet.widgets.kit.subscriptions import Subscriptions

if TYPE_CHECKING:
    from napari.layers import Image, Points
    from napari.viewer import Viewer

_GAP = 4  # pixels between the cells
_LINKED = ("contrast_limits", "gamma", "colormap")


@dataclass(frozen=True, eq=False)
class _Before:
    """The window as it was."""

    order: list[Any]
    visible: dict[Any, bool]
    grid: dict[str, Any]
    zoom: float


class SideBySide:
    """napari's grid, with one image and one Points layer in each cell.

    A layer is in one cell only, so each cell has a twin of the image, of the same array. napari counts the layers of a
    cell from the top of the list, hidden ones as well: those of the cells go there, pair by pair.

    Parameters
    ----------
    viewer
        Whose grid.
    """

    ended = Signal()  # the view is as it was, because somebody switched napari's grid off

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._before: _Before | None = None
        self._twins: list[Any] = []
        self._points: list[Any] = []
        self._changing = False
        self._heard = Subscriptions((self._grid.events.enabled, self._follow))

    @property
    def on(self) -> bool:
        """Whether the cells are shown."""
        return self._before is not None

    def show(self, image: Image | None, points: Sequence[Points]) -> None:
        """Show a cell for each of these Points layers, over an image; the first is in the upper left one."""
        if self.on and image is not None and self._same(image, points):
            return
        self.hide()
        if image is None or not points:
            return
        self._changing = True
        self._before = self._noted()
        zoom = self._viewer.scene.camera.zoom
        width = self._cell_width
        for layer in self._viewer.layers:
            layer.visible = layer in points
        for number, layer in reversed(list(enumerate(points))):
            self._twins.append(layers.add(self._viewer, layers.twin_layer(image, f"image {number + 1}")))
            self._viewer.layers.move(self._viewer.layers.index(layer), len(self._viewer.layers))  # to the top
            layer.name_overlay.visible = True
        self._viewer.layers.link_layers([image, *self._twins], _LINKED)
        self._points = list(points)
        self._grid.stride, self._grid.shape, self._grid.spacing = -2, (-1, -1), _GAP
        self._grid.enabled = True
        self._viewer.scene.camera.zoom = zoom * self._cell_width / width
        self._changing = False

    def hide(self) -> None:
        """The window as it was before."""
        before, self._before = self._before, None
        if before is None:
            return
        self._changing = True
        for name, value in before.grid.items():
            setattr(self._grid, name, value)
        self._remove_twins()
        for layer in self._points:
            layer.name_overlay.visible = False
        self._restore(before)
        self._viewer.scene.camera.zoom = before.zoom
        self._points = []
        self._changing = False

    def close(self, window: bool) -> None:
        """Leave nothing behind."""
        self._heard.end()
        if window:
            self.hide()

    # ------------------------------------------------------------ its parts

    @property
    def _grid(self) -> Any:
        return self._viewer.canvas.grid

    @property
    def _cell_width(self) -> float:
        """The shorter side of a cell, in screen pixels."""
        rows, columns = self._grid.actual_shape(self._viewer.layers)
        height, width = self._viewer.canvas.size
        return float(min(height / rows, width / columns))

    def _same(self, image: Image, points: Sequence[Points]) -> bool:
        """Whether just these are shown, all still there."""
        there = all(
            layer in self._viewer.layers and layers.pixels(layer) is layers.pixels(image) for layer in self._twins
        )
        return there and list(points) == self._points

    def _noted(self) -> _Before:
        names = ("enabled", "stride", "shape", "spacing")
        return _Before(
            list(self._viewer.layers),
            {layer: layer.visible for layer in self._viewer.layers},
            {name: getattr(self._grid, name) for name in names},
            self._viewer.scene.camera.zoom,
        )

    def _remove_twins(self) -> None:
        here = [layer for layer in self._twins if layer in self._viewer.layers]
        if here:
            self._viewer.layers.unlink_layers(here)
        for layer in here:
            self._viewer.layers.remove(layer)
        self._twins = []

    def _restore(self, before: _Before) -> None:
        """The order of the layers, and which are visible."""
        here = [layer for layer in before.order if layer in self._viewer.layers]
        for place, layer in enumerate(here):
            at = self._viewer.layers.index(layer)
            if at != place:
                self._viewer.layers.move(at, place)
            layer.visible = before.visible[layer]

    def _follow(self) -> None:
        """Somebody pressed napari's own button for the grid."""
        if self.on and not self._changing and not self._grid.enabled:
            self.hide()
            self.ended.emit()
