"""Pages of which one is seen, chosen by buttons that are never cut off, however narrow the dock is."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qtpy.QtCore import QPoint, QRect, QSize, Qt
from qtpy.QtWidgets import (
    QButtonGroup,
    QLayout,
    QLayoutItem,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from napari_drpnet.widgets.kit.parts import Pages, Scrolled, grows, in_column, lay_out

_GAP = 2
_LOWEST = 200  # pixels of a page's height that the window must have room for
_NARROWEST = 380  # so that the dock is not another one on each page
_WIDEST = 500  # pixels that a page may demand of the window; a wider one is scrolled sideways
_STYLE = """
QToolButton { border: none; border-bottom: 2px solid transparent; border-radius: 0; padding: 3px 6px; }
QToolButton:checked { border-bottom: 2px solid palette(highlight); font-weight: bold; }
"""


class OneOf(QWidget):
    """Pages by name; each is made when it is first looked at.

    Parameters
    ----------
    pages
        Their names, with a tooltip each.
    make
        Makes the page of a name.
    """

    def __init__(self, pages: Mapping[str, str], make: Callable[[str], QWidget]) -> None:
        super().__init__()
        self._make = make
        self._areas: dict[str, _Page] = {}
        self._stack = Pages()
        self._group = QButtonGroup(self)
        self.current = ""
        head = QWidget()
        flow = Flow(head)
        self.buttons: dict[str, QToolButton] = {}
        for number, (name, about) in enumerate(pages.items(), 1):
            button = self.buttons[name] = QToolButton()
            button.setText(name)
            button.setToolTip(f"{about} (Alt+{number})")
            button.setShortcut(f"Alt+{number}")
            button.setCheckable(True)
            button.setStyleSheet(_STYLE)
            button.clicked.connect(lambda _=False, name=name: self._choose(name))
            self._group.addButton(button)
            flow.addWidget(button)
        column = lay_out(self, head, self._stack)
        column.setStretchFactor(self._stack, 1)
        column.setSpacing(_GAP)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    def _choose(self, name: str) -> None:
        """Somebody wants a page: the keyboard is in it from then on, where it was last or in its first field."""
        page = self.show_page(name)
        inside = [page, *page.findChildren(QWidget)]
        last = page.focusWidget()
        for widget in [last] if last is not None and last.isVisible() else inside:
            if widget.isVisible() and widget.isEnabled() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
                widget.setFocus(Qt.FocusReason.ShortcutFocusReason)
                return

    def show_page(self, name: str) -> QWidget:
        """Show a page, and make it if need be."""
        page = self.page(name)
        self.current = name
        self.buttons[name].setChecked(True)
        self._stack.setCurrentWidget(self._areas[name])
        return page

    def page(self, name: str) -> QWidget:
        """A page, made if need be, be it seen or not."""
        if name not in self._areas:
            area = self._areas[name] = _Page(self._make(name))
            self._stack.addWidget(area)
        return self._areas[name].page

    def empty(self) -> None:
        """Let all pages go."""
        while self._areas:
            _, area = self._areas.popitem()
            area.page.setParent(None)
            self._stack.removeWidget(area)
            area.deleteLater()


class _Page(Scrolled):
    """A page that scrolls where the window is too low for it, and asks the window for little."""

    def __init__(self, page: QWidget) -> None:
        self.page = page
        super().__init__(in_column(page, growing=page if grows(page) else None), sideways=True)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(min(max(self._least + self._bar, _NARROWEST), _WIDEST), _LOWEST)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(self.minimumSizeHint().width(), max(self.page.sizeHint().height(), _LOWEST))

    @property
    def _least(self) -> int:
        return int(self.page.minimumSizeHint().width())

    @property
    def _bar(self) -> int:
        bar = self.verticalScrollBar()
        return 0 if bar is None else int(bar.sizeHint().width())


class Flow(QLayout):
    """Widgets beside each other, in as many rows as they need."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self.setContentsMargins(0, 0, 0, 0)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        parent.setSizePolicy(policy)

    def addItem(self, item: QLayoutItem | None) -> None:  # noqa: D102, N802 - Qt's own method
        if item is not None:
            self._items.append(item)

    def count(self) -> int:  # noqa: D102 - Qt's own method
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:  # noqa: D102, N802 - Qt's own method
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:  # noqa: D102, N802 - Qt's own method
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:  # noqa: D102, N802 - Qt's own method
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:  # noqa: D102, N802 - Qt's own method
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: D102, N802 - Qt's own method
        return self._arrange(QRect(0, 0, width, 0), move=False)

    def setGeometry(self, rect: QRect) -> None:  # noqa: D102, N802 - Qt's own method
        super().setGeometry(rect)
        self._arrange(rect, move=True)

    def sizeHint(self) -> QSize:  # noqa: D102, N802 - Qt's own method
        return self.minimumSize()

    def minimumSize(self) -> QSize:  # noqa: D102, N802 - Qt's own method
        least = QSize()
        for item in self._items:
            least = least.expandedTo(item.minimumSize())
        return least

    def _arrange(self, rect: QRect, move: bool) -> int:
        """Place the widgets within ``rect``; how high all of them are."""
        x, y, row = rect.x(), rect.y(), 0
        for item in self._items:
            size = item.sizeHint()
            if row and x + size.width() > rect.right() + 1:
                x, y, row = rect.x(), y + row + _GAP, 0
            if move:
                item.setGeometry(QRect(QPoint(x, y), size))
            x += size.width() + _GAP
            row = max(row, size.height())
        return y + row - rect.y()
