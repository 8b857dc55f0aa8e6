"""Go from pick to pick of a micrograph: the least certain first, or in the order in which one reads."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from napari_drpnet.data import Picks
from napari_drpnet.labels import uncertain_order, uncertainty
from napari_drpnet.widgets.session.session import Session

Place = tuple[float, ...]


class Places:
    """Which pick was shown last, in either order; it stays where it was when that pick is labelled or deleted.

    Parameters
    ----------
    session
        Whose micrograph.
    say
        Gets what is shown, or why nothing is.
    """

    def __init__(self, session: Session, say: Callable[[str], None]) -> None:
        self._session, self._say = session, say
        self.begin()

    def begin(self) -> None:
        """Another micrograph is shown."""
        self._uncertain: Place | None = None
        self._read: Place | None = None

    def next_uncertain(self) -> None:
        """Show the pick that the picker is less sure of than of the rest."""
        self._step_uncertain(1)

    def previous_uncertain(self) -> None:
        """Show the one before."""
        self._step_uncertain(-1)

    def next_pick(self) -> None:
        """Show the next pick, from left to right and row by row."""
        self._step_reading(1)

    def previous_pick(self) -> None:
        """Show the one before."""
        self._step_reading(-1)

    def _step_uncertain(self, step: int) -> None:
        layer = self._session.points
        if layer is None:
            return
        picks = self._session.picks(self._session.current)
        order = uncertain_order(picks, np.asarray(layer.shown))
        keys = list(zip(uncertainty(picks)[order].tolist(), *picks.yx[order].T.tolist(), strict=True))
        found = _beside(keys, self._uncertain, step)
        if found is None:
            self._say("No further pick on this micrograph is without a label." if step > 0 else "No pick before.")
            return
        self._uncertain = keys[found]
        probability = picks.score[order[found]]
        self._show(picks, int(order[found]), f"Uncertain pick {found + 1} of {len(keys)}: score {probability:.2f}.")

    def _step_reading(self, step: int) -> None:
        session, layer = self._session, self._session.points
        if layer is None:
            return
        picks = session.picks(session.current)
        row = session.diameter(picks.frame) or 1.0
        shown = np.flatnonzero(np.asarray(layer.shown))
        places = sorted((float(picks.yx[n, 0] // row), float(picks.yx[n, 1]), float(n)) for n in shown)
        keys: list[Place] = [place[:2] for place in places]
        found = _beside(keys, self._read, step)
        if found is None:
            self._say("That was the last pick." if step > 0 else "No pick before.")
            return
        self._read, number = keys[found], int(places[found][2])
        label = picks.label[number] if picks.by_hand[number] else "not labelled"
        self._show(picks, number, f"Pick {found + 1} of {len(keys)}: {label}.")

    def _show(self, picks: Picks, number: int, told: str) -> None:
        self._session.show(self._session.current, picks.yx[number])
        if self._session.points is not None:
            self._session.points.selected_data = {number}
        self._say(told)


def _beside(keys: list[Place], at: Place | None, step: int) -> int | None:
    """The first of sorted ``keys`` after a place; with a negative ``step`` the last before it; None: there is none."""
    if step > 0:
        return next((n for n, key in enumerate(keys) if at is None or key > at), None)
    return next((n for n in reversed(range(len(keys))) if at is not None and keys[n] < at), None)
