"""How strongly particles stand out."""

import numpy as np
import pytest

from digests import SMALL
from napari_drpnet.settings import SimulationSettings
from napari_drpnet.simulation.exposure import draw_exposure
from napari_drpnet.simulation.strength import balance, visibility
from napari_drpnet.simulation.structures import procedural_structure
from napari_drpnet.simulation.views import Views, make_views


@pytest.fixture(scope="module")
def views() -> Views:
    return make_views(procedural_structure(3), 20, seed=0)


def reached(views: Views, settings: SimulationSettings, seed: int) -> tuple[float, float]:
    """The signal-to-noise ratio of a micrograph, and the factor on the particles' potential."""
    rng = np.random.default_rng(seed)
    contrast, exposure = balance(rng, settings, views, draw_exposure(rng, settings))
    return contrast * visibility(views, exposure), contrast


@pytest.mark.parametrize("phase_plate", [0, 1])
def test_clear_particles_are_not_denser_than_matter(views: Views, phase_plate: int) -> None:
    settings = SMALL.model_copy(update={"visibility": (25, 1000), "phase_plate": phase_plate, "negative_stain": 0})
    found = np.array([reached(views, settings, seed) for seed in range(60)])
    assert found[:, 1].max() <= 1.5
    logs = np.log(found[:, 0] / 25) / np.log(40)  # uniform from 0 to 1
    assert logs.min() > -0.02
    assert logs.max() < 1.02
    assert logs.mean() == pytest.approx(0.5, abs=0.12)
    assert logs.std() == pytest.approx(12**-0.5, abs=0.06)


def test_faint_particles_are_as_faint_as_asked_for(views: Views) -> None:
    settings = SMALL.model_copy(update={"visibility": (0.7, 0.7)})
    assert reached(views, settings, 0)[0] == pytest.approx(0.7)


def test_without_a_wish_the_contrast_decides_within_bounds(views: Views) -> None:
    for contrast in ((0.01, 0.01), (0.3, 1.0), (50.0, 50.0)):
        ratio, factor = reached(views, SMALL.model_copy(update={"contrast": contrast}), 1)
        assert 2 - 1e-6 <= ratio <= 25 + 1e-6
        assert factor > 0
