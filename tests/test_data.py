"""Coordinates keep their meaning: the property that everything else rests on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_drpnet.data import Frame, Micrograph, Picks
from napari_drpnet.errors import UserError

points = arrays(np.float64, st.tuples(st.integers(0, 20), st.just(2)), elements=st.floats(-1e4, 1e4))
scales = st.floats(0.02, 8)


@given(points, scales)
def test_there_and_back_again(yx, scale):
    frame = Frame("m", (4096, 4096), 1.0, scale)
    assert np.allclose(frame.to_micrograph(frame.from_micrograph(yx)), yx, atol=1e-6)


@given(points, scales, scales)
def test_rescaling_twice_is_rescaling_by_the_product(yx, first, second):
    frame = Frame("m", (4096, 4096), 1.0)
    twice = frame.rescaled(first).rescaled(second)
    once = frame.rescaled(first * second)
    assert np.allclose(twice.from_micrograph(yx), once.from_micrograph(yx), rtol=1e-9, atol=1e-6)


@given(scales)
def test_the_outer_edges_stay_in_place(scale):
    frame = Frame("m", (100, 100), 1.0, scale)
    edges = np.array([[-0.5, -0.5], [99.5, 99.5]])
    assert np.allclose(frame.from_micrograph(edges), [[-0.5, -0.5], [100 * scale - 0.5] * 2])


def test_binning_by_two_puts_the_first_centre_between_two_pixels():
    assert np.allclose(Frame("m", scale=0.5).to_micrograph([[0, 0]]), [[0.5, 0.5]])


def test_lengths_are_converted_by_pixel_size_and_scale():
    frame = Frame("m", (10, 10), pixel_size=2.0, scale=0.25)
    assert frame.micrograph_pixels(180) == 90
    assert frame.working_pixels(180) == 22.5


def test_an_unknown_pixel_size_is_an_error_that_names_the_micrograph_and_the_option():
    with pytest.raises(UserError, match=r"a\.mrc.*--pixel-size"):
        Frame("a.mrc").micrograph_pixels(100)


def test_boxes_go_with_their_picks_and_are_squares_where_only_the_diameter_is_known():
    picks = Picks(Frame("m"), np.zeros((3, 2)), diameter=[10, 20, np.nan], box=[[8, 12], [np.nan] * 2, [np.nan] * 2])
    assert np.array_equal(picks.sides, [[8, 12], [20, 20], [np.nan] * 2], equal_nan=True)
    turned = Picks.joined([picks.select([1]), picks.select([0])])
    assert np.array_equal(turned.sides, [[20, 20], [8, 12]])


def test_scalars_are_repeated_for_every_pick_and_selected_with_it():
    picks = Picks(Frame("m"), np.arange(6.0).reshape(3, 2), score=[0.1, 0.9, 0.5], diameter=np.array(30.0))
    chosen = picks.select(picks.score > 0.3)
    assert chosen.score.tolist() == [0.9, 0.5]
    assert chosen.diameter.tolist() == [30.0, 30.0]
    assert chosen.label.tolist() == ["particle"] * 2
    assert np.array_equal(chosen.yx, [[2, 3], [4, 5]])


def test_picks_are_always_in_unbinned_pixels():
    assert Picks(Frame("m", scale=0.25), np.zeros((1, 2))).frame.scale == 1


def test_pixels_that_are_no_numbers_are_masked_and_filled():
    image = np.ones((4, 4), np.float32)
    image[1, 2], image[3, 3] = np.nan, np.inf
    micrograph = Micrograph.from_array(image)
    assert np.isfinite(micrograph.image).all()
    assert micrograph.valid is not None
    assert np.argwhere(~micrograph.valid).tolist() == [[1, 2], [3, 3]]


@pytest.mark.parametrize("bad", [np.full((3, 3), np.nan), np.zeros((2, 3, 3)), np.zeros((0, 5))])
def test_an_array_that_is_no_micrograph_is_refused(bad):
    with pytest.raises(UserError, match="thing"):
        Micrograph.from_array(bad, name="thing")
