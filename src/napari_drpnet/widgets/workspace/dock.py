"""Dock widget: the docks in the order of the work, as tabs of one."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_drpnet.widgets.kit.help import about
from napari_drpnet.widgets.kit.key_list import tell_keys
from napari_drpnet.widgets.kit.one_of import OneOf
from napari_drpnet.widgets.kit.parts import lay_out
from napari_drpnet.widgets.kit.removal import Removal
from napari_drpnet.widgets.kit.source import is_micrograph
from napari_drpnet.widgets.kit.subscriptions import Subscriptions
from napari_drpnet.widgets.session.session import Session
from napari_drpnet.widgets.workspace.ahead import load_ahead
from napari_drpnet.widgets.workspace.drops import Drops
from napari_drpnet.widgets.workspace.offer import offer_project

if TYPE_CHECKING:
    from napari.viewer import Viewer


_WIDGETS = "napari_drpnet.widgets."
# In the order of the work: the class of the dock, and what the tab is for. Each is made when it is first looked at.
TABS = {
    "Micrographs": ("micrographs.dock:MicrographsWidget", "Open a project, go through it, correct and pick."),
    "Pick": ("pick.dock:PickWidget", "Pick one micrograph, and see what each setting does."),
    "Averages": ("averages.dock:AveragesWidget", "Average the picks, and judge them by class."),
    "Gallery": ("gallery.dock:GalleryWidget", "Look at particles side by side, and sort them."),
    "Retrain": ("retrain.dock:RetrainWidget", "Let the picker learn from your labels."),
    "Compare": ("compare.dock:CompareWidget", "Compare pickers, and picks of other programs."),
    "Export": ("export.dock:ExportWidget", "Save all picks for RELION, cryoSPARC and other programs."),
    "Assess": ("assess.dock:AssessWidget", "Judge picks by what was refined from them."),
}


tell_keys("Workspace", ((f"Alt+{number}", name) for number, name in enumerate(TABS, 1)))


class WorkspaceWidget(QWidget):
    """One dock for all the work."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._session = Session.of(napari_viewer)
        self._made: dict[str, Any] = {}
        self.tabs = OneOf({name: about for name, (_, about) in TABS.items()}, self._make)
        lay_out(self, self.tabs, margin=2)
        # Or napari leaves half of it empty.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self._heard = Subscriptions(
            (self._session.gathered, lambda: self.show_tab("Gallery")),
            (self._session.opened, self._follow_project),
            (napari_viewer.layers.events.inserted, self._follow_layer),
        )
        self._drops = Drops(lambda folder: offer_project(napari_viewer, folder))
        about(self)
        self._removal = Removal(self, self._release)
        self.show_tab("Pick" if self._session.project is None and any(self._images()) else "Micrographs")
        load_ahead(_WIDGETS + where.partition(":")[0] for where, _ in TABS.values())

    def showEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        super().showEvent(event)
        if (window := self.window()) is not None:
            self._drops.watch(window)

    def show_tab(self, name: str) -> Any:
        """Go to a tab; gives the dock in it."""
        self.tabs.show_page(name)
        return self._made[name]

    def tab(self, name: str) -> Any:
        """The dock in a tab, made if need be; the tab in sight stays."""
        self.tabs.page(name)
        return self._made[name]

    def _make(self, name: str) -> QWidget:
        module, _, cls = TABS[name][0].partition(":")
        made = self._made[name] = getattr(import_module(_WIDGETS + module), cls)(self._viewer)
        native: QWidget = getattr(made, "native", made)
        return native

    def _images(self) -> Iterator[Any]:
        return (layer for layer in self._viewer.layers if is_micrograph(layer))

    def _follow_project(self) -> None:
        """A project is gone through in the first tab."""
        if self._session.project is not None and self.tabs.current == "Pick":
            self.show_tab("Micrographs")

    def _follow_layer(self, event: Any) -> None:
        """A single micrograph is picked in the second tab."""
        if self._session.project is None and self.tabs.current == "Micrographs" and is_micrograph(event.value):
            self.show_tab("Pick")

    def _release(self, window: bool) -> None:
        """The dock is gone, and each in it: napari tells them nothing."""
        self._heard.end()
        self._drops.end()
        if window:
            self.tabs.empty()
