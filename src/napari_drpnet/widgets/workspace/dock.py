"""Dock widget: the docks in the order of the work, as tabs of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_drpnet.widgets.kit.one_of import OneOf
from napari_drpnet.widgets.kit.parts import lay_out
from napari_drpnet.widgets.kit.removal import Removal
from napari_drpnet.widgets.kit.source import is_micrograph
from napari_drpnet.widgets.kit.subscriptions import Subscriptions
from napari_drpnet.widgets.session.session import Session
from napari_drpnet.widgets.workspace.drops import Drops
from napari_drpnet.widgets.workspace.offer import offer_project

if TYPE_CHECKING:
    from napari.viewer import Viewer


def _micrographs(viewer: Viewer) -> Any:
    from napari_drpnet.widgets.micrographs.dock import MicrographsWidget

    return MicrographsWidget(viewer)


def _pick(viewer: Viewer) -> Any:
    from napari_drpnet.widgets.pick.dock import PickWidget

    return PickWidget(viewer)


def _averages(viewer: Viewer) -> Any:
    from napari_drpnet.widgets.averages.dock import AveragesWidget

    return AveragesWidget(viewer)


def _gallery(viewer: Viewer) -> Any:
    from napari_drpnet.widgets.gallery.dock import GalleryWidget

    return GalleryWidget(viewer)


def _retrain(viewer: Viewer) -> Any:
    from napari_drpnet.widgets.retrain.dock import RetrainWidget

    return RetrainWidget(viewer)


def _compare(viewer: Viewer) -> Any:
    from napari_drpnet.widgets.compare.dock import CompareWidget

    return CompareWidget(viewer)


def _export(viewer: Viewer) -> Any:
    from napari_drpnet.widgets.export.dock import ExportWidget

    return ExportWidget(viewer)


# In the order of the work. Each is imported and made when it is first looked at.
TABS: dict[str, tuple[Callable[[Viewer], Any], str]] = {
    "Micrographs": (_micrographs, "Open a project, go through its micrographs, correct and pick them."),
    "Pick": (_pick, "Pick one micrograph, and see what each setting does."),
    "Averages": (_averages, "Average the picks, and judge them by class."),
    "Gallery": (_gallery, "Look at particles side by side, and sort them."),
    "Retrain": (_retrain, "Let the picker learn from your labels."),
    "Compare": (_compare, "Compare pickers, and picks of other programs."),
    "Export": (_export, "Save all picks for RELION, cryoSPARC and other programs."),
}


class WorkspaceWidget(QWidget):
    """One dock for all the work."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._session = Session.of(napari_viewer)
        self._made: dict[str, Any] = {}
        self.tabs = OneOf({name: about for name, (_, about) in TABS.items()}, self._make)
        lay_out(self, self.tabs, margin=2)
        self.setSizePolicy(
            QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding
        )  # or napari leaves half of it empty
        self._heard = Subscriptions(
            (self._session.gathered, lambda: self.show_tab("Gallery")),
            (self._session.opened, self._follow_project),
            (napari_viewer.layers.events.inserted, self._follow_layer),
        )
        self._drops = Drops(lambda folder: offer_project(napari_viewer, folder))
        self._removal = Removal(self, self._release)
        self.show_tab("Pick" if self._session.project is None and any(self._images()) else "Micrographs")

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
        made = self._made[name] = TABS[name][0](self._viewer)
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
