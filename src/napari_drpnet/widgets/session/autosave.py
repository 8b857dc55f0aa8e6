"""Write what changed by itself, soon; when the disk does not let us, keep it and try again."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from contextlib import suppress
from time import monotonic
from typing import Any, Protocol

from psygnal import Signal

from napari_drpnet.errors import UserError, without_options

SOON = 300  # milliseconds from the first change to the disk
AT_ONCE = 1  # milliseconds between two parts of much that is to be written
SLICE = 0.03  # seconds that such a part takes
AGAIN = 3000  # milliseconds between attempts while writing fails


class _Timer(Protocol):
    """What `QTimer` offers of itself; the class itself would bring in Qt."""

    @property
    def timeout(self) -> Any: ...

    def setSingleShot(self, once: bool, /) -> Any: ...  # noqa: N802 - Qt's own name

    def start(self, milliseconds: int, /) -> Any: ...

    def stop(self) -> Any: ...


class Autosave:
    """Writes that wait for their moment, each under a key; a later one of the same key takes its place.

    Parameters
    ----------
    timer
        Tells when to write.
    """

    changed = Signal(str, str)  # why something is not on disk, "" when it is again; and the same before

    def __init__(self, timer: _Timer) -> None:
        self.reason = ""
        self._waiting: dict[Hashable, Callable[[], object]] = {}
        self._timer = timer
        timer.setSingleShot(True)
        timer.timeout.connect(self._write_some)

    def later(self, key: Hashable, write: Callable[[], object]) -> None:
        """Call ``write`` within a moment. Further changes do not put it off."""
        first = not self._waiting
        self._waiting[key] = write
        if first:  # else it is started already
            self._timer.start(SOON)

    def waits(self, key: Hashable) -> bool:
        """Whether a write is not on disk yet."""
        return key in self._waiting

    def flush(self) -> None:
        """Write everything now. What fails stays, is told once, and is tried again."""
        self._write_until(math.inf)

    def _write_some(self) -> None:
        """Write for a moment, and go on when the window has had its turn."""
        self._write_until(monotonic() + SLICE)

    def _write_until(self, end: float) -> None:
        self._rest()
        before, self.reason, left = self.reason, "", False
        for key, write in list(self._waiting.items()):
            if left := monotonic() > end:
                break
            try:
                write()
            except (UserError, OSError) as error:
                self.reason = self.reason or without_options(str(error))
            else:
                self._waiting.pop(key, None)
        if self._waiting:
            self._timer.start(AT_ONCE if left and not self.reason else AGAIN)
        if self.reason != before:
            self.changed.emit(self.reason, before)

    def drop(self) -> None:
        """Forget what waits."""
        self._rest()
        self._waiting.clear()

    def _rest(self) -> None:
        with suppress(RuntimeError):  # at the end of a script Qt deletes its objects before others are told
            self._timer.stop()
