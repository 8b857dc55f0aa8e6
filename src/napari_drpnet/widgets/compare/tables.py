"""What a comparison lists: pickers to tick, sets of picks with their figures, and pairs of sets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from qtpy.QtCore import Qt
from qtpy.QtGui import QBrush, QColor, QIcon, QPainter, QPen, QPixmap

from napari_drpnet.averaging.shares import Estimate
from napari_drpnet.drawing.colours import colour, symbol
from napari_drpnet.evaluation.agreement import Pair
from napari_drpnet.jobs.compare.figures import Figures
from napari_drpnet.jobs.prospect import said
from napari_drpnet.widgets.compare.sets import PickSet
from napari_drpnet.widgets.kit.check_list import CheckList
from napari_drpnet.widgets.kit.parts import Table

SETS = {
    "set": "Name of the picker, the file or the layer. A double click goes to a place where it differs from the truth.",
    "picks": "Above the threshold",
    "precision": "Part of the picks that are right",
    "recall": "Part of the particles that were found",
    "F1": "Both in one number, the harmonic mean of precision and recall: 1 is perfect",
    "AP": "Average precision: the area under the curve, so of all thresholds at once",
    "≈ true": "Particles among the picks, as averages of them show, without a truth; – where it is not known",
    "≈ precision": "Part of the picks that are particles, as averages show",
    "≈ F1": "As averages show, of the particles among all that the picker could have picked",
}
_JUDGED, _PROVED = range(2, 6), range(6, 9)  # columns
PAIRS = {
    "sets": "A double click goes to a place where the two differ.",
    "both": "Picks that both have",
    "F1": "Twice those that both have, of all picks of the two",
    "distance (Å)": "Median distance of picks that both have",
}
_ICON = 14
_MOST = 8  # rows without a scroll bar
_GREY = QColor("#8a8f98")


class PickerList(CheckList):
    """All pickers, each with a box to tick; those that cannot be loaded are grey and say why."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.problems: dict[str, str] = {}
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setToolTip("The methods that are run, each with its own default settings.")
        self.offer((name, name) for name in names)
        self.setFixedHeight(max(self.sizeHintForRow(0), 1) * min(len(names), _MOST) + 6)

    def tell(self, problems: Mapping[str, str]) -> None:
        """Say which pickers cannot be loaded, and why."""
        self.problems = {name: problem for name, problem in problems.items() if problem}
        self.blockSignals(True)
        for name, item in self.entries():
            problem = self.problems.get(name, "")
            if problem:
                item.setText(f"{name}: {problem}")
                item.setToolTip(problem)
                item.setFlags(Qt.ItemFlag.NoItemFlags)
                item.setCheckState(Qt.CheckState.Unchecked)
                item.setForeground(QBrush(_GREY))
        self.blockSignals(False)
        self.changed.emit()


def fill_sets(table: Table, sets: Sequence[PickSet], figures: Figures | None, truth: str | None) -> None:
    """Show a row for each set; one without picks of this micrograph says so."""
    table.fill([_row(chosen, figures, truth) for chosen in sets])
    for row, chosen in enumerate(sets):
        item = table.item(row, 0)
        if item is None:
            continue
        item.setIcon(ring_icon(chosen.slot))
        if chosen.every is None:
            item.setForeground(QBrush(_GREY))
            item.setToolTip(chosen.trouble or f"{chosen.name} has no picks of this micrograph.")
        for column in _PROVED:
            cell = table.item(row, column)
            if cell is not None:
                cell.setToolTip(chosen.proof.in_words(chosen.count))
                cell.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    for column in _JUDGED:
        table.setColumnHidden(column, truth is None)
    for column in _PROVED:
        table.setColumnHidden(column, truth is not None or not any(chosen.measured for chosen in sets))
    table.fit()


def _row(chosen: PickSet, figures: Figures | None, truth: str | None) -> tuple[object, ...]:
    count = None if chosen.every is None else chosen.count
    if chosen.name == truth:
        return (f"{chosen.name} (truth)", count, *(None,) * 7)
    standing = None if figures is None else figures.standing(chosen.name)
    judged: tuple[float | None, ...] = (None,) * 4
    if standing is not None and standing.evaluation is not None and chosen.every is not None:
        counts = standing.evaluation.counts
        known = (counts.precision, counts.recall, counts.f1, standing.area)
        judged = tuple(None if math.isnan(value) else value for value in known)
    proof = chosen.proof
    return (chosen.name, count, *judged, *map(_estimated, (proof.true, proof.precision, proof.f1)))


def _estimated(estimate: Estimate) -> str:
    """A number with its error; without an error there is none."""
    return said(estimate.value, estimate.error) if math.isfinite(estimate.error) else "–"


def fill_pairs(table: Table, pairs: Sequence[Pair], pixel_size: float) -> None:
    """Show a row for each two sets, distances in Angstrom."""
    table.fill([_pair_row(pair, pixel_size) for pair in pairs])


def _pair_row(pair: Pair, pixel_size: float) -> tuple[object, ...]:
    f1 = None if math.isnan(pair.f1) else pair.f1
    return (f"{pair.first} – {pair.second}", pair.shared, f1, pair.distance * pixel_size if pair.shared else None)


def ring_icon(slot: int) -> QIcon:
    """A ring in the colour of a set, or a square where other sets have the colour, too."""
    picture = QPixmap(_ICON, _ICON)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(colour(slot)), 3))
    draw = painter.drawEllipse if symbol(slot) == "disc" else painter.drawRect
    draw(2, 2, _ICON - 4, _ICON - 4)
    painter.end()
    return QIcon(picture)
