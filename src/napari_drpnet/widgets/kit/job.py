"""Run a job from a form: one button that becomes Cancel, progress, and errors as one notification."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Any

from magicgui.widgets import Container, Label, ProgressBar, PushButton
from napari.qt.threading import GeneratorWorker
from napari.utils.notifications import notification_manager, show_error
from psygnal import Signal
from qtpy.QtCore import QCoreApplication, QThread, QThreadPool
from qtpy.QtGui import QKeySequence, QShortcut  # type: ignore[attr-defined]  # qtpy puts it there in Qt 5, too
from qtpy.QtWidgets import QSizePolicy

from napari_drpnet.errors import UserError, without_options
from napari_drpnet.jobs import Progress
from napari_drpnet.widgets.kit.key_list import START
from napari_drpnet.widgets.kit.primary import make_primary
from napari_drpnet.widgets.kit.threads import steps_in_thread

Steps = Callable[..., Generator[Progress | None, None, Any]]  # a job, which may tell None while a step goes on
STARTING = 5  # milliseconds: superqt puts a worker into the pool one after it is told to start it
LAST_STEP = 60_000  # milliseconds: steps are short, but loading the libraries is one
LAST_RESULT = 15_000  # milliseconds that a job which was told to stop has for its result when the window is gone


class JobBar(Container[Any]):
    """The foot of a form. A job runs in a thread of its own and must not touch layers or the viewer.

    Parameters
    ----------
    text
        What the button says while nothing runs.
    start
        Called when it is pressed; is expected to call `run`.
    """

    ended = Signal()  # a job has finished, failed or was cancelled; before its result is handed over

    def __init__(self, text: str, start: Callable[[], None]) -> None:
        self.button = PushButton(text=text)
        make_primary(self.button.native)
        self.progress = ProgressBar(value=0, min=0, max=100, visible=False)
        self.status = Label(value="")
        super().__init__(widgets=[self.button, self.progress, self.status], labels=False)
        self.margins = (0, 0, 0, 0)
        self.status.native.setWordWrap(True)
        self.status.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self._text = text
        self._start = start
        self._reason = ""
        self.button.clicked.connect(self._press)
        key = QShortcut(QKeySequence(START), self.native)
        key.activated.connect(self.press)
        key.activatedAmbiguously.connect(self.button.native.setFocus)  # of two that are seen, one after the other
        self._worker: GeneratorWorker | None = None
        self._left = False  # the form is gone
        self.say("")
        self._stop: Event | None = None

    @property
    def running(self) -> bool:
        """Whether a job is under way."""
        return self._worker is not None

    def allow(self, reason: str = "") -> None:
        """Let the button start a job, or switch it off and say the ``reason``."""
        self._reason = reason
        if not self.running:
            self.button.enabled = not reason
            self.say(reason)

    def check(self, sense: Callable[[], object]) -> None:
        """Let the button start a job, unless ``sense`` raises a `UserError`, which says why it cannot."""
        try:
            sense()
        except UserError as error:
            self.allow(error.plain)
        else:
            self.allow()

    @contextmanager
    def saying(self) -> Iterator[None]:
        """What a `UserError` tells is said below the button, and the rest inside is left out."""
        try:
            yield
        except UserError as error:
            self.say(error.plain)

    def say(self, text: str) -> None:
        """Something below the button, without options of the command line; nothing takes no room."""
        self.status.value = without_options(text)
        self.status.native.setVisible(bool(text))

    def run(
        self,
        job: Steps,
        *args: Any,
        done: Callable[[Any], None],
        step: Callable[[Any], None] = lambda _: None,
        stop: Event | None = None,
        failed: Callable[[], object] = lambda: None,
    ) -> None:
        """Start a job; ``done`` gets its result in the main thread, unless it was cancelled or failed.

        A failure is told, and then ``failed`` called. ``step`` gets each `Progress` there, of a job that gives parts of
        its result before the end. A job with a ``stop`` ends at once with what it has when that is set; Cancel and the
        end of the form then do so.
        """
        self._stop = stop
        worker = steps_in_thread(_outcome, job, *args)
        here = self._here
        worker.yielded.connect(here(lambda progress: self._show(progress, step)))
        worker.returned.connect(here(lambda outcome: self._finish(outcome, done, failed)))
        worker.finished.connect(here(lambda: self._cancelled(worker)))
        self._worker = worker
        self.button.text = "Cancel"
        make_primary(self.button.native, False)
        self.button.enabled = True
        self.progress.value = 0
        self.progress.show()
        self.say("Starting")
        worker.start()

    def press(self) -> None:
        """Start, if that is allowed and nothing runs: Return was pressed in a field."""
        if self.button.enabled and not self.running:
            self._start()

    def cancel(self) -> None:
        """Ask the job to stop at its next step."""
        if self._worker is not None:
            self.button.enabled = False
            if self._stop is None:
                self.say("Cancelling")
                self._worker.quit()
            else:
                self.say("Stopping; the best so far is kept")
                self._stop.set()

    def leave(self, window: bool) -> None:
        """The form is gone: stop, and touch it no more. If the window is gone, too, wait until the job has ended."""
        self._left = True
        pool, worker = QThreadPool.globalInstance(), self._worker
        if self._stop is not None:
            self._stop.set()
        elif worker is not None:
            worker.quit()
        if not window and pool is not None and worker is not None:
            if not worker.is_running:  # a window that is half gone had better not draw itself
                QThread.msleep(STARTING)
                QCoreApplication.processEvents()
            if self._stop is None or not pool.waitForDone(LAST_RESULT):
                worker.quit()
                pool.waitForDone(LAST_STEP)  # a thread that outlives Qt brings the whole process down

    def _here(self, tell: Callable[..., None]) -> Callable[..., None]:
        """``tell``, as long as there is a form."""
        return lambda *args: None if self._left else tell(*args)

    def _press(self) -> None:
        if self.running:
            self.cancel()
        else:
            self._start()

    def _show(self, progress: Progress | None, step: Callable[[Any], None]) -> None:
        worker = self._worker
        if progress is not None and worker is not None and not worker.abort_requested:
            done = (progress.done + progress.fraction) / max(progress.total, 1)
            self.progress.max = 100 if done or progress.total > 1 else 0  # 0: it moves, but tells no part
            self.progress.value = min(round(100 * done), 100)
            self.say(progress.message)
            step(progress)

    def _finish(self, outcome: Any, done: Callable[[Any], None], failed: Callable[[], object]) -> None:
        if isinstance(outcome, Failure):
            self._close(outcome.said)
            tell(outcome.error)
            failed()
        else:
            self._close("")
            done(outcome)

    def _cancelled(self, worker: GeneratorWorker) -> None:
        """It ended and there was no result, so it was cancelled, be it in its very last step."""
        if self._worker is worker:
            self._close("Cancelled.")

    def _close(self, text: str) -> None:
        """The form as it was before the job."""
        self._worker = None
        self.button.text = self._text
        make_primary(self.button.native)
        self.button.enabled = not self._reason
        self.progress.hide()
        self.say(text or self._reason)
        self.ended.emit()


@dataclass(frozen=True)
class Failure:
    """What a job raised. Handed back as a result, because the worker would swallow a RuntimeError."""

    error: Exception

    @property
    def said(self) -> str:
        """What is told of it below the button."""
        return self.error.plain if isinstance(self.error, UserError) else str(self.error)


def _outcome(job: Steps, *args: Any) -> Generator[Progress | None, None, Any]:
    try:
        return (yield from job(*args))
    except Exception as error:
        return Failure(error)


def tell(error: Exception) -> None:
    """One notification: a sentence for what the user can put right, with a traceback for a bug of ours."""
    if isinstance(error, UserError):
        show_error(error.plain)
    else:
        notification_manager.receive_error(type(error), error, error.__traceback__)
