"""Thumbnails in rows that scroll: only those in sight are drawn, however many there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QPainter

from napari_drpnet.candidates import IndexArray
from napari_drpnet.widgets.gallery.catalogue import Catalogue
from napari_drpnet.widgets.gallery.thumbnails import Thumbnails
from napari_drpnet.widgets.gallery.tile import draw
from napari_drpnet.widgets.kit.parts import timer
from napari_drpnet.widgets.kit.tiles import CTRL, KEYS, SHIFT, Tiles

SMALLEST, USUAL, LARGEST = 32, 84, 256  # pixels of the screen
_GAP = 3
_ROOM_FOR_SCORE = 56  # a thumbnail smaller than this has no place for a number
_PICTURE = 40  # milliseconds between two pictures while thumbnails are made
_AHEAD = 2  # screens made before they are scrolled to


class Grid(Tiles):
    """Thumbnails of what a catalogue shows.

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

    marks: ClassVar[Mapping[int, str]] = {
        KEYS.Key_B: "background",
        KEYS.Key_Delete: "background",
        KEYS.Key_Backspace: "background",
        KEYS.Key_G: "particle",
    }

    def __init__(self, catalogue: Catalogue, thumbnails: Thumbnails) -> None:
        super().__init__(QSize(3 * USUAL, 2 * USUAL), USUAL, _GAP)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self._catalogue = catalogue
        self._thumbnails = thumbnails
        self._missing: list[int] = []  # in sight, without a picture
        self.current = self._anchor = -1  # positions: where the keyboard is, and where a range began
        # Not a picture for every thumbnail: that takes longer than to make them.
        self._soon = timer(self.redraw, _PICTURE, self)
        thumbnails.made.connect(self._redraw_soon)

    @property
    def size_of_one(self) -> int:
        """Least side of a thumbnail in pixels of the screen; a row of them fills the width."""
        return self._least

    @size_of_one.setter
    def size_of_one(self, size: int) -> None:
        first = self.first
        self._least = min(max(size, SMALLEST), LARGEST)
        self.lay_out()
        self._scroll_to(first)

    # ------------------------------------------------------------ what changes

    def rearranged(self) -> None:
        """The catalogue has another order: begin at its top."""
        self.current = self._anchor = -1
        self.lay_out()
        self._bar.setValue(0)
        self.chosen.emit()

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
        positions[self._catalogue.shown] = np.arange(self.count)
        after = positions[numbers[before]]  # of each old position; number -1 picks the last, which is -1
        step = self._pitch.height()
        first, offset = self.first, self._bar.value() % step
        self.current, self._anchor = (int(after[at]) if at >= 0 else -1 for at in (self.current, self._anchor))
        self.lay_out()
        still = np.flatnonzero(after[first:] >= 0)
        if len(still):
            self._bar.setValue(int(after[first + still[0]]) // self.columns * step + offset)
        self.chosen.emit()

    def refresh(self) -> None:
        """The selection or labels changed."""
        self._told()

    def _redraw_soon(self) -> None:
        if not self._soon.isActive():
            self._soon.start()

    # ------------------------------------------------------------ for the tiles

    @property
    def count(self) -> int:
        """How many particles are shown."""
        return len(self._catalogue.shown)

    @property
    def at(self) -> int:
        """Position that the keyboard is at."""
        return self.current

    def _size(self, room: int) -> QSize:
        return QSize(room, room)

    def _text_height(self) -> int:
        return max(10, min(self._pitch.width() // 7, 16))

    def _draw(self, painter: QPainter, position: int) -> None:
        catalogue, particle, place = self._catalogue, self._catalogue.particle(position), self.place(position)
        image = self._thumbnails.get(particle.key)
        if image is None:
            self._missing.append(position)
        draw(
            painter,
            place,
            image,
            particle,
            caption=catalogue.caption(particle) if place.width() + _GAP >= _ROOM_FOR_SCORE else "",
            selected=bool(catalogue.selected[catalogue.shown[position]]),
            failed=bool(self._thumbnails.failure(particle.micrograph)),
        )

    def _drawn(self) -> None:
        """Ask for the pictures that are missing: what is in sight first, then the next screens."""
        shown, catalogue = self.in_sight, self._catalogue
        further = range(shown.stop, min(shown.stop + _AHEAD * len(shown), self.count))
        missing, self._missing = self._missing, []
        self._thumbnails.want(catalogue.key(int(catalogue.shown[at])) for at in (*missing, *further))

    def _about(self, position: int) -> str:
        particle = self._catalogue.particle(position)
        return self._thumbnails.failure(particle.micrograph) or self._catalogue.described(particle)

    def _take(self, position: int, *, upto: bool, more: bool) -> None:
        """Both together add all from the last one on."""
        if upto and self._anchor >= 0:
            self._catalogue.select(self._anchor, position, more=more)
        elif more:
            self._catalogue.toggle(position)
            self._anchor = position
        else:
            self._catalogue.select(position, position)
            self._anchor = position
        self.current = position

    def _take_all(self, every: bool) -> None:
        self._catalogue.selected[:] = False
        if every:
            self._catalogue.selected[self._catalogue.shown] = True

    # ------------------------------------------------------------ mouse

    def mousePressEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        super().mousePressEvent(event)
        position, left = self.position_at(event.pos()), event.button() == Qt.MouseButton.LeftButton
        if position < 0:
            return
        if left and not event.modifiers() & (CTRL | SHIFT):
            self.opened.emit(position)
        elif not left and not self._catalogue.selected[self._catalogue.shown[position]]:
            self._choose(position, Qt.KeyboardModifier.NoModifier)  # the menu is for what is selected

    def mouseMoveEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        position = self.position_at(event.pos())
        if event.buttons() & Qt.MouseButton.LeftButton and position not in (-1, self.current):
            self._choose(position, event.modifiers() | SHIFT)
