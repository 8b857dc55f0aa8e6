"""Precision against recall of several sets of picks, with a mark where their thresholds are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPolygonF

from napari_drpnet.evaluation import Curve
from napari_drpnet.widgets.kit.chart import Plot

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
    dashed
        Drawn dashed, as its colour is that of another set, too.
    """

    name: str
    curve: Curve
    threshold: float
    colour: str
    chosen: bool = False
    dashed: bool = False

    @property
    def mark(self) -> tuple[float, float] | None:
        """Recall and precision at the threshold; None when nothing passes it."""
        passing = int(np.count_nonzero(self.curve.threshold >= self.threshold))
        if not passing:
            return None
        return float(self.curve.recall[passing - 1]), float(self.curve.precision[passing - 1])


class Curves(Plot):
    """Both axes from 0 to 1; recall to the right, precision upwards."""

    hint = (300, 220)
    margins = (40, 8, 12, 36)

    def __init__(self) -> None:
        super().__init__()
        self.lines: tuple[CurveLine, ...] = ()
        self.setToolTip("Each point of a curve is a threshold; the dot is the one in force.")

    def show_lines(self, lines: Sequence[CurveLine]) -> None:
        """Draw these, the chosen one on top."""
        self.lines = tuple(sorted(lines, key=lambda line: line.chosen))
        self.update()

    def _draw(self, painter: QPainter) -> None:
        self._draw_axes(painter, self.area)
        if not self.lines:
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.area, flags, "Choose the truth to see curves")
        for line in self.lines:
            style = Qt.PenStyle.DashLine if line.dashed else Qt.PenStyle.SolidLine
            painter.setPen(QPen(QColor(line.colour), 2.6 if line.chosen else 1.6, style))
            steps = zip(line.curve.recall.tolist(), line.curve.precision.tolist(), strict=True)
            painter.drawPolyline(QPolygonF([self._place(*step) for step in steps]))
        painter.setPen(QPen(self.ink, 1.5))
        for line in self.lines:
            if line.mark is not None:
                painter.setBrush(QColor(line.colour))
                painter.drawEllipse(self._place(*line.mark), _DOT, _DOT)

    def _draw_axes(self, painter: QPainter, area: QRectF) -> None:
        flags = Qt.AlignmentFlag
        for tick in _TICKS:
            at = self._place(tick, tick)
            painter.setPen(self._faint(0.25))
            painter.drawLine(QPointF(area.left(), at.y()), QPointF(area.right(), at.y()))
            painter.drawLine(QPointF(at.x(), area.top()), QPointF(at.x(), area.bottom()))
            painter.setPen(self.ink)
            beside = QRectF(0, at.y() - 8, area.left() - 5, 16)
            painter.drawText(beside, flags.AlignRight | flags.AlignVCenter, f"{tick:g}")
            painter.drawText(QRectF(at.x() - 20, area.bottom() + 2, 40, 16), flags.AlignHCenter, f"{tick:g}")
        painter.drawText(QRectF(area.left(), area.bottom() + 18, area.width(), 16), flags.AlignHCenter, "recall")
        painter.save()
        painter.translate(0, area.center().y())
        painter.rotate(-90)
        painter.drawText(QRectF(-area.height() / 2, 0, area.height(), 16), flags.AlignHCenter, "precision")
        painter.restore()
