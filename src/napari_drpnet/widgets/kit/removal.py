"""Know when a dock widget comes into the window and is taken out: napari keeps it alive and tells nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QCoreApplication, QEvent, QObject, QTimer

from napari_drpnet.widgets.kit.neighbours import join_neighbours


class Removal(QObject):
    """Lets a form join its neighbours when it is first seen, and calls ``leave`` once when it goes.

    That is when ``widget`` is taken out of its window, destroyed with it, or napari quits.

    Parameters
    ----------
    widget
        The native widget of a form.
    leave
        What to do then. It is told whether the window is still there; if not, no layer may be touched.
    """

    def __init__(self, widget: Any, leave: Callable[[bool], None]) -> None:
        super().__init__()
        self._came = False
        self._leave: Callable[[bool], None] | None = leave
        widget.installEventFilter(self)
        widget.destroyed.connect(self._window_gone)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self._window_gone)

    def eventFilter(self, widget: Any, event: Any) -> bool:  # noqa: D102, N802
        if event.type() == QEvent.Type.ParentChange and widget.parent() is None:
            self._once(True)
        elif event.type() == QEvent.Type.Show and not self._came:
            self._came = True
            QTimer.singleShot(0, lambda: None if self._leave is None else join_neighbours(widget))
        return False

    def _window_gone(self) -> None:
        self._once(False)

    def _once(self, window: bool) -> None:
        leave, self._leave = self._leave, None
        if leave is not None:
            leave(window)
