import numpy as np
import pytest
from scipy.spatial import cKDTree

from chance import apart, by_chance, near, thrown
from measures import Sample
from napari_drpnet.data import Micrograph, Picks
from napari_drpnet.settings import USUAL_DISTANCE

DIAMETER, SIDE = 40, 800  # pixels


def lattice(spacing: float) -> Sample:
    """Particles on a square lattice, their spacing in diameters."""
    micrograph = Micrograph.from_array(np.zeros((SIDE, SIDE)), 2.0)
    along = np.arange(DIAMETER, SIDE, spacing * DIAMETER)
    truth = np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2)
    return Sample(micrograph, Picks(micrograph.frame, truth), 2.0 * DIAMETER, edge=DIAMETER)


def test_the_area_near_particles_is_that_of_their_circles() -> None:
    assert near(lattice(2)) == pytest.approx(np.pi / 16, rel=0.03)
    assert near(lattice(0.5)) == 1
    assert apart([lattice(2), lattice(2), lattice(0.5)]) == pytest.approx(0.5)


def test_places_are_spaced_and_leave_no_room_for_another() -> None:
    sample = lattice(2)
    yx = thrown(sample, np.random.default_rng(1)).yx
    others = cKDTree(yx)
    spacing = USUAL_DISTANCE * DIAMETER
    assert others.query(yx, k=2)[0][:, 1].min() > 0.9 * spacing
    everywhere = np.stack(np.meshgrid(*[np.arange(SIDE)] * 2), axis=-1).reshape(-1, 2)
    assert others.query(everywhere)[0].max() < 1.2 * spacing


def test_chance_is_worth_the_more_the_denser_particles_lie() -> None:
    sparse, dense = (by_chance([lattice(spacing)], 2, 0) for spacing in (2, 0.8))
    assert min(one.recall for one in sparse) > 0.95
    assert max(one.f1 for one in sparse) < 0.3 < 0.5 < min(one.f1 for one in dense)
    assert by_chance([lattice(2)], 2, 0) == sparse
