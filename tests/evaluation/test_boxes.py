"""Boxes by intersection over union, against answers made by hand with COCO's rules."""

from __future__ import annotations

import numpy as np
import pytest

from napari_drpnet.data import Frame, Picks
from napari_drpnet.evaluation import evaluate
from napari_drpnet.evaluation.boxes import BoxScores, overlap_of_boxes

NOWHERE = (3000.0, 3000.0)


def points(*yx: tuple[float, float], name: str = "a", **columns) -> Picks:
    return Picks(Frame(name, (4000, 4000)), np.array(yx, dtype=float).reshape(-1, 2), **columns)


def boxes(picks: list[Picks], truth: list[Picks], edge: float = 0) -> BoxScores | None:
    return evaluate(picks, truth, diameter=100, pixel_size=1, edge=edge).boxes


def test_intersection_over_union_is_of_areas_and_of_heights_and_widths_each():
    square = [50, 50, 100, 100]
    others = np.array([square, [50, 50, 100, 50], [75, 50, 100, 100], [50, 50, 50, 200], [200, 50, 100, 100]], float)
    assert overlap_of_boxes(np.array([square] * 5, float), others) == pytest.approx([1, 1 / 2, 3 / 5, 1 / 3, 0])


def test_boxes_that_are_the_truth_score_one():
    truth = points((100, 100), (500, 900), box=[[80, 120], [60, 90]])
    assert boxes([points((100, 100), (500, 900), box=[[80, 120], [60, 90]], score=[0.9, 0.1])], [truth]) == BoxScores(
        1, 1, 1, 1
    )


def test_a_box_counts_at_each_overlap_that_it_reaches():
    """A box 72 wide on one of 100 has 0.72 of it: enough for .50 to .70, five of the ten."""
    found = boxes([points((100, 100), box=[100, 72], score=1.0)], [points((100, 100), box=[100, 100])])
    assert found == BoxScores(0.5, 1, 0, 0.5)


def test_precision_is_read_off_at_a_hundred_and_one_recalls():
    """Right, wrong, right: precision 1 up to a recall of 1/2 (51 of the 101), 2/3 beyond, where the wrong one is."""
    truth = [points((100, 100), (500, 500), diameter=100)]
    found = boxes([points((100, 100), NOWHERE, (500, 500), diameter=100, score=[0.9, 0.8, 0.7])], truth)
    area = (51 + 50 * 2 / 3) / 101
    assert [found.ap, found.ap50, found.ap75, found.ar] == pytest.approx([area, area, area, 1])


def test_where_the_truth_is_of_diameters_the_diameters_of_the_picks_count():
    picks = points((100, 100), box=[100, 72], diameter=100, score=1.0)
    assert boxes([picks], [points((100, 100), diameter=100)]) == BoxScores(1, 1, 1, 1)


def test_scores_rank_the_boxes_of_all_micrographs_together():
    """The wrong box of b is better than the right one of a, which so has a precision of a half."""
    truth = [points((100, 100), diameter=100, name="a"), points((100, 100), diameter=100, name="b")]
    picks = [points((100, 100), diameter=100, score=0.5, name="a"), points(NOWHERE, diameter=100, score=0.9, name="b")]
    result = evaluate(picks, truth, diameter=100, pixel_size=1)
    assert result.boxes.ap50 == pytest.approx(51 * 0.5 / 101)
    assert result.boxes.ar == 0.5
    assert [verdict.boxes.ap for verdict in result.verdicts] == [1, 0]


def test_the_better_score_takes_the_particle_that_it_covers_best_and_a_second_box_on_one_is_wrong():
    """Both boxes cover the left particle better; the second one is left the other, which it covers less."""
    truth = [points((100, 100), (100, 130), diameter=100)]
    picks = [points((100, 110), (100, 112), diameter=100, score=[0.9, 0.8])]
    found = boxes(picks, truth)
    # 90 of 110 is 0.82, seven of ten overlaps; the other particle is 82 of 118, 0.69: four of ten.
    assert found.ar == pytest.approx((7 + 4) / 10 / 2)
    assert boxes(
        [points((100, 100), (100, 100), diameter=100, score=[0.9, 0.8])], [points((100, 100), diameter=100)]
    ) == (BoxScores(1, 1, 1, 1)), "a recall of 1 is reached before the duplicate"
    duplicate_first = points((100, 100), (100, 100), (500, 500), diameter=100, score=[0.9, 0.8, 0.7])
    found = boxes([duplicate_first], [points((100, 100), (500, 500), diameter=100)])
    assert found.ap == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_what_lies_in_the_edge_band_counts_neither_for_nor_against():
    truth = [points((100, 100), (1000, 10), diameter=100)]
    picks = [points((1000, 10), (2000, 10), (100, 100), diameter=100, score=[0.9, 0.8, 0.7])]
    assert boxes(picks, truth, edge=50) == BoxScores(1, 1, 1, 1)
    assert boxes(picks, truth).ap < 1


@pytest.mark.parametrize(
    "picks",
    [
        points((100, 100), score=0.9),
        points((100, 100), diameter=100),
        points((100, 100), (500, 500), diameter=[100, np.nan], score=0.9),
    ],
)
def test_without_sizes_or_scores_there_are_no_figures_of_boxes(picks):
    assert boxes([picks], [points((100, 100), diameter=100)]) is None
    sized = points((100, 100), diameter=100, score=0.9)
    assert boxes([sized], [points((100, 100))]) is None
    assert boxes([sized], [points()]) is None


def test_nothing_picked_scores_zero_and_background_labels_are_no_boxes():
    truth = [points((100, 100), diameter=100)]
    assert boxes([points()], truth) == BoxScores(0, 0, 0, 0)
    unsized = points((100, 100), NOWHERE, diameter=[100, np.nan], score=0.9, label=["particle", "background"])
    assert boxes([unsized], truth) == BoxScores(1, 1, 1, 1)
