import numpy as np
import pytest

from napari_drpnet.assessment.orientations import copies, point_group
from napari_drpnet.assessment.views import count_views


def views(n: int, seed: int = 0) -> np.ndarray:
    found = np.random.default_rng(seed).normal(size=(n, 3))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.mark.parametrize(("group", "mirrored", "possible"), [
    ("C1", False, 12288), ("C1", True, 6144), ("C4", False, 3072), ("D2", False, 3072), ("T", True, 512),
])  # fmt: skip
def test_views_are_as_many_as_the_symmetry_leaves(group: str, mirrored: bool, possible: int):
    found = count_views(views(3000), point_group(group), mirrored=mirrored)
    assert found.possible == pytest.approx(possible, rel=0.05)
    assert found.different == pytest.approx(found.expected, rel=0.04)
    assert found.counts.sum() == 3000 * len(point_group(group)) * (2 if mirrored else 1)
    every = count_views(views(60 * possible), point_group(group), mirrored=mirrored)
    assert every.different == pytest.approx(every.possible, rel=0.01)


def test_views_that_look_alike_are_one():
    group = point_group("D2")
    once = count_views(views(40), group)
    # Three degrees apart at most pixels, so that none is where two others are.
    again = count_views(copies(views(40), group).reshape(-1, 3), group)
    assert again.different == once.different
    np.testing.assert_array_equal(again.counts, 4 * once.counts)
    assert count_views(copies(views(40), group).reshape(-1, 3), point_group("C1")).different == 4 * once.different


def test_opposite_views_are_one_where_mirrors_are():
    both = np.concatenate([views(40), -views(40)])
    apart, one = (count_views(both, point_group("C1"), mirrored=mirrored) for mirrored in (False, True))
    assert apart.different == 2 * one.different
    np.testing.assert_array_equal(one.counts, 2 * apart.counts)


def test_one_view_is_one():
    found = count_views(np.tile(views(1), (500, 1)), point_group("C1"))
    assert found.different == 1
    assert found.counts.max() == 500
