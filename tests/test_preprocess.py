"""Preprocessing keeps places and does what its names say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_drpnet import preprocess
from napari_drpnet.data import Micrograph
from napari_drpnet.errors import UserError
from napari_drpnet.rescaling import rescale
from napari_drpnet.settings import PreprocessSettings


def spot(shape, y, x, sigma):
    rows, columns = np.indices(shape)
    return np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2)).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.15, 2.0), st.floats(60, 140), st.floats(60, 140))
def test_a_spot_stays_where_it_is_when_rescaled(factor, y, x):
    micrograph = Micrograph.from_array(spot((200, 200), y, x, 8), pixel_size=1.0)
    small = preprocess.prepare(micrograph, PreprocessSettings(rescale=factor, stretch=False))
    centre = ndimage.center_of_mass(small.image)
    assert np.allclose(small.frame.to_micrograph([centre]), [[y, x]], atol=0.1)


def test_rescaling_suppresses_what_the_small_image_cannot_show():
    stripes = np.tile(np.array([0, 1], np.float32), (64, 32))
    small = rescale(stripes, 0.25)
    assert small.shape == (16, 16)
    assert np.ptp(small[:, 2:-2]) < 0.05


def test_flattening_removes_a_ramp_and_keeps_a_particle_and_the_mean():
    ramp = np.linspace(0, 10, 512, dtype=np.float32)[None] * np.ones((512, 1), np.float32)
    particle = spot((512, 512), 256, 256, 6)
    flat = preprocess.flatten(ramp + particle, 60)
    inner = flat[120:-120, 120:-120]
    assert np.ptp(ndimage.gaussian_filter(inner - particle[120:-120, 120:-120], 20)) < 0.3
    assert flat[256, 256] - flat[256, 200] > 0.9
    assert flat.mean() == pytest.approx(ramp.mean(), rel=0.01)


def test_the_coarse_background_is_the_wide_gaussian():
    image = np.random.default_rng(0).normal(size=(300, 410)).astype(np.float32)
    image += spot((300, 410), 150, 200, 40) * 5
    exact = ndimage.gaussian_filter(image, 24, mode="reflect")
    coarse = preprocess.background(image, 24)
    assert coarse.shape == image.shape
    assert np.abs(coarse - exact).max() < 0.05 * np.ptp(exact)


def test_stretching_brings_the_percentiles_to_0_and_1():
    image = np.random.default_rng(0).normal(5, 2, (256, 256)).astype(np.float32)
    result = preprocess.stretch(image, *preprocess.limits(image, 1, 99))
    assert (result.min(), result.max()) == (0, 1)
    assert np.mean((result == 0) | (result == 1)) == pytest.approx(0.02, abs=0.004)


def test_masked_pixels_do_not_set_the_limits():
    image = np.random.default_rng(0).normal(0, 1, (100, 100)).astype(np.float32)
    valid = np.ones(image.shape, bool)
    image[:50], valid[:50] = 1e6, False
    assert preprocess.limits(image, 1, 99, valid)[1] < 4


def test_inverting_twice_gives_the_image_back():
    image = np.random.default_rng(0).random((20, 30), np.float32)
    assert np.allclose(preprocess.invert(preprocess.invert(image)), image, atol=1e-6)


def test_a_constant_image_is_refused_by_name():
    with pytest.raises(UserError, match=r"dull\.mrc.*constant"):
        preprocess.prepare(Micrograph.from_array(np.ones((64, 64)), 1.0, "dull.mrc"), PreprocessSettings())


def test_nothing_left_is_refused():
    with pytest.raises(UserError, match="nothing is left"):
        preprocess.prepare(Micrograph.from_array(np.ones((64, 64)), 1.0), PreprocessSettings(rescale=0.01))


def test_the_mask_follows_the_image():
    image = np.random.default_rng(0).random((64, 64), np.float32)
    image[:32] = np.nan
    small = preprocess.prepare(Micrograph.from_array(image, 1.0), PreprocessSettings(rescale=0.5))
    assert small.valid is not None
    assert not small.valid[:15].any()
    assert small.valid[18:].all()


@pytest.mark.parametrize("factor", [0.2, 0.5, 1.0, 1.3])
@pytest.mark.parametrize("part", [0.001, 0.05, 0.1])
def test_single_bad_pixels_mask_nothing(factor, part):
    image = np.random.default_rng(0).normal(0, 1, (300, 300)).astype(np.float32)
    whole = preprocess.prepare(Micrograph.from_array(image, 1.0), PreprocessSettings(rescale=factor))
    image[np.random.default_rng(1).random(image.shape) < part] = np.nan
    holey = preprocess.prepare(Micrograph.from_array(image, 1.0), PreprocessSettings(rescale=factor))
    assert holey.valid is None
    assert np.corrcoef(whole.image.ravel(), holey.image.ravel())[0, 1] > 1 - 2 * part


def test_a_bad_area_among_single_bad_pixels_is_masked_to_its_edge():
    image = np.random.default_rng(0).normal(0, 1, (300, 300)).astype(np.float32)
    image[np.random.default_rng(1).random(image.shape) < 0.02] = np.nan
    image[100:200, 100:200] = np.nan
    small = preprocess.prepare(Micrograph.from_array(image, 1.0), PreprocessSettings(rescale=0.3))
    assert not small.valid[30:60, 30:60].any()
    assert small.valid.mean() > 0.85


@pytest.mark.parametrize("shape", [(200, 200), (150, 190)])
def test_a_factor_that_changes_no_size_moves_pixels_too(shape):
    factor = 1 + 0.9 / max(shape)
    moved = rescale(spot(shape, 60, 60, 8), factor)
    assert moved.shape == shape
    assert np.allclose(ndimage.center_of_mass(moved), (60.5 * factor - 0.5,) * 2, atol=0.02)


@pytest.mark.filterwarnings("error")
def test_memory_that_cannot_be_written_to_is_read_without_a_word():
    image = np.arange(64, dtype=np.float32).reshape(8, 8)
    image.flags.writeable = False
    assert np.allclose(rescale(image, 0.5), rescale(image.copy(), 0.5))


def test_a_light_wider_than_the_image_takes_no_more_memory() -> None:
    image = np.random.default_rng(0).normal(size=(60, 80)).astype(np.float32)
    flat = preprocess.flatten(image, 1e6)
    assert flat.shape == image.shape
    np.testing.assert_allclose(flat, image, atol=0.1)
    assert np.ptp(preprocess.smooth(image, 1e6)) < 0.05
