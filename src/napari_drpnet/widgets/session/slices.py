"""Much work of the main thread in small parts, between which the window answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

from qtpy.QtCore import QTimer

SLICE = 0.03  # seconds of work at a time


class Slices:
    """Works through iterators, one after the other, a few steps at a time."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Iterator[Any], Callable[[], object]]] = deque()
        self._timer = QTimer()
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._work)
        self._busy = False

    def add(self, steps: Iterator[Any], done: Callable[[], object]) -> None:
        """Go through the steps soon, the first of them now; ``done`` is called after the last."""
        self._waiting.append((steps, done))
        if len(self._waiting) == 1:
            self._work()

    def finish(self) -> None:
        """Do all that waits, now."""
        self._work(float("inf"))

    def _work(self, seconds: float = SLICE) -> None:
        if self._busy:  # a step that asks for what is unfinished, itself among it
            return
        self._busy, end = True, monotonic() + seconds
        try:
            while self._waiting and monotonic() < end:
                steps, done = self._waiting[0]
                if next(steps, self) is self:
                    self._waiting.popleft()
                    done()
        finally:
            self._busy = False
            if self._waiting:
                self._timer.start()
            else:
                self._timer.stop()
