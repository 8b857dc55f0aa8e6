"""Classes that a person accepted or rejected: what becomes of their picks, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from napari_drpnet.data import MANUAL, MaskArray, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.jobs import Averages
from napari_drpnet.labels import join, same_places
from napari_drpnet.widgets.averages.target import Keeper

Verdict = Literal["", "accepted", "rejected"]
# What a verdict makes of picks: they stay as they are, leave the result, or become labels.
Fate = Literal["stay", "removed", "particle", "background"]
ACTIONS = 100  # that can be taken back


@dataclass(frozen=True, eq=False)
class State:
    """How some picks of a micrograph are, or are to be.

    Attributes
    ----------
    picks
        ``n`` of them, with what is known of each.
    there
        ``(n,)`` whether they are in the result.
    """

    picks: Picks
    there: MaskArray

    @classmethod
    def of(cls, meant: Picks, now: Picks) -> State:
        """How the ``meant`` picks are among those that there are ``now``; of those that are gone, as they were."""
        rows = same_places(meant.yx, now.yx)
        there = rows >= 0
        found = join(meant, now).select(np.where(there, len(meant) + rows, np.arange(len(meant))))
        return cls(found, there)

    def put_into(self, now: Picks) -> Picks:
        """All picks of the micrograph after those meant are in this state."""
        rows = same_places(self.picks.yx, now.yx)
        known, kept = rows >= 0, np.ones(len(now), bool)
        kept[rows[known & ~self.there]] = False
        label, source = now.label.astype(object), now.source.astype(object)
        changed = known & self.there
        label[rows[changed]], source[rows[changed]] = self.picks.label[changed], self.picks.source[changed]
        after = replace(now, label=label.astype(str), source=source.astype(str)).select(kept)
        back = ~known & self.there
        return join(after, self.picks.select(back)) if back.any() else after

    def agrees(self, now: Picks) -> int:
        """How many of the picks are in this state now."""
        is_now = State.of(self.picks, now)
        same = (is_now.picks.label == self.picks.label) & (is_now.picks.by_hand | ~self.picks.by_hand)
        return int(((is_now.there == self.there) & (same | ~self.there)).sum())


@dataclass(frozen=True, eq=False)
class _Action:
    """One verdict on some classes.

    Attributes
    ----------
    classes
        Their places.
    verdicts
        On each of them: before, and since.
    states
        Of the picks that changed, by micrograph: before, and since.
    """

    classes: tuple[int, ...]
    verdicts: tuple[tuple[Verdict, ...], tuple[Verdict, ...]]
    states: dict[str, tuple[State, State]] = field(default_factory=dict)


Work = Callable[[Iterator[None], Callable[[], object]], None]


def _at_once(steps: Iterator[None], done: Callable[[], object]) -> None:
    for _ in steps:
        pass
    done()


class Verdicts:
    """Verdicts on the classes of averages, and their picks.

    A class shows its verdict as long as at least half of its picks are as that made them: who takes the change of a
    micrograph back by the session's undo takes the verdict back, too.

    Parameters
    ----------
    target
        Where the picks are.
    averages
        Whose classes are judged.
    work
        Goes through steps and then calls something: at once, or in parts between which the window answers.
    """

    changed = Signal()
    told = Signal(str)  # what was done
    failed = Signal(str)  # why an action ended early

    def __init__(self, target: Keeper, averages: Averages, work: Work = _at_once) -> None:
        self._target, self._averages, self._work = target, averages, work
        self._text = ""  # what was done last
        self._said: list[Verdict] = [""] * len(averages.classes)
        # By micrograph: its picks as they were before the first verdict, and which of the members these are.
        self._before: dict[str, State] = {}
        self._made: dict[str, dict[int, State]] = {}  # by micrograph and class: what the verdict made
        self._agreeing: dict[str, dict[int, int]] = {}
        self._done: list[_Action] = []
        self._undone: list[_Action] = []
        self._busy = False

    def of(self, number: int) -> Verdict:
        """The verdict on a class that holds."""
        said = self._said[number]
        made = sum(len(states[number].there) for states in self._made.values() if number in states)
        agree = sum(counts.get(number, 0) for counts in self._agreeing.values())
        return said if 2 * agree >= made else ""

    def give(self, classes: Sequence[int], verdict: Verdict, fate: Fate) -> str:
        """Accept or reject classes; tells what was done, or that it is being done."""
        return self._run(self._give(classes, verdict, fate))

    def _give(self, classes: Sequence[int], verdict: Verdict, fate: Fate) -> Generator[None, None, str]:
        if not len(classes):
            return "Choose a class first: click it."
        verdicts = tuple(self._said[c] for c in classes), (verdict,) * len(classes)
        action = _Action(tuple(classes), verdicts)
        wanted = np.asarray(classes) + 1
        for one in self._averages.members:
            which = np.flatnonzero(np.isin(one.picks.class_number, wanted))
            if len(which) and not self._try(lambda one=one, which=which: self._judge(action, one.name, which, fate)):
                break
            yield
        self._done = [*self._done, action][-ACTIONS:]
        self._undone.clear()
        yield from self._settle(action, since=True)
        return self._told(action, "Accepted" if verdict == "accepted" else "Rejected", fate)

    def take_back(self) -> str:
        """Undo the last verdict; tells what was done, or that it is being done."""
        return self._run(self._step(self._done, self._undone, False, "Nothing to take back."))

    def redo(self) -> str:
        """Give the verdict again that was taken back last."""
        return self._run(self._step(self._undone, self._done, True, "Nothing to do again."))

    def _run(self, steps: Generator[None, None, str]) -> str:
        """Go through steps that end in a sentence."""

        def every() -> Iterator[None]:
            self._text = yield from steps

        self._text = "Changing picks …"
        self._work(every(), lambda: self.told.emit(self._text))
        return self._text

    def note(self, name: str) -> None:
        """The picks of a micrograph changed: its verdicts may not hold any more."""
        if name in self._made and not self._busy:
            self._count(name)
            self.changed.emit()

    # ------------------------------------------------------------ in one micrograph

    def _judge(self, action: _Action, name: str, which: npt.NDArray[np.int64], fate: Fate) -> None:
        """Let the fate of some members of a micrograph come true."""
        now = self._target.picks(name)
        before = self._remembered(name, now)
        which = which[before.there[which]]  # what was gone before any verdict stays so
        meant = before.picks.select(which)
        after = State(_as(meant, fate), np.full(len(which), fate != "removed"))
        action.states[name] = State.of(meant, now), after
        self._put(name, now, after)

    def _remembered(self, name: str, now: Picks) -> State:
        """The members of a micrograph as they were before the first verdict on any of them."""
        if name not in self._before:
            members = next(one.picks for one in self._averages.members if one.name == name)
            self._before[name] = State.of(members, now)
        return self._before[name]

    def _put(self, name: str, now: Picks, state: State) -> None:
        after = state.put_into(now)
        if not _alike(now, after):
            self._target.change(name, after)

    def _try(self, change: object) -> bool:
        """Whether a change could be made; while it is, what it tells others is not news here."""
        assert callable(change)
        self._busy = True
        try:
            change()
        except UserError as error:
            self.failed.emit(error.plain)
            return False
        finally:
            self._busy = False
        return True

    # ------------------------------------------------------------ in all of them

    def _step(self, steps: list[_Action], others: list[_Action], since: bool, none: str) -> Generator[None, None, str]:
        """Go one action back or forth."""
        if not steps:
            return none
        action = steps.pop()
        others.append(action)
        for name, states in action.states.items():
            if not self._try(lambda name=name, state=states[since]: self._put(name, self._target.picks(name), state)):
                break
            yield
        yield from self._settle(action, since)
        count = sum(len(states[since].there) for states in action.states.values())
        return f"{'Done again' if since else 'Taken back'}: {_classes(action.classes)}, {count:,} picks."

    def _settle(self, action: _Action, since: bool) -> Iterator[None]:
        """The verdicts of an action are in force, or those before it."""
        for number, verdict in zip(action.classes, action.verdicts[since], strict=True):
            self._said[number] = verdict
        numbers = {one.name: one.picks for one in self._averages.members}
        for name, states in action.states.items():
            state, made = states[since], self._made.setdefault(name, {})
            classes = numbers[name].class_number[same_places(state.picks.yx, numbers[name].yx)]
            for number in action.classes:
                mine = classes == number + 1
                made[number] = State(state.picks.select(mine), state.there[mine])
            self._try(lambda name=name: self._count(name))
            yield
        self.changed.emit()

    def _count(self, name: str) -> None:
        """How many picks of each class are as their verdict made them."""
        now = self._target.picks(name)
        self._agreeing[name] = {number: state.agrees(now) for number, state in self._made[name].items()}

    def _told(self, action: _Action, done: str, fate: Fate) -> str:
        count = sum(len(since.there) for _, since in action.states.values())
        what = {
            "stay": "their picks stay as they are",
            "removed": f"{count:,} picks leave the result",
            "particle": f"{count:,} picks are particle labels",
            "background": f"{count:,} picks are background labels",
        }
        return f"{done} {_classes(action.classes)}: {what[fate]}. Ctrl+Z here takes it back."


def _as(picks: Picks, fate: Fate) -> Picks:
    """Picks as a verdict makes them."""
    if fate in ("stay", "removed"):
        return picks
    return replace(picks, label=np.array(fate), source=np.array(MANUAL))


def _alike(one: Picks, other: Picks) -> bool:
    return (
        len(one) == len(other)
        and np.array_equal(one.yx, other.yx)
        and np.array_equal(one.label, other.label)
        and np.array_equal(one.source, other.source)
    )


def _classes(classes: Iterable[int]) -> str:
    """Their numbers, as people read them."""
    numbers = [str(number + 1) for number in sorted(classes)]
    return f"class {numbers[0]}" if len(numbers) == 1 else f"classes {', '.join(numbers)}"
