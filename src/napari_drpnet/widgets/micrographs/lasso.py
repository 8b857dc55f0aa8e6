"""A line drawn around picks with the mouse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from napari_drpnet import layers

if TYPE_CHECKING:
    from napari.layers import Points, Vectors
    from napari.viewer import Viewer

NAME = "lasso"
COLOUR = "#ffffff"
WIDTH = 0.0025  # of the visible part of the micrograph


class Lasso:
    """One drag on a Points layer around some of its points.

    The line is drawn in a layer of its own, which is kept and hidden rather than removed, and is never selected.

    Parameters
    ----------
    drawn
        Gets the corners ``(n, 2)`` in the layer's pixels when the button is released.
    ended
        Told when the lasso is put away, after a drag or without one.
    """

    def __init__(self, drawn: Callable[[Any], None], ended: Callable[[], None]) -> None:
        self._drawn = drawn
        self._ended = ended
        self._points: Points | None = None
        self._viewer: Viewer | None = None
        self._line: Vectors | None = None

    @property
    def ready(self) -> bool:
        """Whether the next drag draws."""
        return self._points is not None

    def take(self, viewer: Viewer, points: Points) -> None:
        """The next drag on ``points`` draws; until then the mouse does not move the view."""
        self.put_away()
        self._viewer, self._points = viewer, points
        viewer.layers.selection = {points}
        points.mode = "pan_zoom"
        points.mouse_pan = False
        points.mouse_drag_callbacks.append(self._drag)

    def put_away(self) -> None:
        """The mouse is as it was."""
        points, self._points = self._points, None
        if points is None:
            return
        if self._drag in points.mouse_drag_callbacks:
            points.mouse_drag_callbacks.remove(self._drag)
        points.mouse_pan = True
        if self._line is not None:
            self._line.visible = False
        self._ended()

    def _drag(self, layer: Points, event: Any) -> Iterator[None]:
        corners = [layer.world_to_data(event.position)[-2:]]
        yield
        while event.type == "mouse_move":
            corners.append(layer.world_to_data(event.position)[-2:])
            self._draw(layer, corners)
            yield
        self.put_away()
        self._drawn(np.array(corners))

    def _draw(self, layer: Points, corners: list[Any]) -> None:
        viewer = self._viewer
        if viewer is None:
            return
        line = np.array([*corners, corners[0]])
        segments = np.stack([line[:-1], np.diff(line, axis=0)], axis=1)
        place = {name: getattr(layer, name) for name in ("scale", "translate", "units", "axis_labels")}
        drawn = layers.there(viewer, self._line)
        if drawn is None:
            attributes = {"name": NAME, "vector_style": "line", "edge_color": COLOUR, **place}
            self._line = drawn = cast("Vectors", layers.add(viewer, (segments, attributes, "vectors")))
        layers.assign(drawn, place)
        drawn.edge_width = max(viewer.canvas.size) / viewer.scene.camera.zoom / layer.scale[-1] * WIDTH
        drawn.data = segments
        drawn.visible = True
