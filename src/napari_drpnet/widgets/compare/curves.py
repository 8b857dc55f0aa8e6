"""Precision against recall of several sets of picks, with a mark where their thresholds are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_drpnet.evaluation import Curve

_MARGINS = (40, 8, 12, 36)  # left, top, right, bottom: room for numbers and names
_DOT = 5.0
_TICKS = (0.0, 0.5, 1.0)


@dataclass(frozen=True, eq=False)
class CurveLine:
    """One curve.

    Attributes
    ----------
    name
        Of its set.
    curve
        Precision and recall over all thresholds.
    threshold
        That is in force.
    colour
        Of the set.
    chosen
        Drawn thicker.
    """

    name: str
    curve: Curve
    threshold: float
    colour: str
    chosen: bool = False

    @property
    def mark(self) -> tuple[float, float] | None:
        """Recall and precision at the threshold; None when nothing passes it."""
        passing = int(np.count_nonzero(self.curve.threshold >= self.threshold))
        if not passing:
            return None
        return float(self.curve.recall[passing - 1]), float(self.curve.precision[passing - 1])


class Curves(QWidget):
    """Both axes from 0 to 1; recall to the right, precision upwards."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: tuple[CurveLine, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip("Each point of a curve is a threshold; the dot is the one in force.")

    def show_lines(self, lines: Sequence[CurveLine]) -> None:
        """Draw these, the chosen one on top."""
        self.lines = tuple(sorted(lines, key=lambda line: line.chosen))
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102, N802 - Qt's own method
        return QSize(300, 220)

    def paintEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left, top, right, bottom = _MARGINS
        area = QRectF(left, top, self.width() - left - right, self.height() - top - bottom)
        ink = self.palette().color(self.foregroundRole())
        self._draw_axes(painter, area, ink)
        if not self.lines:
            painter.drawText(
                area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, "Choose the truth to see curves"
            )
        for line in self.lines:
            _draw_line(painter, area, line)
        for line in self.lines:
            _draw_mark(painter, area, line, ink)

    def _draw_axes(self, painter: QPainter, area: QRectF, ink: QColor) -> None:
        faint = QColor(ink)
        faint.setAlphaF(0.25)
        flags = Qt.AlignmentFlag
        for tick in _TICKS:
            at = _place(area, tick, tick)
            painter.setPen(faint)
            painter.drawLine(QPointF(area.left(), at.y()), QPointF(area.right(), at.y()))
            painter.drawLine(QPointF(at.x(), area.top()), QPointF(at.x(), area.bottom()))
            painter.setPen(ink)
            beside = QRectF(0, at.y() - 8, area.left() - 5, 16)
            painter.drawText(beside, flags.AlignRight | flags.AlignVCenter, f"{tick:g}")
            painter.drawText(QRectF(at.x() - 20, area.bottom() + 2, 40, 16), flags.AlignHCenter, f"{tick:g}")
        painter.drawText(QRectF(area.left(), area.bottom() + 18, area.width(), 16), flags.AlignHCenter, "recall")
        painter.save()
        painter.translate(0, area.center().y())
        painter.rotate(-90)
        painter.drawText(QRectF(-area.height() / 2, 0, area.height(), 16), flags.AlignHCenter, "precision")
        painter.restore()


def _place(area: QRectF, recall: float, precision: float) -> QPointF:
    return QPointF(area.left() + recall * area.width(), area.bottom() - precision * area.height())


def _draw_line(painter: QPainter, area: QRectF, line: CurveLine) -> None:
    painter.setPen(QPen(QColor(line.colour), 2.6 if line.chosen else 1.4))
    steps = zip(line.curve.recall.tolist(), line.curve.precision.tolist(), strict=True)
    painter.drawPolyline(QPolygonF([_place(area, recall, precision) for recall, precision in steps]))


def _draw_mark(painter: QPainter, area: QRectF, line: CurveLine, ink: QColor) -> None:
    if line.mark is None:
        return
    painter.setPen(QPen(ink, 1.5))
    painter.setBrush(QColor(line.colour))
    painter.drawEllipse(_place(area, *line.mark), _DOT, _DOT)
    painter.setBrush(Qt.BrushStyle.NoBrush)
