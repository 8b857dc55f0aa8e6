"""Volumes in the viewer: they are seen alone, and what was seen before comes back when they go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_drpnet.layers import LayerTuple, add
from napari_drpnet.widgets.kit.context import guard_context
from napari_drpnet.widgets.kit.subscriptions import Subscriptions

if TYPE_CHECKING:
    from napari.viewer import Viewer


class Volumes:
    """Shows some volumes at a time, in three dimensions.

    A volume is some hundred Angstrom wide and a micrograph some thousand, and both begin at 0: the one would be a speck
    on the other.

    Parameters
    ----------
    viewer
        Where they are shown.
    """

    lost = Signal()  # somebody removed them

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._shown: list[Any] = []
        self._hidden: list[Any] = []
        self._before: tuple[int, Any, float] = (2, (0.0, 0.0, 0.0), 1.0)
        guard_context(viewer)
        self._heard = Subscriptions((viewer.layers.events.removed, self._note_removal))

    def show(self, made: Sequence[LayerTuple]) -> None:
        """Show these and none of those before; nothing brings back what was seen before."""
        before, self._shown = self._shown, []
        if made and not before:
            self._step_aside()
        self._shown = [self._added(one) for one in made]
        if made:
            self._viewer.layers.selection.active = self._shown[0]  # its controls are what is looked for next
        for layer in before:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        if made and not before:
            self._viewer.dims.ndisplay = 3
            self._viewer.reset_view()
        elif before and not made:
            self._bring_back()

    def _added(self, made: LayerTuple) -> Any:
        """A layer, with a scale of colours where it has some."""
        layer = add(self._viewer, made)
        layer.colorbar.visible = "colormap" in made[1]
        return layer

    def leave(self, window: bool) -> None:
        """The dock is gone."""
        if window:
            self.show([])
            self._heard.end()

    def _step_aside(self) -> None:
        self._hidden = [layer for layer in self._viewer.layers if layer.visible]
        camera = self._viewer.scene.camera
        self._before = self._viewer.dims.ndisplay, camera.center, camera.zoom
        for layer in self._hidden:
            layer.visible = False

    def _bring_back(self) -> None:
        for layer in self._hidden:
            if layer in self._viewer.layers:
                layer.visible = True
        self._hidden = []
        camera = self._viewer.scene.camera
        self._viewer.dims.ndisplay, camera.center, camera.zoom = self._before

    def _note_removal(self, event: Any) -> None:
        if event.value in self._shown:
            self._shown.remove(event.value)
            if not self._shown:
                self._bring_back()
                self.lost.emit()
