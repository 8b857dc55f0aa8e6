"""Random views and looks: places stay where they belong, and every change does what its name says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_drpnet.training import augment

CHANGES = [change for _, change in augment._CHANGES] + [augment.quantise]


def _image(seed=0, side=96):
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((side, side))
    disc = np.hypot(rows - side / 2, columns - side / 2) < side / 8
    return (rng.normal(0, 0.08, (side, side)) - 0.25 * disc).astype(np.float32)


@given(st.integers(0, 1000), st.floats(0, 0.4))
def test_a_view_there_and_back_again(seed, jitter):
    rng = np.random.default_rng(seed)
    view = augment.random_view(rng, rng.uniform(50, 100, 2), 64, jitter)
    yx = rng.uniform(0, 150, (5, 2))
    assert np.allclose(view.to_image(view.from_image(yx)), yx)
    assert np.allclose(view.from_image(view.centre[None]), 31.5)
    scale = np.sqrt(abs(np.linalg.det(view.matrix)))
    assert 1 / (1 + jitter) - 1e-9 <= scale <= 1 + jitter + 1e-9


def test_a_disc_is_where_the_view_says():
    rows, columns = np.indices((200, 200))
    place = np.array([[90.0, 110.0]])
    image = (-0.5 * (np.hypot(rows - 90, columns - 110) < 5)).astype(np.float16)
    for seed in range(10):
        view = augment.random_view(np.random.default_rng(seed), np.array([100.0, 100.0]), 64, 0.25)
        dark = np.argwhere(view.of(image) < -0.25)
        assert np.allclose(dark.mean(0), view.from_image(place)[0], atol=0.6)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_leaves_a_finite_image_with_its_particle(change):
    image = _image()
    changed = change(image, np.random.default_rng(1))
    assert changed.shape == image.shape
    assert changed.dtype == np.float32
    assert np.isfinite(changed).all()
    assert not np.array_equal(changed, image)
    side = len(image)
    centre = changed[side // 2 - 5 : side // 2 + 5, side // 2 - 5 : side // 2 + 5]
    assert centre.mean() < changed.mean() - 0.05


def test_a_constant_image_survives_every_change():
    flat = np.zeros((64, 64), np.float32)
    for change in CHANGES:
        assert np.isfinite(change(flat, np.random.default_rng(0))).all()


def test_the_quick_median_is_the_median():
    image = np.random.default_rng(0).normal(size=(20, 30)).astype(np.float32)
    padded = np.pad(image, 1, mode="edge")
    near = [padded[1:-1, :-2], padded[1:-1, 2:], padded[:-2, 1:-1], padded[2:, 1:-1], image]
    assert np.array_equal(augment.median(image, np.random.default_rng(0)), np.median(near, axis=0))


@pytest.mark.parametrize("change", [augment.blur, augment.resample, augment.denoise_by_spectrum, augment.median])
def test_denoising_takes_out_fine_noise(change):
    noise = np.random.default_rng(0).normal(0, 0.1, (96, 96)).astype(np.float32)
    changed = change(noise, np.random.default_rng(1))

    def roughness(image):
        return np.diff(image, axis=0).std() / image.std()

    assert roughness(changed) < 0.95 * roughness(noise)


def test_looks_stay_within_range_and_follow_the_seed():
    image = _image()
    for seed in range(30):
        one, again = (augment.change_looks(image, np.random.default_rng(seed)) for _ in range(2))
        assert np.array_equal(one, again)
        assert one.dtype == np.float32
        assert -0.5 <= one.min() <= one.max() <= 0.5
