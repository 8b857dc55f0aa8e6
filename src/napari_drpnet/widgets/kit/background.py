"""Work beside the main thread of which only the latest order counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psygnal import Signal
from qtpy.QtCore import QThreadPool

from napari_drpnet.widgets.kit.job import Failure, tell
from napari_drpnet.widgets.kit.threads import unheard, work_in_thread

LAST = 60_000  # milliseconds that work under way has when the window is gone


class Background:
    """Does one piece of work at a time; an order that has not begun gives way to the next."""

    idle = Signal()  # the last order was carried out

    def __init__(self) -> None:
        self._next: tuple[Callable[[], Any], Callable[[Any], None]] | None = None
        self.busy = False  # whether something is under way or waits
        self._left = False

    def order(self, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Have ``work`` done in a thread, which touches no layer; ``done`` gets its result in the main thread."""
        self._next = work, done
        if not self.busy:
            self._start()

    def drop(self) -> None:
        """What was ordered is wanted no more; what is under way comes to nothing."""
        self._next = (lambda: None, lambda _: None) if self.busy else None

    def leave(self, window: bool) -> None:
        """The form is gone: tell it nothing more. If the window is gone, too, wait for the work under way."""
        self._left, self._next = True, None
        pool = QThreadPool.globalInstance()
        if not window and self.busy and pool is not None:
            pool.waitForDone(LAST)  # a thread that outlives Qt brings the whole process down

    def _start(self) -> None:
        assert self._next is not None
        (work, done), self._next = self._next, None
        self.busy = True
        worker = work_in_thread(_tried, work)
        worker.returned.connect(lambda outcome: self._finish(done, outcome))
        worker.start()

    def _finish(self, done: Callable[[Any], None], outcome: Any) -> None:
        if self._left:
            return
        self.busy = False
        if self._next is not None:  # the world has changed meanwhile
            self._start()
            return
        if isinstance(outcome, Failure):
            tell(outcome.error)
        else:
            done(outcome)
        self.idle.emit()


def _tried(work: Callable[[], Any]) -> Any:
    try:
        with unheard():  # what is odd is told by the job that uses it
            return work()
    except Exception as error:  # told in the main thread, see `tell`
        return Failure(error)
