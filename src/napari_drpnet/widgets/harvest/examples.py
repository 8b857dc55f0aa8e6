"""What is in a patch set, at a glance: how many of each kind, and some of them as pictures."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QImage, QPainter
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout, QWidget
from scipy.ndimage import gaussian_filter

from napari_drpnet.candidates import IndexArray
from napari_drpnet.data import PatchSet
from napari_drpnet.widgets.kit.parts import Table, table

COLUMNS, ROWS = 4, 4  # patches of particles, and as many of background
_GAP = 8  # pixels between the two
_SMOOTHED = 1.5  # sigma in pixels of the patch: noise that the eye cannot average
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
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table)
        layout.addWidget(self.sheet)
        self.hide()

    def show_patches(self, patches: PatchSet) -> None:
        """Show what is in a patch set."""
        self._count(patches)
        self.sheet.show_image(contact_sheet(patches))
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
        self.setToolTip("Some of the patches as the network sees them, smoothed for the eye.")

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
        middle = self.width() * (self.image.width() + _GAP) / (2 * self.image.width())
        for text, left in (("particles", 0.0), ("background", middle)):
            painter.drawText(QRectF(left, 0, middle, _TITLE), Qt.AlignmentFlag.AlignLeft, text)
        height = self.width() * self.image.height() / self.image.width()
        painter.drawImage(QRectF(0, _TITLE, self.width(), height), self.image)


def contact_sheet(patches: PatchSet) -> QImage:
    """Particles on the left and background on the right, of every origin some, as one picture."""
    limits = np.percentile(_smoothed(patches.images[:: max(1, len(patches) // 100)]), (1, 99)).astype(float)
    halves = [_mosaic(patches, np.flatnonzero(patches.particle == particle), limits) for particle in (True, False)]
    height = halves[0].shape[0]
    grey = np.ascontiguousarray(np.hstack([halves[0], np.zeros((height, _GAP), np.uint8), halves[1]]))
    alpha = np.ones_like(grey) * 255
    alpha[:, halves[0].shape[1] : halves[0].shape[1] + _GAP] = 0
    pixels = np.ascontiguousarray(np.dstack([grey, grey, grey, alpha]))
    height, width = grey.shape
    image = QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888)
    return QImage(image.copy())  # of its own memory


def _mosaic(patches: PatchSet, which: IndexArray, limits: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """``(h, w)`` grey levels of some of these, row by row."""
    side = patches.images.shape[1]
    chosen = _some(patches, which)
    sheet = np.zeros((ROWS * COLUMNS, side, side), np.uint8)
    scaled = (_smoothed(patches.images[chosen]) - limits[0]) / max(float(np.ptp(limits)), 1e-6)
    sheet[: len(chosen)] = np.round(255 * np.clip(scaled, 0, 1))
    sheet[:, [0, -1]] = sheet[:, :, [0, -1]] = 0  # a line between neighbours
    return np.asarray(sheet.reshape(ROWS, COLUMNS, side, side).swapaxes(1, 2).reshape(ROWS * side, COLUMNS * side))


def _some(patches: PatchSet, which: IndexArray) -> IndexArray:
    """As many as there is room for, in turn from every origin, those of one origin together."""
    rng = np.random.default_rng(0)
    shuffled = rng.permutation(which)
    turn = np.zeros(len(shuffled), np.int64)
    for origin in np.unique(patches.origin[shuffled]):
        same = patches.origin[shuffled] == origin
        turn[same] = np.arange(same.sum())
    chosen = shuffled[np.argsort(turn, kind="stable")][: ROWS * COLUMNS]
    return np.asarray(chosen[np.argsort(patches.origin[chosen], kind="stable")])


def _smoothed(images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    smooth = gaussian_filter(images, (0, _SMOOTHED, _SMOOTHED))
    return np.asarray(smooth - smooth.mean(axis=(1, 2), keepdims=True))
