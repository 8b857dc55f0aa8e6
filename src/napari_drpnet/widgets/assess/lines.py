"""Lines of the form that name picks, true particles and micrographs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QMenu

from napari_drpnet.errors import UserError
from napari_drpnet.io.paths import is_file
from napari_drpnet.widgets.assess.layer_picks import LayerPicks, picks_of_layer, source_of_layer
from napari_drpnet.widgets.kit.dropping import Dropping
from napari_drpnet.widgets.kit.path_line import Kind, PathLine
from napari_drpnet.widgets.kit.source import picks_layers
from napari_drpnet.widgets.session.session import Session

if TYPE_CHECKING:
    from napari.viewer import Viewer

_NO_PICKS = "none"
_ONE = (
    "The points of this layer, as they are when Assess is pressed, on the micrographs that they lie on. Where the "
    "refinement was made of more, choose the folder."
)
_ALL = "The picks of all micrographs, in {}, which the layer was opened from."
_PROJECT = "The layer shows one micrograph of the project; the picks of all are taken."


class DropLine(PathLine):
    """A line that takes what is dropped on it."""

    def __init__(self, empty: str, tooltip: str, kind: Kind) -> None:
        super().__init__(empty, tooltip, kind)
        Dropping(self.edit, lambda paths: self.edit.setText(str(paths[0])))


class PicksLine(DropLine):
    """A line for picks: those of a file or a folder, of a layer, or of the project.

    Parameters
    ----------
    viewer
        Whose layers and project can be chosen.
    say
        Is told why a layer cannot be taken.
    """

    def __init__(self, viewer: Viewer, say: Callable[[str], None]) -> None:
        super().__init__(_NO_PICKS, "", "picks")
        self.session = Session.of(viewer)
        self.layer: Any = None  # none where a path is written
        self._viewer, self._say = viewer, say
        self._shown = ""  # what stands for the layer
        self.layers = QMenu("Layer of points", self.menu)
        self.layers.setToolTipsVisible(True)
        self.layers.aboutToShow.connect(self.offer_layers)
        self.menu.addMenu(self.layers)
        self._of_project: Any = self.menu.addAction("Picks of the project", self.take_project)
        self.edit.textChanged.connect(self._follow_text)
        self.offer_project()

    def offer_project(self) -> None:
        """The picks of the project can be chosen where one is open."""
        self._of_project.setVisible(self.session.project is not None)

    def take_project(self) -> None:
        """All picks of the project."""
        if (project := self.session.project) is not None:
            self.edit.setText(str(project.folder))

    def offer_layers(self) -> None:
        """List what is there, and what of each can be taken."""
        self.layers.clear()
        for layer in picks_layers(self._viewer):
            name = layer.name.replace("&", "&&")  # which Qt takes for a mark of keys
            if layer is self.session.points:
                self._offer(f"{name}: the picks of the project", _PROJECT, self.take_project)
                continue
            self._offer(name, _ONE, partial(self.take_layer, layer))
            if (source := source_of_layer(layer)) is not None:
                kind = "file" if is_file(source) else "folder"
                text = f"{name}: all of the {kind} {source.name}"
                self._offer(text, _ALL.format(source), partial(self.edit.setText, str(source)))
        if self.layers.isEmpty():
            self._offer("No layer of points", "", lambda: None).setEnabled(False)

    def take_layer(self, layer: Any) -> None:
        """Let a layer be the picks, and say of which micrographs it has some."""
        try:
            self._show(layer, picks_of_layer(layer, self._viewer))
        except UserError as error:
            self._say(error.plain)

    def layer_picks(self) -> LayerPicks:
        """Those that the layer has now.

        Raises
        ------
        UserError
            As `picks_of_layer`.
        """
        picks = picks_of_layer(self.layer, self._viewer)
        self._show(self.layer, picks)
        return picks

    def _show(self, layer: Any, picks: LayerPicks) -> None:
        shown = f"layer {layer.name}, of {picks.of}"
        if layer is not self.layer or shown != self._shown:
            self.layer, self._shown = layer, shown
            self.edit.setText(shown)

    def _follow_text(self, text: str) -> None:
        if text != self._shown:
            self.layer, self._shown = None, ""

    def _offer(self, text: str, tooltip: str, take: Callable[[], None]) -> Any:
        action: Any = self.layers.addAction(text)
        action.setToolTip(tooltip)
        action.triggered.connect(lambda _=False: take())
        return action
