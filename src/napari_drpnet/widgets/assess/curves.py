"""Plots of half maps: their correlation by shells, and how much of a map is resolved how well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPolygonF

from napari_drpnet.assessment.shells import GOLD_STANDARD
from napari_drpnet.data import FloatArray
from napari_drpnet.drawing.svg import ticks
from napari_drpnet.layers import resolution_colours
from napari_drpnet.widgets.kit.chart import Limits, Plot

_TICKS = (0.0, 0.5, 1.0)
_BINS = 40
_WRITE_APART = 34.0  # pixels


@dataclass(frozen=True, eq=False)
class Line:
    """One curve over spatial frequencies.

    Attributes
    ----------
    frequency, values
        ``(n,)`` 1/Angstrom, and the correlation; NaN where there is none.
    colour
        Of its refinement.
    style
        Of the pen.
    width
        Pixels.
    """

    frequency: FloatArray
    values: FloatArray
    colour: str
    style: Qt.PenStyle = Qt.PenStyle.SolidLine
    width: float = 1.6


class CorrelationPlot(Plot):
    """Fourier shell correlation; resolution in Angstrom to the right, finer and finer."""

    hint = (300, 190)
    margins = (34, 8, 12, 36)

    def __init__(self) -> None:
        super().__init__()
        self.lines: tuple[Line, ...] = ()
        self.setToolTip(
            "How far the two half maps agree at each fineness of detail: 1 fully, 0 not at all. The resolution is "
            "where the curve falls below 0.143."
        )

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Draw these, the last one on top."""
        self.lines = tuple(lines)
        self.update()

    def _limits(self) -> tuple[Limits, Limits]:
        end = max((float(line.frequency[-1]) for line in self.lines), default=1.0)
        return (0.0, end), (-0.05, 1.02)

    def _draw(self, painter: QPainter) -> None:
        self._draw_axes(painter, self.area)
        painter.setClipRect(self.area)
        for line in self.lines:
            told = np.isfinite(line.values)
            painter.setPen(QPen(QColor(line.colour), line.width, line.style))
            steps = zip(line.frequency[told].tolist(), line.values[told].tolist(), strict=True)
            painter.drawPolyline(QPolygonF([self._place(*step) for step in steps]))
        painter.setClipping(False)

    def _draw_axes(self, painter: QPainter, area: QRectF) -> None:
        flags = Qt.AlignmentFlag
        (_, end), _ = self._limits()
        for tick in _TICKS:
            _line(self, painter, (0.0, tick), (end, tick), 0.25)
            beside = QRectF(0, self._place(0, tick).y() - 8, area.left() - 5, 16)
            painter.drawText(beside, flags.AlignRight | flags.AlignVCenter, f"{tick:g}")
        _line(self, painter, (0.0, GOLD_STANDARD), (end, GOLD_STANDARD), 0.7, Qt.PenStyle.DashLine)
        above = self._place(end, GOLD_STANDARD)
        painter.drawText(QRectF(above.x() - 60, above.y() - 17, 58, 16), flags.AlignRight, f"{GOLD_STANDARD:g}")
        last = -_WRITE_APART
        for tick in ticks(0.0, end):
            at = self._place(tick, 0.0).x()
            if tick > 0 and at - last >= _WRITE_APART and at < area.right() - 8:
                _line(self, painter, (tick, -0.05), (tick, 1.02), 0.25)
                painter.drawText(QRectF(at - 25, area.bottom() + 2, 50, 16), flags.AlignHCenter, f"{1 / tick:.3g}")
                last = at
        painter.drawText(QRectF(area.left(), area.bottom() + 18, area.width(), 16), flags.AlignHCenter, "Å")


class ResolutionHistogram(Plot):
    """How much of the map is resolved how well: bars in the colours of the volume, other maps as lines."""

    hint = (300, 150)
    margins = (12, 8, 12, 36)

    def __init__(self) -> None:
        super().__init__()
        self.shown: FloatArray = np.zeros(0)
        self.others: tuple[tuple[str, FloatArray], ...] = ()
        self.limits = (0.0, 1.0)
        self._ends = (0.0, 1.0)
        self._most = 1.0
        self.setToolTip(
            "How many of the voxels within the mask have which local resolution, in the colours of the volume. Lines: "
            "the other refinements."
        )

    def show_values(
        self, values: FloatArray, others: Sequence[tuple[str, FloatArray]], limits: tuple[float, float]
    ) -> None:
        """Draw ``(n,)`` resolutions in Angstrom, those of others in their colours; ``limits`` end those of the bars."""
        self.shown, self.others, self.limits = values, tuple(others), limits
        every = [values, *(other for _, other in others)]
        low, high = min(float(one.min()) for one in every), max(float(np.quantile(one, 0.999)) for one in every)
        self._ends = low, max(high, low + 0.1)
        self._most = max(float(self.parts(one).max()) for one in every)
        self.update()

    def parts(self, values: FloatArray) -> FloatArray:
        """``(bins,)`` parts of all voxels in each bar."""
        counts = np.histogram(np.clip(values, *self._ends), _BINS, self._ends)[0]
        return np.asarray(counts / max(len(values), 1), np.float64)

    def _limits(self) -> tuple[Limits, Limits]:
        return self._ends, (0.0, self._most)

    def _draw(self, painter: QPainter) -> None:
        if not len(self.shown):
            return
        edges = np.linspace(*self._ends, _BINS + 1)
        low, high = self.limits
        middles = np.clip((edges[1:] + edges[:-1]) / 2, low, high)
        colours = resolution_colours().map((middles - low) / (high - low))
        painter.setPen(Qt.PenStyle.NoPen)
        for left, right, part, rgba in zip(edges, edges[1:], self.parts(self.shown), colours, strict=False):
            painter.setBrush(QColor.fromRgbF(*(float(value) for value in rgba[:3])))
            painter.drawRect(QRectF(self._place(float(left), float(part)), self._place(float(right), 0.0)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, values in self.others:
            painter.setPen(QPen(QColor(colour), 1.6))
            x, y = np.repeat(edges, 2)[1:-1].tolist(), np.repeat(self.parts(values), 2).tolist()
            painter.drawPolyline(QPolygonF([self._place(*step) for step in zip(x, y, strict=True)]))
        self._draw_axis(painter, self.area)

    def _draw_axis(self, painter: QPainter, area: QRectF) -> None:
        flags = Qt.AlignmentFlag
        painter.setPen(self._faint(0.5))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        painter.setPen(self.ink)
        for tick in ticks(*self._ends):
            at = self._place(tick, 0.0)
            painter.drawLine(at, at + QPointF(0, 3))
            painter.drawText(QRectF(at.x() - 25, area.bottom() + 3, 50, 16), flags.AlignHCenter, f"{tick:g}")
        below = QRectF(area.left(), area.bottom() + 18, area.width(), 16)
        painter.drawText(below, flags.AlignHCenter, "local resolution (Å)")


def _line(
    plot: Any,
    painter: QPainter,
    start: tuple[float, float],
    end: tuple[float, float],
    opacity: float,
    style: Qt.PenStyle = Qt.PenStyle.SolidLine,
) -> None:
    """A thin line between two places of a plot; what is written next has the plot's ink."""
    painter.setPen(QPen(plot._faint(opacity), 1, style))
    painter.drawLine(plot._place(*start), plot._place(*end))
    painter.setPen(plot.ink)
