"""One average as it is drawn: the picture, what is known of it, and a person's verdict."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from qtpy.QtCore import QPoint, QRect, QRectF, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPen

from napari_drpnet.layers import BACKGROUND_COLOUR
from napari_drpnet.widgets.averages.verdicts import Verdict

ACCEPTED_COLOUR = "#3ddc84"
_FADED = 0.45  # opacity of what is rejected
_FAINT = 0.75  # and of all lines of a caption but the first
_CHOSEN = QColor("#ffffff")


def draw(
    painter: QPainter,
    place: QRect,
    image: QImage,
    lines: Sequence[str],
    height: int,
    *,
    verdict: Verdict,
    chosen: bool,
) -> None:
    """Draw one average, as wide as its place, and its caption below.

    Parameters
    ----------
    painter, place
        With what, and where.
    image
        The average.
    lines, height
        Of the caption, and how high each of them is.
    verdict, chosen
        What a person said of the class, and whether it is chosen.
    """
    picture = QRect(place.left(), place.top(), place.width(), place.width())
    painter.setOpacity(_FADED if verdict == "rejected" else 1.0)
    painter.drawImage(picture, image)
    painter.setOpacity(1.0)
    if verdict == "rejected":
        _frame(painter, picture, QColor(BACKGROUND_COLOUR), 3)
        _cross(painter, picture)
    elif verdict == "accepted":
        _frame(painter, picture, QColor(ACCEPTED_COLOUR), 3)
        _tick(painter, picture)
    if chosen:
        _frame(painter, picture.adjusted(-2, -2, 2, 2), _CHOSEN, 3)
        _frame(painter, picture.adjusted(1, 1, -1, -1), QColor(0, 0, 0), 1)  # seen on white, too
    _write(painter, place, picture.bottom() + 3, lines, height)


def _write(painter: QPainter, place: QRect, top: int, lines: Sequence[str], height: int) -> None:
    """The caption; a line that is too long is cut."""
    metrics = painter.fontMetrics()
    for number, line in enumerate(lines):
        painter.setOpacity(_FAINT if number else 1.0)
        text = metrics.elidedText(line, Qt.TextElideMode.ElideRight, place.width())
        below = QRect(place.left(), top + number * height, place.width(), height)
        painter.drawText(below, int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter), text)
    painter.setOpacity(1.0)


def _frame(painter: QPainter, place: QRect, colour: QColor, width: int) -> None:
    before, pen = painter.pen(), QPen(colour, width)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    painter.setPen(pen)
    half = width / 2
    painter.drawRect(QRectF(place).adjusted(half, half, -half, -half))
    painter.setPen(before)


def _cross(painter: QPainter, place: QRect) -> None:
    """From corner to corner, for those who do not see red."""
    inner = place.adjusted(3, 3, -3, -3)
    _lines(painter, QColor(BACKGROUND_COLOUR), inner.topLeft(), inner.bottomRight())
    _lines(painter, QColor(BACKGROUND_COLOUR), inner.topRight(), inner.bottomLeft())


def _tick(painter: QPainter, place: QRect) -> None:
    """In a corner, for those who do not see green."""
    side = max(10, place.width() // 8)
    box = QRect(place.right() - side - 6, place.top() + 6, side, side)
    low = box.bottomLeft() + (box.bottomRight() - box.bottomLeft()) / 3
    middle = box.topLeft() + (box.bottomLeft() - box.topLeft()) / 2
    _lines(painter, QColor(ACCEPTED_COLOUR), middle, low, box.topRight())


def _lines(painter: QPainter, colour: QColor, *points: QPoint) -> None:
    before = painter.pen()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setPen(QPen(colour, 2.5))
    for start, end in pairwise(points):
        painter.drawLine(start, end)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(before)
