"""Folders that are dropped on the window. napari would ask which plugin is to read them, each time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QLineEdit, QWidget

from napari_drpnet import jobs
from napari_drpnet.io.paths import is_dir
from napari_drpnet.widgets.kit.dropping import OWN_DROPS


class Drops(QObject):
    """Takes folders of micrographs and projects that are dropped on a window, and leaves the rest to it.

    Parameters
    ----------
    take
        Gets the folder.
    """

    def __init__(self, take: Callable[[Path], object]) -> None:
        super().__init__()
        self._take: Callable[[Path], object] | None = take

    def end(self) -> None:
        """Take nothing any more."""
        self._take = None

    def watch(self, window: QWidget) -> None:
        """Watch everything in a window that takes drops, as long as it and this are there."""
        for widget in (window, *window.findChildren(QWidget)):
            if widget.acceptDrops() and not isinstance(widget, QLineEdit) and not widget.property(OWN_DROPS):
                widget.installEventFilter(self)  # again: it is the first to be asked, and still once

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: D102, N802 - Qt's own method
        if event.type() != QEvent.Type.Drop or self._take is None:
            return False
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if len(paths) != 1 or not is_dir(paths[0]) or not jobs.is_project_or_micrographs(paths[0]):
            return False
        event.acceptProposedAction()
        self._take(paths[0])
        return True
