"""Work that tells how far it is: generators that yield steps and return a result, and how to drive them."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Executor, wait
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

Step = TypeVar("Step")
Shown = TypeVar("Shown")
Result = TypeVar("Result")


def drained(steps: Generator[Step, None, Result]) -> Result:
    """Run steps to their end without looking at them; an interruption closes them, so that they tidy up at once."""
    try:
        while True:
            try:
                next(steps)
            except StopIteration as end:
                result: Result = end.value
                return result
    finally:
        steps.close()


def translate(steps: Generator[Step, None, Result], shown: Callable[[Step], Shown]) -> Generator[Shown, None, Result]:
    """The same work with each of its steps told differently."""
    try:
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                result: Result = end.value
                return result
            yield shown(step)
    finally:
        steps.close()


def attended(
    steps: Generator[Step, None, Result], executor: Executor, every: float = 0.2
) -> Generator[Step | None, None, Result]:
    """The same work, for steps that take long: done in a thread of ``executor``, with None every so many seconds.

    So whoever drives it can stop at once. The step under way is then still brought to its end, and none follows it.
    """
    while True:
        future = executor.submit(next, steps)
        while not wait([future], timeout=every).done:
            yield None
        try:
            step = future.result()
        except StopIteration as end:
            result: Result = end.value
            return result
        yield step


@dataclass(frozen=True)
class Progress:
    """How far a job is.

    Attributes
    ----------
    done, total
        Units of work, micrographs for example; 0: how many there are is not known yet.
    picks
        Found so far.
    message
        What is being worked on.
    fraction
        Part of the unit in work that is done, 0 to 1.
    """

    done: int
    total: int
    picks: int = 0
    message: str = ""
    fraction: float = 0.0


def within(here: Progress) -> Callable[[float], Progress]:
    """A part of the unit in work, as progress of the whole."""
    return lambda part: replace(here, fraction=part)


def one_of(index: int, count: int) -> Callable[[Progress], Progress]:
    """The progress of one of several that share a unit of work, as progress of that unit."""
    return lambda step: replace(step, fraction=(index + step.fraction) / count)


Job: TypeAlias = Generator[Progress, None, Result]


def finish(job: Job[Result]) -> Result:
    """Run a job to its end without showing its progress."""
    return drained(job)


def drive(job: Job[Result], show: Callable[[Progress], None]) -> Result:
    """Run a job to its end, showing each step; an interruption closes it, so that it can tidy up at once."""
    return drained(translate(job, show))
