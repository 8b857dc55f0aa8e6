"""A person's edits survive whatever the sliders do."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_drpnet.data import Frame, Picks
from napari_drpnet.edits import Edits
from napari_drpnet.labels import join

FRAME = Frame("a.mrc", (1000, 1000), 1.0)
DIAMETER, SPACING = 40.0, 24.0
FOUND = Picks(
    FRAME,
    np.array([[100.0, 100.0], [200.0, 150.0], [300.0, 700.0], [500.0, 500.0]]),
    score=np.array([0.9, 0.7, 0.4, 0.2]),
    source=np.array("drpnet"),
)


def proposed(threshold: float) -> Picks:
    return FOUND.select(FOUND.score >= threshold)


def manual(*yx: tuple[float, float], label: str = "particle") -> Picks:
    return Picks(FRAME, np.array(yx), label=np.array(label), source=np.array("manual"))


def positions(picks: Picks) -> set[tuple[float, float]]:
    return {tuple(yx) for yx in picks.yx}


def after(current: Picks, threshold: float, start: float = 0.3) -> Picks:
    """What is shown at another threshold once ``current`` was made of the picks at ``start``."""
    return Edits.none(FRAME).updated(proposed(start), current).apply(proposed(threshold), DIAMETER, SPACING)


@given(st.floats(0, 1))
def test_without_edits_the_proposal_is_shown(threshold: float) -> None:
    assert positions(after(proposed(0.3), threshold)) == positions(proposed(threshold))


@given(st.floats(0, 1))
def test_an_added_pick_stays(threshold: float) -> None:
    shown = after(join(proposed(0.3), manual((800, 800))), threshold)
    assert positions(shown) == positions(proposed(threshold)) | {(800, 800)}


@given(st.floats(0, 1))
def test_a_removed_pick_stays_away(threshold: float) -> None:
    shown = after(proposed(0.3).select([0, 2]), threshold)
    assert positions(shown) == positions(proposed(threshold)) - {(200, 150)}


@given(st.floats(0, 1))
def test_a_moved_pick_stays_where_it_was_put(threshold: float) -> None:
    current = join(proposed(0.3).select([0, 2]), manual((205, 140)))
    assert positions(after(current, threshold)) == (positions(proposed(threshold)) - {(200, 150)}) | {(205, 140)}


@given(st.floats(0, 1))
def test_a_relabelled_pick_keeps_its_label(threshold: float) -> None:
    current = join(proposed(0.3).select([0, 2]), manual((200, 150), label="background"))
    shown = after(current, threshold)
    assert shown.label[(shown.yx == (200, 150)).all(1)].tolist() == ["background"]


def test_a_proposal_gives_way_to_a_pick_made_by_hand_nearby() -> None:
    shown = after(join(proposed(0.3), manual((510, 510))), 0.1)
    assert (500, 500) not in positions(shown)
    assert (510, 510) in positions(shown)


def test_an_added_pick_that_is_removed_again_is_gone() -> None:
    edits = Edits.none(FRAME).updated(proposed(0.3), join(proposed(0.3), manual((800, 800))))
    shown = edits.apply(proposed(0.5), DIAMETER, SPACING)
    edits = edits.updated(shown, shown.select(shown.source != "manual"))
    assert positions(edits.apply(proposed(0.0), DIAMETER, SPACING)) == positions(FOUND)


def test_edits_add_up_over_many_moves_of_a_slider() -> None:
    edits = Edits.none(FRAME).updated(proposed(0.3), proposed(0.3).select([1, 2]))
    shown = edits.apply(proposed(0.1), DIAMETER, SPACING)
    edits = edits.updated(shown, join(shown, manual((50, 900))))
    shown = edits.apply(proposed(0.8), DIAMETER, SPACING)
    edits = edits.updated(shown, join(shown, manual((900, 50))))
    assert positions(edits.apply(proposed(0.0), DIAMETER, SPACING)) == positions(FOUND.select([1, 2, 3])) | {
        (50, 900),
        (900, 50),
    }


def test_a_removed_particle_stays_away_when_another_run_finds_it_a_little_off() -> None:
    edits = Edits.none(FRAME).updated(FOUND, FOUND.select([0, 2, 3]))
    again = Picks(FRAME, FOUND.yx + 3.0)
    assert len(edits.apply(again, DIAMETER, SPACING)) == 3
