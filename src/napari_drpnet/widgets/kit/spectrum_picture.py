"""A power spectrum drawn with rings at resolutions, and with those of a CTF."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_drpnet.io.ctf import CTF
from napari_drpnet.jobs import SeenSpectrum
from napari_drpnet.spectrum import SIDE, Spectrum, model, zeros

RINGS = (40, 20, 14, 10, 7, 5, 4, 3)  # Angstrom
_APART = 0.09  # of the picture's side: nearer rings are left out
_RING, _ZERO = QColor(255, 225, 77), QColor(64, 220, 255)
_ZEROS = 6  # that are drawn; more of them hide the rings they are about
_LABEL = math.radians(-55)  # in this direction there are the least lines of detectors
_LEAST = 200  # pixels


class SpectrumPicture(QWidget):
    """The picture, square, as large as there is room for.

    Attributes
    ----------
    halved
        Whether the right half is the model of the CTF, where one is known.
    """

    pointed = Signal(float)  # resolution in Angstrom under the cursor; 0 when it has left

    def __init__(self) -> None:
        super().__init__()
        self._seen: SeenSpectrum | None = None
        self._image: QImage | None = None
        self.halved = True
        self.setMouseTracking(True)
        self.setMinimumSize(_LEAST, _LEAST)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:  # noqa: D102, N802 - Qt's own method
        return QSize(SIDE, SIDE)

    def show_spectrum(self, seen: SeenSpectrum | None) -> None:
        """Show this one; None: nothing."""
        self._seen = seen
        self._image = None if seen is None else _image(seen.spectrum, seen.ctf if self.halved else None)
        self.update()

    def halve(self, halved: bool) -> None:
        """Show the model of the CTF on the right half, or the spectrum alone."""
        self.halved = halved
        self.show_spectrum(self._seen)

    # ------------------------------------------------------------ drawing

    @property
    def _square(self) -> QRectF:
        side = float(min(self.width(), self.height()))
        return QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)

    def _place(self, fy: float, fx: float, step: float) -> QPointF:
        """Where a frequency is in the widget."""
        square = self._square
        pixel = square.width() / SIDE
        middle = SIDE // 2 + 0.5
        return QPointF(square.left() + pixel * (middle + fx / step), square.top() + pixel * (middle + fy / step))

    def paintEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        if self._seen is None or self._image is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setClipRect(self._square)
        painter.drawImage(self._square, self._image)
        spectrum = self._seen.spectrum
        if self._seen.ctf is not None:
            self._draw_zeros(painter, self._seen.ctf, spectrum)
        self._draw_rings(painter, spectrum)

    def _draw_zeros(self, painter: QPainter, ctf: CTF, spectrum: Spectrum) -> None:
        painter.setPen(QPen(_ZERO, 1.2, Qt.PenStyle.DashLine))
        for ring in zeros(ctf, max(spectrum.edge, spectrum.nyquist), _ZEROS):
            painter.drawPolyline(QPolygonF([self._place(fy, fx, spectrum.step) for fy, fx in ring.tolist()]))

    def _draw_rings(self, painter: QPainter, spectrum: Spectrum) -> None:
        font = painter.font()
        font.setBold(True)
        painter.setFont(font)
        middle, last = self._place(0, 0, spectrum.step), 0.0
        for resolution in RINGS:
            if resolution < max(spectrum.edge, spectrum.nyquist) * 0.999:
                break
            away = self._place(0, 1 / resolution, spectrum.step).x() - middle.x()
            if away - last < _APART / 2 * self._square.width():
                continue
            last = away
            painter.setPen(QPen(_RING, 1))
            painter.drawEllipse(middle, away, away)
            _write(painter, middle + QPointF(math.cos(_LABEL), math.sin(_LABEL)) * away, f"{resolution} Å")

    # ------------------------------------------------------------ the cursor

    def mouseMoveEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        if self._seen is None:
            return
        square, at = self._square, event.position()
        pixel = square.width() / SIDE
        y, x = (at.y() - square.top()) / pixel - 0.5, (at.x() - square.left()) / pixel - 0.5
        resolution = self._seen.spectrum.resolution(y, x)
        self.pointed.emit(resolution if square.contains(at) and math.isfinite(resolution) else 0.0)

    def leaveEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        self.pointed.emit(0.0)


def _write(painter: QPainter, at: QPointF, text: str) -> None:
    """Text on a dark ground, so that it can be read on any spectrum."""
    box = painter.fontMetrics().boundingRect(text)
    ground = QRectF(at.x() - box.width() / 2 - 3, at.y() - box.height() / 2, box.width() + 6.0, float(box.height()))
    painter.fillRect(ground, QColor(0, 0, 0, 150))
    painter.drawText(ground, Qt.AlignmentFlag.AlignCenter, text)


def _image(spectrum: Spectrum, ctf: CTF | None) -> QImage:
    """The spectrum in grey, with the model of a CTF on the right half where there is one."""
    low, high = spectrum.limits
    grey = np.clip((spectrum.power - low) / (high - low), 0, 1)
    if ctf is not None:
        grey[:, SIDE // 2 :] = model(ctf, spectrum)[:, SIDE // 2 :]
    pixels = np.ascontiguousarray(grey * 255, np.uint8)
    return QImage(pixels.tobytes(), SIDE, SIDE, SIDE, QImage.Format.Format_Grayscale8).copy()
