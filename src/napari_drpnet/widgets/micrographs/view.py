"""The list of micrographs as a table on the screen, whose names stay to be read."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHeaderView, QTableView

from napari_drpnet.widgets.kit.parts import to_read
from napari_drpnet.widgets.micrographs.table import COLUMNS, MicrographModel

_NAME = 130  # pixels that numbers leave to a name that needs them
_MEASURED = 50  # names that are looked at for it: Qt asks all ten thousand
_BESIDE = 12  # pixels beside the letters


class MicrographTable(QTableView):
    """Names take the room that is left; where little is, numbers are scrolled to and names stay."""

    def __init__(self, model: MicrographModel) -> None:
        super().__init__()
        self.model_of_rows = model
        self.setModel(model)
        to_read(self)
        self.setMinimumHeight(150)
        rows: Any = self.verticalHeader()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header: Any = self.horizontalHeader()
        header.setSortIndicator(0, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        header.setMinimumSectionSize(36)
        for number, column in enumerate(COLUMNS[1:], 1):
            self.setColumnWidth(number, column.width)

    def hide_columns(self, empty: Any) -> None:
        """Leave out the columns with these numbers."""
        for column in range(len(COLUMNS)):
            self.setColumnHidden(column, column in empty)
        self._fit()

    def show_columns(self, told: Any) -> None:
        """Let the columns with these numbers be seen as well."""
        if any(self.isColumnHidden(column) for column in told):
            for column in told:
                self.setColumnHidden(column, False)
            self._fit()

    def resizeEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        viewport, others = self.viewport(), sum(map(self.columnWidth, range(1, len(COLUMNS))))  # 0 of a hidden one
        room = 0 if viewport is None else viewport.width() - others
        names = (self.model_of_rows.shown_name(place) for place in range(min(self.model_of_rows.rowCount(), _MEASURED)))
        needed = max(map(self.fontMetrics().horizontalAdvance, names), default=0) + _BESIDE
        header: Any = self.horizontalHeader()
        self.setColumnWidth(0, max(room, min(max(needed, header.sectionSizeHint(0)), _NAME)))
