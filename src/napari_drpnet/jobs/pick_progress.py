"""How far a run of picking is, with what became of each micrograph as soon as it is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from napari_drpnet.jobs.pick_report import PickResult
from napari_drpnet.steps import Progress

_SOON, _LEAST = 3.0, 0.005  # seconds, and the part of the work, after which time left is told
_MINUTE, _LONG = 60.0, 120  # seconds, and minutes that are told as hours


@dataclass(frozen=True)
class PickProgress(Progress):
    """A step of a run.

    Attributes
    ----------
    finished
        Micrographs that were finished since the last step.
    count, of
        How many are finished, with those of earlier runs, and how many there are.
    """

    finished: tuple[PickResult, ...] = ()
    count: int = 0
    of: int = 0


def progress_in_words(step: PickProgress, seconds: float) -> str:
    """How far a run is: micrographs, picks, and the time that is left.

    Parameters
    ----------
    step
        Of the run.
    seconds
        Since it began.
    """
    left = time_left((step.done + step.fraction) / max(step.total, 1), seconds)
    if not step.picks and step.done and not step.finished and not step.count:
        said = f"Looking at a sample first: {step.done:,} of {step.of:,} micrographs"
    else:
        said = f"{step.count:,} of {step.of:,} · {step.picks:,} picks so far"
    return f"{said} · {left}" if left else said


def time_left(part: float, seconds: float) -> str:
    """How long work will take that is done to this ``part`` after so many seconds; empty while nobody can tell."""
    if seconds < _SOON or part < _LEAST:
        return ""
    left = seconds * (1 - part) / part
    if left < _MINUTE:
        return "less than a minute left"
    minutes = math.ceil(left / _MINUTE)
    return f"about {minutes} min left" if minutes < _LONG else f"about {minutes / _MINUTE:.0f} h left"


class Finished:
    """Tells with each step of a run which micrographs are finished.

    Parameters
    ----------
    note
        What else is told of each.
    count, of
        How many are finished already, and how many there are.
    """

    def __init__(self, note: Callable[[PickResult], None], count: int, of: int) -> None:
        self._note, self._count, self._of = note, count, of
        self._new: list[PickResult] = []

    def note(self, result: PickResult) -> None:
        """Take a micrograph that is finished."""
        self._note(result)
        self._new.append(result)
        self._count += 1

    def told(self, step: Progress) -> PickProgress:
        """A step, with those that are new."""
        new, self._new = tuple(self._new), []
        return PickProgress(step.done, step.total, step.picks, step.message, step.fraction, new, self._count, self._of)
