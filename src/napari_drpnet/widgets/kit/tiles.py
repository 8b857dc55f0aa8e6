"""Tiles in rows that scroll, chosen by mouse and keyboard, of which only those in sight are drawn; and their frames."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, ClassVar

from psygnal import Signal
from qtpy.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QKeyEvent, QPainter, QPen
from qtpy.QtWidgets import QAbstractScrollArea, QFrame, QToolTip

SHIFT = Qt.KeyboardModifier.ShiftModifier
CTRL = Qt.KeyboardModifier.ControlModifier
KEYS = Qt.Key
_MOVES = (
    *(KEYS.Key_Left, KEYS.Key_Right, KEYS.Key_Up, KEYS.Key_Down),
    *(KEYS.Key_PageUp, KEYS.Key_PageDown, KEYS.Key_Home, KEYS.Key_End),
)
_RETURN = (KEYS.Key_Return, KEYS.Key_Enter)
_CHOSEN, _EDGE = QColor("#ffffff"), QColor("#000000")


class Tiles(QAbstractScrollArea):
    """Tiles of equal size; the rows of them fill the width.

    Who fills it says how many there are, how large one is, what it looks like, and which are chosen. A *position*
    counts from 0, row by row.

    Parameters
    ----------
    smallest
        Pixels of the screen that all of it needs.
    least, gap
        Least width of a tile, and what is between two.

    Attributes
    ----------
    hint
        What is said where there are none.
    marks
        Keys that say something of what is chosen, and what each says.
    keys, ctrl_keys
        More keys that are not left to napari's menus, alone and with Ctrl.
    """

    chosen = Signal()  # others are chosen
    opened = Signal(int)  # one is to be looked at
    marked = Signal(str)  # a key of ``marks``
    undone = Signal()  # Ctrl+Z

    marks: ClassVar[Mapping[int, str]] = {}
    keys: ClassVar[tuple[int, ...]] = ()
    ctrl_keys: ClassVar[tuple[int, ...]] = ()

    def __init__(self, smallest: QSize, least: int, gap: int) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(smallest)
        self.hint = ""
        self._least, self._gap = least, gap
        self._width = 0  # of the viewport when the rows were laid out

    # ------------------------------------------------------------ what is shown
    # A grid fills these in. They are not abstract methods, as Qt's classes have a metaclass that is not `ABCMeta`.

    @property
    def count(self) -> int:
        """How many there are."""
        raise NotImplementedError

    @property
    def at(self) -> int:
        """Position that the keyboard is at; -1 for none."""
        raise NotImplementedError

    def _size(self, room: int) -> QSize:
        """Of a tile that has so much room beside the others."""
        raise NotImplementedError

    def _text_height(self) -> int:
        """Pixels of the letters."""
        raise NotImplementedError

    def _draw(self, painter: QPainter, position: int) -> None:
        """Draw one, at its `place`."""
        raise NotImplementedError

    def _drawn(self) -> None:
        """All that is in sight is drawn."""

    def _about(self, position: int) -> str:
        """What a tooltip says of one."""
        raise NotImplementedError

    def _take(self, position: int, *, upto: bool, more: bool) -> None:
        """Choose one alone; ``upto``: all from the last one on; ``more``: beside what is chosen."""
        raise NotImplementedError

    def _take_all(self, every: bool) -> None:
        """Choose all, or none."""
        raise NotImplementedError

    # ------------------------------------------------------------ where things are

    @property
    def columns(self) -> int:
        """Tiles in a row."""
        return max(1, (self._width + self._gap) // (self._least + self._gap))

    @property
    def first(self) -> int:
        """Position of the first one in sight."""
        return int(self._bar.value()) // self._pitch.height() * self.columns

    @property
    def in_sight(self) -> range:
        """Positions that are drawn now, at least in part."""
        rows = (self._bar.value() + self._view.height()) // self._pitch.height() + 1
        return range(self.first, min(rows * self.columns, self.count))

    def place(self, position: int) -> QRect:
        """Where a tile is in the viewport."""
        row, column = divmod(position, self.columns)
        pitch = self._pitch
        corner = QPoint(column * pitch.width(), row * pitch.height() - self._bar.value())
        return QRect(corner, pitch - QSize(self._gap, self._gap))

    def position_at(self, point: QPoint) -> int:
        """The tile under a point of the viewport, or before the gap under it; -1 for none."""
        row = (point.y() + self._bar.value()) // self._pitch.height()
        column = point.x() // self._pitch.width()
        position = int(row * self.columns + column)
        return position if 0 <= column < self.columns and 0 <= position < self.count else -1

    def on_screen(self, point: QPoint) -> QPoint:
        """A point of the viewport in pixels of the screen."""
        there: QPoint = self._view.mapToGlobal(point)
        return there

    @property
    def _pitch(self) -> QSize:
        """From one tile to the next."""
        size = self._size((self._width + self._gap) // self.columns - self._gap)
        return size + QSize(self._gap, self._gap)

    @property
    def _page(self) -> int:
        """Rows that the viewport has room for."""
        return max(int(self._view.height()) // self._pitch.height(), 1)

    @property
    def _bar(self) -> Any:
        return self.verticalScrollBar()

    @property
    def _view(self) -> Any:
        return self.viewport()

    def lay_out(self) -> None:
        """There are more or fewer of them, or they have another size."""
        self._width = int(self._view.width())
        rows, step = -(-self.count // self.columns), self._pitch.height()
        self._bar.setRange(0, max(0, rows * step - self._gap - int(self._view.height())))
        self._bar.setPageStep(self._page * step)
        self._bar.setSingleStep(step)
        self.redraw()

    def redraw(self) -> None:
        """They look otherwise."""
        self._view.update()

    def _scroll_to(self, position: int) -> None:
        self._bar.setValue(position // self.columns * self._pitch.height())

    def _ensure_in_sight(self, position: int) -> None:
        place, height = self.place(position), int(self._view.height())
        if place.top() < 0 or place.height() > height:
            self._bar.setValue(self._bar.value() + place.top())
        elif place.bottom() >= height:
            self._bar.setValue(self._bar.value() + place.bottom() + 1 - height)

    # ------------------------------------------------------------ drawing

    def resizeEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        first = self.first if self._width else 0
        self.lay_out()
        self._scroll_to(first)

    def scrollContentsBy(self, dx: int, dy: int) -> None:  # noqa: D102, N802 - Qt's own method
        self.redraw()

    def paintEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        painter = QPainter(self._view)
        painter.setPen(self.palette().color(self.foregroundRole()))
        if not self.count:
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self._view.rect().adjusted(12, 12, -12, -12), int(flags), self.hint)
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        font = painter.font()
        font.setPixelSize(self._text_height())
        painter.setFont(font)
        for position in self.in_sight:
            self._draw(painter, position)
        self._drawn()

    # ------------------------------------------------------------ mouse

    def mousePressEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        position = self.position_at(event.pos())
        if position >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self._choose(position, event.modifiers())

    def _choose(self, position: int, modifiers: Any) -> None:
        """Ctrl adds one or takes it away, Shift takes all from the last one on."""
        self._take(position, upto=bool(modifiers & SHIFT), more=bool(modifiers & CTRL))
        self._ensure_in_sight(position)
        self._told()

    def select_all(self, every: bool = True) -> None:
        """Choose all that is shown, or nothing."""
        self._take_all(every)
        self._told()

    def _told(self) -> None:
        self.redraw()
        self.chosen.emit()

    def viewportEvent(self, event: Any) -> bool:  # noqa: D102, N802 - Qt's own method
        if event.type() == QEvent.Type.ToolTip:
            position = self.position_at(event.pos())
            QToolTip.showText(event.globalPos(), self._about(position) if position >= 0 else "", self)
            return True
        return bool(super().viewportEvent(event))

    # ------------------------------------------------------------ keyboard

    def event(self, event: Any) -> bool:  # noqa: D102 - Qt's own method
        if event.type() == QEvent.Type.ShortcutOverride and self._is_ours(event):
            event.accept()  # or napari's menus take the key
            return True
        return bool(super().event(event))

    def _is_ours(self, event: QKeyEvent) -> bool:
        if event.modifiers() & CTRL:
            return event.key() in (KEYS.Key_A, KEYS.Key_Z, *_MOVES, *self.ctrl_keys)
        return event.key() in (*self.marks, *_MOVES, *_RETURN, KEYS.Key_Escape, *self.keys)

    def keyPressEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        key = event.key()
        if not self._is_ours(event):
            super().keyPressEvent(event)
        elif key in _MOVES:
            self._move(key, event.modifiers())
        elif key in self.marks:
            self.marked.emit(self.marks[key])
        elif key == KEYS.Key_Z:
            self.undone.emit()
        elif key in _RETURN:
            if self.at >= 0:
                self.opened.emit(self.at)
        else:
            self.select_all(key == KEYS.Key_A)

    def _move(self, key: int, modifiers: Any) -> None:
        if not self.count:
            return
        page = self._page * self.columns
        steps = (-1, 1, -self.columns, self.columns, -page, page, -self.count, self.count + 1)  # of _MOVES
        begins = self.at < 0 and key not in (KEYS.Key_Home, KEYS.Key_End)
        position = self.first if begins else self.at + steps[_MOVES.index(key)]
        self._choose(min(max(position, 0), self.count - 1), modifiers & SHIFT)


def frame(painter: QPainter, place: QRect, colour: QColor, width: int) -> None:
    """A frame inside of a place; the pen stays what it is."""
    before, pen = painter.pen(), QPen(colour, width)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    painter.setPen(pen)
    half = width / 2
    painter.drawRect(QRectF(place).adjusted(half, half, -half, -half))
    painter.setPen(before)


def chosen_frame(painter: QPainter, place: QRect) -> None:
    """What is chosen, seen on black and on white."""
    frame(painter, place.adjusted(-2, -2, 2, 2), _CHOSEN, 4)
    frame(painter, place.adjusted(2, 2, -2, -2), _EDGE, 1)


def joined(painter: QPainter, colour: QColor, *points: QPoint) -> None:
    """Points joined by lines; the pen stays what it is."""
    before = painter.pen()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setPen(QPen(colour, 2.5))
    for start, end in pairwise(points):
        painter.drawLine(start, end)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(before)


def cross(painter: QPainter, place: QRect, colour: QColor) -> None:
    """From corner to corner, for those who do not see the colour."""
    joined(painter, colour, place.topLeft(), place.bottomRight())
    joined(painter, colour, place.topRight(), place.bottomLeft())
