"""Class averages of all sets, one set below another: what their picks look like, and what that proves."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from napari_drpnet.drawing.class_sheet import grey_averages
from napari_drpnet.drawing.colours import colour
from napari_drpnet.jobs import Averages, Progress
from napari_drpnet.jobs.averaging.result import ClassFigures
from napari_drpnet.widgets.compare.averaged import Averaged, OneMore, average_sets
from napari_drpnet.widgets.compare.sets import PickSet
from napari_drpnet.widgets.kit.job import JobBar
from napari_drpnet.widgets.kit.parts import wrapped
from napari_drpnet.widgets.kit.source import ChosenImage

_COLUMNS, _SIDE, _GAP = 4, 90, 4  # averages in a row, and pixels
_HINT = (
    "What the picks of each set look like: particles, or dirt. It takes some seconds for each set. Below an average: "
    "its evidence, where noise has 0, and how many picks it is of."
)
_OTHERS = "The picks of this set are others by now: average them again."


class AveragesPage(QWidget):
    """A button that averages all sets, and what came of it.

    Parameters
    ----------
    start
        Called when the button is pressed; is expected to call `run`.
    """

    def __init__(self, start: Callable[[], None]) -> None:
        super().__init__()
        self.job = JobBar("Average the picks of all sets", start)
        self.found: list[Averaged] = []
        self._sets: Sequence[PickSet] = ()
        self._seen: list[tuple[Averaged, int, bool]] = []
        self._rows = QVBoxLayout()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.addWidget(self.job.native)
        column.addWidget(wrapped(_HINT))
        column.addLayout(self._rows)
        column.addStretch()

    def run(self, source: ChosenImage, sets: Sequence[PickSet], diameter: float) -> None:
        """Average the picks that sets have now; ``diameter`` in Angstrom."""
        picks = {chosen.name: chosen.picks for chosen in sets if chosen.picks is not None and chosen.count}
        self.found = []
        self._show()
        self.job.run(partial(average_sets, source, picks, diameter), done=lambda _: None, step=self._take)

    def follow(self, sets: Sequence[PickSet]) -> None:
        """The sets, or their picks, are others."""
        self._sets = tuple(sets)
        micrographs = {chosen.every.frame.micrograph for chosen in sets if chosen.every is not None}
        self.found = [one for one in self.found if one.picks.frame.micrograph in micrographs]
        self.job.allow("" if micrographs else "Run pickers, or add layers and files.")
        self._show()

    def _take(self, step: Progress) -> None:
        if isinstance(step, OneMore) and step.found is not None:
            self.found.append(step.found)
            self._show()

    def _show(self) -> None:
        """A row for each set that is there; nothing is drawn again that is as it was."""
        sets = {chosen.name: chosen for chosen in self._sets}
        rows = [(one, sets[one.name].slot, _others(one, sets[one.name])) for one in self.found if one.name in sets]
        if rows == self._seen:
            return
        self._seen = rows
        while (item := self._rows.takeAt(0)) is not None:
            widget = item.widget()
            assert widget is not None
            widget.deleteLater()
        for row in rows:
            self._rows.addWidget(_row(*row))


def _others(one: Averaged, chosen: PickSet) -> bool:
    """Whether the picks of a set are not any more those that were averaged."""
    return chosen.picks is None or not np.array_equal(one.picks.yx, chosen.picks.yx)


def _row(one: Averaged, slot: int, others: bool) -> QWidget:
    """A set's name beside the colour of its slot, and its averages."""
    made, averages = QWidget(), one.averages
    grid = QGridLayout(made)
    grid.setContentsMargins(0, 4, 0, 4)
    grid.setSpacing(_GAP)
    told = one.problem if averages is None else f"{averages.picks:,} picks averaged"
    swatch = f'<span style="color:{colour(slot)}">■</span>'
    title = wrapped(f"{swatch} <b>{one.name}</b>: {told}. {_OTHERS if others else ''}")
    grid.addWidget(title, 0, 0, 1, _COLUMNS)
    for at, tile in enumerate([] if averages is None else _tiles(averages)):
        grid.addWidget(tile, 1 + at // _COLUMNS, at % _COLUMNS)
    grid.setColumnStretch(_COLUMNS, 1)
    return made


def _tiles(averages: Averages) -> list[QWidget]:
    greys = grey_averages(averages.images, averages.diameter / averages.pixel_size)
    kind, smooth = QImage.Format.Format_Grayscale8, Qt.TransformationMode.SmoothTransformation
    images = [QImage(grey.tobytes(), grey.shape[1], len(grey), grey.shape[1], kind) for grey in greys]
    pictures = [QPixmap.fromImage(image).scaledToWidth(_SIDE, smooth) for image in images]
    return [_tile(picture, known) for picture, known in zip(pictures, averages.classes, strict=True)]


def _tile(picture: QPixmap, known: ClassFigures) -> QWidget:
    """An average, and what is known of it below."""
    made, image = QWidget(), QLabel()
    image.setPixmap(picture)
    evidence = f"{known.evidence:.1f} ± {known.error:.1f}" if math.isfinite(known.evidence) else "not measured"
    text = QLabel(f"<b>{evidence}</b><br>{known.picks:,}")
    text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
    column = QVBoxLayout(made)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    column.addWidget(image)
    column.addWidget(text)
    return made
