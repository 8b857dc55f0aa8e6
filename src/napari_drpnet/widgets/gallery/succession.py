"""Jobs in one bar, one after another: a new one ends the one that runs, and begins when that has ended."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from threading import Event
from typing import Any

from napari_drpnet.jobs import Job, Progress
from napari_drpnet.widgets.kit.job import JobBar


class Succession:
    """Runs jobs whose results are wanted only until another is asked for.

    Parameters
    ----------
    bar
        Shows them.
    """

    def __init__(self, bar: JobBar) -> None:
        self._bar = bar
        self._stop = Event()
        self._next: Callable[[], None] | None = None

    @property
    def at_work(self) -> bool:
        """Whether a job runs that is still wanted."""
        return self._bar.running and not (self._stop.is_set() and self._next is None)

    def drop(self) -> None:
        """What runs is not wanted any more."""
        self._stop.set()
        self._next = None

    def run(self, make: Callable[[], Job[Any]], step: Callable[[Any], None], done: Callable[[Any], None]) -> None:
        """Run a job now, or when the one that runs has ended; see `JobBar.run` for ``step`` and ``done``."""
        if self._bar.running:
            self._stop.set()
            self._next = partial(self.run, make, step, done)
            return
        stop = self._stop = Event()
        self._next = None
        self._bar.run(
            _until,
            stop,
            make(),
            step=partial(_unless, stop, step),
            done=partial(self._end, stop, done),
            failed=self._follow,
        )

    def _end(self, stop: Event, done: Callable[[Any], None], result: Any) -> None:
        if not self._follow() and not stop.is_set():
            done(result)

    def _follow(self) -> bool:
        """Start the job that waits, if there is one."""
        follower, self._next = self._next, None
        if follower is not None:
            follower()
        return follower is not None


def _until(stop: Event, steps: Job[Any]) -> Generator[Progress, None, Any]:
    """A job that ends early, without a result, when it is told to."""
    try:
        while not stop.is_set():
            try:
                step = next(steps)
            except StopIteration as end:
                return end.value
            yield step
    finally:
        steps.close()


def _unless(stop: Event, step: Callable[[Progress], None], progress: Progress) -> None:
    """A step of a job that was told to end is of no use any more."""
    if not stop.is_set():
        step(progress)
