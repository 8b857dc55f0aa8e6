"""From one place where two sets of picks differ to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_drpnet.evaluation.comparison import disagreements
from napari_drpnet.widgets.compare.sets import PickSet

if TYPE_CHECKING:
    from napari.viewer import Viewer

_SEEN = 40.0  # screen pixels that a particle spans at least where the view is sent


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

    def go_on(self, first: PickSet, second: PickSet, radius: float, diameter: float) -> str:
        """Centre the view on the next place that only one of two sets has, most striking first; says which it is.

        ``radius`` is the largest distance of picks of one particle in micrograph pixels, ``diameter`` in Angstrom.
        """
        between = f"{first.name} and {second.name}"
        ours, theirs = first.picks, second.picks
        if ours is None or theirs is None:
            return f"{between}: one of them has no picks here."
        places = disagreements(ours, theirs, radius)
        if not len(places):
            return f"{between} do not differ."
        asked = (first, second, first.every, second.every, len(ours), len(theirs), radius)
        self._at = (self._at + 1) % len(places) if asked == self._asked else 0
        self._asked = asked
        camera = self._viewer.scene.camera
        camera.center = tuple(float(at) for at in places[self._at] * ours.frame.known_pixel_size())
        camera.zoom = max(camera.zoom, _SEEN / diameter)
        return f"{between}: difference {self._at + 1} of {len(places)}."
