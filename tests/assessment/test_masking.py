"""Masks cover the particle and little else, and what is no mask is told."""

from __future__ import annotations

import numpy as np
import pytest

from half_maps import PIXEL, halves, particle
from napari_drpnet.assessment.masking import checked_mask, has_hard_edge, soft_mask
from napari_drpnet.errors import UserError

CLEAN = particle()


@pytest.mark.parametrize("noise", [0.1, 1.0])
def test_a_mask_that_is_made_holds_the_particle_and_little_else(noise: float) -> None:
    made = soft_mask(*halves(CLEAN, noise), PIXEL)
    assert made.values[CLEAN > 0.5].mean() > 0.98
    corners = np.sqrt(((np.indices(CLEAN.shape) - 24) ** 2).sum(axis=0)) > 24
    assert made.values[corners].mean() < 0.01
    assert 0.1 < made.part < 0.5
    assert ((made.values > 0) & (made.values < 1)).mean() > 0.05, "its edge is soft"
    assert not has_hard_edge(checked_mask(made.values, CLEAN.shape, "mask.mrc"))


def test_extent_and_edge_are_in_angstrom() -> None:
    first, second = halves(CLEAN, 0.1)
    tight, wide = (soft_mask(first, second, PIXEL, extend=extend, edge=6.0) for extend in (0.0, 12.0))
    inner, outer = (np.count_nonzero(one.values[24, 24] > 0.5) for one in (tight, wide))
    assert (outer - inner) * PIXEL == pytest.approx(24, abs=2 * PIXEL), "12 A more on both sides"


@pytest.mark.parametrize(("level", "said"), [(1e6, "No particle is seen above"), (-1e6, "All of the half maps")])
def test_a_level_that_leaves_no_mask_is_told(level: float, said: str) -> None:
    with pytest.raises(UserError, match=said):
        soft_mask(*halves(CLEAN, 0.1), PIXEL, level=level)


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (np.zeros((16, 16, 16), np.float32), "is 16 x 16 x 16 px, the half maps 48 x 48 x 48 px"),
        (np.zeros(CLEAN.shape, np.float32), "is empty"),
        ((CLEAN.max() == CLEAN).astype(np.float32), "is nearly empty: 1 of its voxels"),
        (np.full(CLEAN.shape, 7, np.float32), "values from 7 to 7"),
        (np.full(CLEAN.shape, np.nan, np.float32), "no numbers"),
    ],
)
def test_what_is_no_mask_is_told(mask: np.ndarray, said: str) -> None:
    with pytest.raises(UserError, match=rf"m\.mrc.*{said}"):
        checked_mask(mask, CLEAN.shape, "m.mrc")


def test_a_hard_edge_is_seen_and_a_little_too_much_is_cut() -> None:
    hard = checked_mask((CLEAN > 0.5).astype(np.float32) * np.float32(1.0005), CLEAN.shape, "m.mrc")
    assert hard.max() == 1
    assert has_hard_edge(hard)
