"""Where a project is seen: the layers of a viewer, which may be gone at any time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_drpnet.widgets.kit.eye import Eye
from napari_drpnet.widgets.session.canvas import Canvas
from napari_drpnet.widgets.session.screen import Screen
from napari_drpnet.widgets.session.store import PickStore

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Points
    from napari.viewer import Viewer


class Sight:
    """The layers in a viewer that show one micrograph, and nothing where no project is open.

    Parameters
    ----------
    viewer
        Where they are.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._eye = Eye.of(viewer)
        self._canvas = Canvas(viewer)
        self._screen: Screen | None = None

    @property
    def viewer(self) -> Viewer | None:
        """The viewer, None when it is gone."""
        return self._canvas.viewer

    @property
    def image(self) -> Image | None:
        """The layer with the current micrograph; None while there is none in the viewer."""
        return self._canvas.image

    @property
    def points(self) -> Points | None:
        """The layer with its picks and labels; None while there is none in the viewer."""
        return self._canvas.points

    @property
    def regions(self) -> Labels | None:
        """The layer with its contaminated regions; None while there is none in the viewer."""
        return self._canvas.regions

    @property
    def trouble(self) -> str:
        """Why the current micrograph cannot be shown; empty when it is."""
        return "" if self._screen is None else self._screen.trouble

    def _begin_to_show(self, store: PickStore) -> None:
        self._screen = Screen(self._canvas, store, self._eye)

    def _clear(self) -> None:
        """Take the layers away."""
        self._eye.own(None)
        self._canvas.remove()

    def _show(self, name: str) -> None:
        if self._screen is not None and name:
            self._screen.show(name)

    def _show_picks(self, name: str) -> None:
        if self._screen is not None and name:
            self._screen.show_picks(name)
