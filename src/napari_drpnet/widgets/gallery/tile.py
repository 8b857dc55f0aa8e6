"""One thumbnail as it is drawn: the picture, what a person said of it, its number, and whether it is selected."""

from __future__ import annotations

from qtpy.QtCore import QRect, Qt
from qtpy.QtGui import QColor, QImage, QPainter

from napari_drpnet.layers import BACKGROUND_COLOUR, LABELLED_COLOUR
from napari_drpnet.widgets.gallery.catalogue import Particle
from napari_drpnet.widgets.kit.tiles import chosen_frame, cross, frame

_EMPTY = QColor(128, 128, 128, 70)
_FADED = 0.5  # opacity of what is rejected


def draw(
    painter: QPainter,
    place: QRect,
    image: QImage | None,
    particle: Particle,
    *,
    caption: str,
    selected: bool,
    failed: bool,
) -> None:
    """Draw one thumbnail.

    Parameters
    ----------
    painter, place
        With what, and where.
    image
        The picture; None when it is not there yet.
    particle
        Whose it is.
    caption
        Written on it; empty for nothing.
    selected, failed
        Whether it is selected, and whether its micrograph cannot be read.
    """
    if image is None:
        painter.fillRect(place, _EMPTY)
        if failed:
            painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter), "?")
    else:
        painter.setOpacity(_FADED if particle.background else 1.0)
        painter.drawImage(place, image)
        painter.setOpacity(1.0)
    if particle.background:
        side = max(8, place.width() // 7)
        corner = QRect(place.right() - side - 4, place.top() + 5, side, side)
        frame(painter, place, QColor(BACKGROUND_COLOUR), 2)
        cross(painter, corner, QColor(BACKGROUND_COLOUR))
    elif particle.by_hand:
        frame(painter, place, QColor(LABELLED_COLOUR), 2)
    if caption:
        _write(painter, place, caption)
    if selected:
        chosen_frame(painter, place)


def _write(painter: QPainter, place: QRect, text: str) -> None:
    """White with a dark edge below, which is read on any grey."""
    inner = place.adjusted(5, 2, -5, -3)
    flags = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom)
    painter.setPen(QColor(0, 0, 0))
    painter.drawText(inner.translated(1, 1), flags, text)
    painter.setPen(QColor(255, 255, 255))
    painter.drawText(inner, flags, text)
