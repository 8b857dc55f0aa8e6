"""Orientations in RELION's convention, and views that some particles prefer."""

import numpy as np
import pytest

from napari_drpnet.simulation.orientations import directions, random_views, rotation, view_weights
from napari_drpnet.simulation.structures import fibonacci_directions


def relion_matrix(rot: float, tilt: float, psi: float) -> np.ndarray:
    """The matrix of Euler angles as RELION writes it out (Euler_angles2matrix)."""
    (ca, cb, cg), (sa, sb, sg) = np.cos(np.deg2rad([rot, tilt, psi])), np.sin(np.deg2rad([rot, tilt, psi]))
    return np.array(
        [
            [cg * cb * ca - sg * sa, cg * cb * sa + sg * ca, -cg * sb],
            [-sg * cb * ca - cg * sa, -sg * cb * sa + cg * ca, sg * sb],
            [sb * ca, sb * sa, cb],
        ]
    )


def test_angles_mean_what_they_mean_to_relion() -> None:
    angles = np.random.default_rng(0).uniform((-180, 0, -180), (180, 180, 180), (20, 3))
    matrices = rotation(*angles.T).as_matrix()
    np.testing.assert_allclose(matrices, [relion_matrix(*row) for row in angles], atol=1e-12)
    np.testing.assert_allclose(matrices[:, 2], directions(angles[:, 0], angles[:, 1]), atol=1e-12)


def test_views_are_uniform() -> None:
    beams = directions(*random_views(4000, np.random.default_rng(1)))
    np.testing.assert_allclose(beams.mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose((beams**2).mean(axis=0), 1 / 3, atol=0.03)


@pytest.mark.parametrize("kappa", [4.0, 20.0, 60.0])
@pytest.mark.parametrize("part", [0.0, 0.4, 1.0])
def test_preferred_views_concentrate_as_von_mises_and_fisher_say(kappa: float, part: float) -> None:
    half = fibonacci_directions(20000)
    sphere = np.concatenate([half, -half])
    preferred = np.array([[0.6, 0.0, 0.8]])
    weights = view_weights(sphere, preferred, kappa, part)
    assert weights.sum() == pytest.approx(1)
    mean_cosine = 1 / np.tanh(kappa) - 1 / kappa
    assert float(weights @ (sphere @ preferred[0])) == pytest.approx(part * mean_cosine, abs=2e-3)


def test_several_preferred_views_are_liked_equally() -> None:
    sphere = directions(*random_views(20000, np.random.default_rng(2)))
    preferred = np.eye(3)
    near = sphere @ preferred.T > 0.8
    seen = view_weights(sphere, preferred, 50.0, 1.0) @ near
    np.testing.assert_allclose(seen, 1 / 3, atol=0.01)
