"""What is in a patch set, at a glance: how many of each kind, and some of them as pictures."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QImage, QPainter
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_drpnet.data import PatchSet
from napari_drpnet.drawing.contact_sheet import GAP, contact_sheet
from napari_drpnet.widgets.kit.parts import Table, lay_out, table

_TITLE = 18  # pixels of the screen
_SPLITS = ("training", "validation")


class Examples(QWidget):
    """A table of counts, and a picture of particles beside background."""

    def __init__(self) -> None:
        super().__init__()
        self.table = table(["label", "because of", *_SPLITS])
        self.table.setSelectionMode(Table.SelectionMode.NoSelection)
        self.table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.sheet = Sheet()
        lay_out(self, self.table, self.sheet)
        self.hide()

    def show_patches(self, patches: PatchSet) -> None:
        """Show what is in a patch set."""
        self._count(patches)
        self.sheet.show_image(_image(patches))
        self.show()

    def _count(self, patches: PatchSet) -> None:
        rows: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        for (label, split, origin), number in patches.counts().items():
            rows[label, origin][split] = number
        kinds = sorted(rows, key=lambda kind: (kind[0] != "particle", kind[1]))
        lines = [(*kind, *(rows[kind].get(split, 0) for split in _SPLITS)) for kind in kinds]
        totals = [sum(found.get(split, 0) for found in rows.values()) for split in _SPLITS]
        self.table.fill([*lines, ("all", None, *totals)])
        self.table.fit()


class Sheet(QWidget):
    """One picture, as wide as there is room."""

    def __init__(self) -> None:
        super().__init__()
        self.image: QImage | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip("Some of the examples, smoothed for the eye.")

    def show_image(self, image: QImage) -> None:
        """Draw another picture."""
        self.image = image
        self.setFixedHeight(self.heightForWidth(self.width()))
        self.update()

    def heightForWidth(self, width: int) -> int:  # noqa: D102, N802 - Qt's own method
        return 0 if self.image is None else _TITLE + round(width * self.image.height() / self.image.width())

    def resizeEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        self.setFixedHeight(self.heightForWidth(self.width()))

    def sizeHint(self) -> QSize:  # noqa: D102, N802 - Qt's own method
        return QSize(300, self.heightForWidth(300))

    def paintEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        if self.image is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        middle = self.width() * (self.image.width() + GAP) / (2 * self.image.width())
        for text, left in (("particles", 0.0), ("background", middle)):
            painter.drawText(QRectF(left, 0, middle, _TITLE), Qt.AlignmentFlag.AlignLeft, text)
        height = self.width() * self.image.height() / self.image.width()
        painter.drawImage(QRectF(0, _TITLE, self.width(), height), self.image)


def _image(patches: PatchSet) -> QImage:
    pixels = contact_sheet(patches)
    height, width = pixels.shape[:2]
    image = QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888)
    return QImage(image.copy())  # of its own memory
