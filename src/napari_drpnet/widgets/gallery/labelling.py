"""Labels given to many particles at once, on any number of micrographs, and taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
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
    told = Signal(str)  # what was done

    def __init__(self, session: Session) -> None:
        self._session = session
        self._actions: list[dict[str, Picks]] = []  # by micrograph, the particles as they were before

    def forget(self) -> None:
        """Another project: there is nothing to take back."""
        self._actions.clear()

    def mark(self, places: Mapping[str, FloatArray], label: LabelKind) -> None:
        """LabelKind the particles at ``(n, 2)`` places of some micrographs; `told` what was done."""
        before: dict[str, Picks] = {}

        def relabel(name: str, picks: Picks) -> Picks:
            rows = same_places(places[name], picks.yx)
            rows = rows[rows >= 0]
            before[name] = picks.select(rows)
            return labelled(picks, rows, label)

        def tell(changed: list[str]) -> None:
            action = {name: before[name] for name in changed}
            if action:
                self._actions = [*self._actions, action][-ACTIONS:]
                done = "Rejected" if label == "background" else "Accepted"
                number = sum(map(len, action.values()))
                self.told.emit(f"{done} {number:,} on {_count(action)}. Ctrl+Z here takes it back.")

        self._change(places, relabel, tell)

    def take_back(self) -> None:
        """Give the particles of the last action the labels that they had; `told` what was done."""
        self._session.slices.finish()
        if not self._actions:
            self._session.undo()
            return
        action = self._actions.pop()

        def restore(name: str, picks: Picks) -> Picks:
            was = action[name]
            rows = same_places(was.yx, picks.yx)
            label, source = picks.label.astype(object), picks.source.astype(object)
            label[rows[rows >= 0]], source[rows[rows >= 0]] = was.label[rows >= 0], was.source[rows >= 0]
            return replace(picks, label=label.astype(str), source=source.astype(str))

        self._change(action, restore, lambda done: self.told.emit(f"Taken back on {_count(done)}."))

    def _change(
        self, names: Iterable[str], change: Callable[[str, Picks], Picks], tell: Callable[[list[str]], None]
    ) -> None:
        """Change the picks of micrographs as long as that works; ``tell`` gets the names of those that were changed."""
        done: list[str] = []

        def steps() -> Iterator[None]:
            try:
                for name in names:
                    self._session.change(name, change(name, self._session.picks(name)))
                    done.append(name)
                    yield
            except UserError as error:
                self.failed.emit(error.plain)

        self._session.slices.add(steps(), lambda: tell(done))


def _count(names: Iterable[str]) -> str:
    number = len(list(names))
    return f"{number:,} micrograph{'' if number == 1 else 's'}"
