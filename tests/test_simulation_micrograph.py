"""Whole micrographs: the same from the same seed, and true to their truth."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from napari_drpnet.data import ImageArray, Micrograph, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.settings import SimulationSettings
from napari_drpnet.simulation import simulate, simulate_one
from napari_drpnet.simulation.sample import sample_micrograph
from napari_drpnet.simulation.scene import Scene, make_views
from napari_drpnet.simulation.structures import procedural_structure

SMALL = SimulationSettings(count=3, size=384, diameter_px=(25, 40), views=10)


def disc_means(image: ImageArray, picks: Picks, radius: float) -> list[float]:
    """Mean grey level in a disc at each pick that lies wholly inside."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    inside = (picks.yx > radius).all(axis=1) & (picks.yx < np.array(image.shape) - radius).all(axis=1)
    return [float(image[np.hypot(y - cy, x - cx) < radius].mean()) for cy, cx in picks.yx[inside]]


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, second = list(simulate(SMALL)), list(simulate(SMALL))
    assert len(first) == 3
    for (image, picks), (same_image, same_picks) in zip(first, second, strict=True):
        assert image.image.tobytes() == same_image.image.tobytes()
        assert picks.yx.tobytes() == same_picks.yx.tobytes()


def test_a_micrograph_depends_on_its_index_alone() -> None:
    third, _ = list(simulate(SMALL))[2]
    alone, _ = simulate_one(SMALL, 2)
    np.testing.assert_array_equal(third.image, alone.image)


def test_seeds_differ() -> None:
    one, _ = simulate_one(SMALL, 0)
    other, _ = simulate_one(SMALL.model_copy(update={"seed": 1}), 0)
    assert not np.array_equal(one.image, other.image)


def test_particles_span_the_pixels_asked_for() -> None:
    for micrograph, picks in simulate(SMALL):
        assert micrograph.image.shape == (384, 384)
        assert np.isfinite(micrograph.image).all()
        assert ((picks.diameter >= 25) & (picks.diameter <= 40)).all()
        assert ((picks.yx >= -0.5) & (picks.yx < 383.5)).all()


def test_particles_are_dark_where_the_truth_says() -> None:
    clean = {"carbon": 0, "contamination": 0, "defects": 0, "processed": 0, "empty": 0, "aggregates": 0}
    strong = {"visibility": (15, 25), "coverage": (0.15, 0.15), "amplitude_contrast": (0.1, 0.1), "dose": (60, 60)}
    settings = SMALL.model_copy(update={**clean, **strong})
    for index in range(3):
        micrograph, picks = simulate_one(settings, index)
        assert len(picks) > 3
        means = disc_means(micrograph.image, picks, 0.3 * picks.diameter[0])
        assert np.mean(means) < micrograph.image.mean()


def test_a_particles_centre_of_mass_lies_on_its_truth() -> None:
    views = make_views(procedural_structure(0), 20, seed=0)
    centres = np.array([[80.3, 90.7], [200.9, 60.2], [140.0, 220.5]])
    scene = Scene(256, views.diameter / 35)
    scene.add_particles(np.random.default_rng(0), views.whole, views.voxel, centres, contrast=1.0)
    y, x = np.indices(scene.shape)
    for centre in centres:
        part = np.where(np.hypot(y - centre[0], x - centre[1]) < 24, scene.potential, 0)
        found = np.array([(part * y).sum(), (part * x).sum()]) / part.sum()
        np.testing.assert_allclose(found, centre, atol=0.15)


def test_no_particle_lies_under_film_or_crystals() -> None:
    rng = np.random.default_rng(0)
    scene = Scene(256, 4.0)
    scene.add_crystal(rng, 60, np.array([128.0, 128.0]))
    assert not scene.visible[128, 128]
    assert scene.visible[0, 0]
    assert scene.potential[~scene.visible].min() > 0


def test_noise_can_follow_a_real_micrograph(tmp_path: Path) -> None:
    import imageio.v3 as iio

    y = np.arange(256)[:, None]
    stripes = 128 + 40 * np.sin(2 * np.pi * y / 6) + np.random.default_rng(0).normal(0, 5, (256, 256))
    iio.imwrite(tmp_path / "real.png", np.clip(stripes, 0, 255).astype(np.uint8))
    settings = SMALL.model_copy(update={"noise_like": (tmp_path / "real.png",), "seed": 4})
    assert all(np.isfinite(micrograph.image).all() for micrograph, _ in simulate(settings))


def test_a_particle_larger_than_the_micrograph_is_refused() -> None:
    with pytest.raises(UserError, match="too large"):
        simulate_one(SimulationSettings(size=128, pixel_size=1.0), 0)


def test_a_missing_structure_is_named() -> None:
    with pytest.raises(UserError, match=r"absent\.pdb"):
        simulate_one(SimulationSettings(structures=(Path("absent.pdb"),), size=256), 0)


def test_a_range_that_descends_is_refused() -> None:
    with pytest.raises(ValidationError, match="defocus"):
        SimulationSettings(defocus=(3.0, 1.0))


@pytest.fixture(scope="module")
def sample() -> tuple[Micrograph, Picks]:
    return sample_micrograph(size=1536)


def test_the_sample_has_the_scale_it_says(sample: tuple[Micrograph, Picks]) -> None:
    micrograph, picks = sample
    assert micrograph.image.shape == (1536, 1536)
    assert micrograph.image.dtype == np.float32
    assert micrograph.frame.pixel_size == 1.2
    np.testing.assert_allclose(picks.diameter, 150)
    assert len(picks) > 15


def test_the_samples_carbon_is_dark_and_without_picks(sample: tuple[Micrograph, Picks]) -> None:
    micrograph, picks = sample
    assert micrograph.image[:150, :150].mean() < 0.9 * micrograph.image[-600:, -600:].mean()
    assert (picks.yx.sum(axis=1) > 300).all()


def test_the_sample_repeats(sample: tuple[Micrograph, Picks]) -> None:
    again, picks = sample_micrograph(size=1536)
    assert again.image.tobytes() == sample[0].image.tobytes()
    assert picks.yx.tobytes() == sample[1].yx.tobytes()
