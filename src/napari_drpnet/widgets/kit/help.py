"""Help in the window: a ? in the title of each dock opens the page of the documentation that is about it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from weakref import ref

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QPalette, QTextCursor
from qtpy.QtWidgets import QDialog, QDockWidget, QTextBrowser, QToolButton, QWidget

from napari_drpnet.io.pages import read_page
from napari_drpnet.widgets.kit.parts import lay_out, timer

PAGE = "window.md"
_PAGE, _BUTTON = "help page", "napari-drpnet help"  # a property of forms; the name of the button
_SIZE = 820, 680  # pixels
_LINK = "#1f7fd0"  # seen in both themes
_PICTURE = re.compile(r"!\[[^\]]*\]\([^)]*\)")  # which are larger than this window, and not installed


def about(form: QWidget, heading: str = "", page: str = PAGE) -> None:
    """Say under which heading of a page, by default of the one about the window, a form is explained."""
    form.setProperty(_PAGE, f"{page}#{heading}")


def offer_help(dock: QDockWidget) -> None:
    """Put a ? into the title of a dock; napari makes a new title when the dock floats and when it lies elsewhere."""
    there = ref(dock)  # a dock whose signals held it would never go, with PySide
    dock.topLevelChanged.connect(lambda _: _put_button(there()))
    dock.dockLocationChanged.connect(lambda _: _put_button(there()))
    _put_button(dock)


def _put_button(dock: QDockWidget | None) -> None:
    title = None if dock is None else dock.titleBarWidget()
    row = None if title is None else title.layout()
    if dock is None or title is None or row is None or title.findChild(QToolButton, _BUTTON) is not None:
        return
    button = QToolButton(title)
    button.setObjectName(_BUTTON)
    button.setText("?")
    button.setToolTip("Help: what this is for, and how it works. The key ? lists all keys.")
    button.setStyleSheet("QToolButton { border: none; font-weight: bold; padding: 0px 4px; }")
    button.setCursor(Qt.CursorShape.ArrowCursor)
    there = ref(dock)
    button.clicked.connect(lambda: None if (known := there()) is None else show_help(known))
    row.addWidget(button)


def show_help(widget: QWidget) -> HelpWindow | None:
    """Show the page about the form that is seen in a widget; None where there is none."""
    forms = (widget, *widget.findChildren(QWidget))
    pages = [str(form.property(_PAGE)) for form in forms if form.property(_PAGE) and form.isVisible()]
    if not pages:
        return None
    page, _, heading = pages[-1].partition("#")  # that of a tab goes before that of the whole
    window = HelpWindow(widget.window() or widget, page, heading)
    window.show()
    return window


class HelpWindow(QDialog):
    """A page of the documentation, beside the window.

    Parameters
    ----------
    parent
        The window.
    page
        Name of its file.
    heading
        Where to begin; empty for the top.
    """

    def __init__(self, parent: QWidget, page: str, heading: str = "") -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Help")
        self.text = QTextBrowser()
        self.text.anchorClicked.connect(self._follow)
        self.text.setOpenLinks(False)
        self._heading = ""
        self._ready = timer(self._go_to, parent=self)
        colours = self.text.palette()
        colours.setColor(QPalette.ColorRole.Link, QColor(_LINK))
        self.text.setPalette(colours)
        lay_out(self, self.text)
        self.resize(*_SIZE)
        self.read(page, heading)

    def read(self, page: str, heading: str = "") -> None:
        """Show another page."""
        text = read_page(page)
        if text is None:
            self.text.setPlainText(f"The page {page} is not installed. It is in the folder docs of the source.")
            return
        self.text.setMarkdown(_PICTURE.sub("", text))
        self._heading = heading
        self._ready.start()  # what is not laid out yet cannot be scrolled

    def _go_to(self) -> None:
        document, heading = self.text.document(), self._heading
        block = None if document is None else document.begin()
        while heading and block is not None and block.isValid():
            if block.blockFormat().headingLevel() and block.text().endswith(heading):
                end = QTextCursor(document)
                end.movePosition(QTextCursor.MoveOperation.End)
                self.text.setTextCursor(end)  # so that the heading is at the top, not at the bottom
                self.text.setTextCursor(QTextCursor(block))
                return
            block = block.next()

    def _follow(self, link: Any) -> None:
        """Pages are followed here; the rest is not, since nobody asked for a browser."""
        name = str(link.path())
        if name.endswith(".md"):
            self.read(Path(name).name)
