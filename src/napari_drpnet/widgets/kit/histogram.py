"""A small histogram of scores below a slider, with a threshold that can be dragged."""

from __future__ import annotations

from typing import Any

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QPoint, QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPen
from qtpy.QtWidgets import QSlider, QStyle, QStyleOptionSlider, QWidget

from napari_drpnet.data import FloatArray
from napari_drpnet.widgets.kit.chart import Plot

BINS = 50
_KEPT, _LEVEL = QColor("#2f9fe0"), QColor("#ff9f1c")
_GRIP = 3.0  # pixels from the threshold's line to the ends of its handles


class Histogram(Plot):
    """How many candidates have which score: pale below the threshold, strong above.

    Bars rise with the square root of their number, so that the few good ones are seen beside many bad ones.

    Parameters
    ----------
    slider
        Whose places the scores lie below: it goes from 0 to 1, too.
    """

    hint = (240, 60)
    margins = (8, 4, 8, 2)
    moved = Signal(float)  # somebody drags the threshold

    def __init__(self, slider: QWidget) -> None:
        super().__init__()
        found = slider if isinstance(slider, QSlider) else slider.findChild(QSlider)
        self._slider = found
        self.counts = np.zeros(BINS, np.int64)
        self.level: float | None = None
        self.setFixedHeight(self.hint[1])
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self.setToolTip(
            "How many possible picks have which score; small numbers are drawn larger than they are. Strong colour: "
            "picked. Drag the line to move the threshold."
        )

    def show_scores(self, scores: FloatArray, level: float) -> None:
        """Draw ``(n,)`` scores and a threshold."""
        self.counts, self.level = np.histogram(np.clip(scores, 0.0, 1.0), BINS, (0.0, 1.0))[0], level
        self.update()

    def _draw(self, painter: QPainter) -> None:
        self._align()
        heights = np.sqrt(self.counts) / max(1.0, float(np.sqrt(self.counts.max())))
        level = 2.0 if self.level is None else self.level
        painter.setPen(Qt.PenStyle.NoPen)
        for number, height in enumerate(heights.tolist()):
            if height:
                self._draw_bar(painter, number / BINS, (number + 1) / BINS, height, level)
        painter.setPen(self._faint(0.5))
        painter.drawLine(self.area.bottomLeft(), self.area.bottomRight())
        if self.level is not None:
            painter.setPen(QPen(_LEVEL, 1.6))
            top, bottom = self._place(self.level, 1.0), self._place(self.level, 0.0)
            painter.drawLine(top, bottom)
            grip = QPointF(_GRIP, 0.0)
            painter.drawLine(top - grip, top + grip)

    def _draw_bar(self, painter: QPainter, left: float, right: float, height: float, level: float) -> None:
        """One bar; the one that the threshold divides has both colours."""
        at = min(max(level, left), right)
        for start, end, colour in ((left, at, self._faint(0.25)), (at, right, _KEPT)):
            if end > start:
                painter.setBrush(colour)
                painter.drawRect(QRectF(self._place(start, height), self._place(end, 0.0)))

    def _align(self) -> None:
        """Lie below the groove of the slider."""
        slider = self._slider
        if slider is None or not slider.isVisible():
            return
        option = QStyleOptionSlider()
        slider.initStyleOption(option)
        style, control = slider.style(), QStyle.ComplexControl.CC_Slider
        assert style is not None
        groove = style.subControlRect(control, option, QStyle.SubControl.SC_SliderGroove, slider)
        handle = style.subControlRect(control, option, QStyle.SubControl.SC_SliderHandle, slider).width()
        left = self.mapFromGlobal(slider.mapToGlobal(QPoint(groove.left(), 0))).x() + handle / 2
        self.area = QRectF(left, self.area.top(), max(groove.width() - handle, 10), self.area.height())

    # ------------------------------------------------------------ the mouse

    def mousePressEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        self._drag(event)

    def mouseMoveEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        self._drag(event)

    def _drag(self, event: Any) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton and self.level is not None:
            at = (event.position().x() - self.area.left()) / self.area.width()
            self.moved.emit(round(min(max(at, 0.0), 1.0), 2))
