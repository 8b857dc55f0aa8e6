"""Particles clearer than the networks know are brought back into noise; nothing else is changed."""

import numpy as np
import pytest
from scipy import ndimage

from napari_drpnet import Micrograph, Picks, load_picker
from napari_drpnet.evaluation import evaluate
from napari_drpnet.pickers.contrast import within_noise

SIDE, DIAMETER, PIXEL_SIZE = 800, 60, 2.0


def discs(contrast, seed=0, noise=1.0, spacing=1.6):
    """Dark discs so many standard deviations of the noise below their surroundings; the image and the centres."""
    rng = np.random.default_rng(seed)
    axis = np.arange(DIAMETER, SIDE - DIAMETER, spacing * DIAMETER)
    yx = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    yx = np.rint(yx[rng.random(len(yx)) < 0.7] + rng.uniform(-5, 5, 2))
    empty = np.ones((SIDE, SIDE), bool)
    empty[tuple(yx.astype(int).T)] = False
    inside = ndimage.distance_transform_edt(empty) <= DIAMETER / 2
    image = noise * rng.normal(0, 1, inside.shape) - contrast * inside
    return image.astype(np.float32), yx


def recall(image, yx, name, bright=False):
    micrograph = Micrograph.from_array(image, PIXEL_SIZE)
    picker = load_picker(name, diameter=DIAMETER * PIXEL_SIZE, device="cpu", invert=bright)
    truth = Picks(micrograph.frame, yx)
    return evaluate([picker.pick(micrograph)], [truth], DIAMETER * PIXEL_SIZE, PIXEL_SIZE, edge=40).counts.recall


@pytest.mark.parametrize("name", ["drpnet", "centerpicker"])
@pytest.mark.parametrize(("contrast", "noise"), [(0.3, 1), (2, 1), (30, 1), (1, 0)])
def test_the_clearer_discs_are_the_more_are_found(name, contrast, noise):
    image, yx = discs(contrast, noise=noise)
    assert recall(image, yx, name) >= 0.8


def test_bright_ones_too():
    image, yx = discs(20, seed=1)
    assert recall(-image, yx, "drpnet", bright=True) >= 0.8


@pytest.mark.parametrize("contrast", [0.0, 0.3])
def test_ordinary_images_are_not_changed(contrast):
    image, _ = discs(contrast)
    small = ndimage.zoom(image, 32 / DIAMETER, order=1)
    assert within_noise(small, 32, 1.6) is small


def test_frost_that_covers_a_third_is_no_reason_to_add_noise():
    image, _ = discs(0.3)
    image[:, : SIDE // 3] -= 30 * (ndimage.gaussian_filter(image[:, : SIDE // 3], 6) > 0)
    small = ndimage.zoom(image, 32 / DIAMETER, order=1)
    assert within_noise(small, 32, 1.6) is small


def test_noise_is_the_same_each_time():
    image, _ = discs(20)
    small = ndimage.zoom(image, 32 / DIAMETER, order=1)
    noisy = within_noise(small, 32, 1.6)
    assert np.std(noisy - small) > 5 * np.std(small[:20])
    assert np.array_equal(noisy, within_noise(small, 32, 1.6))


def test_bad_pixels_which_are_flat_are_not_taken_for_a_lack_of_noise():
    image, _ = discs(0.3)
    small = ndimage.zoom(image, 32 / DIAMETER, order=1)
    valid = np.ones(small.shape, bool)
    valid[:200] = False
    small[:200] = small[200:].mean()
    assert within_noise(small, 32, 1.6, valid) is small


@pytest.mark.parametrize("shape", [(8, 8), (40, 40), (64, 200)])
def test_an_image_of_hardly_one_window_is_not_changed_or_at_least_finite(shape):
    image = np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)
    assert np.isfinite(within_noise(image, 32, 1.6)).all()
