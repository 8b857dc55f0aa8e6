"""From one place where two sets of picks differ to the next, and the mark around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_drpnet import layers
from napari_drpnet.data import FloatArray, Picks
from napari_drpnet.evaluation.comparison import disagreements
from napari_drpnet.widgets.compare.sets import PickSet
from napari_drpnet.widgets.kit.source import ChosenImage

if TYPE_CHECKING:
    from napari.layers import Points
    from napari.viewer import Viewer

_SPAN = 8.0  # diameters that are seen across the shorter side of the view
# Unlike all colours of sets, with any colour vision.
MARK_COLOUR = "#ffffff"
_SIZE, _WIDTH = 1.6, 0.07  # of the ring, in diameters, and of its line, in parts of it
_KEYS = "J: the next one. Shift+J: the one before. K: show all again."


class Tour:
    """Remembers where it was as long as the same picks are asked for.

    Parameters
    ----------
    viewer
        Whose view is sent there.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._asked: tuple[Any, ...] = ()
        self._at = -1
        self._ring: Points | None = None

    @property
    def ring(self) -> Points | None:
        """The layer with the ring; None when there is none in the viewer."""
        return layers.there(self._viewer, self._ring)

    def go_on(
        self, first: PickSet, second: PickSet, radius: float, diameter: float, source: ChosenImage, step: int = 1
    ) -> str:
        """Go to the next place that only one of two sets has, most striking first, and mark it; says which it is.

        Parameters
        ----------
        first, second
            The sets.
        radius
            Largest distance of picks of one particle, in micrograph pixels.
        diameter
            In Angstrom.
        source
            The micrograph that is shown.
        step
            -1 for the place before.
        """
        between = f"{first.name} and {second.name}"
        ours, theirs = first.picks, second.picks
        if ours is None or theirs is None:
            return f"{between}: one of them has no picks here."
        places = disagreements(ours, theirs, radius)
        if not len(places):
            return f"{between} do not differ."
        asked = (first, second, first.every, second.every, len(ours), len(theirs), radius)
        begun = asked == self._asked
        self._at = (self._at + step) % len(places) if begun else 0
        self._asked = asked
        place = places[self._at]
        self._look_at(source.ground.seen_at(source.position, place), diameter)
        self._mark(place, diameter, source)
        own = np.hypot(*(ours.yx - place).T).min(initial=np.inf) < 1
        only = first if own else second
        return f"{between}: difference {self._at + 1} of {len(places)}, only in {only.name}. {_KEYS}"

    def leave(self) -> None:
        """Take the mark out of sight."""
        if self.ring is not None:
            self.ring.visible = False

    def close(self) -> None:
        """Leave nothing behind in the viewer."""
        if self.ring is not None:
            self._viewer.layers.remove(self.ring)

    def _look_at(self, place: FloatArray, diameter: float) -> None:
        """Centre the view on a place of the world, so near that a particle is easily seen."""
        camera = self._viewer.scene.camera
        camera.center = tuple(float(at) for at in place)
        camera.zoom = min(self._viewer.canvas.size) / (_SPAN * diameter)

    def _mark(self, place: FloatArray, diameter: float, source: ChosenImage) -> None:
        """One bold ring around a place in micrograph pixels."""
        frame = source.frame.unbinned
        size = _SIZE * frame.micrograph_pixels(diameter)
        picks = Picks(frame, place[None], diameter=np.array(size))
        ring = self.ring
        if ring is not None and ring.ndim != len(source.position) + 2:
            self._viewer.layers.remove(ring)
            ring = None
        if ring is None:
            made = layers.points_layer(picks, name="this place", position=source.position, colour=MARK_COLOUR)
            data, attributes, kind = layers.laid_on(made, source.ground)
            attributes = {**attributes, "border_width": _WIDTH, "metadata": {**attributes["metadata"], "role": "marks"}}
            self._ring = ring = layers.add(self._viewer, (data, attributes, kind))
        else:
            ring.visible = True
            layers.move_points(ring, frame, source.position)
            layers.lay_on(ring, source.ground)
            layers.swap_points(ring, picks)
        ring.editable = False
