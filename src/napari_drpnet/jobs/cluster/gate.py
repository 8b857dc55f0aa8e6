"""Many threads may pass a gate together, or one alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Gate:
    """Lets threads in, many at a time or one alone; one that waits to be alone goes before those that come later."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._inside, self._waiting = 0, 0

    @contextmanager
    def passed(self, alone: bool) -> Iterator[None]:
        """Be inside for a block; ``alone``: with nobody else inside."""
        with self._changed:
            self._waiting += alone
            try:
                self._changed.wait_for(lambda: self._inside == 0 if alone else self._inside >= 0 and not self._waiting)
            finally:  # Ctrl-C may end the wait
                self._waiting -= alone
                self._changed.notify_all()
            self._inside = -1 if alone else self._inside + 1
        try:
            yield
        finally:
            with self._changed:
                self._inside = 0 if alone else self._inside - 1
                self._changed.notify_all()
