"""A list of things, each with a box to tick."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QListWidget, QListWidgetItem

_TICKED, _NOT_TICKED = Qt.CheckState.Checked, Qt.CheckState.Unchecked
# napari's style leaves an empty box all but invisible.
_EMPTY_BOX = "QListView::indicator:unchecked { border: 1px solid #8a8f98; width: 10px; height: 10px; }"


class CheckList(QListWidget):
    """What is ticked is chosen; what cannot be used cannot be ticked."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setStyleSheet(_EMPTY_BOX)
        self.itemChanged.connect(lambda _: self.changed.emit())

    @property
    def chosen(self) -> list[Any]:
        """The things that are ticked."""
        return [thing for thing, item in self.entries() if item.checkState() == _TICKED]

    def tick(self, *things: Any) -> None:
        """Tick these and no others."""
        for thing, item in self.entries():
            usable = bool(item.flags() & Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(_TICKED if usable and thing in things else _NOT_TICKED)

    def offer(self, things: Iterable[tuple[str, Any]], ticked: Container[Any] = ()) -> None:
        """List these, each with its name, and no others."""
        self.blockSignals(True)
        self.clear()
        for name, thing in things:
            item = QListWidgetItem(name)
            item.setData(Qt.ItemDataRole.UserRole, thing)
            item.setCheckState(_TICKED if thing in ticked else _NOT_TICKED)
            self.addItem(item)
        self.blockSignals(False)
        self.changed.emit()

    def entries(self) -> list[tuple[Any, QListWidgetItem]]:
        """All things, with their rows."""
        items = [self.item(row) for row in range(self.count())]
        return [(item.data(Qt.ItemDataRole.UserRole), item) for item in items if item is not None]
