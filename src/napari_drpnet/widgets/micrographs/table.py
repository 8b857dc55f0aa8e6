"""The list of micrographs as a Qt model: ten thousand rows without a widget each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtGui import QColor

from napari_drpnet.io.project.project import Row
from napari_drpnet.jobs import ToldCTF

ROLE = Qt.ItemDataRole
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_WORDS = (0, 2, 3)  # columns that begin at the left
_ALWAYS = (0, 1, 3)  # columns that are there even without a value
_DONE, _DOUBTFUL = QColor("#8a8f98"), QColor("#ff9f1c")
_MANY = 100  # changed rows that are drawn one by one
_SEVERAL, _SAVED = 2, 6  # names, and letters that they share, from which on these are left out
_PROOF = 5  # column
_LARGE = 10  # such numbers need no decimals
_ORDER = {"new": 0, "picked": 1, "edited": 2, "done": 3}


@dataclass(frozen=True)
class Shown:
    """What is known of one micrograph; ``ctf`` where files tell it."""

    row: Row
    ctf: ToldCTF | None = None


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
    width
        In pixels.
    """

    title: str
    help: str
    text: Callable[[Shown], str]
    key: Callable[[Shown], Any]
    width: int = 60


def _sorted(score: float) -> float:
    return -1.0 if math.isnan(score) else score


def _score(row: Row) -> str:
    return "" if math.isnan(row.score) else f"{row.score:.2f}"


def _labels(row: Row) -> str:
    said = ((row.particles, "+"), (row.background, "\N{MINUS SIGN}"))  # in words it would be cut
    return " ".join(f"{sign}{number}" for number, sign in said if number)


def _number(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{value:.{digits}f}" if abs(value) < _LARGE else f"{value:.0f}"


def _evidence(row: Row) -> str:
    """With its error, which a cell has no room for."""
    if row.evidence is None:
        return row.doubt
    error = "" if row.evidence_error is None else f" ± {row.evidence_error:.2f}"
    return f"{row.evidence:.2f}{error} {row.doubt}".strip()


def _in_common(names: Sequence[str]) -> int:
    """How many letters all names begin with, up to the last mark between words; 0 where that saves little room."""
    if len(names) < _SEVERAL:
        return 0
    first, last = min(names), max(names)
    shared = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    while shared and names[0][shared - 1].isalnum():
        shared -= 1
    return shared if shared >= _SAVED else 0


def _known(value: float | None) -> float:
    """What rows are sorted by: those without a value come before all others."""
    return -math.inf if value is None else value


def _state(row: Row) -> str:
    return f"{row.state}, no proof" if row.doubt else row.state


def _order(row: Row) -> float:
    return _ORDER.get(row.state, 0) - 0.5 * bool(row.doubt)


COLUMNS = (
    Column("Micrograph", "Name of the micrograph", lambda at: at.row.name, lambda at: (), 0),
    Column(
        "Picks", "Particles, of the picker and by hand", lambda at: f"{at.row.picks or ''}", lambda at: at.row.picks, 52
    ),
    Column(
        "Labelled",
        "Picks that you labelled: + particles, \N{MINUS SIGN} background",
        lambda at: _labels(at.row),
        lambda at: at.row.particles + at.row.background,
        84,
    ),
    Column(
        "State",
        "new, picked, edited or done, and whether nothing proves its picks",
        lambda at: _state(at.row),
        lambda at: _order(at.row),
        58,
    ),
    Column("Score", "Mean score of the picks", lambda at: _score(at.row), lambda at: _sorted(at.row.score), 52),
    Column(
        "Proof",
        "How far averages prove that the picks are particles, beside the other micrographs: 1 is usual, 0 is no proof. "
        "With its standard error where the mouse rests",
        lambda at: _number(at.row.evidence),
        lambda at: _known(at.row.evidence),
        48,
    ),
    Column(
        "Ice",
        "How much stronger the spectrum is where ice shows than beside it: at 3.7 to 3.9 Å, or, where pixels are too "
        "large for that, at 40 to 150 Å. Compare micrographs of one data set: high is thick or dirty ice",
        lambda at: _number(at.row.ice),
        lambda at: _known(at.row.ice),
        48,
    ),
    Column(
        "Defocus",
        "Defocus in µm, from the CTF of the micrograph",
        lambda at: "" if at.ctf is None else f"{at.ctf.defocus:.2f}",
        lambda at: _known(None if at.ctf is None else at.ctf.defocus),
    ),
    Column(
        "CTF fit",
        "To how many Å the CTF could be fitted: small is good",
        lambda at: _number(None if at.ctf is None else at.ctf.resolution, 1),
        lambda at: _known(None if at.ctf is None else at.ctf.resolution),
        52,
    ),
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
        self._shared = 0  # letters that all names begin with
        self._ctf: Mapping[str, ToldCTF] = {}
        self._shown: list[int] = []
        self._places: dict[str, int] = {}
        self._text, self._state = "", ""
        self._column, self._backwards = 0, False

    # ------------------------------------------------------------ for the dock

    def fill(self, rows: Sequence[Row]) -> None:
        """Show these, in this order as long as nobody sorts."""
        self.rows = list(rows)
        self._numbers = {row.name: number for number, row in enumerate(self.rows)}
        self._shared = _in_common(list(self._numbers))
        self._arrange()

    def filter(self, text: str, state: str) -> None:
        """Show the rows whose name contains ``text`` and whose state is ``state``, empty for any."""
        self._text, self._state = text.casefold(), state
        self._arrange()

    def tell_ctf(self, known: Mapping[str, ToldCTF]) -> None:
        """Show the CTF of micrographs, by name."""
        self._ctf = known
        self._arrange()

    @property
    def empty(self) -> frozenset[int]:
        """Columns in which no row has anything to show, of those that need not have."""
        texts = ((number, column.text) for number, column in enumerate(COLUMNS) if number not in _ALWAYS)
        rows = [self._at(number) for number in range(len(self.rows))]
        return frozenset(number for number, text in texts if not any(map(text, rows)))

    def told(self, rows: Iterable[Row]) -> frozenset[int]:
        """Columns in which one of these rows has something to show."""
        shown = [Shown(row, self._ctf.get(row.name)) for row in rows]
        return frozenset(number for number, column in enumerate(COLUMNS) if any(map(column.text, shown)))

    def shown_name(self, place: int) -> str:
        """What a row of the table calls its micrograph."""
        return self._short(self.name_at(place))

    def _at(self, number: int) -> Shown:
        row = self.rows[number]
        return Shown(row, self._ctf.get(row.name))

    def _short(self, name: str) -> str:
        """A name without what all begin with."""
        return f"…{name[self._shared :]}" if self._shared else name

    def put(self, row: Row) -> None:
        """A row that changed. It stays where it is until the list is sorted or filtered anew."""
        number = self._numbers.get(row.name)
        if number is None or self.rows[number] == row:
            return
        self.rows[number] = row
        place = self._places.get(row.name)
        if place is not None:
            self.dataChanged.emit(self.index(place, 0), self.index(place, len(COLUMNS) - 1))

    def put_all(self, rows: Sequence[Row]) -> None:
        """Rows that changed. Of many the whole table is drawn anew."""
        if len(rows) <= _MANY:
            for row in rows:
                self.put(row)
            return
        for row in rows:
            if row.name in self._numbers:
                self.rows[self._numbers[row.name]] = row
        self.dataChanged.emit(self.index(0, 0), self.index(len(self._shown) - 1, len(COLUMNS) - 1))

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
            shown.sort(key=lambda number: key(self._at(number)), reverse=self._backwards)
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
        at, column = self._at(self._shown[index.row()]), COLUMNS[index.column()]
        row = at.row
        if role == ROLE.DisplayRole:
            return column.text(at) if index.column() else self._short(row.name)
        if role == ROLE.ToolTipRole:
            return row.name if not index.column() else _evidence(row) if index.column() == _PROOF else row.doubt or None
        if role == ROLE.TextAlignmentRole and index.column() not in _WORDS:
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
