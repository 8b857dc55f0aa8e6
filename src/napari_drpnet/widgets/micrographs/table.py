"""The list of micrographs as a Qt model: ten thousand rows without a widget each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtGui import QColor

from napari_drpnet.io.project.project import Row

ROLE = Qt.ItemDataRole
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_DONE, _DOUBTFUL = QColor("#8a8f98"), QColor("#ff9f1c")
_ORDER = {"new": 0, "picked": 1, "edited": 2, "done": 3}


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes
    ----------
    title, help
        Of its head.
    text
        What a row shows in it.
    key
        What rows are sorted by.
    """

    title: str
    help: str
    text: Callable[[Row], str]
    key: Callable[[Row], Any]


def _score(row: Row) -> str:
    return "" if math.isnan(row.score) else f"{row.score:.2f}"


def _labels(row: Row) -> str:
    return f"{row.particles} / {row.background}" if row.particles or row.background else ""


def _state(row: Row) -> str:
    return f"{row.state}, no proof" if row.doubt else row.state


def _order(row: Row) -> float:
    return _ORDER.get(row.state, 0) - 0.5 * bool(row.doubt)


COLUMNS = (
    Column("Micrograph", "Name of the micrograph", lambda row: row.name, lambda row: ()),
    Column("Picks", "Particles, of the picker and by hand", lambda row: str(row.picks or ""), lambda row: row.picks),
    Column("Labels", "Labelled by hand: particles / background", _labels, lambda row: row.particles + row.background),
    Column("State", "new, picked, edited or done, and whether nothing proves its picks", _state, _order),
    Column("Score", "Mean score of the picks", _score, lambda row: -1.0 if math.isnan(row.score) else row.score),
)


class MicrographModel(QAbstractTableModel):
    """The rows of a project, those that a filter lets through, in the order of one column.

    Attributes
    ----------
    rows
        All of them, shown or not.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self._numbers: dict[str, int] = {}
        self._shown: list[int] = []
        self._places: dict[str, int] = {}
        self._text, self._state = "", ""
        self._column, self._backwards = 0, False

    # ------------------------------------------------------------ for the dock

    def fill(self, rows: Sequence[Row]) -> None:
        """Show these, in this order as long as nobody sorts."""
        self.rows = list(rows)
        self._numbers = {row.name: number for number, row in enumerate(self.rows)}
        self._arrange()

    def filter(self, text: str, state: str) -> None:
        """Show the rows whose name contains ``text`` and whose state is ``state``, empty for any."""
        self._text, self._state = text.casefold(), state
        self._arrange()

    def put(self, row: Row) -> None:
        """A row that changed. It stays where it is until the list is sorted or filtered anew."""
        number = self._numbers.get(row.name)
        if number is None or self.rows[number] == row:
            return
        self.rows[number] = row
        place = self._places.get(row.name)
        if place is not None:
            self.dataChanged.emit(self.index(place, 0), self.index(place, len(COLUMNS) - 1))

    @property
    def names(self) -> list[str]:
        """Names of the rows that are shown, from top to bottom."""
        return [self.rows[number].name for number in self._shown]

    def place(self, name: str) -> int:
        """Where a micrograph is in the table; -1 when the filter hides it."""
        return self._places.get(name, -1)

    def name_at(self, place: int) -> str:
        """The micrograph in a row of the table."""
        return self.rows[self._shown[place]].name

    def _arrange(self) -> None:
        self.beginResetModel()
        shown = [n for n, row in enumerate(self.rows) if self._passes(row)]
        key = COLUMNS[self._column].key
        if self._column or self._backwards:
            shown.sort(key=lambda number: key(self.rows[number]), reverse=self._backwards)
        if self._backwards and not self._column:
            shown.reverse()
        self._shown = shown
        self._places = {self.rows[number].name: place for place, number in enumerate(shown)}
        self.endResetModel()

    def _passes(self, row: Row) -> bool:
        return (not self._state or row.state == self._state) and self._text in row.name.casefold()

    # ------------------------------------------------------------ for Qt

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: D102, N802 - Qt's own method
        return len(self._shown)

    def columnCount(self, parent: QModelIndex | None = None) -> int:  # noqa: D102, N802 - Qt's own method
        return len(COLUMNS)

    def data(self, index: QModelIndex, role: int = ROLE.DisplayRole) -> Any:  # noqa: D102 - Qt's own method
        row, column = self.rows[self._shown[index.row()]], COLUMNS[index.column()]
        if role == ROLE.DisplayRole:
            return column.text(row)
        if role == ROLE.ToolTipRole and (row.doubt or index.column() == 0):
            return row.doubt if index.column() else row.name
        if role == ROLE.TextAlignmentRole and index.column() in (1, 2, 4):
            return int(_RIGHT)
        if role == ROLE.ForegroundRole and (row.doubt or row.state == "done"):
            return _DOUBTFUL if row.doubt else _DONE
        return None

    def headerData(self, section: int, orientation: Any, role: int = ROLE.DisplayRole) -> Any:  # noqa: D102, N802 - Qt's own method
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == ROLE.DisplayRole:
            return COLUMNS[section].title
        return COLUMNS[section].help if role == ROLE.ToolTipRole else None

    def sort(self, column: int, order: Any = Qt.SortOrder.AscendingOrder) -> None:
        """By one column; by name means the project's own order."""
        self._column, self._backwards = column, order == Qt.SortOrder.DescendingOrder
        self._arrange()
