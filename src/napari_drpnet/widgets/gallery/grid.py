"""Rows of thumbnails that scroll: only those in sight are drawn, however many there are."""

from __future__ import annotations

from typing import Any

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QEvent, QPoint, QRect, QSize, Qt
from qtpy.QtGui import QKeyEvent, QPainter
from qtpy.QtWidgets import QAbstractScrollArea, QFrame, QToolTip

from napari_drpnet.candidates import IndexArray
from napari_drpnet.labels import LabelKind
from napari_drpnet.widgets.gallery.catalogue import Catalogue
from napari_drpnet.widgets.gallery.thumbnails import Thumbnails
from napari_drpnet.widgets.gallery.tile import draw
from napari_drpnet.widgets.kit.parts import timer

SMALLEST, USUAL, LARGEST = 32, 84, 256  # pixels of the screen
_GAP = 3
_ROOM_FOR_SCORE = 56  # a thumbnail smaller than this has no place for a number
_PICTURE = 40  # milliseconds between two pictures while thumbnails are made
_AHEAD = 2  # screens made before they are scrolled to

_SHIFT = Qt.KeyboardModifier.ShiftModifier
_CTRL = Qt.KeyboardModifier.ControlModifier
_KEYS = Qt.Key
_MARKS: dict[int, LabelKind] = {
    _KEYS.Key_B: "background",
    _KEYS.Key_Delete: "background",
    _KEYS.Key_Backspace: "background",
    _KEYS.Key_G: "particle",
}
_MOVES: tuple[int, ...] = (
    *(_KEYS.Key_Left, _KEYS.Key_Right, _KEYS.Key_Up, _KEYS.Key_Down),
    *(_KEYS.Key_PageUp, _KEYS.Key_PageDown, _KEYS.Key_Home, _KEYS.Key_End),
)


class Grid(QAbstractScrollArea):
    """Thumbnails of what a catalogue shows, with a selection by mouse and keyboard.

    Parameters
    ----------
    catalogue
        What is shown. Whoever changes it calls `rearranged` or `renumbered`.
    thumbnails
        Where the pictures come from.

    Attributes
    ----------
    current
        Position of the thumbnail that the keyboard is at; -1 for none.
    """

    gone_to = Signal(int)  # a click or Return on a position
    marked = Signal(str)  # a key that labels what is selected
    undone = Signal()  # Ctrl+Z
    selected = Signal()  # another selection

    def __init__(self, catalogue: Catalogue, thumbnails: Thumbnails) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(QSize(3 * USUAL, 2 * USUAL))
        self._catalogue = catalogue
        self._thumbnails = thumbnails
        self._size = USUAL
        self._width = 0  # of the viewport when the rows were laid out
        self.current = self._anchor = -1  # positions: where the keyboard is, and where a range began
        self.hint = ""  # what an empty grid says
        # Not a picture for every thumbnail: that takes longer than to make them.
        self._soon = timer(self._redraw, _PICTURE, self)
        thumbnails.made.connect(self._redraw_soon)

    # ------------------------------------------------------------ where things are

    @property
    def size_of_one(self) -> int:
        """Least side of a thumbnail in pixels of the screen; a row of them fills the width."""
        return self._size

    @size_of_one.setter
    def size_of_one(self, size: int) -> None:
        first = self.first
        self._size = min(max(size, SMALLEST), LARGEST)
        self._lay_out()
        self._scroll_to(first)

    @property
    def columns(self) -> int:
        """Thumbnails in a row."""
        return max(1, (self._width + _GAP) // (self._size + _GAP))

    @property
    def first(self) -> int:
        """Position of the first thumbnail in sight."""
        return int(self._bar.value()) // self._step * self.columns

    @property
    def in_sight(self) -> range:
        """Positions that are drawn now, at least in part."""
        rows = (self._bar.value() + self._height()) // self._step + 1
        return range(self.first, min(rows * self.columns, self._count))

    def place(self, position: int) -> QRect:
        """Where a thumbnail is in the viewport."""
        row, column = divmod(position, self.columns)
        side = self._step - _GAP
        return QRect(column * self._step, row * self._step - self._bar.value(), side, side)

    def position_at(self, point: QPoint) -> int:
        """The thumbnail under a point of the viewport; -1 for none."""
        row = (point.y() + self._bar.value()) // self._step
        column = point.x() // self._step
        position = int(row * self.columns + column)
        return position if 0 <= column < self.columns and 0 <= position < self._count else -1

    def on_screen(self, point: QPoint) -> QPoint:
        """A point of the viewport in pixels of the screen."""
        at: QPoint = self._viewport.mapToGlobal(point)
        return at

    @property
    def _bar(self) -> Any:
        return self.verticalScrollBar()

    @property
    def _step(self) -> int:
        return (self._width + _GAP) // self.columns

    @property
    def _count(self) -> int:
        return len(self._catalogue.shown)

    def _height(self) -> int:
        return int(self._viewport.height())

    @property
    def _viewport(self) -> Any:
        return self.viewport()

    # ------------------------------------------------------------ what changes

    def rearranged(self) -> None:
        """The catalogue has another order: begin at its top."""
        self.current = self._anchor = -1
        self._lay_out()
        self._bar.setValue(0)
        self.selected.emit()

    def renumbered(self, before: IndexArray, numbers: IndexArray) -> None:
        """The catalogue changed in places: go on showing what was in sight.

        Parameters
        ----------
        before
            What the catalogue's ``shown`` was.
        numbers
            What `Catalogue.replace` gave.
        """
        positions = np.full(len(self._catalogue) + 1, -1)
        positions[self._catalogue.shown] = np.arange(self._count)
        after = positions[numbers[before]]  # of each old position; number -1 picks the last, which is -1
        first, offset = self.first, self._bar.value() % self._step
        self.current, self._anchor = (int(after[at]) if at >= 0 else -1 for at in (self.current, self._anchor))
        self._lay_out()
        still = np.flatnonzero(after[first:] >= 0)
        if len(still):
            self._bar.setValue(int(after[first + still[0]]) // self.columns * self._step + offset)
        self.selected.emit()

    def refresh(self) -> None:
        """The selection or labels changed."""
        self._redraw()
        self.selected.emit()

    def _lay_out(self) -> None:
        self._width = int(self._viewport.width())
        rows = -(-self._count // self.columns)
        self._bar.setRange(0, max(0, rows * self._step - self._height()))
        self._bar.setPageStep(max(self._height() // self._step, 1) * self._step)
        self._bar.setSingleStep(self._step)
        self._redraw()

    def _redraw_soon(self) -> None:
        if not self._soon.isActive():
            self._soon.start()

    def _redraw(self) -> None:
        self._viewport.update()

    def _scroll_to(self, position: int) -> None:
        self._bar.setValue(position // self.columns * self._step)

    def _ensure_in_sight(self, position: int) -> None:
        place = self.place(position)
        if place.top() < 0:
            self._bar.setValue(self._bar.value() + place.top())
        elif place.bottom() >= self._height():
            self._bar.setValue(self._bar.value() + place.bottom() + 1 - self._height())

    # ------------------------------------------------------------ drawing

    def resizeEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        first = self.first
        self._lay_out()
        self._scroll_to(first)

    def scrollContentsBy(self, dx: int, dy: int) -> None:  # noqa: D102, N802 - Qt's own method
        self._redraw()

    def paintEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        painter = QPainter(self._viewport)
        if not self._count:
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self._viewport.rect().adjusted(12, 12, -12, -12), int(flags), self.hint)
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        font = painter.font()
        font.setPixelSize(max(10, min(self._step // 7, 16)))
        painter.setFont(font)
        missing = [at for at in self.in_sight if not self._draw(painter, at)]
        self._ask_for(missing)

    def _draw(self, painter: QPainter, position: int) -> bool:
        """Draw one; whether its picture was there."""
        catalogue, particle = self._catalogue, self._catalogue.particle(position)
        image = self._thumbnails.get(particle.key)
        draw(
            painter,
            self.place(position),
            image,
            particle,
            caption=catalogue.caption(particle) if self._step >= _ROOM_FOR_SCORE else "",
            selected=bool(catalogue.selected[catalogue.shown[position]]),
            failed=bool(self._thumbnails.failure(particle.micrograph)),
        )
        return image is not None

    def _ask_for(self, missing: list[int]) -> None:
        """What is in sight first, then the next screens."""
        shown = self.in_sight
        further = range(shown.stop, min(shown.stop + _AHEAD * len(shown), self._count))
        catalogue = self._catalogue
        self._thumbnails.want(catalogue.key(int(catalogue.shown[at])) for at in (*missing, *further))

    # ------------------------------------------------------------ mouse

    def mousePressEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        position = self.position_at(event.pos())
        if position < 0:
            return
        if event.button() == Qt.MouseButton.LeftButton:
            self._choose(position, event.modifiers())
            if not event.modifiers() & (_CTRL | _SHIFT):
                self.gone_to.emit(position)
        elif not self._catalogue.selected[self._catalogue.shown[position]]:  # the menu is for what is selected
            self._choose(position, Qt.KeyboardModifier.NoModifier)

    def mouseMoveEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        position = self.position_at(event.pos())
        if event.buttons() & Qt.MouseButton.LeftButton and position not in (-1, self.current):
            self._choose(position, event.modifiers() | _SHIFT)

    def _choose(self, position: int, modifiers: Any) -> None:
        """Ctrl adds one or takes it away, Shift takes all from the last one on, both add all of these."""
        if modifiers & _SHIFT and self._anchor >= 0:
            self._catalogue.select(self._anchor, position, more=bool(modifiers & _CTRL))
        elif modifiers & _CTRL:
            self._catalogue.toggle(position)
            self._anchor = position
        else:
            self._catalogue.select(position, position)
            self._anchor = position
        self.current = position
        self._ensure_in_sight(position)
        self.refresh()

    def viewportEvent(self, event: Any) -> bool:  # noqa: D102, N802 - Qt's own method
        if event.type() == QEvent.Type.ToolTip:
            position = self.position_at(event.pos())
            QToolTip.showText(event.globalPos(), self._about(position) if position >= 0 else "", self)
            return True
        return bool(super().viewportEvent(event))

    def _about(self, position: int) -> str:
        particle = self._catalogue.particle(position)
        return self._thumbnails.failure(particle.micrograph) or self._catalogue.described(particle)

    # ------------------------------------------------------------ keyboard

    def event(self, event: Any) -> bool:  # noqa: D102 - Qt's own method
        if event.type() == QEvent.Type.ShortcutOverride and self._is_ours(event):
            event.accept()  # or napari's menus take the key
            return True
        return bool(super().event(event))

    def _is_ours(self, event: QKeyEvent) -> bool:
        if event.modifiers() & _CTRL:
            return event.key() in (_KEYS.Key_A, _KEYS.Key_Z, *_MOVES)
        return event.key() in (*_MARKS, *_MOVES, _KEYS.Key_Return, _KEYS.Key_Enter, _KEYS.Key_Escape)

    def keyPressEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        key, ctrl = event.key(), bool(event.modifiers() & _CTRL)
        if not self._is_ours(event):
            super().keyPressEvent(event)
        elif key in _MOVES:
            self._move(key, event.modifiers())
        elif key in _MARKS:
            self.marked.emit(_MARKS[key])
        elif ctrl and key == _KEYS.Key_Z:
            self.undone.emit()
        elif key in (_KEYS.Key_Return, _KEYS.Key_Enter):
            if self.current >= 0:
                self.gone_to.emit(self.current)
        else:
            self.select_all(key == _KEYS.Key_A)

    def select_all(self, every: bool = True) -> None:
        """Select all that is shown, or nothing."""
        self._catalogue.selected[:] = False
        if every:
            self._catalogue.selected[self._catalogue.shown] = True
        self.refresh()

    def _move(self, key: int, modifiers: Any) -> None:
        if not self._count:
            return
        page = max(self._height() // self._step, 1) * self.columns
        steps = (-1, 1, -self.columns, self.columns, -page, page, -self._count, self._count + 1)  # of _MOVES
        begins = self.current < 0 and key not in (_KEYS.Key_Home, _KEYS.Key_End)
        position = self.first if begins else self.current + steps[_MOVES.index(key)]
        self._choose(min(max(position, 0), self._count - 1), modifiers & _SHIFT)
