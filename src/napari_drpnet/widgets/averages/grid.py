"""Averages in rows that scroll, each with what is known of it; chosen by mouse and keyboard."""

from __future__ import annotations

from typing import Any

from psygnal import Signal
from qtpy.QtCore import QEvent, QPoint, QRect, QSize, Qt
from qtpy.QtGui import QImage, QKeyEvent, QPainter
from qtpy.QtWidgets import QAbstractScrollArea, QFrame, QToolTip

from napari_drpnet.drawing.class_sheet import grey_averages
from napari_drpnet.widgets.averages.model import ClassList
from napari_drpnet.widgets.averages.tile import draw

WIDTH, GAP = 112, 6  # least width of an average on the screen, and what is between two
_TEXT = 10  # pixels of the letters; with larger ones the captions do not fit below

_SHIFT = Qt.KeyboardModifier.ShiftModifier
_CTRL = Qt.KeyboardModifier.ControlModifier
_KEYS = Qt.Key
_MARKS: dict[int, str] = {
    _KEYS.Key_G: "accepted",
    _KEYS.Key_B: "rejected",
    _KEYS.Key_Delete: "rejected",
    _KEYS.Key_Backspace: "rejected",
}
_MOVES = (_KEYS.Key_Left, _KEYS.Key_Right, _KEYS.Key_Up, _KEYS.Key_Down, _KEYS.Key_Home, _KEYS.Key_End)


class AveragesGrid(QAbstractScrollArea):
    """The averages of a list of classes.

    Parameters
    ----------
    classes
        Whoever gives it other averages calls `renew`.

    Attributes
    ----------
    hint
        What an empty grid says.
    """

    chosen = Signal()  # other classes
    opened = Signal(int)  # a double click on a class, or Return
    marked = Signal(str)  # a key that accepts or rejects
    undone = Signal()  # Ctrl+Z
    redone = Signal()  # Ctrl+Shift+Z
    stepped = Signal(int)  # N: 1, Shift+N: -1

    def __init__(self, classes: ClassList) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(QSize(2 * WIDTH + GAP, WIDTH))
        self.hint = ""
        self._classes = classes
        self._images: list[QImage] = []

    def renew(self) -> None:
        """There are other averages."""
        averages = self._classes.averages
        greys = () if averages is None else grey_averages(averages.images, averages.diameter / averages.pixel_size)
        kind = QImage.Format.Format_Grayscale8
        # The copy has pixels of its own: Qt keeps no reference to those of numpy.
        self._images = [QImage(grey.tobytes(), grey.shape[1], len(grey), grey.shape[1], kind).copy() for grey in greys]
        self._lay_out()

    def refresh(self) -> None:
        """Other classes are chosen, or have a verdict."""
        self._view.update()

    # ------------------------------------------------------------ where things are

    @property
    def columns(self) -> int:
        """Averages in a row."""
        return max(1, int(self._view.width() + GAP) // (WIDTH + GAP))

    def place(self, at: int) -> QRect:
        """Where an average with its caption is in the viewport."""
        row, column = divmod(at, self.columns)
        top = row * (self._height + GAP) - self._bar.value()
        return QRect(column * (self._side + GAP), top, self._side, self._height)

    def class_at(self, point: QPoint) -> int:
        """The class under a point of the viewport; -1 for none."""
        return next((at for at in range(len(self._classes)) if self.place(at).contains(point)), -1)

    @property
    def _side(self) -> int:
        """Of an average: a row of them fills the width, but does not blow up a few."""
        room = (self._view.width() + GAP) // self.columns - GAP
        return int(min(room, 2 * WIDTH))

    @property
    def _lines(self) -> int:
        """Of a caption."""
        return len(self._classes.lines(0)) if len(self._classes) else 0

    @property
    def _line(self) -> int:
        return _TEXT + 4

    @property
    def _height(self) -> int:
        return self._side + self._lines * self._line + 4

    @property
    def _bar(self) -> Any:
        return self.verticalScrollBar()

    @property
    def _view(self) -> Any:
        return self.viewport()

    def _lay_out(self) -> None:
        rows = -(-len(self._classes) // self.columns)
        self._bar.setRange(0, max(0, rows * (self._height + GAP) - GAP - int(self._view.height())))
        self._bar.setPageStep(int(self._view.height()))
        self._bar.setSingleStep(self._height // 2)
        self.refresh()

    def _ensure_in_sight(self, at: int) -> None:
        place, height = self.place(at), int(self._view.height())
        if place.top() < 0 or place.height() > height:
            self._bar.setValue(self._bar.value() + place.top())
        elif place.bottom() >= height:
            self._bar.setValue(self._bar.value() + place.bottom() + 1 - height)

    # ------------------------------------------------------------ drawing

    def resizeEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        self._lay_out()

    def scrollContentsBy(self, dx: int, dy: int) -> None:  # noqa: D102, N802 - Qt's own method
        self.refresh()

    def paintEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        painter = QPainter(self._view)
        painter.setPen(self.palette().color(self.foregroundRole()))
        if not self._images:
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self._view.rect().adjusted(12, 12, -12, -12), int(flags), self.hint)
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        font = painter.font()
        font.setPixelSize(_TEXT)
        painter.setFont(font)
        for at, image in enumerate(self._images):
            place = self.place(at)
            if place.bottom() >= 0 and place.top() <= self._view.height():
                classes = self._classes
                chosen = bool(classes.selected[at])
                draw(painter, place, image, classes.lines(at), self._line, verdict=classes.verdict(at), chosen=chosen)

    # ------------------------------------------------------------ mouse

    def mousePressEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        at = self.class_at(event.pos())
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if at < 0:
            self.choose_all(False)
        else:
            self._choose(at, event.modifiers())

    def mouseDoubleClickEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        at = self.class_at(event.pos())
        if at >= 0:
            self.opened.emit(at)

    def _choose(self, at: int, modifiers: Any) -> None:
        """Ctrl adds one or takes it away, Shift takes all from the last one on."""
        self._classes.choose(at, upto=bool(modifiers & _SHIFT), toggle=bool(modifiers & _CTRL))
        self._ensure_in_sight(at)
        self.refresh()
        self.chosen.emit()

    def choose_all(self, every: bool) -> None:
        """Choose all classes, or none."""
        self._classes.choose_all(every)
        self.refresh()
        self.chosen.emit()

    def viewportEvent(self, event: Any) -> bool:  # noqa: D102, N802 - Qt's own method
        if event.type() == QEvent.Type.ToolTip:
            at = self.class_at(event.pos())
            QToolTip.showText(event.globalPos(), self._classes.described(at) if at >= 0 else "", self)
            return True
        return bool(super().viewportEvent(event))

    # ------------------------------------------------------------ keyboard

    def event(self, event: Any) -> bool:  # noqa: D102 - Qt's own method
        if event.type() == QEvent.Type.ShortcutOverride and self._is_ours(event):
            event.accept()  # or napari's menus take the key
            return True
        return bool(super().event(event))

    def _is_ours(self, event: QKeyEvent) -> bool:
        if event.modifiers() & _CTRL:
            return event.key() in (_KEYS.Key_A, _KEYS.Key_Z, _KEYS.Key_Y)
        return event.key() in (*_MARKS, *_MOVES, _KEYS.Key_N, _KEYS.Key_Return, _KEYS.Key_Enter, _KEYS.Key_Escape)

    def keyPressEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        key, shift = event.key(), bool(event.modifiers() & _SHIFT)
        if not self._is_ours(event):
            super().keyPressEvent(event)
        elif key in _MOVES:
            self._move(key, event.modifiers())
        elif key in _MARKS:
            self.marked.emit(_MARKS[key])
        elif key == _KEYS.Key_N:
            self.stepped.emit(-1 if shift else 1)
        elif key == _KEYS.Key_Y or (key == _KEYS.Key_Z and shift):
            self.redone.emit()
        elif key == _KEYS.Key_Z:
            self.undone.emit()
        elif key in (_KEYS.Key_Return, _KEYS.Key_Enter):
            if self._classes.current >= 0:
                self.opened.emit(self._classes.current)
        else:
            self.choose_all(key == _KEYS.Key_A)

    def _move(self, key: int, modifiers: Any) -> None:
        count = len(self._classes)
        if count:
            steps = (-1, 1, -self.columns, self.columns, -count, count)  # of _MOVES
            to = 0 if self._classes.current < 0 else self._classes.current + steps[_MOVES.index(key)]
            self._choose(min(max(to, 0), count - 1), modifiers & _SHIFT)
