"""Small things that several docks are built of: tables to read and click, buttons, text, rows, columns, timers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qtpy.QtCore import QEvent, QObject, QSize, Qt, QTimer
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QTableView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

NO_PROJECT = "Open a project in the Micrographs dock."
NO_DIAMETER = "The diameter of the particle is not known. Give it in the Micrographs dock, under Picking."
_ROW = 22  # pixels
_LOWEST = 250  # pixels of a dock's height
_DARK = "#30343b"


def table(columns: Sequence[str] | Mapping[str, str], digits: int = 2) -> Table:
    """A table that is read and clicked, not edited; the first column takes the room that is left.

    Parameters
    ----------
    columns
        Their heads, or what a tooltip says of each.
    digits
        Of numbers that are not whole.
    """
    made = Table(0, len(columns))
    made.digits = digits
    made.setHorizontalHeaderLabels(list(columns))
    for number, text in enumerate(columns.values() if isinstance(columns, Mapping) else ()):
        head = made.horizontalHeaderItem(number)
        assert head is not None
        head.setToolTip(text)
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # keys go to the picks
    to_read(made)
    header = made.horizontalHeader()
    assert header is not None
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    return made


def to_read(view: QTableView) -> None:
    """Let a table be read and clicked, row by row, not edited."""
    view.setEditTriggers(QTableView.EditTrigger.NoEditTriggers)
    view.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
    view.setSelectionMode(QTableView.SelectionMode.SingleSelection)
    view.setShowGrid(False)
    view.setWordWrap(False)
    view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    numbers = view.verticalHeader()
    assert numbers is not None
    numbers.hide()
    numbers.setDefaultSectionSize(_ROW)


class Table(QTableWidget):
    """Rows of names and numbers."""

    digits = 2  # of numbers that are not whole

    def fill(self, rows: Sequence[Sequence[Any]]) -> None:
        """Show these rows and no others; None is an empty cell."""
        self.setRowCount(len(rows))
        for row, values in enumerate(rows):
            for column, value in enumerate(values):
                self.setItem(row, column, self._item(value))

    def fit(self) -> None:
        """Be as high as the rows are."""
        header = self.horizontalHeader()
        above = 0 if header is None else header.sizeHint().height()
        self.setFixedHeight(above + 2 + sum(self.rowHeight(row) for row in range(self.rowCount())))

    def put(self, row: int, column: int, text: str) -> None:
        """Change what a cell says."""
        item = self.item(row, column)
        if item is not None:
            item.setText(text)

    def text(self, row: int, column: int) -> str:
        """What a cell says."""
        item = self.item(row, column)
        return "" if item is None else str(item.text())

    def _item(self, value: Any) -> QTableWidgetItem:
        if isinstance(value, float):
            text = f"{value:.{self.digits}f}"
        else:
            text = "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
        item = QTableWidgetItem(text)
        item.setToolTip(text)
        if isinstance(value, (int, float)):
            item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return item


def button(text: str, tooltip: str) -> QPushButton:
    """A button that says what it does."""
    made = QPushButton(text)
    made.setToolTip(tooltip)
    return made


def wrapped(text: str = "") -> QLabel:
    """Text of as many lines as it takes."""
    label = QLabel(text)
    label.setWordWrap(True)
    return label


def give_way(label: QLabel) -> None:
    """Let a text be cut where a single word of it, a path for example, is wider than the dock."""
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)


def with_error(text: str) -> str:
    """Text in which no line begins with the error of a number."""
    return text.replace("± ", "±\u00a0")


def sign(text: str, colour: str) -> str:
    """A sign of a legend in its colour, as rich text; on a dark ground, since yellow on a light one is not seen."""
    return f'<span style="color:{colour}; background-color:{_DARK}">&nbsp;{text}&nbsp;</span>'


def in_row(*widgets: QWidget, stretch: Sequence[int] = ()) -> QWidget:
    """Widgets beside each other, equally wide or as ``stretch`` says."""
    made = QWidget()
    layout = QHBoxLayout(made)
    layout.setContentsMargins(0, 0, 0, 0)
    for number, widget in enumerate(widgets):
        layout.addWidget(widget, stretch[number] if stretch else 1)
    return made


def lay_out(parent: QWidget, *widgets: QWidget, margin: int = 0) -> QVBoxLayout:
    """Put widgets below each other into ``parent``."""
    column = QVBoxLayout(parent)
    column.setContentsMargins(margin, margin, margin, margin)
    for widget in widgets:
        column.addWidget(widget)
    return column


def in_column(*widgets: QWidget, growing: QWidget | None = None) -> QWidget:
    """Widgets below each other; the room that is left is for the one that is ``growing``, or stays free."""
    made = QWidget()
    column = lay_out(made, *widgets)
    if growing is None:
        column.addStretch()
    else:
        column.setStretchFactor(growing, 1)
    return made


def grows(page: QWidget) -> bool:
    """Whether something in a page makes use of more height."""
    layout = page.layout()
    items = [] if layout is None else [layout.itemAt(number) for number in range(layout.count())]
    inside = [item.widget() for item in items if item is not None]
    policies = {widget.sizePolicy().verticalPolicy() for widget in (page, *inside) if widget is not None}
    return bool(policies & {QSizePolicy.Policy.Expanding, QSizePolicy.Policy.MinimumExpanding})


class Pages(QStackedWidget):
    """Pages on each other, as large as the one that is seen; Qt's own are as large as the largest."""

    def __init__(self) -> None:
        super().__init__()
        self.currentChanged.connect(lambda _: self.updateGeometry())

    def minimumSizeHint(self) -> QSize:  # noqa: D102, N802 - Qt's own method
        page = self.currentWidget()
        return super().minimumSizeHint() if page is None else page.minimumSizeHint()

    def sizeHint(self) -> QSize:  # noqa: D102, N802 - Qt's own method
        page = self.currentWidget()
        return super().sizeHint() if page is None else page.sizeHint()

    def heightForWidth(self, width: int) -> int:  # noqa: D102, N802 - Qt's own method
        page = self.currentWidget()
        if page is None or not page.hasHeightForWidth():
            return self.minimumSizeHint().height()
        return page.heightForWidth(width)


class Scrolled(QScrollArea):
    """A widget that can be scrolled where the window is too low for it; ``sideways`` also where it is too narrow."""

    def __init__(self, widget: QWidget, sideways: bool = False) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        if not sideways:
            self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(widget)

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: D102, N802 - Qt's own method
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()  # what is inside wants another size, and Qt tells nobody outside
        return bool(super().eventFilter(watched, event))


class NeverCut(Scrolled):
    """A dock that can be scrolled where the window is too low for it, but is never cut off at its side."""

    def minimumSizeHint(self) -> QSize:  # noqa: D102, N802 - Qt's own method
        widget, bar = self.widget(), self.verticalScrollBar()
        if widget is None or bar is None:
            return super().minimumSizeHint()
        return QSize(widget.minimumSizeHint().width() + bar.sizeHint().width() + 2 * self.frameWidth(), _LOWEST)

    def sizeHint(self) -> QSize:  # noqa: D102, N802 - Qt's own method
        widget = self.widget()
        height = _LOWEST if widget is None else widget.sizeHint().height()
        return QSize(self.minimumSizeHint().width(), height)


def timer(then: Callable[[], object], milliseconds: int = 0, parent: QObject | None = None) -> QTimer:
    """A timer that fires once each time it is started, by default after so many ``milliseconds``."""
    made = QTimer(parent)
    made.setSingleShot(True)
    made.setInterval(milliseconds)
    made.timeout.connect(then)
    return made
