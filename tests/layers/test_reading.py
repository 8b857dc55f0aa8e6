"""What is clicked is what is read: points of any layer over any image, in pixels of the micrograph. No window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.layers import Image, Labels, Points, Shapes

from napari_drpnet import layers
from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.layers.reading import Placed
from transforms import SIMILAR, TRANSFORMS

pytestmark = pytest.mark.filterwarnings("ignore:.*comes from no file")
FEW = settings(max_examples=12)  # napari takes a while to make a layer
SHAPE = (400, 600)
FRAME = Frame("Micrographs/a.mrc", SHAPE, pixel_size=1.77)
CLICKS = np.array([[10.0, 20.0], [399.0, 0.0], [250.25, 599.0]])
CORNERS = np.array([[-0.5, -0.5], [-0.5, 0.5], [0.5, 0.5], [0.5, -0.5]])


def image(frame: Frame | None = FRAME, shape: tuple[int, ...] = SHAPE, **place: Any) -> Image:
    """An image of our own, or with ``frame`` None of somebody else."""
    pixels = np.broadcast_to(np.float32(0), shape)
    if frame is None:
        return Image(pixels, **{"name": "picture", **place})
    data, attributes, _ = layers.image_layer(pixels, frame)
    return Image(data, **{**attributes, **place})


def click(points: Points, on: Image, yx: np.ndarray, scale: float = 1.0) -> None:
    """Add a point where these micrograph pixels are seen on an image."""
    places = (np.asarray(yx) + 0.5) * scale - 0.5
    points.add([points.world_to_data(on.data_to_world(place)) for place in places])


def read(layer: Any, *images: Image, beside: bool = False) -> Placed:
    return layers.place(layer.as_layer_data_tuple(), layers.sight_of([*images, layer], beside))


# ---------------------------------------------------------------- layers of other making


@FEW
@given(TRANSFORMS, TRANSFORMS)
def test_points_anywhere_on_an_image_that_lies_anywhere(of_points: dict[str, Any], of_image: dict[str, Any]) -> None:
    on, points = image(None, **of_image), Points(np.empty((0, 2)), **of_points)
    click(points, on, CLICKS)
    picks = read(points, on).picks
    np.testing.assert_allclose(picks.yx, CLICKS, atol=1e-4)
    assert (picks.frame.micrograph, picks.frame.shape) == ("picture", SHAPE)


@FEW
@given(TRANSFORMS, TRANSFORMS, st.sampled_from([1.0, 0.5, 0.25]), st.sampled_from([None, 0.66, 1.77]))
def test_a_rescaled_image_gives_pixels_of_the_micrograph(
    of_points: dict[str, Any], of_image: dict[str, Any], scale: float, pixel_size: float | None
) -> None:
    frame = Frame("a.mrc", SHAPE, pixel_size, scale)
    size = (int(SHAPE[0] * scale), int(SHAPE[1] * scale))
    on, points = image(frame, size, **of_image), Points(np.empty((0, 2)), **of_points)
    click(points, on, CLICKS, scale)
    picks = read(points, on).picks
    np.testing.assert_allclose(picks.yx, CLICKS, atol=1e-3)
    assert picks.frame.micrograph == "a.mrc"
    assert picks.frame.scale == 1


@FEW
@given(SIMILAR, SIMILAR, st.sampled_from([1.0, 0.25]))
def test_a_size_is_a_diameter_in_micrograph_pixels(
    of_points: dict[str, Any], of_image: dict[str, Any], scale: float
) -> None:
    size = (int(SHAPE[0] * scale), int(SHAPE[1] * scale))
    on, points = image(FRAME.rescaled(scale), size, **of_image), Points(np.empty((0, 2)), **of_points)
    click(points, on, CLICKS, scale)
    first, second = (np.array(points.data_to_world(p)) for p in ((0, 0), (0, 64)))
    points.size = 64
    across = np.linalg.norm(np.subtract(on.world_to_data(second), on.world_to_data(first))) / scale
    np.testing.assert_allclose(read(points, on).picks.diameter, across, rtol=1e-6)


def test_the_size_that_napari_gives_is_no_diameter() -> None:
    points = Points(CLICKS)
    assert np.isnan(read(points, image(None)).picks.diameter).all()
    points.size = [10, 10, 25]
    np.testing.assert_array_equal(read(points, image(None)).picks.diameter, [np.nan, np.nan, 25])


def test_units_are_turned_as_napari_draws_them() -> None:
    on = image(FRAME)
    points = Points([[1.77, 17.7]], scale=(1, 1), units=("nm", "nm"))
    np.testing.assert_allclose(read(points, on).picks.yx, [[10, 100]])
    assert read(points, on).picks.frame.pixel_size == pytest.approx(1.77)
    # one layer in pixels, and napari draws all as bare numbers
    np.testing.assert_allclose(read(points, on, image(None, (9, 9), name="x", translate=(900, 0))).picks.yx, [[1, 10]])


def test_a_picture_in_colours_has_pixels_too() -> None:
    on = Image(np.zeros((40, 60, 3), np.uint8), rgb=True, scale=(2, 2), name="photo")
    picks = read(Points([[20, 30]]), on).picks
    np.testing.assert_allclose(picks.yx, [[10, 15]])
    assert picks.frame.shape == (40, 60)


def test_a_layer_of_a_pyramid_counts_the_finest_pixels() -> None:
    on = Image([np.zeros((64, 64)), np.zeros((32, 32))])
    np.testing.assert_allclose(read(Points([[50, 60]]), on).picks.yx, [[50, 60]])


def test_points_without_a_place_are_left_out() -> None:
    points = Points(CLICKS, size=[20, 30, 40], features={"score": [0.1, 0.2, 0.3]})
    data, attributes, kind = points.as_layer_data_tuple()
    data = np.array([data[0], [np.nan, 3], data[2]])
    with pytest.warns(UserWarning, match="1 points have no finite place"):
        picks = layers.place((data, attributes, kind), layers.sight_of([image(None)])).picks
    np.testing.assert_array_equal(picks.score, [0.1, 0.3])
    np.testing.assert_array_equal(picks.diameter, [20, 40])


def test_columns_of_other_programs_are_taken_as_far_as_they_can_be_read() -> None:
    table = {"label": [1, 2, 3], "class": ["x", "y", "z"], "score": ["0.5", "1", ""], "psi": [1.0, np.inf, np.nan]}
    with (
        pytest.warns(UserWarning, match="column 'class' is not of numbers"),
        pytest.warns(UserWarning, match="column 'score' is not of numbers"),
    ):
        picks = read(Points(CLICKS, features=table), image(None)).picks
    assert set(picks.label) == {"particle"}
    np.testing.assert_array_equal(picks.psi, [1, 0, 0])
    np.testing.assert_array_equal(picks.class_number, 0)


def test_what_is_no_layer_of_picks_is_refused() -> None:
    with pytest.raises(UserError, match="'mask' holds no picks"):
        read(Labels(np.zeros((4, 4), int), name="mask"))


# ---------------------------------------------------------------- shapes


@FEW
@given(SIMILAR, SIMILAR)
def test_boxes_are_picks_at_their_centres(of_shapes: dict[str, Any], of_image: dict[str, Any]) -> None:
    on, shapes = image(None, **of_image), Shapes(ndim=2, **of_shapes)
    for (y, x), kind in zip(((50, 60), (300, 400)), ("rectangle", "ellipse"), strict=True):
        corners = CORNERS * (30, 50) + (y, x)
        shapes.add(np.array([shapes.world_to_data(on.data_to_world(c)) for c in corners]), shape_type=kind)
    picks = read(shapes, on).picks
    np.testing.assert_allclose(picks.yx, [[50, 60], [300, 400]], atol=0.05)  # napari keeps corners in 32 bits
    np.testing.assert_allclose(picks.diameter, 40, atol=0.1)
    turned = np.isnan(picks.box).any(axis=1)
    np.testing.assert_allclose(np.sort(picks.box[~turned]), [[30, 50]] * int((~turned).sum()), atol=0.1)


def test_upright_boxes_have_height_and_width_and_squares_only_a_diameter() -> None:
    shapes = Shapes([CORNERS * (30, 50) + 80, CORNERS * 40 + 80, CORNERS @ [[20, 20], [-20, 20]] + 80], name="mine")
    picks = read(shapes, image(None)).picks
    np.testing.assert_allclose(picks.box, [[30, 50], [np.nan] * 2, [np.nan] * 2], atol=1e-3)


def test_shapes_that_are_no_boxes_are_left_out_with_a_word() -> None:
    shapes = Shapes([CORNERS * 20 + 50], shape_type="rectangle", name="mine")
    shapes.add(np.array([[0, 0], [9, 9.0]]), shape_type="line")
    with pytest.warns(UserWarning, match=r"only rectangles and ellipses are picks, not: line"):
        assert len(read(shapes, image(None)).picks) == 1
    shapes.selected_data = {0}
    shapes.remove_selected()
    with pytest.raises(UserError, match=r"'mine' holds no picks but lines"):
        read(shapes, image(None))
    assert len(read(Shapes(ndim=2), image(None)).picks) == 0


# ---------------------------------------------------------------- without an image


def test_without_an_image_plain_points_are_pixels_and_that_is_said() -> None:
    with pytest.warns(UserWarning, match="no image under its points"):
        picks = read(Points(CLICKS)).picks
    np.testing.assert_array_equal(picks.yx, CLICKS)
    assert picks.frame == Frame("")  # a layer's name is no micrograph's


@pytest.mark.parametrize("place", [{"scale": (2, 2)}, {"translate": (0, 5)}, {"rotate": 3}, {"affine": 2 * np.eye(3)}])
def test_without_an_image_scaled_points_are_refused(place: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"'mine' is scaled or moved.*Open the micrograph"):
        read(Points(CLICKS, name="mine", **place))


# ---------------------------------------------------------------- layers of our own


def own_points(frame: Frame = FRAME, **changed: Any) -> Points:
    data, attributes, _ = layers.points_layer(Picks(frame, CLICKS, diameter=np.array(30.0)))
    return Points(data, **{**attributes, **changed})


@pytest.mark.parametrize("images", [[], [image()], [image(FRAME.rescaled(0.25), (100, 150))], [image(None)]])
def test_layers_of_our_own_are_read_as_they_are(images: list[Image]) -> None:
    picks = read(own_points(), *images).picks
    np.testing.assert_array_equal(picks.yx, CLICKS)
    np.testing.assert_array_equal(picks.diameter, 30)
    assert picks.frame == FRAME


def test_a_layer_that_was_moved_over_its_micrograph_is_read_where_it_lies() -> None:
    moved = own_points(translate=(17.7, 0))
    with pytest.warns(UserWarning, match="was moved"):
        picks = read(moved, image()).picks
    np.testing.assert_allclose(picks.yx, CLICKS + np.array([10, 0]))
    assert picks.frame == FRAME


def test_layer_and_image_may_be_moved_together() -> None:
    place = {"scale": (3.0, 3.0), "translate": (50.0, -7.0)}
    picks = read(own_points(**place), image(**place)).picks
    np.testing.assert_array_equal(picks.yx, CLICKS)
    assert picks.frame.pixel_size == pytest.approx(3)


@pytest.mark.parametrize("on", [image(scale=(3.0, 3.0)), image(Frame("a.mrc", SHAPE))])
def test_on_an_image_that_was_moved_picks_are_what_they_were_but_added_points_are_not_known(on: Image) -> None:
    points = own_points()
    with pytest.warns(UserWarning, match="as they were found"):
        np.testing.assert_array_equal(read(points, on).picks.yx, CLICKS)
    points.add([[1, 2]])
    with pytest.raises(UserError, match=r"does not lie on its micrograph 'a'.*same scale"):
        read(points, on)


@FEW
@given(TRANSFORMS, st.sampled_from([1.0, 0.25]))
def test_our_layers_lie_on_an_image_wherever_it_lies(place: dict[str, Any], scale: float) -> None:
    on = image(FRAME.rescaled(scale), (int(SHAPE[0] * scale), int(SHAPE[1] * scale)), **place)
    frame = layers.ground_of(on).frame.unbinned  # the scale tells another pixel size
    made = layers.points_layer(Picks(frame, CLICKS, diameter=np.array(30.0)))
    data, attributes, _ = layers.laid_on(made, layers.ground_of(on))
    points = Points(data, **attributes)
    seen = [on.world_to_data(points.data_to_world(p)) for p in points.data]
    np.testing.assert_allclose((np.array(seen) + 0.5) / scale - 0.5, CLICKS, atol=1e-3)
    np.testing.assert_array_equal(read(points, on).picks.yx, CLICKS)


# ---------------------------------------------------------------- stacks


def stack(frames: int = 5, **more: Any) -> Image:
    return image(Frame("s.mrcs", SHAPE), (frames, *SHAPE), **more)


def test_points_of_a_stack_are_read_frame_by_frame() -> None:
    points = Points([[1, 10, 20], [3, 30, 40], [1.2, 50, 60]], name="mine")
    placed = read(points, stack())
    assert placed.frames() == [(1,), (3,)]
    np.testing.assert_array_equal(placed.on((1,)).yx, [[10, 20], [50, 60]])
    found = layers.by_frame(placed, "mine")
    assert [(one.picks.frame.micrograph, one.micrograph, one.number, len(one.picks)) for one in found] == [
        ("000002@s.mrcs", "s.mrcs", 2, 2),
        ("000004@s.mrcs", "s.mrcs", 4, 1),
    ]


def test_frames_far_apart_in_the_world_are_counted_all_the_same() -> None:
    points = Points([[0, 10, 20], [14, 30, 40], [99, 1, 1]])
    with pytest.warns(UserWarning, match="1 points are on no frame"):
        placed = read(points, stack(scale=(7, 2, 2)))
    assert placed.frames() == [(0,), (2,)]
    np.testing.assert_allclose(placed.picks.yx, [[5, 10], [15, 20]])


def test_frames_of_several_files_are_called_as_their_files() -> None:
    on = stack(2)
    on.metadata = {**on.metadata, "paths": ["x/a.mrc", "x/b.mrc"]}
    found = layers.by_frame(read(Points([[0, 1, 2], [1, 3, 4]]), on), "mine")
    assert [(one.picks.frame.micrograph, one.number) for one in found] == [("x/a.mrc", None), ("x/b.mrc", None)]
    deep = image(Frame("a.mrcs", SHAPE), (2, 3, *SHAPE))
    deep.metadata = {**deep.metadata, "paths": ["x/a.mrcs", "x/b.mrcs"]}
    (one,) = layers.by_frame(read(Points([[1, 2, 3, 4]]), deep), "mine")
    assert (one.picks.frame.micrograph, one.micrograph, one.number) == ("000003@x/b.mrcs", "x/b.mrcs", 3)


def test_picks_of_our_own_on_a_frame_keep_its_number_without_the_stack() -> None:
    data, attributes, _ = layers.points_layer(Picks(Frame("s.mrcs", SHAPE), CLICKS), position=(4,))
    for images in ([], [stack()]):
        (one,) = layers.by_frame(read(Points(data, **attributes), *images), "mine")
        assert (one.picks.frame.micrograph, one.number) == ("000005@s.mrcs", 5)
        np.testing.assert_array_equal(one.picks.yx, CLICKS)


def test_points_without_a_frame_are_of_the_whole_stack_and_that_is_said() -> None:
    with pytest.warns(UserWarning, match="on no single frame"):
        placed = read(Points(CLICKS), stack())
    assert [one.number for one in layers.by_frame(placed, "mine")] == [None]
    assert len(placed.on((3,))) == 3


def test_a_stack_of_one_frame_is_a_micrograph() -> None:
    (one,) = layers.by_frame(read(Points([[0, 1, 2]]), stack(1)), "mine")
    assert (one.picks.frame.micrograph, one.number) == ("s.mrcs", None)


@pytest.mark.filterwarnings("ignore:.*no image under")
def test_points_on_several_frames_of_nothing_are_refused() -> None:
    placed = read(Points([[0, 1, 2], [3, 1, 2]], name="both"))
    with pytest.raises(UserError, match=r"'both'.*more than one frame.*Open the stack"):
        layers.by_frame(placed, "both")


def test_a_form_takes_the_points_of_its_frame() -> None:
    points = Points([[1, 10, 20], [3, 30, 40]], name="both")
    ground = layers.ground_of(stack())
    np.testing.assert_array_equal(layers.picks_of(points, ground, (3,)).yx, [[30, 40]])
    with pytest.raises(UserError, match=r"both.*more than one frame"):
        layers.picks_of(points, ground)


# ---------------------------------------------------------------- layers that become ours


@FEW
@given(TRANSFORMS, TRANSFORMS)
def test_points_of_other_making_become_ours_where_they_are_seen(
    of_points: dict[str, Any], of_image: dict[str, Any]
) -> None:
    on, points = image(**of_image), Points(np.empty((0, 2)), **of_points)
    click(points, on, CLICKS)
    seen = np.array([points.data_to_world(place) for place in points.data])
    ground = layers.ground_of(on)
    picks = layers.picks_of(points, ground)
    layers.adopt(points, picks, ground)
    layers.swap_points(points, picks)
    np.testing.assert_allclose(points.data, CLICKS, atol=1e-4)
    after = np.array([points.data_to_world(place) for place in points.data])
    np.testing.assert_allclose(after, seen, atol=1e-3 * max(1.0, np.abs(seen).max()))
    for place, yx in zip(seen, CLICKS, strict=True):
        np.testing.assert_allclose(ground.seen_at((), yx), place, atol=1e-3 * max(1.0, np.abs(seen).max()))
    layers.swap_points(points, picks.select([0, 2]))
    np.testing.assert_allclose(read(points, on).picks.yx, CLICKS[[0, 2]], atol=1e-4)


def test_points_with_other_axes_than_their_image_do_not_become_ours() -> None:
    on, points = image(), Points(np.zeros((1, 3)), name="in space")
    with pytest.raises(UserError, match="'in space' has 3 axes"):
        layers.adopt(points, Picks(FRAME, np.zeros((1, 2))), layers.ground_of(on))
