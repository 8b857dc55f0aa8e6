"""How far a job is, and how to drive one."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeAlias

from napari_drpnet.steps import Result, drained, translate


@dataclass(frozen=True)
class Progress:
    """How far a job is.

    Attributes
    ----------
    done, total
        Units of work, micrographs for example.
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


Job: TypeAlias = Generator[Progress, None, Result]


def finish(job: Job[Result]) -> Result:
    """Run a job to its end without showing its progress."""
    return drained(job)


def drive(job: Job[Result], show: Callable[[Progress], None]) -> Result:
    """Run a job to its end, showing each step; an interruption closes it, so that it can tidy up at once."""
    return drained(translate(job, show))
