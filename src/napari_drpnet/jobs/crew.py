"""Several micrographs at once: the same work in threads, whose results come in the order of the micrographs.

What takes long is done by libraries that let other threads go on meanwhile (convolutions, Fourier transforms, reading),
so that threads keep all cores busy, and share the networks.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Any, Generic, TypeVar

from napari_drpnet.stages import crew_of, working
from napari_drpnet.steps import drained, translate

Result = TypeVar("Result")
Work = Callable[[int], Generator[float, None, Result]]

# A micrograph of 11520 x 8184 px in work takes so much memory, in bytes.
_EACH = 1.5e9
# So often whoever waits is told that it goes on, in seconds.
_TICK = 0.2


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def usual_size() -> int:
    """How many micrographs are worked on at once by default: one a core, if the memory is enough."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return cores()
    return max(1, min(cores(), int(memory / _EACH)))


@dataclass(frozen=True)
class Step(Generic[Result]):
    """How far the first of those in work is.

    Attributes
    ----------
    number
        Which it is.
    fraction
        Part of it that is done, as far as known.
    results
        Its result when it is finished; empty before.
    instead
        What is waited for, where that is not this one.
    """

    number: int
    fraction: float = 0.0
    results: tuple[Result, ...] = ()
    instead: str = ""


class Crew:
    """Does the same work for one number after another, several at once.

    Parameters
    ----------
    size
        How many at once; with 1, in the thread that asks for them.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def each(self, numbers: Iterable[int], work: Work[Result]) -> Generator[Step[Result], None, None]:
        """Do the work for every number; results come in the order of the numbers, whichever is finished first.

        Closed before its end, it lets those in work end their step, and begins no other.
        """
        return _one_by_one(numbers, work) if self.size == 1 else self._at_once(numbers, work)

    def _at_once(self, numbers: Iterable[int], work: Work[Result]) -> Generator[Step[Result], None, None]:
        stop, todo = Event(), iter(numbers)
        pending: deque[tuple[int, Future[Result]]] = deque()
        with _threads(self.size) as threads:
            try:
                while True:
                    # One is ahead, so that nobody waits until somebody has taken a result.
                    for number in _some(todo, self.size + 1 - len(pending)):
                        pending.append((number, threads.submit(_until, stop, work, number)))
                    if not pending:
                        return
                    number, future = pending[0]
                    yield Step(number)
                    while not wait([future], timeout=_TICK).done:
                        yield Step(number)
                    pending.popleft()
                    yield Step(number, 1.0, (future.result(),))
            finally:
                stop.set()
                threads.shutdown(wait=True, cancel_futures=True)


def _some(numbers: Iterator[int], count: int) -> Iterator[int]:
    yield from (number for _, number in zip(range(count), numbers, strict=False))


def _one_by_one(numbers: Iterable[int], work: Work[Result]) -> Generator[Step[Result], None, None]:
    for number in numbers:
        yield Step(number)
        result = yield from translate(work(number), _step_of(number))
        yield Step(number, 1.0, (result,))


def _step_of(number: int) -> Callable[[float], Step[Any]]:
    return lambda fraction: Step(number, fraction)


class _StoppedError(Exception):
    """Nobody wants the result any more."""


def _until(stop: Event, work: Work[Result], number: int) -> Result:
    """The result, unless ``stop`` is set before."""

    def wanted(_: float) -> None:
        if stop.is_set():
            raise _StoppedError

    with working():
        return drained(translate(work(number), wanted))


@contextmanager
def _threads(size: int) -> Iterator[ThreadPoolExecutor]:
    """Threads in which libraries begin no more threads: they would fight for the cores."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    executor = ThreadPoolExecutor(size, "micrograph", lambda: torch.set_num_threads(1) if torch else None)
    try:
        with crew_of(size):
            yield executor
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
        if torch:
            torch.set_num_threads(before)
