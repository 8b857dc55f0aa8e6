"""What is clicked in a real viewer is what the files say, in every format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from blobs import write_mrc
from napari_drpnet._writer import write_points
from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io import micrograph_stem, open_image, read_picks
from napari_drpnet.layers import image_layer, points_layer, set_pixel_size

SHAPE = (240, 320)
CLICK = (100, 160)  # of the micrograph
FORMATS = ("star", "csv", "box", "json", "cbox", "txt", "cs")
PIXELS = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)


@pytest.fixture
def viewer(make_napari_viewer: Any) -> Any:
    return make_napari_viewer(show=False)


@pytest.fixture
def micrograph(tmp_path: Path, viewer: Any) -> Any:
    """A micrograph of a file, in Angstrom, in the viewer."""
    (layer,) = viewer.open(str(write_mrc(tmp_path / "mic.mrc", PIXELS, 1.5)), plugin="napari-drpnet")
    return layer


def click(points: Any, on: Any, yx: Any = CLICK) -> None:
    """A click on the place where a pixel of a layer at full size is seen."""
    points.add([points.world_to_data(on.data_to_world(yx))])


def assert_everywhere(layer: Any, folder: Path, micrograph: str = "mic.mrc") -> None:
    """In every format the file says where the click was, and whose it is where it says that.

    From a TIFF Topaz counts rows otherwise, so that the ``micrograph`` must be known.
    """
    for suffix in FORMATS:
        (path,) = layer.save(str(folder / f"hand.{suffix}"), plugin="napari-drpnet")
        (picks,) = read_picks(path, frame_of=lambda *_: Frame(micrograph, SHAPE))
        np.testing.assert_allclose(picks.yx, [CLICK], atol=1e-3, err_msg=suffix)
        if suffix in ("txt", "cs"):
            assert micrograph_stem(picks.frame.micrograph) == "mic"


@pytest.mark.gui
@pytest.mark.filterwarnings("ignore:.*(no place for|no size of their own|pixel size of)")
class TestWhatIsClickedIsWritten:
    """Points and boxes made in a window."""

    @pytest.mark.parametrize("place", [{}, {"scale": (3, 3), "translate": (-50, 7)}, {"rotate": 30}])
    def test_in_a_layer_that_lies_anywhere(self, viewer: Any, micrograph: Any, tmp_path: Path, place: Any) -> None:
        points = viewer.add_points(ndim=2, name="Points", **place)
        click(points, micrograph)
        assert_everywhere(points, tmp_path)

    def test_on_a_micrograph_that_was_moved_and_scaled(self, viewer: Any, micrograph: Any, tmp_path: Path) -> None:
        micrograph.scale, micrograph.translate = (7, 7), (100, 200)
        points = viewer.add_points(ndim=2)
        click(points, micrograph)
        assert_everywhere(points, tmp_path)

    def test_on_the_preprocessed_image_with_the_layer_that_napari_makes_for_it(
        self, viewer: Any, micrograph: Any, tmp_path: Path
    ) -> None:
        small, attributes, _ = image_layer(
            PIXELS[::4, ::4], Frame("mic.mrc", SHAPE, 1.5, 0.25), name="mic preprocessed"
        )
        viewer.layers.selection.active = viewer.add_image(small, **attributes)
        viewer.window._qt_viewer.layerButtons._new_points()
        points = viewer.layers[-1]
        assert points.scale[0] == 6
        click(points, micrograph)
        assert_everywhere(points, tmp_path)

    def test_in_a_layer_made_before_the_image_was_opened(self, viewer: Any, tmp_path: Path) -> None:
        points = viewer.add_points(ndim=2)
        (image,) = viewer.open(str(write_mrc(tmp_path / "mic.mrc", PIXELS, 1.5)), plugin="napari-drpnet")
        click(points, image)
        assert_everywhere(points, tmp_path)

    def test_before_the_pixel_size_was_set(self, viewer: Any, tmp_path: Path) -> None:
        (image,) = viewer.open(str(write_mrc(tmp_path / "mic.mrc", PIXELS, 0.0)), plugin="napari-drpnet")
        points = viewer.add_points(ndim=2)
        click(points, image)
        set_pixel_size(viewer.layers, image.metadata["frame"].micrograph, 2.5)
        np.testing.assert_allclose(points.data_to_world(points.data[0]), np.multiply(CLICK, 2.5))
        assert_everywhere(points, tmp_path)

    def test_in_the_window_that_was_not_used_last(
        self, viewer: Any, micrograph: Any, make_napari_viewer: Any, tmp_path: Path
    ) -> None:
        points = viewer.add_points(ndim=2)
        click(points, micrograph)
        other = make_napari_viewer(show=False)
        other.add_image(PIXELS, name="other", scale=(4, 4))
        other.add_points([CLICK])
        assert_everywhere(points, tmp_path)

    @pytest.mark.filterwarnings("ignore:.*(TIFF that another reader opened|is a TIFF, and it is not known)")
    def test_on_an_image_that_napari_opened(self, viewer: Any, tmp_path: Path) -> None:
        path, place = tmp_path / "mic.tif", {"scale": (2, 2), "translate": (5, 5)}
        tifffile.imwrite(path, PIXELS)
        (image,) = viewer.open(str(path), plugin="napari", name="any", **place)
        points = viewer.add_points(ndim=2)
        seen = np.argwhere(image.data == open_image(path).array[CLICK])[0]
        click(points, image, seen)
        assert_everywhere(points, tmp_path, micrograph="mic.tif")

    def test_as_a_box(self, viewer: Any, micrograph: Any, tmp_path: Path) -> None:
        corners = np.array([[-20, -30], [-20, 30], [20, 30], [20, -30]]) + CLICK
        boxes = [micrograph.data_to_world(corner) for corner in corners]
        shapes = viewer.add_shapes([np.array(boxes)], shape_type="rectangle")
        assert_everywhere(shapes, tmp_path)
        (picks,) = read_picks(tmp_path / "hand.csv")
        np.testing.assert_allclose(picks.diameter, 50, rtol=1e-5)

    def test_on_the_frames_of_a_stack(self, viewer: Any, tmp_path: Path) -> None:
        path = write_mrc(tmp_path / "s.mrcs", np.stack([PIXELS] * 3), 1.5)
        (stack,) = viewer.open(str(path), plugin="napari-drpnet")
        points = viewer.add_points(ndim=3)
        for frame in (0, 2):
            click(points, stack, (frame, *CLICK))
        written = points.save(str(tmp_path / "hand.star"), plugin="napari-drpnet")
        assert [Path(path).name for path in written] == ["hand_frame001.star", "hand_frame003.star"]
        assert all(read_picks(path)[0].yx.tolist() == [list(CLICK)] for path in written)
        (one,) = points.save(str(tmp_path / "hand.cs"), plugin="napari-drpnet")
        assert [p.frame.micrograph for p in read_picks(one)] == [f"{n:06d}@{path.as_posix()}" for n in (1, 3)]
        (one,) = points.save(str(tmp_path / "hand.txt"), plugin="napari-drpnet")
        assert [p.frame.micrograph for p in read_picks(one)] == ["000001@s", "000003@s"]
        for read in (one, tmp_path / "hand.cs"):
            layers = viewer.open(str(read), plugin="napari-drpnet")
            np.testing.assert_allclose([layer.data for layer in layers], [[[n, *CLICK]] for n in (0, 2)], atol=1e-4)
            (again,) = layers[1].save(str(tmp_path / "again.csv"), plugin="napari-drpnet")
            np.testing.assert_allclose(read_picks(again)[0].yx, [CLICK], atol=1e-4)

    def test_on_the_files_of_a_stack(self, viewer: Any, tmp_path: Path) -> None:
        files = [write_mrc(tmp_path / name, PIXELS, 1.5) for name in ("a.mrc", "b.mrc")]
        (stack,) = viewer.open([str(file) for file in files], stack=True, plugin="napari-drpnet")
        points = viewer.add_points(ndim=3)
        for frame in (0, 1):
            click(points, stack, (frame, *CLICK))
        written = points.save(str(tmp_path / "hand.star"), plugin="napari-drpnet")
        assert [Path(path).name for path in written] == ["hand_a.star", "hand_b.star"]
        (one,) = points.save(str(tmp_path / "hand.cs"), plugin="napari-drpnet")
        assert [picks.frame.micrograph for picks in read_picks(one)] == [file.as_posix() for file in files]


@pytest.mark.gui
@pytest.mark.parametrize("place", [{"scale": (3, 3), "translate": (-50, 7)}, {"rotate": 30}, {"shear": [0.2]}])
def test_a_file_is_seen_where_the_micrograph_lies(
    viewer: Any, micrograph: Any, tmp_path: Path, place: dict[str, Any]
) -> None:
    for name, value in place.items():
        setattr(micrograph, name, value)
    (tmp_path / "mic.csv").write_text("x,y\n160,100\n")
    (points,) = viewer.open(str(tmp_path / "mic.csv"), plugin="napari-drpnet")
    seen = micrograph.world_to_data(points.data_to_world(points.data[0]))
    np.testing.assert_allclose(seen, CLICK, atol=1e-6)
    click(points, micrograph, (50, 60))
    (again,) = points.save(str(tmp_path / "again.csv"), plugin="napari-drpnet")
    np.testing.assert_allclose(read_picks(again)[0].yx, [CLICK, (50, 60)], atol=1e-3)


# ---------------------------------------------------------------- without a window


OTHER = ([CLICK], {"name": "Points", "size": 10}, "points")


@pytest.mark.filterwarnings("ignore:.*no image under")
def test_without_a_viewer_plain_points_are_pixels_where_no_name_is_needed(tmp_path: Path) -> None:
    (path,) = write_points(str(tmp_path / "a.csv"), [OTHER])
    (picks,) = read_picks(path)
    assert (picks.yx.tolist(), np.isnan(picks.diameter).all()) == ([list(CLICK)], True)
    for suffix in ("txt", "cs"):
        with pytest.raises(UserError, match=r"names the micrograph of each pick.*Open the micrograph"):
            write_points(str(tmp_path / f"a.{suffix}"), [OTHER])


def test_points_without_a_size_get_boxes_as_they_are_drawn_and_that_is_said(tmp_path: Path) -> None:
    layer = points_layer(Picks(Frame("a.mrc", SHAPE, 1.5), [CLICK]))
    with pytest.warns(UserWarning, match=r"1 points have no size of their own, and get boxes of 120 pixels"):
        (path,) = write_points(str(tmp_path / "a.box"), [layer])
    assert Path(path).read_text().split()[:4] == ["100", "40", "120", "120"]
