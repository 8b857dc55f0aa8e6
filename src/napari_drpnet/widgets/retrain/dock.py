"""Dock widget: fit the picker to labels, see what changed, and find out what to label next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QTabWidget, QWidget

from napari_drpnet.widgets.kit.help import about
from napari_drpnet.widgets.kit.parts import NeverCut, lay_out
from napari_drpnet.widgets.kit.removal import Removal
from napari_drpnet.widgets.retrain.before_after import BeforeAfter
from napari_drpnet.widgets.retrain.suggest import Suggest
from napari_drpnet.widgets.retrain.tab import Tab
from napari_drpnet.widgets.retrain.training import Training
from napari_drpnet.widgets.session.session import Session

if TYPE_CHECKING:
    from napari.viewer import Viewer


class RetrainWidget(QWidget):
    """Three tabs, in the order of the work."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        session = Session.of(napari_viewer)
        self.training = Training(session)
        self.comparison = BeforeAfter(session)
        self.suggestions = Suggest(session)
        self.tabs = QTabWidget()
        self._parts: dict[str, Tab] = {
            "Retrain": self.training,
            "Before and after": self.comparison,
            "What to label next": self.suggestions,
        }
        for title, part in self._parts.items():
            part.busy = self._busy
            self.tabs.addTab(part, title)
        lay_out(self, NeverCut(self.tabs), margin=6)
        self.training.trained.connect(self.comparison.offer)
        self.training.look.connect(self._compare)
        about(self, "Retrain")
        self._removal = Removal(self, self._release)

    def _busy(self) -> str:
        """What runs in one of the tabs; they share the processors."""
        running = [title for title, part in self._parts.items() if any(job.running for job in part.jobs)]
        return f"Wait until '{running[0]}' has ended, or cancel it." if running else ""

    def _compare(self) -> None:
        self.tabs.setCurrentWidget(self.comparison)
        self.comparison.run()

    def _release(self, window: bool) -> None:
        """The dock is gone. Training ends at its next step, and what it has is kept."""
        for part in self._parts.values():
            part.release(window)
