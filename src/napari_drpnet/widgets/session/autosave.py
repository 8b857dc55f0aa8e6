"""Write what changed by itself, soon; when the disk does not let us, keep it and try again."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from napari.utils.notifications import show_info, show_warning
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_drpnet.errors import UserError

SOON = 300  # milliseconds from the first change to the disk
AGAIN = 3000  # milliseconds between attempts while writing fails


class Autosave:
    """Writes that wait for their moment, each under a key; a later one of the same key takes its place."""

    changed = Signal(str)  # why something is not on disk, or "" when it is again

    def __init__(self) -> None:
        self.reason = ""
        self._waiting: dict[Hashable, Callable[[], object]] = {}
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.flush)

    def later(self, key: Hashable, write: Callable[[], object]) -> None:
        """Call ``write`` within a moment. Further changes do not put it off."""
        self._waiting[key] = write
        if not self._timer.isActive():
            self._timer.start(SOON)

    def waits(self, key: Hashable) -> bool:
        """Whether a write is not on disk yet."""
        return key in self._waiting

    def flush(self) -> None:
        """Write everything now. What fails stays, is told once, and is tried again."""
        self._timer.stop()
        reason = ""
        for key, write in list(self._waiting.items()):
            try:
                write()
            except (UserError, OSError) as error:
                reason = reason or str(error)
            else:
                del self._waiting[key]
        if self._waiting:
            self._timer.start(AGAIN)
        self._tell(reason)

    def drop(self) -> None:
        """Forget what waits."""
        self._timer.stop()
        self._waiting.clear()

    def _tell(self, reason: str) -> None:
        before, self.reason = self.reason, reason
        if reason and not before:
            show_warning(f"{reason} Your edits are kept in memory and saved as soon as that works.")
        if before and not reason:
            show_info("Your edits are saved again.")
        if reason != before:
            self.changed.emit(reason)
