"""What is expected of the threshold: in words, and as the histogram of scores with the share of particles over it."""

from __future__ import annotations

from typing import Any

import numpy as np
from magicgui.widgets import Container, Label
from magicgui.widgets.bases import Widget
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy

from napari_drpnet.data import FloatArray
from napari_drpnet.widgets.kit.chart import Plot
from napari_drpnet.widgets.kit.parts import with_error
from napari_drpnet.widgets.pick.result import Result

_BINS = 25
_SHARE, _LEVEL = QColor("#2f9fe0"), QColor("#ff9f1c")


class SharePlot(Plot):
    """How many candidates have a score, the share of particles among them with its error, and the threshold.

    Bars rise with the square root of their number, so that the few good ones are seen beside many bad ones.
    """

    hint = (240, 84)
    margins = (30, 6, 8, 16)

    def __init__(self) -> None:
        super().__init__()
        self._scores: FloatArray = np.empty(0)
        self._curve: tuple[FloatArray, FloatArray, FloatArray] = (np.empty(0), np.empty(0), np.empty(0))
        self._level: float | None = None
        self.setToolTip(
            "Bars: candidates by the picker's own score. Line: the share of true particles among them, with its "
            "standard error. Upright line: the threshold."
        )

    def show_curve(
        self, scores: FloatArray, curve: tuple[FloatArray, FloatArray, FloatArray], level: float | None
    ) -> None:
        """Draw ``(n,)`` scores, the curve's places, shares and errors, and the score at the threshold."""
        self._scores, self._curve, self._level = scores, curve, level
        self.update()

    def _draw(self, painter: QPainter) -> None:
        area, flags = self.area, Qt.AlignmentFlag
        counts = np.sqrt(np.histogram(self._scores, _BINS, (0.0, 1.0))[0])
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._faint(0.3))
        for number, height in enumerate(counts / max(counts.max(), 1.0)):
            corner = self._place(number / _BINS, height)
            painter.drawRect(QRectF(corner, self._place((number + 0.9) / _BINS, 0.0)))
        self._draw_curve(painter)
        painter.setPen(self._faint(0.5))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        painter.setPen(self.ink)
        for text, at in (("1", area.top()), ("0", area.bottom())):
            painter.drawText(QRectF(0, at - 8, area.left() - 5, 16), flags.AlignRight | flags.AlignVCenter, text)
        below = QRectF(area.left(), area.bottom() + 1, area.width(), self.margins[3])
        for text, flag in (
            ("0", flags.AlignLeft),
            ("score by the picker", flags.AlignHCenter),
            ("1", flags.AlignRight),
        ):
            painter.drawText(below, flag, text)
        if self._level is not None:
            painter.setPen(QPen(_LEVEL, 1.6))
            painter.drawLine(self._place(self._level, 0.0), self._place(self._level, 1.0))

    def _draw_curve(self, painter: QPainter) -> None:
        at, share, error = self._curve
        if not len(at):
            return
        band = QColor(_SHARE)
        band.setAlphaF(0.3)
        painter.setBrush(band)
        painter.setPen(Qt.PenStyle.NoPen)
        upper, lower = np.clip(share + error, 0, 1), np.clip(share - error, 0, 1)
        edge = [*zip(at, upper, strict=True), *zip(at[::-1], lower[::-1], strict=True)]
        painter.drawPolygon(self._polygon(edge))
        painter.setPen(QPen(_SHARE, 1.8))
        painter.drawPolyline(self._polygon(zip(at, share, strict=True)))

    def _polygon(self, points: Any) -> QPolygonF:
        return QPolygonF([QPointF(self._place(float(x), float(y))) for x, y in points])


class OutlookForm(Container[Widget]):
    """The words and the plot; nothing is shown as known that is not."""

    def __init__(self) -> None:
        self.text = Label(value="")
        super().__init__(widgets=[self.text], labels=False, label=" ")
        self.margins = (0, 0, 0, 0)
        self.text.native.setWordWrap(True)
        self.text.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.plot = SharePlot()
        self.native.layout().addWidget(self.plot)
        self.forget()

    def forget(self) -> None:
        """Before a run there is nothing to tell."""
        self.text.value = ""
        self.plot.hide()

    def follow(self, result: Result) -> None:
        """Tell what is expected of a result at the threshold in force."""
        self.text.value = with_error(result.expected)
        known = result.judgement is not None and result.judgement.shares.significant
        self.plot.setVisible(known)
        if not known or result.judgement is None:
            return
        shares, scores = result.judgement.shares, np.sort(result.pickable[0])
        passed = scores[shares.probability(scores) >= result.threshold]
        level = float(passed[0]) if len(passed) else 1.0
        self.plot.show_curve(scores, (shares.knots, shares.share, shares.error), level)
