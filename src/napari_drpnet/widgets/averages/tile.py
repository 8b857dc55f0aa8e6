"""One average as it is drawn: the picture, what is known of it, and a person's verdict."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QRect, Qt
from qtpy.QtGui import QColor, QImage, QPainter

from napari_drpnet.layers import BACKGROUND_COLOUR
from napari_drpnet.widgets.averages.verdicts import Verdict
from napari_drpnet.widgets.kit.tiles import chosen_frame, cross, frame, joined

ACCEPTED_COLOUR = "#3ddc84"
_FADED = 0.45  # opacity of what is rejected
_FAINT = 0.75  # and of all lines of a caption but the first


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
        frame(painter, picture, QColor(BACKGROUND_COLOUR), 3)
        cross(painter, picture.adjusted(3, 3, -3, -3), QColor(BACKGROUND_COLOUR))
    elif verdict == "accepted":
        frame(painter, picture, QColor(ACCEPTED_COLOUR), 3)
        _tick(painter, picture)
    if chosen:
        chosen_frame(painter, picture)
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


def _tick(painter: QPainter, place: QRect) -> None:
    """In a corner, for those who do not see green."""
    side = max(10, place.width() // 8)
    box = QRect(place.right() - side - 6, place.top() + 6, side, side)
    low = box.bottomLeft() + (box.bottomRight() - box.bottomLeft()) / 3
    middle = box.topLeft() + (box.bottomLeft() - box.topLeft()) / 2
    joined(painter, QColor(ACCEPTED_COLOUR), middle, low, box.topRight())
