"""Robust grey levels: what is done to a micrograph's grey levels changes nothing, and no outlier moves them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_drpnet import Micrograph, UserError
from napari_drpnet.pickers.grey import robust
from napari_drpnet.pickers.seen import network_image
from napari_drpnet.training.looks import linear, shown

NOISE = np.random.default_rng(0).standard_normal((300, 400), np.float32)


def test_noise_has_levels_of_a_quarter_of_its_distance_from_the_median():
    levels = robust(NOISE)
    assert levels.dtype == np.float32
    assert np.allclose(levels, 0.25 * np.arcsinh(NOISE), atol=0.01)


@given(st.integers(-40, 40))
def test_scaling_by_a_power_of_two_changes_no_bit_and_inverting_only_the_sign(power):
    levels = robust(NOISE)
    assert np.array_equal(robust(NOISE * np.float32(2.0**power)), levels)
    assert np.array_equal(robust(-NOISE * np.float32(2.0**power)), -levels)


@given(st.floats(1e-6, 1e6), st.floats(-30, 30))
def test_scaling_and_shifting_change_no_more_than_rounding(gain, offset):
    other = np.float32(gain) * (NOISE + np.float32(offset))
    assert np.abs(robust(other) - robust(NOISE)).max() < 1e-5


@pytest.mark.parametrize("height", [8.0, 1e3, 1e6, -1e9])
def test_a_twentieth_of_outliers_of_any_size_hardly_moves_the_rest(height):
    """A bar of carbon, and hot pixels everywhere."""
    spoilt = NOISE.copy()
    spoilt[:, :12] += height
    spoilt[::10, ::5] = height
    others = np.abs(spoilt - NOISE) == 0
    assert (~others).mean() > 0.045
    assert np.abs(robust(spoilt) - robust(NOISE))[others].max() < 0.03


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_what_is_one_grey_does_not_decide_how_the_rest_is_seen(part):
    """As of a frame, or where the film was cut off. More than half of it: its grey is the middle."""
    empty = NOISE.copy()
    empty[:, : int(400 * part)] = 0.1
    levels = robust(empty)[:, int(400 * part) :]
    assert 0.5 < levels.std() / robust(NOISE).std() < 1.5


def test_rounding_errors_of_one_grey_are_no_noise():
    rounded = NOISE.copy()
    rounded[:, :280] = 1e-7 * NOISE[:, :280]
    assert 0.5 < robust(rounded)[:, 280:].std() / robust(NOISE).std() < 1.5


def test_bad_pixels_are_not_measured():
    image, valid = NOISE.copy(), np.ones(NOISE.shape, bool)
    image[:200], valid[:200] = 1e4, False
    expected = robust(np.ascontiguousarray(NOISE[200:]))
    assert np.array_equal(robust(image, valid)[200:], expected)
    assert np.isfinite(robust(image, np.zeros_like(valid))).all()


@pytest.mark.parametrize("level", [0.0, 1.0, -3e4])
def test_a_constant_image_is_refused(level):
    with pytest.raises(UserError, match="constant"):
        robust(np.full((64, 64), level, np.float32))


def test_a_large_image_is_measured_on_a_part_of_it():
    large = np.tile(NOISE, (6, 6))
    assert np.abs(robust(large)[:300, :400] - robust(NOISE)).max() < 0.01


@pytest.mark.parametrize("grey", ["robust", "percentiles"])
def test_levels_there_and_back_again(grey):
    levels = torch.linspace(-0.5, 0.5, 101)
    assert torch.allclose(shown(linear(levels, grey), grey), levels, atol=1e-5)
    assert torch.isfinite(shown(torch.tensor([-1e30, 1e30, torch.inf]), grey)).all()


def _seen(image, invert=False):
    return network_image(Micrograph.from_array(image, 2.0, "a.mrc"), 120.0, 32.0, invert, "robust").image


def test_a_network_sees_the_same_of_any_grey_levels():
    rows, columns = np.indices((240, 260))
    image = np.random.default_rng(0).normal(0, 1, rows.shape) - 2 * (np.hypot(rows - 100, columns - 120) < 30)
    image = image.astype(np.float32)
    seen = _seen(image)
    assert np.array_equal(_seen(image * 4), seen)
    assert np.abs(_seen(7.3 * image + 100) - seen).max() < 1e-3
    assert np.abs(_seen(-image, invert=True) - seen).max() < 1e-6
    assert np.abs(_seen(-image) + seen).max() < 1e-6
    assert abs(np.median(seen)) < 1e-3


def test_bad_pixels_move_nothing_that_a_network_sees():
    image = np.random.default_rng(0).normal(0, 1, (240, 260)).astype(np.float32)
    spoilt = image.copy()
    spoilt[:120, :40] = np.nan
    away = np.abs(_seen(spoilt) - _seen(image))
    assert np.isfinite(away).all()
    assert away[:, 120:].max() < 0.1


def test_a_constant_micrograph_is_refused_by_name():
    with pytest.raises(UserError, match=r"a\.mrc: The image is constant"):
        _seen(np.full((240, 260), 3.0, np.float32))
