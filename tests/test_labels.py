"""What a person said stays, whatever a picker proposes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_drpnet.data import MANUAL, Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.labels import (
    added,
    following,
    inside_region,
    join,
    labelled,
    labels_of,
    moved,
    proposals_of,
    removed,
    same_places,
    with_labels,
)

FRAME = Frame("a.mrc", (1000, 800), 1.0)
PROPOSED = Picks(
    FRAME,
    [[100, 100], [200, 150], [300, 700], [500, 500]],
    score=[0.9, 0.7, 0.4, 0.2],
    diameter=40,
    class_number=[1, 2, 3, 4],
    source="drpnet",
)
places = st.tuples(st.floats(0, 999), st.floats(0, 799))


def positions(picks: Picks) -> list[tuple[float, float]]:
    return [tuple(yx) for yx in picks.yx.tolist()]


def by_person(*yx: tuple[float, float], label: str = "particle") -> Picks:
    return Picks(FRAME, np.array(yx).reshape(-1, 2), label=label, source=MANUAL)


@given(st.lists(places, max_size=8), st.floats(0, 300))
def test_every_label_stays_and_no_proposal_is_near_one(yx: list[tuple[float, float]], distance: float) -> None:
    labels = by_person(*yx)
    both = with_labels(PROPOSED, labels, distance)
    assert positions(labels_of(both)) == positions(labels)
    left = proposals_of(both)
    apart = np.linalg.norm(left.yx[:, None] - labels.yx[None], axis=2)
    assert (apart >= distance).all()
    near = np.linalg.norm(PROPOSED.yx[:, None] - labels.yx[None], axis=2).min(axis=1, initial=np.inf) < distance
    assert len(left) >= np.sum(~near) - sum(at in positions(labels) for at in positions(PROPOSED))


def test_a_proposal_gives_way_to_a_background_label_too() -> None:
    both = with_labels(PROPOSED, by_person((205, 150), label="background"), 20)
    assert positions(both) == [(100, 100), (300, 700), (500, 500), (205, 150)]


def test_a_confirmed_pick_keeps_its_score_and_a_person_answers_for_it() -> None:
    picks = labelled(PROPOSED, [1], "particle")
    assert picks.by_hand.tolist() == [False, True, False, False]
    assert picks.score.tolist() == PROPOSED.score.tolist()
    assert picks.label.tolist() == ["particle"] * 4
    assert not PROPOSED.by_hand.any()


def test_a_rejected_pick_is_background_whatever_the_length_of_the_words() -> None:
    short = Picks(FRAME, PROPOSED.yx, source="x")
    picks = labelled(short, short.yx[:, 0] < 250, "background")
    assert picks.label.tolist() == ["background", "background", "particle", "particle"]
    assert picks.source.tolist() == [MANUAL, MANUAL, "x", "x"]


def test_a_new_pick_is_as_large_as_the_others_and_has_no_score() -> None:
    picks = added(PROPOSED, [[10.5, 20.25]])
    assert positions(picks)[-1] == (10.5, 20.25)
    assert picks.diameter[-1] == 40
    assert np.isnan(picks.score[-1])
    assert picks.by_hand[-1]
    assert np.isnan(added(by_person(), [[1, 1]]).diameter[0])


def test_a_moved_pick_is_a_persons_and_keeps_its_score() -> None:
    picks = moved(PROPOSED, [2], [[310, 690]])
    assert positions(picks)[2] == (310, 690)
    assert picks.by_hand.tolist() == [False, False, True, False]
    assert picks.score[2] == 0.4
    assert positions(PROPOSED)[2] == (300, 700)


def test_what_a_picker_found_is_remembered_when_it_is_removed_and_what_a_person_made_is_gone() -> None:
    picks = added(PROPOSED, [[10, 20]])
    left = removed(picks, [1, 4])
    assert positions(left) == positions(PROPOSED)
    assert left.label.tolist() == ["particle", "background", "particle", "particle"]
    assert left.by_hand.tolist() == [False, True, False, False]
    assert positions(removed(left, [1])) == [(100, 100), (300, 700), (500, 500)]


def test_a_picker_does_not_find_again_what_was_removed() -> None:
    labels = labels_of(removed(PROPOSED, [0]))
    again = with_labels(PROPOSED, labels, 10)
    assert positions(again.select(again.label == "particle")) == positions(PROPOSED)[1:]


def test_a_region_reaches_as_far_as_its_coarse_pixels() -> None:
    region = np.zeros((10, 8), bool)
    region[0, 0] = region[9, 7] = True
    picks = by_person((0, 0), (99, 99), (99.6, 0), (100, 0), (999, 799), (899.4, 799), (899.6, 799))
    assert inside_region(picks, region).tolist() == [True, True, False, False, True, False, True]


def test_a_region_has_no_place_on_a_micrograph_of_unknown_size() -> None:
    with pytest.raises(UserError, match="size is not known"):
        inside_region(Picks(Frame("a.mrc"), [[1, 1]]), np.ones((4, 4), bool))


def test_joined_picks_keep_every_column() -> None:
    both = join(PROPOSED, by_person((1, 2)))
    assert both.class_number.tolist() == [1, 2, 3, 4, 0]
    assert both.source.tolist() == ["drpnet"] * 4 + [MANUAL]
    assert both.frame == FRAME


def test_a_place_is_the_same_after_rounding_and_no_two_become_one():
    before = np.array([[10.4, 20.0], [50.0, 50.0], [50.6, 50.0], [90.0, 90.0]])
    after = np.array([[90.0, 91.5], [50.0, 50.2], [10.0, 20.0]])
    assert same_places(before, after).tolist() == [2, 1, -1, -1]
    assert same_places(after, before).tolist() == [-1, 1, 0]
    assert same_places(before, np.empty((0, 2))).tolist() == [-1] * 4
    assert same_places(np.empty((0, 2)), after).tolist() == []


def test_who_moves_or_adds_a_pick_answers_for_it():
    yx = np.concatenate([PROPOSED.yx, [[1.0, 2.0]]])
    yx[1] += 5
    after = following(PROPOSED, yx)
    np.testing.assert_array_equal(after.yx, yx)
    assert after.by_hand.tolist() == [False, True, False, False, True]
    assert len(following(PROPOSED, PROPOSED.yx[:2])) == 2
