"""Which image the points of a layer are taken to lie on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.layers import Image, Points

from napari_drpnet import layers
from napari_drpnet.data import Frame
from napari_drpnet.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:.*comes from no file")
SIDE = 100


def own(name: str, **changed: Any) -> Image:
    data, attributes, _ = layers.image_layer(np.zeros((SIDE, SIDE), np.float32), Frame(name, (SIDE, SIDE)))
    return Image(data, **{**attributes, **changed})


def made(name: str, **changed: Any) -> Image:
    """What a filter of another plugin leaves behind: an image of nothing that is known."""
    return Image(np.zeros((SIDE, SIDE), np.float32), name=name, **changed)


def chosen(images: list[Image], at: Any = ((10, 20),), beside: bool = False, **place: Any) -> tuple[str, Any]:
    layer = Points(np.array(at, float).reshape(-1, 2), name="mine", **place)
    picks = layers.place(layer.as_layer_data_tuple(), layers.sight_of([*images, layer], beside)).picks
    return picks.frame.micrograph, picks.yx.tolist()


def test_the_only_micrograph_is_meant_even_if_it_is_hidden() -> None:
    assert chosen([own("a.mrc", visible=False)]) == ("a.mrc", [[10, 20]])
    assert chosen([made("picture", visible=False, translate=(1, 1))]) == ("picture", [[9, 19]])


def test_the_micrograph_that_is_shown_is_meant() -> None:
    assert chosen([own("a.mrc"), own("b.mrc", visible=False)])[0] == "a.mrc"
    assert chosen([own("a.mrc", visible=False), own("b.mrc")])[0] == "b.mrc"


def test_the_micrograph_under_the_points_is_meant() -> None:
    images = [own("a.mrc"), own("b.mrc", translate=(0, 200))]
    assert chosen(images) == ("a.mrc", [[10, 20]])
    assert chosen(images, [(10, 220)]) == ("b.mrc", [[10, 20]])


def test_of_two_that_lie_on_each_other_the_upper_one_is_meant_and_that_is_said() -> None:
    with pytest.warns(UserWarning, match=r"'mine'.*those of micrograph 'b'"):
        assert chosen([own("a.mrc"), own("b.mrc")])[0] == "b.mrc"


@pytest.mark.parametrize(
    ("images", "at", "beside"),
    [
        ([own("a.mrc"), own("b.mrc", translate=(0, 200))], [(10, 20), (10, 220)], False),
        ([own("a.mrc"), own("b.mrc")], [(10, 20)], True),  # side by side in napari's grid
        ([own("a.mrc", visible=False), own("b.mrc", visible=False)], [(10, 20)], False),
    ],
)
def test_what_is_not_clear_is_refused(images: list[Image], at: Any, beside: bool) -> None:
    with pytest.raises(UserError, match=r"'mine': it is not clear.*'b', 'a'.*Hide the other images") as error:
        chosen(images, at, beside)
    assert len(str(error.value)) < 300


def test_points_beside_every_image_are_refused() -> None:
    with pytest.raises(UserError, match=r"'mine': no image lies under its points"):
        chosen([own("a.mrc")], [(500, 500)])


def test_all_layers_of_a_micrograph_are_one_micrograph() -> None:
    small, attributes, _ = layers.image_layer(
        np.zeros((25, 25), np.float32), Frame("a.mrc", (SIDE, SIDE), scale=0.25), name="a preprocessed"
    )
    assert chosen([own("a.mrc"), Image(small, **attributes)]) == ("a.mrc", [[10, 20]])


def test_what_was_made_of_a_micrograph_is_not_taken_for_one() -> None:
    crop = made("crop", translate=(5, 5))
    with pytest.warns(UserWarning, match=r"those of micrograph 'a', not of another image"):
        assert chosen([own("a.mrc"), crop]) == ("a.mrc", [[10, 20]])


def test_a_part_of_a_micrograph_that_passes_for_it_is_refused() -> None:
    whole = own("a.mrc")
    part = Image(np.zeros((30, 30), np.float32), translate=(5, 5), metadata=whole.metadata, name="part")
    assert chosen([whole, part]) == ("a.mrc", [[10, 20]])
    with pytest.raises(UserError, match=r"'part' is a part of its micrograph.*Open the micrograph"):
        chosen([part])


def test_an_empty_layer_is_of_the_upper_micrograph() -> None:
    with pytest.warns(UserWarning, match="those of micrograph 'b'"):
        assert chosen([own("a.mrc"), own("b.mrc")], []) == ("b.mrc", [])


def test_a_file_of_another_plugin_gives_the_name() -> None:
    from napari.layers._source import layer_source

    with layer_source(path="/data/x/mic_7.mrc", reader_plugin="other"):
        image = made("layer of somebody")
    assert chosen([image]) == ("/data/x/mic_7.mrc", [[10, 20]])
    assert layers.frame_of(image).micrograph == "/data/x/mic_7.mrc"


def test_an_image_of_no_file_is_a_micrograph_with_a_word() -> None:
    with pytest.warns(UserWarning, match=r"'mine': the image 'picture' comes from no file"):
        assert chosen([made("picture")]) == ("picture", [[10, 20]])


@pytest.mark.parametrize("place", [{}, {"scale": (3, 3), "translate": (-7, 50)}])
def test_rows_of_a_tiff_that_another_plugin_opened_are_turned(place: dict[str, Any]) -> None:
    from napari.layers._source import layer_source

    with layer_source(path="/data/x/mic_7.TIF", reader_plugin="napari"):
        image = made("mic_7", **place)
    at = [image.data_to_world((10, 20))]
    with pytest.warns(UserWarning, match=r"'mic_7' is a TIFF that another reader opened"):
        name, yx = chosen([image], at)
    assert name == "/data/x/mic_7.TIF"
    np.testing.assert_allclose(yx, [[SIDE - 1 - 10, 20]])
    with pytest.raises(UserError, match=r"did not turn its rows.*with the reader napari-drpnet"):
        layers.frame_of(image)


def test_picks_of_a_tiff_are_what_they_were_if_another_plugin_opened_it_as_well() -> None:
    from napari.layers._source import layer_source

    with layer_source(path="/data/x/mic_7.tif", reader_plugin="napari"):
        image = made("mic_7")
    points = Points([[10, 20]], metadata={"frame": Frame("/data/x/mic_7.tif", (SIDE, SIDE))}, name="ours")
    with pytest.warns(UserWarning, match="as they were found"):
        picks = layers.place(points.as_layer_data_tuple(), layers.sight_of([image])).picks
    assert picks.yx.tolist() == [[10, 20]]


def test_micrographs_of_one_name_in_two_folders_are_two() -> None:
    one, two = (own("a.mrc", metadata={"frame": Frame("a.mrc", (SIDE,) * 2), "path": f"/{f}/a.mrc"}) for f in "xy")
    with pytest.raises(UserError, match="not clear"):
        chosen([one, two], beside=True)
