"""Layers lie where their pixels are, in Angstrom, and give back the picks they were made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from napari.components import ViewerModel

from napari_drpnet import layers
from napari_drpnet.data import Candidates, Frame, Micrograph, Picks, ScoreMap
from napari_drpnet.errors import UserError
from napari_drpnet.preprocess import prepare
from napari_drpnet.settings import PreprocessSettings

FRAME = Frame("Micrographs/a.mrc", (400, 600), pixel_size=1.77)


def some_picks(frame: Frame = FRAME) -> Picks:
    return Picks(
        frame,
        np.array([[10.5, 20.25], [300.0, 5.0], [399.0, 599.0]]),
        score=np.array([0.9, np.nan, 0.1]),
        diameter=np.array(60.0),
        class_number=np.array([0, 3, 1]),
        psi=np.array([0.0, 12.5, -90.0]),
        label=np.array(["particle", "background", "particle"]),
        source=np.array(["drpnet", "manual", "relion"]),
    )


def add(viewer: ViewerModel, layer: layers.LayerTuple):
    data, attributes, kind = layer
    return getattr(viewer, f"add_{kind}")(data, **attributes)


def empty_candidates() -> Candidates:
    return Candidates(np.empty((0, 2)), np.empty(0), np.empty(0, int), np.empty(0))


def assert_same(a: Picks, b: Picks) -> None:
    for column in ("yx", "score", "diameter", "class_number", "psi", "label", "source"):
        np.testing.assert_array_equal(getattr(a, column), getattr(b, column), err_msg=column)


def test_a_bright_pixel_of_the_score_map_lies_on_its_angstrom_position() -> None:
    frame = FRAME.rescaled(0.25)
    values = np.zeros((100, 150), np.float32)
    values[30, 70] = 1
    layer = add(ViewerModel(), layers.score_layer(ScoreMap(values, frame, empty_candidates())))
    # pixel 30 of the map covers pixels 120 to 123 of the micrograph, whose centre is 121.5
    np.testing.assert_allclose(layer.data_to_world((30, 70)), (121.5 * 1.77, 281.5 * 1.77))
    assert layer.units == ViewerModel().add_image(values, units=("angstrom", "angstrom")).units


@given(scale=st.sampled_from([1.0, 0.5, 0.3, 0.125]), pixel_size=st.sampled_from([None, 0.66, 1.77]))
def test_every_layer_keeps_the_outer_edges_of_the_micrograph(scale: float, pixel_size: float | None) -> None:
    place = layers.placement(Frame("a", (800, 800), pixel_size, scale))
    side, step = 800 * scale, pixel_size or 1.0
    edges = np.array([-0.5, side - 0.5]) * place["scale"][0] + place["translate"][0]
    np.testing.assert_allclose(edges, np.array([-0.5, 799.5]) * step)


def test_a_preprocessed_image_keeps_its_place() -> None:
    image = np.zeros((200, 200), np.float32)
    image[96:104, 40:48] = -1  # centre (99.5, 43.5)
    small = prepare(Micrograph.from_array(image, 2.0, "a"), PreprocessSettings(rescale=0.25, stretch=False))
    layer = add(ViewerModel(), layers.image_layer(small.image, small.frame))
    weight = small.image / small.image.sum()
    centre = [(weight.sum(1 - axis) * np.arange(50)).sum() for axis in (0, 1)]
    np.testing.assert_allclose(layer.data_to_world(centre), (99.5 * 2, 43.5 * 2), atol=1e-3)


def test_picks_come_back_from_their_layer_unchanged() -> None:
    layer = add(ViewerModel(), layers.points_layer(some_picks()))
    back = layers.picks_of(layer)
    assert_same(back, some_picks())
    assert back.frame == FRAME


def test_picks_lie_on_their_micrograph_in_angstrom() -> None:
    viewer = ViewerModel()
    points = add(viewer, layers.points_layer(some_picks()))
    np.testing.assert_allclose(points.data_to_world((10.5, 20.25)), (10.5 * 1.77, 20.25 * 1.77))
    assert [str(unit) for unit in points.units] == ["angstrom", "angstrom"]
    assert points.axis_labels == ("y", "x")


def test_circles_are_as_large_as_the_particles() -> None:
    points = add(ViewerModel(), layers.points_layer(some_picks()))
    assert set(points.size) == {60.0}
    assert points.current_size == 60.0
    np.testing.assert_array_equal(points.face_color[:, 3], 0)
    assert len(np.unique(points.border_color, axis=0)) == 2  # particles and background


def test_an_unknown_diameter_stays_unknown() -> None:
    unknown = Picks(FRAME, np.array([[1.0, 2.0]]))
    layer = add(ViewerModel(), layers.points_layer(unknown))
    assert layer.size[0] == pytest.approx(layers.STAND_IN_DIAMETER / 1.77)
    assert np.isnan(layers.picks_of(layer).diameter).all()
    layer.size = 80
    assert layers.picks_of(layer).diameter[0] == 80


def test_no_picks_are_a_layer_too() -> None:
    viewer = ViewerModel()
    empty = Picks(FRAME, np.empty((0, 2)))
    layer = add(viewer, layers.points_layer(empty))
    assert [str(unit) for unit in layer.units] == ["angstrom", "angstrom"]
    assert len(layers.picks_of(layer)) == 0
    layers.swap_points(layer, some_picks())
    assert_same(layers.picks_of(layer), some_picks())
    layers.swap_points(layer, empty)
    assert len(layers.picks_of(layer)) == 0


def test_a_point_set_by_hand_is_a_particle_of_the_same_size() -> None:
    layer = add(ViewerModel(), layers.points_layer(some_picks()))
    layer.add([[50.0, 60.0]])
    new = layers.picks_of(layer).select([3])
    assert (new.label[0], new.source[0], new.diameter[0]) == ("particle", "manual", 60.0)
    assert np.isnan(new.score[0])


def test_boxes_come_back_but_for_points_of_another_size_and_points_set_by_hand() -> None:
    picks = Picks(FRAME, some_picks().yx, box=[[40, 60], [np.nan] * 2, [50, 80]], diameter=[np.nan, 30, np.nan])
    layer = add(ViewerModel(), layers.points_layer(picks))
    np.testing.assert_allclose(layers.picks_of(layer).sides, picks.sides)
    layer.size = [50, 30, 90]
    layer.add([[100, 100]])
    layers.mark_manual(layer, [3])
    np.testing.assert_allclose(layers.picks_of(layer).box, [[40, 60], *[[np.nan] * 2] * 3])
    layers.show_boxes(layer, True)
    assert [str(symbol) for symbol in layer.symbol] == ["square", "disc", "square", "disc"], "where a box was found"
    layers.swap_points(layer, picks.select([1, 0]))
    assert [str(symbol) for symbol in layer.symbol] == ["disc", "square"]
    layers.show_boxes(layer, False)
    assert {str(symbol) for symbol in layer.symbol} == {"disc"}
    layers.swap_points(layer, some_picks())
    assert np.isnan(layers.picks_of(layer).box).all()


def test_hidden_points_are_no_picks() -> None:
    layer = add(ViewerModel(), layers.points_layer(some_picks()))
    layer.shown = np.array([True, False, True])
    assert_same(layers.picks_of(layer), some_picks().select([0, 2]))


def test_picks_of_a_frame_show_on_that_frame_only() -> None:
    layer = add(ViewerModel(), layers.points_layer(some_picks(), position=(4,)))
    np.testing.assert_array_equal(layer.data[:, 0], 4)
    assert_same(layers.picks_of(layer), some_picks())


@pytest.mark.parametrize(
    ("scale", "unit", "pixel_size"),
    [((1.5, 1.5), "angstrom", 1.5), ((0.15, 0.15), "nanometer", 1.5), ((1, 1), "pixel", None), ((2, 2), "pixel", None)],
)
def test_the_pixel_size_is_read_off_any_image_layer(scale, unit: str, pixel_size: float | None) -> None:
    layer = ViewerModel().add_image(np.zeros((4, 6)), scale=scale, units=(unit, unit), name="x")
    frame = layers.frame_of(layer)
    assert frame == Frame("x", (4, 6), frame.pixel_size)
    assert frame.pixel_size == (None if pixel_size is None else pytest.approx(pixel_size))


def test_pixels_that_are_not_square_are_refused() -> None:
    layer = ViewerModel().add_image(np.zeros((4, 4)), scale=(1, 2), units=("angstrom", "angstrom"), name="flat")
    with pytest.raises(UserError, match=r"flat.*not square"):
        layers.frame_of(layer)


def test_a_new_pixel_size_moves_all_layers_of_the_micrograph_together() -> None:
    viewer, unknown = ViewerModel(), Frame("a.mrc", (400, 600))
    small = add(viewer, layers.image_layer(np.zeros((100, 150), np.float32), unknown.rescaled(0.25)))
    points = add(viewer, layers.points_layer(some_picks(unknown)))
    other = add(viewer, layers.image_layer(np.zeros((9, 9), np.float32), Frame("b.mrc", (9, 9))))
    layers.set_pixel_size(viewer.layers, "a.mrc", 3.0)
    np.testing.assert_allclose(small.data_to_world((0, 0)), (4.5, 4.5))
    np.testing.assert_allclose(points.data_to_world((1.5, 1.5)), (4.5, 4.5))
    assert layers.frame_of(small) == Frame("a.mrc", (400, 600), 3.0, 0.25)
    assert layers.frame_of(other).pixel_size is None


def test_a_pixel_size_is_that_of_one_of_two_micrographs_of_equal_names() -> None:
    viewer, picks = ViewerModel(), Picks(Frame("a"), np.array([[1.0, 2.0]]))
    images = [add(viewer, layers.image_layer(np.zeros((9, 9), np.float32), Frame(f"/{f}/a.mrc", (9, 9)))) for f in "xy"]
    points = [add(viewer, layers.points_layer(picks, path=Path(f"/{f}/a_autopick.star"))) for f in "xy"]
    unclear = add(viewer, layers.points_layer(picks))
    layers.set_pixel_size(viewer.layers, "/y/a.mrc", 3.0)
    assert [layer.scale[0] for layer in (*images, *points, unclear)] == [1, 3, 1, 3, 1]


@pytest.mark.parametrize("pixel_size", [2.5, None])
@pytest.mark.parametrize(
    "place", [{"scale": (3, 3), "translate": (50, 7)}, {"rotate": 30}, {"affine": [[2, 0.5, 3], [0, 2, 1], [0, 0, 1]]}]
)
def test_what_lies_on_an_image_that_was_moved_stays_there_with_another_pixel_size(
    place: dict[str, Any], pixel_size: float | None
) -> None:
    viewer = ViewerModel()
    image = add(viewer, layers.image_layer(np.zeros((400, 600), np.float32), FRAME))
    for name, value in place.items():
        setattr(image, name, value)
    ground = layers.ground_of(image, viewer.layers)
    picks = Picks(ground.frame, np.array([[10.0, 20.0], [300.0, 500.0]]))
    own = add(viewer, layers.laid_on(layers.points_layer(picks), ground))
    other = viewer.add_points(ndim=2, scale=(2, 2))
    other.add([other.world_to_data(image.data_to_world(at)) for at in picks.yx])
    layers.set_pixel_size(viewer.layers, FRAME.micrograph, pixel_size)
    for layer in (own, other):
        seen = [image.world_to_data(layer.data_to_world(point)) for point in layer.data]
        np.testing.assert_allclose(seen, picks.yx, atol=1e-4)
        placed = layers.place(layer.as_layer_data_tuple(), layers.sight_of(viewer.layers))
        np.testing.assert_allclose(placed.picks.yx, picks.yx, atol=1e-4)
        assert placed.picks.frame.pixel_size == pixel_size


@given(arrays(np.float32, (16, 16), elements=st.floats(-1e6, 1e6, width=32)))
def test_contrast_limits_are_an_interval_around_what_there_is(image: np.ndarray) -> None:
    low, high = layers.contrast_limits(image)
    assert low < high
    assert low <= np.median(image) <= high


def test_contrast_ignores_hot_pixels_and_what_is_no_number() -> None:
    image = np.random.default_rng(0).normal(size=(512, 512)).astype(np.float32)
    image[0, 0], image[8, 8], image[16, 16] = 1e9, np.nan, np.inf
    low, high = layers.contrast_limits(image)
    assert -4 < low < -1
    assert 1 < high < 4


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "uint16", ">i2"])
def test_coarser_levels_are_means_of_the_same_type(dtype: str) -> None:
    image = np.random.default_rng(0).integers(0, 100, (2049, 1030)).astype(dtype)
    levels = layers.pyramid(image)
    assert levels[0] is image
    assert [level.shape for level in levels] == [(2049, 1030), (1024, 515)]
    assert levels[1].dtype == image.dtype
    means = image[:2048].astype(float).reshape(1024, 2, 515, 2).mean((1, 3))
    np.testing.assert_allclose(levels[1].astype(float), means, atol=0.5 if image.dtype.kind in "iu" else 0.05)


def test_all_levels_lie_in_the_same_place() -> None:
    image = np.zeros((2048, 2048), np.float32)
    layer = add(ViewerModel(), layers.image_layer(image, Frame("a", image.shape, 2.0)))
    assert layer.multiscale
    np.testing.assert_allclose(layer.extent.world, [[-1, -1], [4095, 4095]], atol=2)
    assert layers.pixels(layer) is image


def test_a_stack_is_left_lazy() -> None:
    stack = np.zeros((3, 64, 64), np.float32)
    data, attributes, _ = layers.image_layer(stack, FRAME)
    assert data is stack
    assert not attributes["multiscale"]


def test_metadata_tell_file_and_pixel_size() -> None:
    _, attributes, _ = layers.image_layer(np.zeros((4, 4), np.float32), FRAME, path=Path("x/a.mrc"))
    assert attributes["name"] == "a"
    assert attributes["metadata"]["path"] == str(Path("x/a.mrc"))
    assert attributes["metadata"]["pixel_size"] == 1.77
