"""Work beside the main thread of which only the latest order counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from napari.qt.threading import create_worker
from psygnal import Signal
from qtpy.QtCore import QThreadPool

from napari_drpnet.widgets.kit.job import Failure, tell

LAST = 60_000  # milliseconds that work under way has when the window is gone


class Background:
    """Does one piece of work at a time; an order that has not begun gives way to the next."""

    idle = Signal()  # the last order was carried out

    def __init__(self) -> None:
        self._next: _Order | None = None
        self._busy = False
        self._left = False

    @property
    def busy(self) -> bool:
        """Whether something is under way or waits."""
        return self._busy

    def order(self, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Have ``work`` done in a thread, which touches no layer; ``done`` gets its result in the main thread."""
        self._next = _Order(work, done)
        if not self._busy:
            self._start()

    def drop(self) -> None:
        """What was ordered is wanted no more; what is under way comes to nothing."""
        self._next = _Order(lambda: None, lambda _: None) if self._busy else None

    def leave(self, window: bool) -> None:
        """The form is gone: tell it nothing more. If the window is gone, too, wait for the work under way."""
        self._left, self._next = True, None
        pool = QThreadPool.globalInstance()
        if not window and self._busy and pool is not None:
            pool.waitForDone(LAST)  # a thread that outlives Qt brings the whole process down

    def _start(self) -> None:
        order, self._next = self._next, None
        assert order is not None
        self._busy = True
        worker = create_worker(_tried, order.work, _start_thread=False, _ignore_errors=True)
        worker.returned.connect(lambda outcome: self._finish(order, outcome))
        worker.start()

    def _finish(self, order: _Order, outcome: Any) -> None:
        if self._left:
            return
        self._busy = False
        if self._next is not None:  # the world has changed meanwhile
            self._start()
        elif isinstance(outcome, Failure):
            tell(outcome.error)
            self.idle.emit()
        else:
            order.done(outcome)
            self.idle.emit()


@dataclass(frozen=True, eq=False)
class _Order:
    work: Callable[[], Any]
    done: Callable[[Any], None]


def _tried(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except Exception as error:  # told in the main thread, see `tell`
        return Failure(error)
