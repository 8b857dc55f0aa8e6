"""A picture as wide as its dock; a click shows it larger."""

from __future__ import annotations

from typing import Any

from PIL import Image
from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QImage, QPainter, QPixmap
from qtpy.QtWidgets import QDialog, QLabel, QSizePolicy, QWidget

from napari_drpnet.widgets.kit.parts import Scrolled, lay_out

_WIDEST = 520  # pixels
_SCREEN = 900, 760


class Picture(QWidget):
    """Scaled to the width that there is."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._image: QImage | None = None
        self._large: QImage | None = None
        self.setToolTip("Click to see it larger.")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_picture(self, picture: Image.Image | None, large: Image.Image | None = None) -> None:
        """Show a picture, and another one when it is clicked; by default the same."""
        self._image = None if picture is None else as_qt(picture)
        self._large = self._image if large is None else as_qt(large)
        self._fit()
        self.update()

    def enlarge(self) -> QDialog | None:
        """Show it in a window of its own."""
        if self._large is None:
            return None
        window = QDialog(self.window())
        window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        window.setWindowTitle(self._title)
        label = QLabel()
        label.setPixmap(QPixmap.fromImage(self._large))
        lay_out(window, Scrolled(label, sideways=True))
        width, height = _SCREEN
        window.resize(min(self._large.width() + 10, width + 10), min(self._large.height() + 10, height))
        window.show()
        return window

    def heightForWidth(self, width: int) -> int:  # noqa: D102, N802 - Qt's own method
        return 0 if self._image is None else round(min(width, _WIDEST) * self._image.height() / self._image.width())

    def sizeHint(self) -> QSize:  # noqa: D102, N802 - Qt's own method
        return QSize(300, self.heightForWidth(300))

    def resizeEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        self._fit()

    def mousePressEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        self.enlarge()

    def paintEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        if self._image is not None:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            width = min(self.width(), _WIDEST)
            painter.drawImage(QRectF((self.width() - width) / 2, 0, width, self.height()), self._image)

    def _fit(self) -> None:
        self.setFixedHeight(self.heightForWidth(self.width()))


def as_qt(picture: Image.Image) -> QImage:
    """A picture of Pillow as one of Qt."""
    pixels = picture.convert("RGBA")
    width, height = pixels.size
    return QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()
