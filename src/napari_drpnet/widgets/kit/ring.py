"""Rings as large as particles: one under the cursor or at the view's centre, or one over each that was measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from napari_drpnet import layers
from napari_drpnet.data import FloatArray
from napari_drpnet.layers import Ground

if TYPE_CHECKING:
    from napari.layers import Points
    from napari.viewer import Viewer

NAME = "particle size"
COLOUR = "#ffe14d"


class Ring:
    """Circles in a Points layer of its own, so that a diameter can be judged by eye.

    The layer is kept and hidden rather than removed, which would be slower, and is never selected.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._layer: Points | None = None
        self._ground: Ground | None = None
        self._loose = False  # whether the ring follows the cursor
        viewer.mouse_move_callbacks.append(self._follow)

    @property
    def layer(self) -> Points | None:
        """The layer with the rings, if there is one in the viewer."""
        return layers.there(self._viewer, self._layer)

    @property
    def deleted(self) -> bool:
        """Whether there was a layer, and someone removed it."""
        return self._layer is not None and self.layer is None

    def show(self, ground: Ground, size: float) -> None:
        """Draw one ring of ``size`` micrograph pixels on an image, that goes where the cursor goes."""
        layer = self.layer
        if layer is None or not layer.visible or not self._loose:
            self._draw(ground, self._centre(ground), np.array([size]))
        else:
            self._lay(layer, ground)
            layer.size = size
        self._loose = True

    def show_at(self, ground: Ground, centres: FloatArray, sizes: FloatArray) -> None:
        """Draw rings of ``(n,)`` sizes at ``(n, 2)`` centres, both in micrograph pixels, that stay there."""
        self._loose = False
        self._draw(ground, centres, sizes)

    def hide(self) -> None:
        """Take the rings out of sight."""
        if self.layer is not None:
            self.layer.visible = False

    def remove(self) -> None:
        """Take the layer out of the viewer."""
        if self.layer is not None:
            self._viewer.layers.remove(self.layer)
        self._layer = self._ground = None

    def close(self) -> None:
        """Leave nothing behind in the viewer."""
        if self._follow in self._viewer.mouse_move_callbacks:
            self._viewer.mouse_move_callbacks.remove(self._follow)
        self.remove()

    def _draw(self, ground: Ground, centres: FloatArray, sizes: FloatArray) -> None:
        layer = self.layer or self._add(ground)
        self._lay(layer, ground)
        layer.visible = True  # first: napari does not keep a hidden layer's list of what is in view up to date
        layer.data = centres
        if len(centres):
            layer.size = sizes

    def _add(self, ground: Ground) -> Points:
        attributes = {
            "name": NAME,
            "symbol": "disc",
            "face_color": "transparent",
            "border_color": COLOUR,
            "border_width": 0.05,
            "metadata": {"role": "ring"},
            **layers.placement(ground.frame.unbinned),
        }
        made = layers.laid_on(([[0.0, 0.0]], attributes, "points"), ground)
        self._ground, self._layer = ground, cast("Points", layers.add(self._viewer, made))
        return self._layer

    def _lay(self, layer: Points, ground: Ground) -> None:
        """Put the layer where the image is."""
        if ground is not self._ground:
            layers.assign(layer, layers.placement(ground.frame.unbinned))
            layers.lay_on(layer, ground)
            self._ground = ground

    def _centre(self, ground: Ground) -> FloatArray:
        """The view's centre in micrograph pixels."""
        return ground.under(self._viewer.scene.camera.center[-2:])

    def _follow(self, viewer: Any, event: Any) -> Iterator[None] | None:
        layer = self.layer
        if layer is not None and layer.visible and self._loose and self._ground is not None:
            layer.data = self._ground.under(event.position[-2:])
        return None
