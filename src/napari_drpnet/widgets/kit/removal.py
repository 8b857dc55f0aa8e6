"""Know when a dock widget is taken out of the window: napari keeps it alive and tells nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QCoreApplication, QEvent, QObject


class Removal(QObject):
    """Calls ``leave`` once: when ``widget`` is taken out of its window, destroyed with it, or napari quits.

    Parameters
    ----------
    widget
        The native widget of a form.
    leave
        What to do then. It is told whether the window is still there; if not, no layer may be touched.
    """

    def __init__(self, widget: Any, leave: Callable[[bool], None]) -> None:
        super().__init__()
        self._leave: Callable[[bool], None] | None = leave
        widget.installEventFilter(self)
        widget.destroyed.connect(self._window_gone)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self._window_gone)

    def eventFilter(self, widget: Any, event: Any) -> bool:  # noqa: D102, N802
        if event.type() == QEvent.Type.ParentChange and widget.parent() is None:
            self._once(True)
        return False

    def _window_gone(self) -> None:
        self._once(False)

    def _once(self, window: bool) -> None:
        leave, self._leave = self._leave, None
        if leave is not None:
            leave(window)
