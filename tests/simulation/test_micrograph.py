"""Whole micrographs: the same from the same seed, and true to their truth."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.ndimage import distance_transform_edt

from digests import SMALL, digest
from napari_drpnet.data import ImageArray, Micrograph, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.settings import SimulationSettings
from napari_drpnet.simulation import orientations, simulate_one
from napari_drpnet.simulation.contamination import crystal
from napari_drpnet.simulation.optics import image_intensity
from napari_drpnet.simulation.sample import sample_micrograph
from napari_drpnet.simulation.scene import Poses, Scene, draw_poses, outline_boxes
from napari_drpnet.simulation.structures import procedural_structure
from napari_drpnet.simulation.views import make_views

CLEAR = SMALL.model_copy(
    update={
        **{"carbon": 0, "contamination": 0, "defects": 0, "processed": 0, "empty": 0, "aggregates": 0},
        **{"visibility": (15, 25), "coverage": (0.15, 0.15), "amplitude_contrast": (0.1, 0.1), "dose": (60, 60)},
        "slow_noise": (0, 0),
    }
)


def disc_means(image: ImageArray, picks: Picks, radius: float) -> list[float]:
    """Mean grey level in a disc at each pick that lies wholly inside."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    inside = (picks.yx > radius).all(axis=1) & (picks.yx < np.array(image.shape) - radius).all(axis=1)
    return [float(image[np.hypot(y - cy, x - cx) < radius].mean()) for cy, cx in picks.yx[inside]]


@pytest.mark.slow
def test_a_micrograph_depends_on_settings_and_index_alone_in_any_process() -> None:
    here = [digest(index) for index in range(3)]
    assert len(set(here)) == 3
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert list(pool.map(digest, [2, 0])) == [here[2], here[0]]


def test_seeds_differ() -> None:
    one = simulate_one(SMALL, 0).micrograph
    other = simulate_one(SMALL.model_copy(update={"seed": 1}), 0).micrograph
    assert not np.array_equal(one.image, other.image)


def test_masks_and_noise_free_images_do_not_change_the_micrograph() -> None:
    plain = SMALL.model_copy(update={"negative_stain": 0.0})
    without, with_clean = simulate_one(plain, 1), simulate_one(plain.model_copy(update={"noise_free": True}), 1)
    np.testing.assert_array_equal(without.micrograph.image, with_clean.micrograph.image)
    assert without.clean is None


def test_particles_span_the_pixels_asked_for() -> None:
    for made in (simulate_one(SMALL, index) for index in range(SMALL.count)):
        assert made.micrograph.image.shape == made.mask.shape == (384, 384)
        assert np.isfinite(made.micrograph.image).all()
        assert ((made.truth.diameter >= 25) & (made.truth.diameter <= 40)).all()
        assert ((made.truth.yx >= -0.5) & (made.truth.yx < 383.5)).all()
        assert len(made.rot) == len(made.tilt) == len(made.height) == len(made.truth)


def test_a_box_is_as_high_and_as_wide_as_the_mask_of_its_particle() -> None:
    views = make_views(procedural_structure(4), 5, seed=0)
    pixel_size = views.diameter / 50
    for view, psi in enumerate((0.0, 30.0, 77.0, -120.0, 165.0)):
        scene = Scene(128, pixel_size)
        middle = np.full((1, 2), scene.full / 2)
        pose = Poses(middle, np.array([view]), np.array([psi]), np.zeros(1))
        scene.add_particles(views.whole, views.voxel, pose, 1.0, outline=scene.particles)
        sides = np.ptp(np.argwhere(scene.particles), axis=0) + 1
        box = outline_boxes(views.whole, pose)[0] * views.voxel / pixel_size
        np.testing.assert_allclose(box, sides, atol=1.5)
    assert outline_boxes(views.whole, pose.select(np.zeros(1, np.bool_))).shape == (0, 2)


def test_particles_are_dark_where_the_truth_says() -> None:
    for index in range(3):
        made = simulate_one(CLEAR, index)
        assert len(made.truth) > 3
        means = disc_means(made.micrograph.image, made.truth, 0.3 * made.truth.diameter[0])
        assert np.mean(means) < made.micrograph.image.mean()


def test_stained_particles_are_bright_in_a_dark_rim() -> None:
    for index in range(3):
        made = simulate_one(CLEAR.model_copy(update={"negative_stain": 1.0, "coverage": (0.08, 0.08)}), index)
        edges = distance_transform_edt(made.mask == 0)
        inside, rim, far = made.mask == 1, (edges > 0) & (edges < 4), (edges > 12) & (edges < 25)
        image = made.micrograph.image
        assert image[inside].mean() > image[far].mean() > image[rim].mean()


def test_the_mask_covers_the_particles_of_the_truth() -> None:
    made = simulate_one(CLEAR, 0)
    y, x = np.rint(made.truth.yx).astype(int).clip(0, 383).T
    assert (made.mask[y, x] == 1).mean() > 0.7  # some are hollow
    assert 0.03 < (made.mask == 1).mean() < 0.2
    assert (made.mask == 2).sum() == 0


def test_a_noise_free_image_is_the_micrograph_without_its_noise() -> None:
    made = simulate_one(CLEAR.model_copy(update={"noise_free": True}), 0)
    assert made.clean is not None
    image, clean = made.micrograph.image / made.micrograph.image.mean(), made.clean
    assert np.corrcoef(image.ravel(), clean.ravel())[0, 1] > 0.05
    far = distance_transform_edt(made.mask == 0)[:, 1:] > 25
    assert np.diff(clean)[far].std() < 0.1 * np.diff(image)[far].std()


def test_empty_micrographs_have_no_particles() -> None:
    made = simulate_one(SMALL.model_copy(update={"empty": 1.0, "contamination": 1.0}), 0)
    assert len(made.truth) == 0
    assert not (made.mask == 1).any()


def test_projecting_the_structure_at_a_written_orientation_gives_the_particle_at_its_place() -> None:
    sparse = CLEAR.model_copy(
        update={
            "coverage": (0.05, 0.05),
            "clumping": (0, 0),
            "noise_free": True,
            "b_factor": (200, 200),
            "broken": (0, 0),
        }
    )
    made = simulate_one(sparse, 2)
    assert made.clean is not None
    source = int(made.micrograph.frame.micrograph.removeprefix("procedural").split("_")[0])
    particle = procedural_structure(source)
    pixel_size = made.micrograph.frame.known_pixel_size()
    half = int(0.9 * made.truth.diameter[0])
    scores, mirrored = [], []
    turns = orientations.rotation(made.rot, made.tilt, made.truth.psi)
    for turn, yx in zip(turns, made.truth.yx, strict=True):
        corner = np.rint(yx).astype(int) - half
        if (corner < 0).any() or (corner + 2 * half > 384).any():
            continue
        part = made.clean[corner[0] : corner[0] + 2 * half, corner[1] : corner[1] + 2 * half]
        flat = turn.apply(particle.xyz)[:, :2] / pixel_size  # x, y
        for sign, results in ((1, scores), (-1, mirrored)):
            spots, _, _ = np.histogram2d(
                flat[:, 1] + yx[0] - corner[0],
                sign * flat[:, 0] + yx[1] - corner[1],
                bins=2 * half,
                range=[[-0.5, 2 * half - 0.5]] * 2,
                weights=particle.weight,
            )
            seen = image_intensity(spots.astype(np.float32) * 1e-4, made.lens, pixel_size)
            results.append(np.corrcoef(seen.ravel(), part.ravel())[0, 1])
    assert len(scores) >= 3
    assert np.median(scores) > 0.75
    assert np.median(mirrored) < np.median(scores) - 0.15


def test_a_particles_centre_of_mass_lies_on_its_truth() -> None:
    views = make_views(procedural_structure(0), 20, seed=0)
    centres = np.array([[80.3, 90.7], [200.9, 60.2], [140.0, 220.5]])
    scene = Scene(256, views.diameter / 35)
    poses = draw_poses(np.random.default_rng(0), centres, np.full(20, 1 / 20))
    scene.add_particles(views.whole, views.voxel, poses, contrast=1.0)
    y, x = np.indices(scene.shape)
    for centre in centres:
        part = np.where(np.hypot(y - centre[0], x - centre[1]) < 24, scene.potential[0], 0)
        found = np.array([(part * y).sum(), (part * x).sum()]) / part.sum()
        np.testing.assert_allclose(found, centre, atol=0.15)


def test_particles_go_to_the_slab_of_their_height() -> None:
    views = make_views(procedural_structure(0), 5, seed=0)
    scene = Scene(256, views.diameter / 35, np.array([-200.0, 0.0, 200.0]))
    poses = Poses(np.array([[150.0, 150.0]]), np.array([0]), np.zeros(1), np.array([150.0]))
    scene.add_particles(views.whole, views.voxel, poses, contrast=1.0)
    assert [bool(slab.any()) for slab in scene.potential] == [False, False, True]


def test_particles_lie_in_the_ice_and_at_its_surfaces() -> None:
    yx = np.zeros((5000, 2))
    poses = draw_poses(np.random.default_rng(0), yx, np.ones(1), reach=100.0, surface=0.4)
    assert np.abs(poses.height).max() == 100
    assert (np.abs(poses.height) == 100).mean() == pytest.approx(0.4, abs=0.03)
    assert poses.height.mean() == pytest.approx(0, abs=4)


def test_no_particle_lies_under_film_or_crystals() -> None:
    rng = np.random.default_rng(0)
    scene = Scene(256, 4.0)
    scene.add_object(crystal(rng, 60, 4.0), np.array([128.0, 128.0]))
    assert not scene.visible[128, 128]
    assert scene.visible[0, 0]
    assert scene.potential[0][~scene.visible].min() > 0
    assert (scene.mask() == 2).any()


def test_particles_lie_on_carbon_where_they_may() -> None:
    wide_film = CLEAR.model_copy(update={"carbon": 1.0, "coverage": (0.3, 0.3), "seed": 8, "views": 5})
    never, always = (simulate_one(wide_film.model_copy(update={"on_carbon": part}), 1) for part in (0.0, 1.0))
    film = never.mask == 2
    on_film = []
    for made in (never, always):
        y, x = np.rint(made.truth.yx).astype(int).clip(0, 383).T
        on_film.append(int(film[y, x].sum()))
    assert on_film[0] == 0
    assert on_film[1] > 5
    assert 0 < (always.mask == 2).mean() < 0.2 * film.mean()  # the rim of the film hides them


@pytest.mark.slow
def test_noise_can_follow_a_real_micrograph(tmp_path: Path) -> None:
    import imageio.v3 as iio

    y = np.arange(256)[:, None]
    stripes = 128 + 40 * np.sin(2 * np.pi * y / 6) + np.random.default_rng(0).normal(0, 5, (256, 256))
    iio.imwrite(tmp_path / "real.png", np.clip(stripes, 0, 255).astype(np.uint8))
    settings = SMALL.model_copy(update={"noise_like": (tmp_path / "real.png",), "seed": 4})
    assert all(
        np.isfinite(made.micrograph.image).all()
        for made in (simulate_one(settings, index) for index in range(settings.count))
    )


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


@pytest.mark.slow
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


@pytest.mark.slow
def test_the_sample_repeats(sample: tuple[Micrograph, Picks]) -> None:
    again, picks = sample_micrograph(size=1536)
    assert again.image.tobytes() == sample[0].image.tobytes()
    assert picks.yx.tobytes() == sample[1].yx.tobytes()
