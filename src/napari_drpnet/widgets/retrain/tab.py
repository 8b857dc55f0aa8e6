"""What the tabs of the Retrain dock share: a project, jobs of which one runs at a time, and marks in the view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtWidgets import QWidget

from napari_drpnet.errors import UserError
from napari_drpnet.io.project.project import Project
from napari_drpnet.widgets.kit.job import JobBar
from napari_drpnet.widgets.kit.parts import NO_DIAMETER, NO_PROJECT
from napari_drpnet.widgets.kit.subscriptions import Subscriptions
from napari_drpnet.widgets.session.session import Session

MARGIN = 9  # pixels around what is in a tab
Networks = dict[str, str | None]


class Tab(QWidget):
    """One part of the dock.

    Parameters
    ----------
    session
        Whose project.

    Attributes
    ----------
    busy
        Says what runs in any of the tabs; empty when nothing does.
    jobs
        What can run in this one.
    """

    jobs: tuple[JobBar, ...]
    _heard: Subscriptions

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.busy: Callable[[], str] = str

    def ready(self) -> Project:
        """The project, as far as one can tell that it can be picked; raises a `UserError` that says what is missing."""
        project = self.session.project
        if project is None:
            raise UserError(NO_PROJECT)
        if project.settings.diameter is None:
            raise UserError(NO_DIAMETER)
        return project

    def begin(self, job: JobBar) -> Project | None:
        """The project with all edits on disk, for a ``job`` to start; None when it says why it cannot."""
        reason, project = self.busy(), self.session.project
        if reason or project is None:
            job.say(reason)
            return None
        self.session.flush()
        return project

    def release(self, window: bool) -> None:
        """The dock is gone: leave nothing behind."""
        for job in self.jobs:
            job.leave(window)
        self._heard.end()

    def showEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        super().showEvent(event)
        self._show()

    def hideEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        super().hideEvent(event)
        self._show()

    def _show(self, _: Any = None) -> None:
        """Mark in the view what the tab tells of, while the tab can be seen."""
