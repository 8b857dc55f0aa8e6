"""Files and folders that are dropped on a form and are meant for it, not for the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QWidget

OWN_DROPS = "takes what is dropped on it"  # a property of such forms, which the window leaves alone


class Dropping(QObject):
    """Lets a form take paths that are dropped on it or on anything in it.

    Parameters
    ----------
    form
        What they are dropped on.
    take
        Gets them.
    """

    def __init__(self, form: QWidget, take: Callable[[list[Path]], object]) -> None:
        super().__init__(form)
        self._take = take
        form.setProperty(OWN_DROPS, True)
        form.setAcceptDrops(True)
        form.installEventFilter(self)

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: D102, N802 - Qt's own method
        if event.type() not in (QEvent.Type.DragEnter, QEvent.Type.DragMove, QEvent.Type.Drop):
            return False
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if not paths:
            return False
        event.acceptProposedAction()
        if event.type() == QEvent.Type.Drop:
            self._take(paths)
        return True
