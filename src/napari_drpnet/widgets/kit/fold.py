"""Forms of many controls: labels of one width, and those that few people need behind a button."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from magicgui.widgets import CheckBox, Container, PushButton
from magicgui.widgets.bases import Widget
from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QFormLayout, QLabel, QScrollArea, QSizePolicy, QWidget

from napari_drpnet.widgets.kit.parts import Scrolled

_ROOM = 4  # pixels that a form wants beyond its hint, lest a scroll bar shows


class Fold(Container[Any]):
    """A button, and the controls it shows and hides; they scroll where the window is too low for them.

    Parameters
    ----------
    title
        Of the button.
    widgets
        What is hidden at first.
    scrolls
        Whether it gives way to what is below; else all of it is seen, in a dock that scrolls.
    """

    def __init__(self, title: str, widgets: Iterable[Widget], scrolls: bool = True) -> None:
        self._title = title
        self.button = PushButton()
        super().__init__(widgets=[self.button], labels=False)
        self.margins = (0, 0, 0, 0)
        form = aligned(widgets)
        self._rows = rows_of(form)
        self._fixed = self._rows.rowCount()
        self._area = _AsHigh(form) if scrolls else form
        self.native.layout().addWidget(self._area)
        self.button.clicked.connect(lambda: self.open(not self.opened))
        self.open(False)

    def open(self, opened: bool) -> None:
        """Show what is inside, or hide it."""
        self.opened = opened
        self.button.text = f"{'▾' if opened else '▸'} {self._title}"
        self._area.setVisible(opened)

    @property
    def rows(self) -> QFormLayout:
        """What is inside, for rows that are no controls of magicgui."""
        return self._rows

    def put_last(self, widgets: Iterable[Widget]) -> None:
        """These controls after the first ones, in the place of those that were put there before."""
        while self._rows.rowCount() > self._fixed:
            self._rows.removeRow(self._rows.rowCount() - 1)
        for widget in widgets:
            _add_row(self._rows, widget)

    def show_row(self, widget: Widget, visible: bool) -> None:
        """Whether one of the controls is among those that can be seen."""
        self._rows.setRowVisible(widget.native, visible)


def aligned(widgets: Iterable[Widget]) -> QWidget:
    """Controls below each other. The labels that magicgui makes are not of one width, and have no tooltips."""
    form = QWidget()
    rows = QFormLayout(form)
    rows.setContentsMargins(0, 0, 0, 0)
    rows.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    for widget in widgets:
        _add_row(rows, widget)
    return form


def _add_row(rows: QFormLayout, widget: Widget) -> None:
    label = QLabel("" if isinstance(widget, CheckBox) else widget.label)  # a check box says it itself
    label.setToolTip(widget.tooltip)
    rows.addRow(label, widget.native)


def rows_of(form: QWidget) -> QFormLayout:
    """The rows of a form that `aligned` made."""
    rows = form.layout()
    assert isinstance(rows, QFormLayout)
    return rows


class _AsHigh(Scrolled):
    """As high as what is in it, where there is room."""

    def __init__(self, form: QWidget) -> None:
        super().__init__(form)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.setSizeAdjustPolicy(QScrollArea.SizeAdjustPolicy.AdjustToContents)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(super().sizeHint().width(), self._height)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        least = super().minimumSizeHint()
        return QSize(least.width(), min(least.height(), self._height))

    @property
    def _height(self) -> int:
        widget = self.widget()
        return 0 if widget is None else widget.sizeHint().height() + _ROOM
