"""How far two sets of picks agree: as facts of the pair, whichever of the two comes first."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.evaluation import evaluate
from napari_drpnet.evaluation.agreement import Pair, agreement

RADIUS = 10.0
SPREAD = ((40, 50), (40, 150), (130, 60), (110, 160))

clouds = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8)


def picks(yx, name: str = "a.mrc", shape: tuple[int, int] | None = None, **columns) -> Picks:
    return Picks(Frame(name, shape), np.array(yx, dtype=float).reshape(-1, 2), **columns)


def pair(first, second, **options) -> Pair:
    return agreement(("one", first), ("two", second), RADIUS, **options)


@given(clouds, clouds)
def test_the_agreement_is_the_same_from_either_side(first, second):
    forth, back = pair([picks(first)], [picks(second)]), pair([picks(second)], [picks(first)])
    assert (forth.shared, forth.only_first, forth.only_second) == (back.shared, back.only_second, back.only_first)
    assert forth.f1 == back.f1 or (math.isnan(forth.f1) and math.isnan(back.f1))


@given(clouds, clouds)
def test_it_counts_as_the_evaluation_against_a_truth_does(first, second):
    found = pair([picks(first)], [picks(second)])
    counts = evaluate([picks(first)], [picks(second)], RADIUS, 1, 1).counts
    assert (found.shared, found.only_first, found.only_second) == (counts.true, counts.false, counts.missed)


def test_a_set_agrees_with_itself():
    found = pair([picks(SPREAD)], [picks(SPREAD)])
    assert (found.f1, found.distance, found.shared) == (1, 0, 4)
    assert not found.fits_better_flipped


def test_the_distance_is_the_median_of_the_shared_picks():
    moved = np.add(SPREAD, [[0, 1], [0, 2], [0, 6], [0, 50]])
    assert pair([picks(SPREAD)], [picks(moved)]).distance == pytest.approx(2)


def test_counts_are_summed_over_micrographs_and_names_need_no_folder():
    first = [picks(SPREAD, "Micrographs/a.mrc"), picks(SPREAD[:1], "Micrographs/b.mrc")]
    second = [picks(SPREAD[:2], "a_autopick.star"), picks(SPREAD, "b.box")]
    found = pair(first, second)
    assert (found.shared, found.only_first, found.only_second) == (3, 2, 3)


def test_micrographs_that_one_set_lacks_are_left_out():
    found = pair([picks(SPREAD, "a"), picks(SPREAD, "b")], [picks(SPREAD, "a")])
    assert (found.shared, found.only_first, found.only_second) == (4, 0, 0)


def test_background_does_not_count():
    label = np.array(["particle", "background", "particle", "particle"])
    assert pair([picks(SPREAD, label=label)], [picks(SPREAD)]).only_second == 1


def test_nothing_in_common_has_no_distance_and_no_picks_have_no_f1():
    apart = pair([picks(SPREAD)], [picks([(400, 400)])])
    assert apart.f1 == 0
    assert math.isnan(apart.distance)
    assert math.isnan(pair([picks([])], [picks([])]).f1)


def test_a_set_upside_down_is_noticed():
    upside_down = [(179 - y, x) for y, x in SPREAD]
    found = pair([picks(upside_down, shape=(180, 200))], [picks(SPREAD)])
    assert found.fits_better_flipped
    assert found.flipped_f1 == 1


def test_the_edge_band_is_left_out_on_both_sides():
    found = pair([picks([(2, 50), (60, 60)], shape=(100, 100))], [picks([(60, 60), (98, 50)])], edge=10)
    assert (found.shared, found.only_first, found.only_second) == (1, 0, 0)


def test_two_entries_of_one_micrograph_are_an_error_that_names_the_set():
    with pytest.raises(UserError, match="picks of one have two entries for micrograph a"):
        pair([picks(SPREAD, "a"), picks(SPREAD, "a")], [picks(SPREAD, "a")])
