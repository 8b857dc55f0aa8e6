"""Work in threads of a window, and who hears what it warns of.

`warnings.catch_warnings`, in which napari's workers do theirs, is of the whole process: of two at once, the one that
ends first puts back what was before both, and warnings of the other are lost. Here one function hears all threads.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from napari.qt.threading import FunctionWorker, GeneratorWorker, create_worker
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]  # qtpy puts it there

from napari_drpnet.errors import without_options

Tell = Callable[[str], object]
_OURS = __name__.partition(".")[0]
_heard = threading.local()  # `tell`: who hears this thread


class _Post(QObject):
    """Brings warnings to the main thread, as notifications."""

    came = Signal(tuple)

    def __init__(self) -> None:
        super().__init__()
        self.before: Callable[..., Any] = warnings.showwarning
        self.came.connect(self._notify)

    def take(self, *told: Any) -> None:
        """What `warnings.showwarning` gets, of any thread."""
        tell: Tell | None = getattr(_heard, "tell", None)
        if tell is not None:
            tell(without_options(str(told[0])))
        elif threading.current_thread() is threading.main_thread():
            self.before(*told)
        else:
            self.came.emit(told)

    def _notify(self, told: tuple[Any, ...]) -> None:
        message, category, *place = told
        notification_manager.receive_warning(category(without_options(str(message))), category, *place)


_posts: list[_Post] = []  # the one there is


def listen() -> None:
    """Hear all threads, from now on; called in the main thread."""
    if not _posts:
        _posts.append(_Post())
    post = _posts[0]
    if warnings.showwarning != post.take:
        post.before, warnings.showwarning = warnings.showwarning, post.take  # type: ignore[assignment]  # any arguments
        # By default a second one is not shown, though nobody was told of the first.
        warnings.filterwarnings("always", category=UserWarning, module=_OURS)


@contextmanager
def heard_by(tell: Tell) -> Iterator[None]:
    """What this thread warns of meanwhile goes to ``tell``, without options of the command line, and to nobody else."""
    if threading.current_thread() is threading.main_thread():
        listen()
    before = getattr(_heard, "tell", None)
    _heard.tell = tell
    try:
        yield
    finally:
        _heard.tell = before


def unheard() -> AbstractContextManager[None]:
    """A block of which this thread tells no warnings."""
    return heard_by(lambda _: None)


class _Steps(GeneratorWorker):  # type: ignore[misc]  # napari is not typed
    def run(self) -> None:
        _run(self)


class _Work(FunctionWorker):  # type: ignore[misc]  # napari is not typed
    def run(self) -> None:
        _run(self)


def _run(worker: Any) -> None:
    """`WorkerBase.run` of napari's workers, without `warnings.catch_warnings`."""
    worker.started.emit()
    worker._running = True
    result = worker.work()
    if isinstance(result, RuntimeError):  # Qt has deleted it: there is nobody to tell
        return
    if not worker.abort_requested:
        worker.returned.emit(result)
    worker._running = False
    worker.finished.emit()
    worker._finished.emit(worker)


def steps_in_thread(job: Callable[..., Any], *args: Any) -> GeneratorWorker:
    """A worker, to be started, for the steps of a job that returns what it raises."""
    listen()
    worker: GeneratorWorker = create_worker(job, *args, _start_thread=False, _ignore_errors=True, _worker_class=_Steps)
    return worker


def work_in_thread(work: Callable[..., Any], *args: Any) -> FunctionWorker:
    """A worker, to be started, for work that returns what it raises."""
    listen()
    worker: FunctionWorker = create_worker(work, *args, _start_thread=False, _ignore_errors=True, _worker_class=_Work)
    return worker
