"""Averages in rows that scroll, each with what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from psygnal import Signal
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QImage, QPainter

from napari_drpnet.drawing.class_sheet import grey_averages
from napari_drpnet.widgets.averages.model import ClassList
from napari_drpnet.widgets.averages.tile import draw
from napari_drpnet.widgets.kit.tiles import CTRL, KEYS, SHIFT, Tiles

WIDTH, GAP = 112, 6  # least width of an average on the screen, and what is between two
_TEXT, _LINE = 10, 14  # pixels of the letters (with larger ones the captions do not fit below), and of a line


class AveragesGrid(Tiles):
    """The averages of a list of classes.

    Parameters
    ----------
    classes
        Whoever gives it other averages calls `renew`.
    """

    redone = Signal()  # Ctrl+Shift+Z
    stepped = Signal(int)  # N: 1, Shift+N: -1

    marks: ClassVar[Mapping[int, str]] = {
        KEYS.Key_G: "accepted",
        KEYS.Key_B: "rejected",
        KEYS.Key_Delete: "rejected",
        KEYS.Key_Backspace: "rejected",
    }
    keys: ClassVar[tuple[int, ...]] = (KEYS.Key_N,)
    ctrl_keys: ClassVar[tuple[int, ...]] = (KEYS.Key_Y,)

    def __init__(self, classes: ClassList) -> None:
        super().__init__(QSize(2 * WIDTH + GAP, WIDTH), WIDTH, GAP)
        self._classes = classes
        self._images: list[QImage] = []

    def renew(self) -> None:
        """There are other averages."""
        averages = self._classes.averages
        greys = () if averages is None else grey_averages(averages.images, averages.diameter / averages.pixel_size)
        kind = QImage.Format.Format_Grayscale8
        # The copy has pixels of its own: Qt keeps no reference to those of numpy.
        self._images = [QImage(grey.tobytes(), grey.shape[1], len(grey), grey.shape[1], kind).copy() for grey in greys]
        self.lay_out()

    def lay_out(self) -> None:
        """There are others, or they have another size; they are high: half of one is a step of the wheel."""
        super().lay_out()
        self._bar.setSingleStep(self._pitch.height() // 2)

    # ------------------------------------------------------------ for the tiles

    @property
    def count(self) -> int:
        """How many classes there are."""
        return len(self._images)

    @property
    def at(self) -> int:
        """The class that the keyboard is at; -1 for none."""
        return self._classes.current

    def _size(self, room: int) -> QSize:
        """A row fills the width, but does not blow up a few."""
        side = min(room, 2 * WIDTH)
        return QSize(side, side + (len(self._classes.lines(0)) if self.count else 0) * _LINE + 4)

    def _text_height(self) -> int:
        return _TEXT

    def _draw(self, painter: QPainter, position: int) -> None:
        classes, image = self._classes, self._images[position]
        chosen, verdict = bool(classes.selected[position]), classes.verdict(position)
        draw(painter, self.place(position), image, classes.lines(position), _LINE, verdict=verdict, chosen=chosen)

    def _about(self, position: int) -> str:
        return self._classes.described(position)

    def _take(self, position: int, *, upto: bool, more: bool) -> None:
        self._classes.choose(position, upto=upto, toggle=more)

    def _take_all(self, every: bool) -> None:
        self._classes.choose_all(every)

    # ------------------------------------------------------------ mouse and keyboard

    def mousePressEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        super().mousePressEvent(event)
        if self.position_at(event.pos()) < 0 and event.button() == Qt.MouseButton.LeftButton:
            self.select_all(False)

    def mouseDoubleClickEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        position = self.position_at(event.pos())
        if position >= 0:
            self.opened.emit(position)

    def keyPressEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        key, shift, ctrl = event.key(), bool(event.modifiers() & SHIFT), bool(event.modifiers() & CTRL)
        if key == KEYS.Key_N and not ctrl:
            self.stepped.emit(-1 if shift else 1)
        elif ctrl and (key == KEYS.Key_Y or (key == KEYS.Key_Z and shift)):
            self.redone.emit()
        else:
            super().keyPressEvent(event)
