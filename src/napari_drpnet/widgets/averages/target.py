"""Where the picks are that were averaged: in the project that is open, or in a Points layer. Main thread only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_drpnet import layers
from napari_drpnet.data import FloatArray, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs import Averages
from napari_drpnet.labels import same_places
from napari_drpnet.widgets.kit.source import ChosenImage
from napari_drpnet.widgets.kit.threads import unheard
from napari_drpnet.widgets.session.handful import Handful
from napari_drpnet.widgets.session.session import Session

if TYPE_CHECKING:
    from napari.layers import Layer, Points
    from napari.viewer import Viewer


class Keeper(Protocol):
    """Picks of some micrographs, to be changed. A micrograph is called here as its picks call it."""

    def picks(self, name: str) -> Picks:
        """All picks of a micrograph as they are now."""

    def change(self, name: str, picks: Picks) -> None:
        """Set all picks of a micrograph; raises a `UserError` that says why that cannot be."""


class Target(Keeper, Protocol):
    """Picks that can also be looked at."""

    @property
    def current(self) -> str:
        """The micrograph in view; empty when none of these is."""

    @property
    def points(self) -> Points | None:
        """The layer of its picks; None when it is not there."""

    @property
    def bindable(self) -> Sequence[Layer]:
        """The layers on which keys may work."""

    def show(self, name: str, yx: FloatArray) -> None:
        """Centre the view on a place of a micrograph."""

    def lay(self, layer: Any) -> None:
        """Let a layer that is placed by the micrograph's frame lie on the micrograph."""

    def gather(self, title: str, averages: Averages, classes: Sequence[int]) -> str:
        """Have the members of classes shown side by side; says why that cannot be, or nothing."""


class ProjectTarget:
    """The picks of a project.

    Parameters
    ----------
    session
        Of the viewer.
    project
        That it has open.
    """

    def __init__(self, session: Session, project: Project) -> None:
        self._session, self._project = session, project
        self._names = {entry.micrograph: entry.name for entry in project.micrographs}
        self._files = {name: micrograph for micrograph, name in self._names.items()}

    @property
    def _open(self) -> bool:
        return self._session.project is self._project

    def micrograph(self, name: str) -> str:
        """What the picks call a micrograph of this name in the project."""
        return self._files.get(name, "")

    @property
    def current(self) -> str:
        """The micrograph in view."""
        return self.micrograph(self._session.current) if self._open else ""

    @property
    def points(self) -> Points | None:
        """The session's layer of picks."""
        return self._session.points if self._open else None

    @property
    def bindable(self) -> Sequence[Layer]:
        """The session's layers."""
        session = self._session
        return [layer for layer in (session.points, session.regions, session.image) if layer is not None]

    def picks(self, name: str) -> Picks:
        """All picks of a micrograph as they are now."""
        return self._session.picks(self._name(name))

    def change(self, name: str, picks: Picks) -> None:
        """Set all picks of a micrograph: one step of undo."""
        self._session.change(self._name(name), picks)

    def show(self, name: str, yx: FloatArray) -> None:
        """Go to a micrograph, and centre the view on a place of it."""
        self._session.show(self._name(name), yx)

    def lay(self, layer: Any) -> None:
        """The session's micrograph lies where its frame says."""

    def gather(self, title: str, averages: Averages, classes: Sequence[int]) -> str:
        """Have the members of classes shown in the Gallery."""
        wanted = np.asarray(classes) + 1
        places = {
            self._names[one.name]: one.picks.yx[np.isin(one.picks.class_number, wanted)]
            for one in averages.members
            if one.name in self._names
        }
        self._session.gather(Handful(title, {name: yx for name, yx in places.items() if len(yx)}))
        return ""

    def _name(self, micrograph: str) -> str:
        if not self._open:
            raise UserError("The project whose picks were averaged is closed.", "Open it, and run again.")
        if micrograph not in self._names:
            raise UserError(f"{micrograph}: the project has no such micrograph any more.", "Run again.")
        return self._names[micrograph]


class LayerTarget:
    """The picks in a Points layer.

    Parameters
    ----------
    viewer
        That shows it.
    source
        The image that it lies on.
    layer
        Of the picks.
    """

    def __init__(self, viewer: Viewer, source: ChosenImage, layer: Points) -> None:
        self._viewer, self._source, self._layer = viewer, source, layer
        self._present()  # or there is nothing to work on

    @property
    def current(self) -> str:
        """The one micrograph, as long as its layer is there."""
        return "" if self.points is None else self._source.frame.micrograph

    @property
    def points(self) -> Points | None:
        """The layer."""
        return layers.there(self._viewer, self._layer)

    @property
    def bindable(self) -> Sequence[Layer]:
        """The layer."""
        return [] if self.points is None else [self.points]

    def picks(self, name: str) -> Picks:
        """All picks as they are now; what was odd about the layer was told before."""
        with unheard():
            return self._present()

    def change(self, name: str, picks: Picks) -> None:
        """Show other picks; a layer of other making becomes one of ours, and its points stay where they are."""
        present, source = self.picks(name), self._source
        layers.adopt(self._layer, present, source.ground, source.position)
        layers.swap_points(self._layer, picks)
        layers.show_labels(self._layer, picks)

    def show(self, name: str, yx: FloatArray) -> None:
        """Centre the view on a place of the micrograph."""
        source = self._source
        for axis, at in enumerate(source.position):
            self._viewer.dims.set_current_step(axis, at)
        self._viewer.scene.camera.center = tuple(source.ground.seen_at(source.position, yx))

    def lay(self, layer: Any) -> None:
        """Let a layer that is placed by the micrograph's frame lie on its image."""
        layers.lay_on(layer, self._source.ground)

    def gather(self, title: str, averages: Averages, classes: Sequence[int]) -> str:
        """The Gallery shows a project alone."""
        return "The Gallery shows particles of a project: open one in the Micrographs dock."

    def _present(self) -> Picks:
        """The picks of the frame; all that the layer holds must be on it, or the rest would be lost."""
        if self.points is None:
            raise UserError("The layer of the averaged picks is gone.", "Choose another one, and run again.")
        source = self._source
        every = layers.picks_of(self._layer, source.ground)
        picks = layers.picks_of(self._layer, source.ground, source.position)
        if len(every) != len(picks):
            raise UserError(f"{self._layer.name}: its points are on another frame.", "Go to the frame of its points.")
        return Picks.joined([picks], source.frame.unbinned)


def rows_of(places: FloatArray, picks: Picks) -> list[int]:
    """Which of the picks are at these places."""
    rows = same_places(places, picks.yx)
    return [int(row) for row in rows[rows >= 0]]
