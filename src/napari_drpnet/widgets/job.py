"""Run a job from a form: one button that becomes Cancel, progress, and errors as one notification."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from magicgui.widgets import Container, Label, ProgressBar, PushButton
from napari.qt.threading import GeneratorWorker, create_worker
from napari.utils.notifications import show_error

from napari_drpnet.errors import UserError
from napari_drpnet.jobs import Job, Progress


class JobBar(Container[Any]):
    """The foot of a form. A job runs in a thread of its own and must not touch layers or the viewer.

    Parameters
    ----------
    text
        What the button says while nothing runs.
    start
        Called when it is pressed; is expected to call `run`.
    """

    def __init__(self, text: str, start: Callable[[], None]) -> None:
        self.button = PushButton(text=text)
        self.progress = ProgressBar(value=0, min=0, max=100, visible=False)
        self.status = Label(value="")
        super().__init__(widgets=[self.button, self.progress, self.status], labels=False)
        self.margins = (0, 0, 0, 0)
        self.status.native.setWordWrap(True)
        self._text = text
        self._start = start
        self._reason = ""
        self.button.clicked.connect(self._press)
        running = self._running = _Running()
        self.native.destroyed.connect(lambda: running.leave())

    @property
    def running(self) -> bool:
        """Whether a job is under way."""
        return self._running.worker is not None

    def allow(self, reason: str = "") -> None:
        """Let the button start a job, or switch it off and say the ``reason``."""
        self._reason = reason
        if not self.running:
            self.button.enabled = not reason
            self.say(reason)

    def say(self, text: str) -> None:
        """One line below the button."""
        self.status.value = text

    def run(self, job: Callable[..., Job[Any]], *args: Any, done: Callable[[Any], None]) -> None:
        """Start a job; ``done`` gets its result in the main thread, unless it failed or was cancelled."""
        worker = create_worker(_guarded, job, *args, _start_thread=False, _ignore_errors=True)
        here = self._running.here
        worker.yielded.connect(here(self._show))
        worker.returned.connect(here(lambda result: self._finish(result, done)))
        worker.aborted.connect(here(lambda: self._close("Cancelled.")))
        worker.errored.connect(here(lambda error: self._close("Failed.")))
        self._running.worker = worker
        self.button.text = "Cancel"
        self.button.enabled = True
        self.progress.value = 0
        self.progress.show()
        self.say("Starting")
        worker.start()

    def cancel(self) -> None:
        """Ask the job to stop at its next step."""
        if self._running.worker is not None:
            self.say("Cancelling")
            self.button.enabled = False
            self._running.worker.quit()

    def _press(self) -> None:
        if self.running:
            self.cancel()
        else:
            self._start()

    def _show(self, progress: Progress) -> None:
        worker = self._running.worker
        if worker is not None and not worker.abort_requested:
            done = (progress.done + progress.fraction) / max(progress.total, 1)
            self.progress.value = min(round(100 * done), 100)
            self.say(progress.message)

    def _finish(self, result: Any, done: Callable[[Any], None]) -> None:
        if isinstance(result, UserError):
            self._close(str(result))
            show_error(str(result))
        else:
            self._close("")
            done(result)

    def _close(self, text: str) -> None:
        """The form as it was before the job."""
        self._running.worker = None
        self.button.text = self._text
        self.button.enabled = not self._reason
        self.progress.hide()
        self.say(text or self._reason)


class _Running:
    """The worker under way, known apart from the widget so that it can be stopped when that is gone."""

    def __init__(self) -> None:
        self.worker: GeneratorWorker | None = None
        self._left = False

    def leave(self) -> None:
        """The widget is gone: stop, and tell it nothing any more."""
        self._left = True
        if self.worker is not None:
            self.worker.quit()

    def here(self, tell: Callable[..., None]) -> Callable[..., None]:
        """``tell``, as long as there is a widget to be told."""
        return lambda *args: None if self._left else tell(*args)


def _guarded(job: Callable[..., Job[Any]], *args: Any) -> Job[Any]:
    """The job, with a `UserError` as its result: napari would show a traceback for one that is raised."""
    try:
        return (yield from job(*args))
    except UserError as error:
        return error
