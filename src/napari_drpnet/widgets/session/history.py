"""Undo and redo of one micrograph's picks."""

from __future__ import annotations

from collections import deque

from napari_drpnet.data import Picks

STEPS = 200


class History:
    """The picks as they were before each step, and those that undo took back.

    Picks never change in place, so a step keeps the old ones themselves; columns that a step left alone are shared.
    """

    def __init__(self, steps: int = STEPS) -> None:
        self._past: deque[Picks] = deque(maxlen=steps)
        self._future: list[Picks] = []

    def note(self, before: Picks) -> None:
        """A step begins at ``before``; what undo took back until now is gone."""
        self._past.append(before)
        self._future.clear()

    def undo(self, now: Picks) -> Picks | None:
        """The picks before the last step; None when there is none."""
        if not self._past:
            return None
        self._future.append(now)
        return self._past.pop()

    def redo(self, now: Picks) -> Picks | None:
        """The picks before the last undo; None when there is none."""
        if not self._future:
            return None
        self._past.append(now)
        return self._future.pop()
