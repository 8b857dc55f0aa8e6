"""The surface of a map: where it is, what resolution it has there, and maps that have none."""

from __future__ import annotations

import numpy as np
import pytest

import half_maps
from napari_drpnet.assessment.surface import resolved_surface
from napari_drpnet.errors import UserError

SIDE, RADIUS = 40, 10.0


def distance() -> np.ndarray:
    return np.sqrt(sum((axis - SIDE // 2) ** 2 for axis in np.indices((SIDE,) * 3))).astype(np.float32)


def test_a_ball_has_its_radius_and_the_resolution_beside_it() -> None:
    ball = (distance() < RADIUS).astype(np.float32)
    local = np.where(distance() < RADIUS + 3, np.where(np.indices(ball.shape)[0] < SIDE // 2, 5.0, 9.0), 0.0)
    surface = resolved_surface(ball, ball, local.astype(np.float32), 2.0, 6.0)
    away = np.linalg.norm(surface.points - SIDE // 2, axis=1)
    assert away.mean() == pytest.approx(RADIUS, abs=1.5)
    upper = surface.points[:, 0] < SIDE // 2 - 1
    assert set(surface.resolution[upper]) == {5.0}
    assert set(surface.resolution[surface.points[:, 0] > SIDE // 2]) == {9.0}
    assert surface.triangles.max() == len(surface.points) - 1


def test_where_the_mask_cuts_the_map_the_surface_has_a_resolution() -> None:
    ball = (distance() < RADIUS).astype(np.float32)
    upper = np.indices(ball.shape)[0] < SIDE // 2
    local = np.where((distance() < RADIUS + 3) & upper, 7.0, 0.0).astype(np.float32)
    assert set(resolved_surface(ball, ball, local, 2.0, 6.0).resolution) == {7.0}


def test_noise_has_no_surface() -> None:
    first, second = half_maps.halves(np.zeros((SIDE,) * 3, np.float32), 1.0)
    local = np.where(distance() < 3, 20.0, 0.0).astype(np.float32)
    with pytest.raises(UserError, match="no surface"):
        resolved_surface(first, second, local, 2.0, 20.0)
