"""Where the time of a run goes: functions say which stage they are of, which is almost free while nobody asks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")

READ, OTHER, WAITING = "read", "other", "waiting"


@dataclass
class Spent:
    """Seconds of one stage, over all threads.

    Attributes
    ----------
    cpu, wall
        Of processor cores, and of threads.
    times
        How often it was begun.
    """

    cpu: float = 0.0
    wall: float = 0.0
    times: int = 0


@dataclass
class _Open:
    """A stage that a thread is in; what is done for one that is ``whole`` counts for it."""

    name: str
    whole: bool
    clock: Callable[[], float] = time.process_time
    cpu: float = 0.0
    wall: float = 0.0

    def start(self) -> None:
        # Libraries have threads of their own as long as there are none of ours.
        self.clock = time.thread_time if _crews else time.process_time
        self.cpu, self.wall = self.clock(), time.perf_counter()


class Stages:
    """What was spent on each stage; one that is begun inside another one interrupts it."""

    def __init__(self) -> None:
        self.spent: dict[str, Spent] = {}
        self.elapsed = self.cpu = 0.0
        self._lock, self._threads = threading.Lock(), threading.local()
        self._idle = 0.0

    def begin(self, name: str, whole: bool) -> None:
        """A thread begins a stage."""
        stack = self._stack()
        if stack:
            self._take(stack[-1])
        if stack and stack[-1].whole:
            name, whole = stack[-1].name, True
        stack.append(_Open(name, whole))
        with self._lock:
            self.spent.setdefault(name, Spent()).times += 1
        stack[-1].start()

    def end(self) -> None:
        """It ends it, and goes on with the one before."""
        stack = self._stack()
        if stack:  # else it was begun before anybody asked
            self._take(stack.pop())
        if stack:
            stack[-1].start()

    def crew(self, seconds: float) -> None:
        """So many seconds of threads were there for work."""
        with self._lock:
            self._idle += seconds

    def worked(self, seconds: float) -> None:
        """So many of them were used."""
        self.crew(-seconds)

    @property
    def table(self) -> dict[str, Spent]:
        """All stages, those that took most first, with what belongs to none, and what threads waited for work."""
        known = dict(sorted(self.spent.items(), key=lambda item: -item[1].cpu))
        rest = known.pop(OTHER, Spent())
        cpu = max(0.0, self.cpu - sum(one.cpu for one in known.values()))
        return known | {OTHER: Spent(cpu, rest.wall), WAITING: Spent(0.0, max(0.0, self._idle))}

    def _stack(self) -> list[_Open]:
        found: list[_Open] | None = getattr(self._threads, "stack", None)
        if found is None:
            found = self._threads.stack = []
        return found

    def _take(self, one: _Open) -> None:
        cpu, wall = one.clock() - one.cpu, time.perf_counter() - one.wall
        with self._lock:
            spent = self.spent[one.name]
            spent.cpu += cpu
            spent.wall += wall


_asked: Stages | None = None
_crews = 0


class stage:  # noqa: N801  # reads as what it does, as a decorator and in a with statement
    """What is done in this block, or by this function, is of a stage.

    Parameters
    ----------
    name
        Of the stage.
    whole
        Whether stages inside it are parts of it.
    """

    def __init__(self, name: str, whole: bool = False) -> None:
        self.name, self.whole = name, whole

    def __enter__(self) -> None:
        if _asked is not None:
            _asked.begin(self.name, self.whole)

    def __exit__(self, *_: object) -> None:
        if _asked is not None:
            _asked.end()

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """The same function, of this stage."""

        @wraps(function)
        def staged(*args: P.args, **kwargs: P.kwargs) -> R:
            if _asked is None:
                return function(*args, **kwargs)
            with self:
                return function(*args, **kwargs)

        return staged

    def steps(self, function: Callable[P, Generator[S, None, R]]) -> Callable[P, Generator[S, None, R]]:
        """The same generator function, of this stage."""

        @wraps(function)
        def staged(*args: P.args, **kwargs: P.kwargs) -> Generator[S, None, R]:
            with self:
                return (yield from function(*args, **kwargs))

        return staged


@contextmanager
def crew_of(size: int) -> Iterator[None]:
    """In this block there are so many threads for work, in each of which `working` says when it works."""
    global _crews
    _crews += 1
    start, stages = time.perf_counter(), _asked
    try:
        yield
    finally:
        _crews -= 1
        if stages is not None:
            stages.crew(size * (time.perf_counter() - start))


@contextmanager
def working() -> Iterator[None]:
    """A thread of a crew has work in this block."""
    stages = _asked
    if stages is None:
        yield
        return
    start = time.perf_counter()
    try:
        with stage(OTHER):
            yield
    finally:
        stages.worked(time.perf_counter() - start)


@contextmanager
def measured(stages: Stages) -> Iterator[None]:
    """Measure what is done in this block, by this and by all other threads."""
    global _asked
    _asked = stages
    cpu, start = time.process_time(), time.perf_counter()
    try:
        yield
    finally:
        _asked = None
        stages.cpu, stages.elapsed = time.process_time() - cpu, time.perf_counter() - start
