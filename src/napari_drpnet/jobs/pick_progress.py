"""How far a run of picking is, with what became of each micrograph as soon as it is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from napari_drpnet.jobs.pick_report import PickResult
from napari_drpnet.steps import Progress


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
