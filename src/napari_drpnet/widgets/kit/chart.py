"""Plots drawn by hand, and one of them: a series over steps or labels, drawn as it grows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

_LINE = QColor("#2f9fe0")
_DOT = 3.5
_LEAST = 0.1  # height of the chart in its own unit: smaller differences are noise, and look like it
Limits = tuple[float, float]


class Plot(QWidget):
    """An area to draw in, with room around it for numbers and names.

    Attributes
    ----------
    hint
        Width and height that it would like to have.
    margins
        Left, top, right and bottom.
    """

    hint = (240, 120)
    margins = (46, 20, 14, 20)

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: D102, N802 - Qt's own method
        return QSize(*self.hint)

    def paintEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left, top, right, bottom = self.margins
        self.area = QRectF(left, top, self.width() - left - right, self.height() - top - bottom)
        self.ink = self.palette().color(self.foregroundRole())
        painter.setPen(self.ink)
        self._draw(painter)

    def _draw(self, painter: QPainter) -> None:
        """Draw what there is, with ``ink`` in the ``area``."""

    def _limits(self) -> tuple[Limits, Limits]:
        """The ends of both axes."""
        return (0.0, 1.0), (0.0, 1.0)

    def _faint(self, opacity: float) -> QColor:
        faint = QColor(self.ink)
        faint.setAlphaF(opacity)
        return faint

    def _place(self, x: float, y: float) -> QPointF:
        """Where a point of the plot is in the widget."""
        (x0, x1), (y0, y1) = self._limits()
        area = self.area
        return QPointF(
            area.left() + area.width() * (x - x0) / (x1 - x0), area.bottom() - area.height() * (y - y0) / (y1 - y0)
        )


@dataclass(frozen=True)
class Dot:
    """One value of the series.

    Attributes
    ----------
    x, y
        Where it is.
    spread
        Half the length of the bar through it; 0 for none.
    hollow
        Drawn as a circle: an estimate.
    """

    x: float
    y: float
    spread: float = 0.0
    hollow: bool = False


class Chart(Plot):
    """A title, two axes with their ends, a line, and the last value in words.

    Parameters
    ----------
    title
        What is drawn upwards.
    along
        What is drawn to the right.
    dots
        Whether each value is drawn as well, not only the line.
    most
        That a value can be; neither axis nor error goes beyond.
    """

    def __init__(self, title: str, along: str, dots: bool = False, most: float = math.inf) -> None:
        super().__init__()
        self._title, self._along, self._dots, self._most = title, along, dots, most
        self.values: tuple[Dot, ...] = ()

    def show_values(self, values: Sequence[Dot]) -> None:
        """Draw these, in the order given; those that are no numbers are left out."""
        self.values = tuple(value for value in values if value.x == value.x and value.y == value.y)
        self.update()

    def _draw(self, painter: QPainter) -> None:
        flags = Qt.AlignmentFlag
        _, top, right, _ = self.margins
        painter.drawText(QRectF(0, 0, self.width(), top), flags.AlignLeft, self._title)
        if not self.values:
            painter.drawText(self.area, flags.AlignCenter, "nothing yet")
            return
        painter.drawText(QRectF(0, 0, self.width() - right, top), flags.AlignRight, f"{self.values[-1].y:.3f}")
        self._draw_axes(painter, self.area)
        self._draw_values(painter)

    def _draw_axes(self, painter: QPainter, area: QRectF) -> None:
        (x0, x1), (y0, y1) = self._limits()
        painter.setPen(self._faint(0.35))
        painter.drawLine(area.topLeft(), area.bottomLeft())
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        painter.setPen(self.ink)
        flags = Qt.AlignmentFlag
        for text, at in ((f"{y1:.2f}", area.top()), (f"{y0:.2f}", area.bottom())):
            painter.drawText(QRectF(0, at - 8, area.left() - 5, 16), flags.AlignRight | flags.AlignVCenter, text)
        below = QRectF(area.left(), area.bottom() + 2, area.width(), self.margins[3])
        ends = ((f"{x0:g}", flags.AlignLeft), (self._along, flags.AlignHCenter), (f"{x1:g}", flags.AlignRight))
        for text, flag in ends:
            painter.drawText(below, flag, text)

    def _draw_values(self, painter: QPainter) -> None:
        place = self._place
        painter.setPen(QPen(_LINE, 1.6))
        painter.drawPolyline(QPolygonF([place(value.x, value.y) for value in self.values]))
        for value in self.values if self._dots or len(self.values) == 1 else ():
            if value.spread:
                painter.drawLine(place(value.x, value.y - value.spread), place(value.x, self._top(value)))
            painter.setBrush(self.palette().color(self.backgroundRole()) if value.hollow else _LINE)
            painter.drawEllipse(place(value.x, value.y), _DOT, _DOT)

    def _limits(self) -> tuple[Limits, Limits]:
        """To the right from 0 on, upwards all values with some room."""
        low = min(value.y - value.spread for value in self.values)
        high = max(self._top(value) for value in self.values)
        room = max(0.05 * (high - low), (_LEAST - (high - low)) / 2)
        return (0.0, max(1.0, *(value.x for value in self.values))), (low - room, min(high + room, self._most))

    def _top(self, value: Dot) -> float:
        return min(value.y + value.spread, self._most)
