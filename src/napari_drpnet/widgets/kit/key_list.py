"""All keys in one list, which the key ? shows: each dock tells its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from weakref import ref

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShortcut  # type: ignore[attr-defined]  # qtpy puts it there in Qt 5, too
from qtpy.QtWidgets import QDialog, QGridLayout, QLabel, QMainWindow, QWidget

from napari_drpnet.widgets.kit.parts import wrapped

LIST, START = "?", "Ctrl+Return"
Rows = tuple[tuple[str, str], ...]  # a key as people write it, and what it does
_SIGNS = {"Control": "Ctrl", "Escape": "Esc", "Delete": "Del"}
_TITLES: dict[str, Rows] = {
    "Everywhere": (
        (LIST, "this list"),
        (START, "the blue button: Run, Pick all, Retrain, Save …"),
        ("Tab, Shift+Tab", "to the next field, and back"),
    )
}
_COLUMNS = 2


def tell_keys(title: str, rows: Iterable[tuple[str, str]]) -> None:
    """Put keys on the list, under the name of where they work."""
    _TITLES[title] = tuple((readable(key), what) for key, what in rows)


def readable(key: str) -> str:
    """A key that napari names, as people write it."""
    return "+".join(_SIGNS.get(part, part) for part in key.split("-")) if len(key) > 1 else key


def listen(window: QMainWindow) -> None:
    """Let ? show the list, wherever in a window the keyboard is; who types in a field goes on typing."""
    if window.findChild(QShortcut, LIST) is None:
        shortcut = QShortcut(QKeySequence(LIST), window)
        shortcut.setObjectName(LIST)
        there = ref(window)  # a shortcut that held its window would keep it, with PySide
        shortcut.activated.connect(lambda: _show_list(there()))


def _show_list(window: QMainWindow | None) -> None:
    if window is not None:
        KeyList(window).show()


class KeyList(QDialog):
    """The list, over the window; any of Esc, Return and ? closes it."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Keys")
        grid = QGridLayout(self)
        grid.setHorizontalSpacing(24)
        heights = [0] * _COLUMNS
        for title, rows in _TITLES.items():
            column = heights.index(min(heights))
            grid.addWidget(QLabel(_table(title, rows)), heights[column], column, len(rows) + 1, 1, _TOP)
            heights[column] += len(rows) + 1
        hint = wrapped(
            "Keys work in these docks, and in the picture while one of their layers is selected. Esc closes it."
        )
        grid.addWidget(hint, max(heights), 0, 1, _COLUMNS)

    def keyPressEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        if event.text() in ("?", "\r") or event.key() == Qt.Key.Key_Escape:
            self.close()


_TOP = Qt.AlignmentFlag.AlignTop


def _table(title: str, rows: Rows) -> str:
    cells = "".join(f"<tr><td><b>{key}</b>&nbsp;&nbsp;&nbsp;</td><td>{what}</td></tr>" for key, what in rows)
    return f"<b><u>{title}</u></b><table>{cells}</table>"
