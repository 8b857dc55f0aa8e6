"""Labels given to many particles at once, on any number of micrographs, and taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from psygnal import Signal

from napari_drpnet.data import FloatArray, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.labels import LabelKind, labelled, same_places
from napari_drpnet.widgets.session.session import Session

ACTIONS = 100  # that can be taken back


class Labelling:
    """Changes labels through the session: one step of undo for each micrograph, one step back here for all of them.

    Parameters
    ----------
    session
        Whose picks are labelled. They are found by their places: others may have changed their rows.
    """

    failed = Signal(str)  # why an action ended early

    def __init__(self, session: Session) -> None:
        self._session = session
        self._actions: list[dict[str, Picks]] = []  # by micrograph, the particles as they were before

    def forget(self) -> None:
        """Another project: there is nothing to take back."""
        self._actions.clear()

    def mark(self, places: Mapping[str, FloatArray], label: LabelKind) -> str:
        """LabelKind the particles at ``(n, 2)`` places of some micrographs; tells what was done."""
        before: dict[str, Picks] = {}

        def relabel(name: str, picks: Picks) -> Picks:
            rows = same_places(places[name], picks.yx)
            rows = rows[rows >= 0]
            before[name] = picks.select(rows)
            return labelled(picks, rows, label)

        action = {name: before[name] for name in self._change(places, relabel)}
        if not action:
            return ""
        self._actions = [*self._actions, action][-ACTIONS:]
        done = "Rejected" if label == "background" else "Accepted"
        return f"{done} {sum(map(len, action.values())):,} on {_count(action)}. Ctrl+Z here takes it back."

    def take_back(self) -> str:
        """Give the particles of the last action the labels that they had; tells what was done."""
        if not self._actions:
            self._session.undo()
            return ""
        action = self._actions.pop()

        def restore(name: str, picks: Picks) -> Picks:
            was = action[name]
            rows = same_places(was.yx, picks.yx)
            label, source = picks.label.astype(object), picks.source.astype(object)
            label[rows[rows >= 0]], source[rows[rows >= 0]] = was.label[rows >= 0], was.source[rows >= 0]
            return replace(picks, label=label.astype(str), source=source.astype(str))

        return f"Taken back on {_count(self._change(action, restore))}."

    def _change(self, names: Iterable[str], change: Callable[[str, Picks], Picks]) -> list[str]:
        """Change the picks of micrographs as long as that works; names of those that were changed."""
        done = []
        try:
            for name in names:
                self._session.change(name, change(name, self._session.picks(name)))
                done.append(name)
        except UserError as error:
            self.failed.emit(str(error))
        return done


def _count(names: Iterable[str]) -> str:
    number = len(list(names))
    return f"{number:,} micrograph{'' if number == 1 else 's'}"
