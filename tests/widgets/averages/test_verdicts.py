"""What accepting and rejecting does to picks, and the way back, without a window."""

from __future__ import annotations

import numpy as np
import pytest

from napari_drpnet.data import MANUAL, Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.jobs.averaging.result import AveragedPicks, Averages, ClassFigures
from napari_drpnet.labels import labelled, moved
from napari_drpnet.widgets.averages.verdicts import Verdicts

NAMES = ("a.mrc", "b.mrc")
CLASSES = np.array([1, 2, 1, 2, 2, 0])


def picks(name: str) -> Picks:
    """Six of them; the last is in no class."""
    yx = 40.0 * np.arange(12).reshape(6, 2)
    return Picks(Frame(name, (600, 600), 2.0), yx, np.linspace(0.9, 0.4, 6), source=np.array("drpnet"))


def averages() -> Averages:
    nothing = np.full(6, np.nan)
    members = []
    for name in NAMES:
        one = picks(name)
        classed = Picks(one.frame, one.yx, one.score, source=one.source, class_number=CLASSES)
        members.append(AveragedPicks(classed, np.zeros(6, bool), np.zeros((6, 2)), nothing))
    figures = tuple(ClassFigures(n, np.nan, np.nan, np.nan, np.nan, 1.0) for n in (4, 6))
    return Averages(np.zeros((2, 8, 8), np.float32), 4.0, 100.0, figures, tuple(members))


class Store:
    """Picks of two micrographs, as a project or a layer keeps them."""

    def __init__(self) -> None:
        self.held = {name: picks(name) for name in NAMES}
        self.broken = ""

    def picks(self, name: str) -> Picks:
        return self.held[name]

    def change(self, name: str, new: Picks) -> None:
        if name == self.broken:
            raise UserError("It can only be read.")
        self.held[name] = new


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def verdicts(store: Store) -> Verdicts:
    return Verdicts(store, averages())


def rows(found: Picks) -> list[tuple[float, ...]]:
    """Picks in any order."""
    return sorted(zip(found.yx[:, 0], found.score, found.label, found.source, strict=True))


def test_rejected_picks_leave_all_micrographs_and_come_back(store: Store, verdicts: Verdicts) -> None:
    told = verdicts.give([1], "rejected", "removed")
    assert told.startswith("Rejected class 2: 6 picks leave")
    assert all(len(store.held[name]) == 3 for name in NAMES)
    assert [verdicts.of(0), verdicts.of(1)] == ["", "rejected"]
    verdicts.take_back()
    assert all(rows(store.held[name]) == rows(picks(name)) for name in NAMES)
    assert verdicts.of(1) == ""
    verdicts.redo()
    assert all(len(store.held[name]) == 3 for name in NAMES)
    assert verdicts.of(1) == "rejected"
    assert verdicts.redo() == "Nothing to do again."


def test_labels_of_both_kinds(store: Store, verdicts: Verdicts) -> None:
    verdicts.give([0], "accepted", "particle")
    verdicts.give([1], "rejected", "background")
    now = store.held["a.mrc"]
    assert now.by_hand.tolist() == [True] * 5 + [False]
    assert (now.label == "background").tolist() == [False, True, False, True, True, False]
    np.testing.assert_array_equal(now.score, picks("a.mrc").score)
    verdicts.take_back()
    assert (store.held["b.mrc"].label == "particle").all()
    assert store.held["b.mrc"].by_hand.tolist() == [True, False, True, False, False, False]


def test_a_verdict_replaces_the_one_before(store: Store, verdicts: Verdicts) -> None:
    verdicts.give([0, 1], "rejected", "removed")
    verdicts.give([0], "accepted", "particle")  # those that were removed are there again
    assert len(store.held["a.mrc"]) == 3
    assert store.held["a.mrc"].by_hand.sum() == 2
    verdicts.give([0, 1], "accepted", "stay")
    assert rows(store.held["a.mrc"]) == rows(picks("a.mrc"))
    for _ in range(3):
        verdicts.take_back()
    assert rows(store.held["b.mrc"]) == rows(picks("b.mrc"))
    assert verdicts.take_back() == "Nothing to take back."


def test_what_a_person_removed_or_moved_before_is_left_alone(store: Store, verdicts: Verdicts) -> None:
    few = picks("a.mrc").select([0, 1, 3, 4, 5])  # one of the first class is gone
    store.held["a.mrc"] = moved(few, [0], [[300.0, 10.0]])
    verdicts.give([0], "rejected", "background")
    assert rows(store.held["a.mrc"]) == rows(moved(few, [0], [[300.0, 10.0]]))
    verdicts.take_back()
    assert len(store.held["a.mrc"]) == 5


def test_undo_elsewhere_lifts_the_verdict_and_redo_brings_it_again(store: Store, verdicts: Verdicts) -> None:
    before = {name: store.held[name] for name in NAMES}
    verdicts.give([0], "rejected", "removed")
    after = dict(store.held)
    for state, expected in ((before, ""), (after, "rejected")):
        store.held.update(state)
        for name in NAMES:
            verdicts.note(name)
        assert verdicts.of(0) == expected
    store.held["a.mrc"] = before["a.mrc"]
    verdicts.note("a.mrc")
    assert verdicts.of(0) == "rejected"  # half of it holds


def test_own_labels_of_a_person_come_back_as_they_were(store: Store, verdicts: Verdicts) -> None:
    store.held["a.mrc"] = labelled(picks("a.mrc"), [1], "particle")
    verdicts.give([1], "rejected", "background")
    assert store.held["a.mrc"].label[1] == "background"
    verdicts.take_back()
    assert (store.held["a.mrc"].label[1], store.held["a.mrc"].source[1]) == ("particle", MANUAL)


def test_what_cannot_be_changed_is_told_and_the_rest_is_taken_back(store: Store, verdicts: Verdicts) -> None:
    told: list[str] = []
    verdicts.failed.connect(told.append)
    store.broken = "b.mrc"
    verdicts.give([0], "rejected", "removed")
    assert told == ["It can only be read."]
    assert len(store.held["a.mrc"]) == 4
    verdicts.take_back()
    assert rows(store.held["a.mrc"]) == rows(picks("a.mrc"))


def test_nothing_is_chosen(verdicts: Verdicts) -> None:
    assert verdicts.give([], "rejected", "removed") == "Choose a class first: click it."
    assert verdicts.take_back() == "Nothing to take back."
