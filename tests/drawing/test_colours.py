"""Sets are told apart by everybody, in both themes and on a micrograph."""

from __future__ import annotations

import numpy as np
import pytest

from colour_vision import VISIONS, distances, lab, rgb
from napari_drpnet.drawing.colours import COLOURS, colour, dashed, symbol

APART = 15.0  # CIEDE2000; 2 is what one just sees side by side
# Windows and tables of napari's themes, paper, and a micrograph.
GROUNDS = ["#262930", "#23242b", "#2e333e", "#efebe9", "#ebe7e6", "#ffffff", "#808080"]


def test_the_measure_is_that_of_the_standard() -> None:
    one, other = np.array([[50, 2.6772, -79.7751]]), np.array([[50, 0, -82.7485]])
    assert distances(one, other)[0, 0] == pytest.approx(2.0425, abs=1e-4)


@pytest.mark.parametrize("vision", VISIONS)
def test_eight_colours_differ_from_each_other_and_from_every_ground(vision: str) -> None:
    colours = lab(rgb(list(COLOURS)), vision)
    assert (distances(colours, colours) + 999 * np.eye(len(COLOURS))).min() > APART
    assert distances(colours, lab(rgb(GROUNDS), vision)).min() > APART


def test_after_eight_other_shapes_and_lines_tell_sets_apart() -> None:
    seen = {(colour(n), symbol(n)) for n in range(32)}
    assert len(seen) == 32
    assert [dashed(n) for n in (0, 7, 8, 15, 16)] == [False, False, True, True, False]
