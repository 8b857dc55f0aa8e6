"""Which particles a gallery shows, in which order, and what a change leaves of it."""

from __future__ import annotations

import numpy as np
import pytest

from napari_drpnet.data import Frame, Picks
from napari_drpnet.labels import join, labelled
from napari_drpnet.labels import moved as moved_picks
from napari_drpnet.widgets.gallery.catalogue import Catalogue


def some_picks(name: str, scores: list[float]) -> Picks:
    yx = [(10.0 * i, 7.0 * i) for i in range(len(scores))]
    return Picks(Frame(name), np.array(yx), score=np.array(scores), source=np.array("drpnet"))


@pytest.fixture
def catalogue() -> Catalogue:
    catalogue = Catalogue()
    catalogue.add({"a": some_picks("a", [0.9, 0.1, np.nan]), "b": some_picks("b", [0.5]), "c": some_picks("c", [0.7])})
    catalogue.arrange("all", "score")
    return catalogue


def shown(catalogue: Catalogue) -> list[tuple[str, float]]:
    return [(particle.micrograph, particle.y) for particle in map(catalogue.particle, range(len(catalogue.shown)))]


def test_what_has_no_score_comes_last_either_way(catalogue: Catalogue) -> None:
    best_first = [("a", 0.0), ("c", 0.0), ("b", 0.0), ("a", 10.0)]
    assert shown(catalogue) == [*best_first, ("a", 20.0)]
    catalogue.arrange("all", "score", backwards=True)
    assert shown(catalogue) == [*best_first[::-1], ("a", 20.0)]


def test_labels_change_nothing_but_marks(catalogue: Catalogue) -> None:
    catalogue.arrange("picks", "score")
    before = shown(catalogue)
    rejected = labelled(some_picks("a", [0.9, 0.1, np.nan]), [0], "background")
    assert catalogue.replace("a", rejected) is None
    assert shown(catalogue) == before
    assert catalogue.particle(0).background
    catalogue.arrange("picks", "score")
    assert shown(catalogue) == before[1:]


def test_what_comes_and_goes_keeps_the_order_and_the_selection(catalogue: Catalogue) -> None:
    catalogue.select(1, 3)  # c, b and the second of a
    picks = some_picks("a", [0.9, 0.1, np.nan]).select([1, 2])
    new = Picks(picks.frame, np.array([[500.0, 500.0]]), score=np.array(0.6))
    numbers = catalogue.replace("a", join(picks, new))
    assert numbers is not None
    assert numbers.tolist() == [-1, 0, 1, 3, 4]
    assert shown(catalogue) == [("c", 0.0), ("a", 500.0), ("b", 0.0), ("a", 10.0), ("a", 20.0)]
    assert catalogue.selected[catalogue.shown].tolist() == [True, False, True, True, False]
    places = catalogue.places_of(np.flatnonzero(catalogue.selected))
    assert {name: yx.tolist() for name, yx in places.items()} == {
        "a": [[10.0, 7.0]],
        "b": [[0.0, 0.0]],
        "c": [[0.0, 0.0]],
    }


def test_picks_read_again_in_whole_pixels_are_the_same(catalogue: Catalogue) -> None:
    moved = some_picks("a", [0.9, 0.1, np.nan])
    numbers = catalogue.replace("a", moved_picks(moved, [1], [[10.4, 6.7]]))
    assert numbers is not None
    assert (numbers == np.arange(5)).all()


def test_deviations_are_asked_for_once(catalogue: Catalogue) -> None:
    assert {name: len(yx) for name, yx in catalogue.unmeasured().items()} == {"a": 3, "b": 1, "c": 1}
    catalogue.measured("a", catalogue.places("a"), np.array([1.0, 3.0, 2.0]))
    assert set(catalogue.unmeasured()) == {"b", "c"}
    catalogue.arrange("all", "deviation")
    assert shown(catalogue)[:3] == [("a", 10.0), ("a", 20.0), ("a", 0.0)]
