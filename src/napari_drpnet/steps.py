"""Work that tells how far it is: generators that yield steps and return a result."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

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
