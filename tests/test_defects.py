"""Bad pixels are found, replaced and marked, and nothing else is touched."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_drpnet.data import Micrograph
from napari_drpnet.defects import filled, repaired

SHAPE = (600, 700)


def noise(seed=0, mean=0.0, deviation=1.0):
    return np.random.default_rng(seed).normal(mean, deviation, SHAPE).astype(np.float32)


def mask(*places):
    marked = np.zeros(SHAPE, bool)
    for place in places:
        marked[place] = True
    return marked


@settings(max_examples=20)
@given(st.integers(0, 99), st.floats(-1e4, 1e4), st.floats(0.1, 1e3), st.sampled_from(["float", "counts", "bytes"]))
def test_an_ordinary_image_comes_back_as_it_is(seed, mean, deviation, kind):
    image = noise(seed, mean, deviation)
    if kind == "counts":
        image = np.random.default_rng(seed).poisson(abs(mean) / 1e3 + 1, SHAPE).astype(np.float32)
    if kind == "bytes":
        image = np.clip(np.rint(noise(seed) * 25 + 128), 0, 255)
    made = repaired(Micrograph.from_array(image))
    assert made.valid is None
    assert np.array_equal(made.image, np.asarray(image, np.float32))


DAMAGES = {
    "a bright column": (300, mask(np.s_[:, 333])),
    "a dead row": (-33, mask(np.s_[100])),
    "columns at the sample's pitch": (40, mask(np.s_[:, ::32])),
    "a band of 4 px": (1e6, mask(np.s_[:, 200:204])),
    "a band of 6 px": (-33, mask(np.s_[:, 201:207])),
    "faint columns": (3, mask(np.s_[:, 50], np.s_[:, 77])),
    "hot pixels": (1000, np.random.default_rng(1).random(SHAPE) < 1e-3),
    "one pixel of 1e30": (1e30, mask(np.s_[50, 60])),
    "a frame": (-33, ~np.pad(np.ones((400, 500), bool), 100)),
    "a frame of 3 px": (-33, ~np.pad(np.ones((594, 694), bool), 3)),
    "a frame of the mean": (0, ~np.pad(np.ones((530, 630), bool), 35)),
    "a block": (-33, mask(np.s_[300:450, 202:333])),
    "beyond a round beam": (-33, np.hypot(*(np.ogrid[-300:300, -350:350][i] for i in (0, 1))) > 370),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_replaced_and_marked(name):
    value, damaged = DAMAGES[name]
    image = noise()
    image[damaged] = value
    made = repaired(Micrograph.from_array(image))
    assert made.valid is not None
    assert np.count_nonzero(made.valid == damaged) <= 0.0002 * damaged.size
    assert np.abs(made.image).max() < 6
    assert np.array_equal(made.image[made.valid], image[made.valid])


def test_missing_pixels_become_the_mean_of_those_around_them():
    image = np.linspace(0, 1, SHAPE[1], dtype=np.float32) * np.ones((SHAPE[0], 1), np.float32)
    good = np.random.default_rng(0).random(SHAPE) > 0.2
    made = filled(np.where(good, image, np.float32(1e9)), good)
    assert np.array_equal(made[good], image[good])
    assert np.abs(made - image).max() < 0.02


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 3)])
def test_one_good_pixel_fills_all(shape):
    good = np.zeros(shape, bool)
    good[-1, -1] = True
    assert (filled(np.where(good, np.float32(4), np.float32(np.nan)), good) == 4).all()


def test_a_large_object_stays_but_no_clearer_than_it_need_be():
    """Gold, or a particle that is very clear."""
    y, x = np.ogrid[: SHAPE[0], : SHAPE[1]]
    gold = np.hypot(y - 300, x - 300) < 25
    made = repaired(Micrograph.from_array(noise() - 80 * gold.astype(np.float32)))
    assert made.valid is None
    assert np.allclose(made.image[gold], -14.8, atol=0.5)


def test_saturated_particles_are_no_defects():
    y, x = np.ogrid[: SHAPE[0], : SHAPE[1]]
    image = np.clip(np.rint(noise() * 3 + 200), 0, 255)
    for row in range(60, 600, 80):
        for column in range(60, 700, 80):
            image[np.hypot(y - row, x - column) < 25] = 0
    made = repaired(Micrograph.from_array(image))
    assert made.valid is None
    assert np.array_equal(made.image, image)


@pytest.mark.parametrize("factor", [1e-42, 1e-40, 1e-30, 1e30, 3e37])
def test_grey_levels_of_any_size_are_brought_near_1(factor):
    image = noise()
    made = repaired(Micrograph.from_array(image.astype(np.float64) * factor)).image
    assert 0.1 < made.std() < 10
    assert np.corrcoef(made.ravel(), image.ravel())[0, 1] > 0.999


def test_pixels_that_are_marked_already_stay_marked():
    image = noise()
    image[100:200, 100:200], image[:, 333] = np.nan, 300
    made = repaired(Micrograph.from_array(image))
    assert np.array_equal(~made.valid, mask(np.s_[100:200, 100:200], np.s_[:, 333]))


def with_band(wide, step, axis, at=300, noisier=1.0):
    image = noise()
    band = np.s_[:, at : at + wide] if axis else np.s_[at : at + wide]
    image[band] = image[band] * np.float32(noisier) + np.float32(step)
    return image


@pytest.mark.parametrize("wide", [5, 8, 16, 40])
@pytest.mark.parametrize("step", [1.2, -3, 10, 30])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_band_with_a_signal_is_levelled(wide, step, axis):
    made = repaired(Micrograph.from_array(with_band(wide, step, axis)))
    assert made.valid is None or made.valid.mean() > 1 - 1.1 * wide / 600
    good = np.ones(SHAPE, bool) if made.valid is None else made.valid
    assert np.abs(made.image - noise())[good].mean() < 0.15


@pytest.mark.parametrize("at", [0, 300, 660])
def test_a_band_at_a_border_is_levelled(at):
    made = repaired(Micrograph.from_array(with_band(40, 6, 1, at)))
    assert np.abs(made.image - noise()).mean() < 0.15


@pytest.mark.parametrize("gain", [1.3, 2.0])
def test_half_a_detector_of_another_gain_is_made_alike(gain):
    image = noise(mean=1000, deviation=30)
    image[:, 350:] *= np.float32(gain)
    made = repaired(Micrograph.from_array(image)).image
    left, right = made[:, :345], made[:, 355:]
    assert abs(left.mean() - right.mean()) < 0.2 * left.std()
    assert 0.7 < left.std() / right.std() < 1.4


@pytest.mark.parametrize("spread", [0.01, 0.5])
@pytest.mark.parametrize("wide", [10, 20, 100])
def test_a_frame_of_little_noise_is_no_part_of_the_image(spread, wide):
    image = noise(1, 0, spread)
    inside = np.s_[wide:-wide, wide:-wide]
    image[inside] = noise(mean=1000, deviation=30)[inside]
    made = repaired(Micrograph.from_array(image))
    outside = np.ones(SHAPE, bool)
    outside[inside] = False
    assert not made.valid[outside].any()
    assert made.valid[inside].mean() > 0.99
    assert made.image.min() > 700


@pytest.mark.parametrize("part", [0.06, 0.12, 0.25])
@pytest.mark.parametrize("level", [0, 30000])
def test_a_quarter_of_the_pixels_may_be_bad(part, level):
    image = noise(mean=1000, deviation=30)
    damaged = np.random.default_rng(1).random(SHAPE) < part
    image[damaged] = level
    made = repaired(Micrograph.from_array(image))
    assert np.array_equal(made.valid, ~damaged)
    assert np.array_equal(made.image[made.valid], image[made.valid])


@pytest.mark.parametrize("step", [-10, 10, -20])
def test_a_corner_far_from_the_rest_is_masked(step):
    y, x = np.ogrid[: SHAPE[0], : SHAPE[1]]
    corner = y + x < 180
    made = repaired(Micrograph.from_array(noise() + np.float32(step) * corner))
    assert not made.valid[corner].all()
    assert np.count_nonzero(made.valid & corner) < 0.03 * np.count_nonzero(corner)
    assert np.count_nonzero(~made.valid & ~corner) < np.count_nonzero(corner)


@pytest.mark.parametrize("steep", [50, -100])
def test_a_slope_is_taken_away(steep):
    slope = np.linspace(0, steep, SHAPE[1], dtype=np.float32)
    made = repaired(Micrograph.from_array(noise() + slope))
    assert made.valid is None
    assert made.image.std() < 1.5


@pytest.mark.parametrize("side", [2, 10, 15])
def test_an_image_smaller_than_a_square_has_no_areas(side):
    image = np.random.default_rng(0).normal(size=(side, side))
    assert repaired(Micrograph.from_array(image)).image.shape == (side, side)
