"""Picks coloured by score or class, and what is said of the colours."""

from typing import Any

import numpy as np
import pytest

from napari_drpnet.data import MANUAL, Frame, Picks
from napari_drpnet.layers import (
    BACKGROUND_COLOUR,
    LABELLED_COLOUR,
    PICK_COLOUR,
    colour_by,
    legend,
    points_layer,
    show_labels,
    swap_points,
)

PICKS = Picks(
    Frame("a.mrc", (100, 100)),
    np.arange(10).reshape(5, 2) * 10,
    score=np.array([0.9, 0.5, np.nan, 0.7, 0.8]),
    class_number=np.array([1, 2, 0, 1, 1]),
    label=np.array(["particle", "particle", "particle", "particle", "background"]),
    source=np.array(["drpnet", "drpnet", MANUAL, "drpnet", MANUAL]),
)
LOW, HIGH = "#ff7a1a", "#2f9bff"


@pytest.fixture
def layer() -> Any:
    from napari.layers import Points

    data, attributes, _ = points_layer(PICKS)
    return Points(data, **attributes)


def codes(layer: Any) -> list[str]:
    return ["#" + "".join(f"{round(255 * part):02x}" for part in colour[:3]) for colour in layer.border_color]


def test_colours_by_score_go_from_the_lowest_to_the_highest(layer: Any) -> None:
    colour_by(layer, "score")
    best, worst, unknown, middle, background = codes(layer)
    assert (best, worst, unknown, background) == (HIGH, LOW, PICK_COLOUR, BACKGROUND_COLOUR)
    assert middle == "#f4f0e0"
    assert legend(layer) == [(LOW, "0.50"), (HIGH, "0.90"), (PICK_COLOUR, "no score")]


def test_each_class_has_a_colour(layer: Any) -> None:
    colour_by(layer, "class")
    one, two, none, again, background = codes(layer)
    assert one == again
    assert len({one, two, none}) == 3
    assert (none, background) == (PICK_COLOUR, BACKGROUND_COLOUR)
    assert [words for _, words in legend(layer)] == ["no class (1)", "class 1 (3)", "class 2 (1)"]
    assert legend(layer)[1][0].lower() == one


def test_colours_hold_for_other_picks_and_can_be_taken_back(layer: Any) -> None:
    colour_by(layer, "score")
    swap_points(layer, PICKS.select([1, 3, 2]))
    assert codes(layer) == [LOW, HIGH, PICK_COLOUR]
    swap_points(layer, PICKS.select(np.zeros(5, bool)))
    assert legend(layer) == []
    swap_points(layer, PICKS.select([0]))
    assert codes(layer) == [HIGH]
    colour_by(layer, "nothing")
    assert codes(layer) == [PICK_COLOUR]
    assert legend(layer) == []


def test_what_a_person_labelled_stands_out(layer: Any) -> None:
    show_labels(layer, PICKS)
    assert codes(layer) == [PICK_COLOUR, PICK_COLOUR, LABELLED_COLOUR, PICK_COLOUR, BACKGROUND_COLOUR]
    colour_by(layer, "score")
    assert codes(layer)[2] == LABELLED_COLOUR
