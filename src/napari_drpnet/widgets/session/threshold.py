"""The threshold of the project that is open, the same for all its micrographs."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event, Thread
from typing import Protocol

from napari.utils.notifications import show_warning
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.project.candidates import Measured
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs.project_threshold import bring_there, own_threshold
from napari_drpnet.labels import labels_of

_LOOK = 150  # milliseconds between two looks at how far it is
_BEHIND = "Some micrographs still have the picks of the former threshold. They follow when the project is opened again."


class _Keeper(Protocol):
    """What a session offers of itself."""

    @property
    def project(self) -> Project | None: ...

    @property
    def shared(self) -> bool: ...

    def picks(self, name: str) -> Picks: ...

    def measured(self, name: str) -> Measured | None: ...

    def change(self, name: str, picks: Picks, step: bool = ..., at: float | None = ...) -> None: ...

    def flush(self) -> None: ...

    def share(self, shared: bool) -> None: ...

    def reload(self, names: Sequence[str] | None = ...) -> None: ...


class ProjectThreshold:
    """Shows the current micrograph at a threshold at once, and brings all others there when the project has it.

    The others are written in a thread that touches neither layers nor Qt.

    Parameters
    ----------
    session
        Whose project.
    """

    changed = Signal()  # how far it is, or the numbers of picks

    def __init__(self, session: _Keeper) -> None:
        self._session = session
        self._at: float | None = None  # the threshold that all micrographs have, or are brought to
        self._thread: Thread | None = None
        self._stop = Event()
        self._step = (0, 0)
        self._brought: list[str] = []
        self._error = ""
        self._look = QTimer()
        self._look.setInterval(_LOOK)
        self._look.timeout.connect(self._note)

    # ------------------------------------------------------------ the current micrograph

    def candidates(self, name: str) -> Picks | None:
        """All that a picker could pick on a micrograph; None where only picking again could tell."""
        measured = self._session.measured(name) if name else None
        return None if measured is None or measured.candidates is None else measured.offered

    def show(self, name: str, threshold: float) -> None:
        """Let a micrograph have its picks at a threshold; its labels stay. That is no step of undo."""
        measured, before = self._session.measured(name), self._session.picks(name)
        if measured is not None and measured.candidates is not None:
            picks = measured.at(threshold, labels_of(before))
            picks = Picks.joined([picks], before.frame)
            self._session.change(name, picks, step=False, at=threshold)

    # ------------------------------------------------------------ all of them

    @property
    def working(self) -> tuple[int, int]:
        """How many micrographs were brought to the threshold, and how many are to be; 0, 0 when none waits."""
        return self._step if self._look.isActive() else (0, 0)

    def follow(self) -> None:
        """The project's settings changed: bring its micrographs to another threshold, if it has one."""
        threshold = self._wanted()
        if threshold is not None and threshold != self._at:
            self._at, self._step = threshold, (0, 0)
            self._halt()
            self._look.start()
            self._begin()

    def _wanted(self) -> float | None:
        """Where all micrographs are to be; None where that is not decided, or nothing can be written."""
        project = self._session.project
        return None if project is None or project.read_only else own_threshold(project)

    def reset(self) -> None:
        """Another project is open, or none. What did not get to its threshold, since that was stopped, goes on."""
        self.leave()
        self._at, self._step = self._wanted(), (0, 0)
        if self._at is not None:
            self._look.start()
        self.changed.emit()

    def leave(self) -> None:
        """Stop at the next micrograph, and wait for that. The rest is brought there by the next picking."""
        self._halt()
        self._look.stop()

    def _begin(self) -> None:
        """Start, unless a job writes picks: then as soon as it has ended."""
        session = self._session
        if session.project is None or session.shared:
            return
        session.flush()
        session.share(True)
        self._stop, self._brought, self._error = Event(), [], ""
        self._thread = Thread(target=self._bring, args=(session.project, self._stop), name="threshold")
        self._thread.start()

    def _bring(self, project: Project, stop: Event) -> None:
        """In the thread."""
        try:
            for step in bring_there(project):
                self._step = step.done, step.total
                if step.message:
                    self._brought.append(step.message)
                if stop.is_set():
                    return
        except UserError as error:
            self._error = error.plain

    def _halt(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stop.set()
            thread.join()
            self._session.share(False)
            self._session.reload(self._brought)

    def _note(self) -> None:
        """How far it is by now."""
        if self._thread is None:
            self._begin()
        elif not self._thread.is_alive():
            self._halt()
            self._look.stop()
            if self._error:
                show_warning(f"{self._error} {_BEHIND}")
        self.changed.emit()
