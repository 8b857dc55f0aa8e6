"""Know when a dock widget is taken out of the window: napari keeps it alive and tells nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QObject


class Removal(QObject):
    """Calls ``leave`` once, when ``widget`` loses its window or is destroyed.

    Parameters
    ----------
    widget
        The native widget of a form.
    leave
        What to do then; the widget itself may be gone already.
    """

    def __init__(self, widget: Any, leave: Callable[[], None]) -> None:
        super().__init__()
        self._leave: Callable[[], None] | None = leave
        widget.installEventFilter(self)
        widget.destroyed.connect(self._once)

    def eventFilter(self, widget: Any, event: Any) -> bool:  # noqa: D102, N802
        if event.type() == QEvent.Type.ParentChange and widget.parent() is None:
            self._once()
        return False

    def _once(self) -> None:
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()
