"""A ring as large as the particle, under the cursor or else at the view's centre."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from napari_drpnet import layers

if TYPE_CHECKING:
    from napari.layers import Points
    from napari.viewer import Viewer

    from napari_drpnet.data import Frame

NAME = "particle size"
COLOUR = "#ffe14d"


class Ring:
    """One circle in a Points layer of its own, so that a diameter can be judged by eye.

    The layer is kept and hidden rather than removed, which would be slower, and is never selected.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._layer: Points | None = None
        self._frame: Frame | None = None
        viewer.mouse_move_callbacks.append(self._follow)

    @property
    def layer(self) -> Points | None:
        """The layer with the ring, if there is one in the viewer."""
        return layers.there(self._viewer, self._layer)

    @property
    def deleted(self) -> bool:
        """Whether there was a layer, and someone removed it."""
        return self._layer is not None and self.layer is None

    def show(self, frame: Frame, diameter: float) -> None:
        """Draw the ring for a particle of ``diameter`` Angstrom on a micrograph."""
        size = frame.micrograph_pixels(diameter)
        layer = self.layer or self._add(frame, size)
        if frame != self._frame:
            layers.assign(layer, layers.placement(frame.unbinned))
            self._frame = frame
        if not layer.visible:
            layer.data = [self._centre(frame)]
            layer.visible = True
        layer.size = size

    def hide(self) -> None:
        """Take the ring out of sight."""
        if self.layer is not None:
            self.layer.visible = False

    def close(self) -> None:
        """Leave nothing behind in the viewer."""
        if self._follow in self._viewer.mouse_move_callbacks:
            self._viewer.mouse_move_callbacks.remove(self._follow)
        if self.layer is not None:
            self._viewer.layers.remove(self.layer)

    def _add(self, frame: Frame, size: float) -> Points:
        attributes = {
            "name": NAME,
            "symbol": "disc",
            "face_color": "transparent",
            "border_color": COLOUR,
            "border_width": 0.05,
            "size": size,
            "metadata": {"role": "ring"},
            **layers.placement(frame.unbinned),
        }
        self._frame = frame
        self._layer = made = cast("Points", layers.add(self._viewer, ([self._centre(frame)], attributes, "points")))
        return made

    def _centre(self, frame: Frame) -> Any:
        """The view's centre in micrograph pixels."""
        world = np.asarray(self._viewer.scene.camera.center[-2:])
        return world / (frame.pixel_size or 1.0)

    def _follow(self, viewer: Any, event: Any) -> Iterator[None] | None:
        layer = self.layer
        if layer is not None and layer.visible and self._frame is not None:
            layer.data = [np.asarray(event.position[-2:]) / (self._frame.pixel_size or 1.0)]
        return None
