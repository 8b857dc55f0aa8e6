"""Particles measured with the mouse: each drag from edge to edge is one, and their mean is the diameter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_drpnet.data import FloatArray, Frame
from napari_drpnet.layers import Ground
from napari_drpnet.widgets.kit.ring import Ring

if TYPE_CHECKING:
    from napari.viewer import Viewer

_CLICK = 6  # pixels of the screen: who moves the mouse by less has only clicked
_LEFT = 1


@dataclass(frozen=True, eq=False)
class Particle:
    """One that was dragged across.

    Attributes
    ----------
    frame
        Of its micrograph.
    centre
        ``(2,)`` y and x in micrograph pixels.
    size
        Its diameter in micrograph pixels.
    """

    frame: Frame
    centre: FloatArray
    size: float


class Measure:
    """Draws a ring over each particle that is dragged across, as long as it is on; picks are not touched meanwhile.

    Parameters
    ----------
    viewer
        In which it is done.
    ring
        Draws the rings.
    ground
        Gives the image in view; None where there is none.
    """

    changed = Signal()  # the mouse was moved: `said` and `diameter` are others
    measured = Signal()  # one particle more
    switched = Signal(bool)  # it is on, or off

    def __init__(self, viewer: Viewer, ring: Ring, ground: Callable[[], Ground | None]) -> None:
        self._viewer, self._ring, self._ground = viewer, ring, ground
        self._particles: list[Particle] = []
        self.on = False

    @property
    def _pixels(self) -> FloatArray:
        return np.array([one.size for one in self._particles])

    @property
    def _lengths(self) -> FloatArray | None:
        """In Angstrom; None where a pixel size is not known."""
        sizes = [one.frame.pixel_size for one in self._particles]
        return self._pixels * np.array(sizes, dtype=float) if all(sizes) else None

    @property
    def diameter(self) -> float | None:
        """The mean in Angstrom; None where nothing was measured, or the pixel size is not known."""
        lengths = self._lengths
        return None if lengths is None or not len(lengths) else float(lengths.mean())

    @property
    def said(self) -> str:
        """What was measured, or what to do."""
        pixels, lengths = self._pixels, self._lengths
        if not len(pixels):
            return "Drag across a particle, from edge to edge. Esc ends."
        many = f"{len(pixels)} particles" if len(pixels) > 1 else "1 particle"
        if lengths is None:
            return f"{many}: {_mean(pixels)} px. Give the pixel size to have it in Å."
        return f"{many}: {_mean(lengths)} Å = {pixels.mean():.1f} px"

    def switch(self, on: bool) -> None:
        """Begin anew, or end; the view moves with the mouse again."""
        if on == self.on:
            return
        callbacks = self._viewer.mouse_drag_callbacks
        self.on, self._particles = on, []
        if on:
            callbacks.append(self._drag)
        elif self._drag in callbacks:
            callbacks.remove(self._drag)
        self._ring.hide()
        self.switched.emit(on)

    def look_again(self) -> None:
        """Perhaps another micrograph is in view: its own rings are drawn."""
        ground = self._ground()
        here = [] if ground is None else [one for one in self._particles if one.frame == ground.frame]
        if ground is None or not here:
            self._ring.hide()
        else:
            self._ring.show_at(ground, np.array([one.centre for one in here]), np.array([one.size for one in here]))

    def _drag(self, viewer: Any, event: Any) -> Iterator[None]:
        """One drag; napari calls it before what the active layer does, which does nothing for once."""
        ground = self._ground()
        if event.button != _LEFT or ground is None:
            return
        restore = _idle(viewer.layers.selection.active)
        event.handled = True  # the view stays where it is
        start, begun = np.asarray(event.position), np.asarray(event.pos)
        yield
        before = list(self._particles)
        while event.type == "mouse_move":
            event.handled = True
            self._particles = list(before)
            if np.hypot(*(np.asarray(event.pos) - begun)) >= _CLICK:
                self._particles.append(_across(ground, start, np.asarray(event.position)))
            self.look_again()
            self.changed.emit()
            yield
        restore()
        if len(self._particles) > len(before):
            self.measured.emit()


def _across(ground: Ground, start: FloatArray, end: FloatArray) -> Particle:
    """The particle between two places of the world."""
    one, other = ground.under(start)[0], ground.under(end)[0]
    return Particle(ground.frame, (one + other) / 2, float(np.hypot(*(other - one))))


def _mean(values: FloatArray) -> str:
    """The mean, and how far the values are from it."""
    return f"{values.mean():.0f} ± {values.std(ddof=1):.0f}" if len(values) > 1 else f"{values.mean():.0f}"


def _idle(layer: Any) -> Callable[[], None]:
    """Let the active layer do nothing with the mouse; what comes back lets it go on."""
    if layer is None or layer.mode == "pan_zoom":
        return lambda: None
    mode, layer.mode = layer.mode, "pan_zoom"

    def restore() -> None:
        layer.mode = mode

    return restore
