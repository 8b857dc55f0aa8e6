"""What opens, where it lies, and what is said of what does not open. No window."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import imageio.v3 as imageio
import mrcfile
import numpy as np
import pytest

from napari_drpnet._reader import get_reader
from napari_drpnet._writer import write_points
from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io import read_picks, write_picks
from napari_drpnet.layers import LayerTuple, picks_from_layer, points_layer

IMAGE = np.random.default_rng(0).normal(100, 10, (48, 64)).astype(np.float32)
PICKS = Picks(
    Frame("a.mrc", (48, 64), 1.5),
    np.array([[10.0, 20.0], [30.0, 40.0]]),
    score=np.array([0.75, 0.25]),
    diameter=np.array(12.0),
    source=np.array("drpnet"),
)


def write_mrc(path: Path, data: np.ndarray = IMAGE, voxel: float = 1.5) -> Path:
    with mrcfile.new(path) as file:
        file.set_data(data)
        file.voxel_size = voxel
        if data.ndim == 3:
            file.set_image_stack()
    return path


def read(path: Path | list[Path]) -> list[LayerTuple]:
    reader = get_reader([str(p) for p in path] if isinstance(path, list) else str(path))
    assert reader is not None
    return reader([str(p) for p in path] if isinstance(path, list) else str(path))


def test_a_micrograph_opens_in_angstrom(tmp_path: Path) -> None:
    [(data, attributes, kind)] = read(write_mrc(tmp_path / "a.mrc"))
    np.testing.assert_array_equal(data[0], IMAGE)
    assert isinstance(data[0], np.memmap)
    assert kind == "image"
    assert attributes["scale"] == (1.5, 1.5)
    assert attributes["units"] == ("angstrom", "angstrom")
    assert attributes["axis_labels"] == ("y", "x")


@pytest.mark.parametrize("voxel", [0.0, 1.0])
def test_an_unknown_pixel_size_leaves_pixels(tmp_path: Path, voxel: float) -> None:
    [(_, attributes, _)] = read(write_mrc(tmp_path / "a.mrc", voxel=voxel))
    assert attributes["scale"] == (1.0, 1.0)
    assert attributes["units"] == ("pixel", "pixel")


@pytest.mark.parametrize("suffix", [".tif", ".tiff", ".png", ".jpg", ".JPEG"])
def test_pictures_open_in_pixels(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    imageio.imwrite(path, IMAGE.astype(np.uint8))
    [(data, attributes, _)] = read(path)
    assert data[0].shape == IMAGE.shape
    assert attributes["units"] == ("pixel", "pixel")


def test_a_stack_opens_with_a_frame_axis(tmp_path: Path) -> None:
    [(data, attributes, _)] = read(write_mrc(tmp_path / "a.mrcs", np.stack([IMAGE, 2 * IMAGE])))
    assert data.shape == (2, 48, 64)
    assert attributes["scale"] == (1, 1.5, 1.5)
    assert attributes["axis_labels"] == ("frame", "y", "x")


def test_files_opened_as_a_stack_are_one_layer(tmp_path: Path) -> None:
    paths = [write_mrc(tmp_path / f"{i}.mrc", IMAGE * i) for i in (1, 2, 3)]
    [(data, attributes, _)] = read(paths)
    np.testing.assert_array_equal(data[2], IMAGE * 3)
    assert attributes["scale"] == (1, 1.5, 1.5)


def write_map(path: Path, seed: int = 0) -> Path:
    with mrcfile.new(path) as file:
        file.set_data(np.random.default_rng(seed).normal(size=(20, 20, 20)).astype(np.float32))
        file.set_volume()
        file.voxel_size = 1.5
    return path


def test_half_maps_opened_together_keep_their_names(tmp_path: Path) -> None:
    names = ["run_half1_class001_unfil", "run_half2_class001_unfil"]
    made = read([write_map(tmp_path / f"{name}.mrc", seed) for seed, name in enumerate(names)])
    assert [attributes["name"] for _, attributes, _ in made] == names
    for data, attributes, kind in made:
        assert (data.shape, kind) == ((20, 20, 20), "image")
        assert attributes["scale"] == (1.5,) * 3
        assert attributes["units"] == ("angstrom",) * 3
        assert attributes["axis_labels"] == ("z", "y", "x")
    assert not np.array_equal(made[0][0], made[1][0])


def test_a_map_with_other_axes_opens_as_z_y_x(tmp_path: Path) -> None:
    values = np.random.default_rng(0).random((12, 10, 8), np.float32)
    with mrcfile.new(tmp_path / "a.map") as file:
        file.set_data(values.transpose(2, 1, 0))
        file.set_volume()
        file.header.mapc, file.header.mapr, file.header.maps = 3, 2, 1
    ((data, _, _),) = read(tmp_path / "a.map")
    np.testing.assert_array_equal(data, values)


def test_a_map_and_an_image_are_no_stack(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"map\.map is a 3D volume\. Open volumes and images apart"):
        read([write_mrc(tmp_path / "a.mrc"), write_map(tmp_path / "map.map")])


@pytest.mark.parametrize("name", ["particles.mrcs", "particles.mrc"])
def test_a_stack_of_particles_opens_in_angstrom(tmp_path: Path, name: str) -> None:
    particles = np.random.default_rng(0).normal(size=(9, 24, 24)).astype(np.float32)
    [(data, attributes, _)] = read(write_mrc(tmp_path / name, particles))
    np.testing.assert_array_equal(data, particles)
    assert attributes["name"] == "particles"
    assert attributes["scale"] == (1, 1.5, 1.5)
    assert attributes["units"] == ("pixel", "angstrom", "angstrom")


def test_images_of_different_sizes_are_no_stack(tmp_path: Path) -> None:
    paths = [write_mrc(tmp_path / "a.mrc"), write_mrc(tmp_path / "b.mrc", IMAGE[:20])]
    with pytest.raises(UserError, match=r"b\.mrc is 20 x 64.*one by one"):
        read(paths)


@pytest.mark.parametrize("name", ["a.txt", "a.mrc.txt", "a", "folder/", "a.star.gz", ""])
def test_what_is_not_ours_is_left_to_others(name: str) -> None:
    assert get_reader(name) is None


def test_a_csv_file_without_coordinates_is_left_to_others(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("index,axis-0,axis-1\n0,1,2\n")
    assert get_reader(str(path)) is None


@pytest.mark.parametrize("name", ["a.mrc", "a.mrc.gz", "a.tif", "a.png", "a.star", "a.csv"])
@pytest.mark.parametrize("content", [None, b"", b"garbage\n" * 40])
@pytest.mark.filterwarnings("ignore")
def test_bad_files_are_told_by_name(tmp_path: Path, name: str, content: bytes | None) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    reader = get_reader(str(path))
    if reader is None:
        assert name == "a.csv"
        return
    with pytest.raises(UserError) as error:
        reader(str(path))
    assert name in str(error.value)


def test_picks_lie_on_the_micrograph_beside_them(tmp_path: Path) -> None:
    write_mrc(tmp_path / "a.mrc")
    [(data, attributes, kind)] = read(write_picks(PICKS, tmp_path / "a_autopick.star"))
    assert kind == "points"
    np.testing.assert_array_equal(data, PICKS.yx)
    assert attributes["scale"] == (1.5, 1.5)
    assert attributes["units"] == ("angstrom", "angstrom")


def test_picks_without_a_micrograph_lie_in_pixels(tmp_path: Path) -> None:
    [(_, attributes, _)] = read(write_picks(PICKS, tmp_path / "a.star"))
    assert attributes["scale"] == (1, 1)
    assert attributes["units"] == ("pixel", "pixel")


@pytest.mark.parametrize("suffix", [".star", ".csv"])
def test_saving_and_opening_gives_the_layer_back(tmp_path: Path, suffix: str) -> None:
    write_mrc(tmp_path / "a.mrc")
    assert write_points(str(tmp_path / f"a{suffix}"), [points_layer(PICKS)]) == [str(tmp_path / f"a{suffix}")]
    [(data, attributes, _)] = read(tmp_path / f"a{suffix}")
    back = picks_from_layer(data, attributes)
    for column in ("yx", "score", "diameter", "label", "source"):
        np.testing.assert_array_equal(getattr(back, column), getattr(PICKS, column), err_msg=column)


def test_several_layers_become_several_files(tmp_path: Path) -> None:
    other = points_layer(Picks(Frame("b.mrc"), PICKS.yx[:1]))
    ring = ([[0, 0]], {"metadata": {"role": "ring"}}, "points")
    written = write_points(str(tmp_path / "all.star"), [points_layer(PICKS), other, points_layer(PICKS), ring])
    assert [Path(name).name for name in written] == ["all_a.star", "all_b.star", "all_a_2.star"]
    assert [len(read_picks(name)[0]) for name in written] == [2, 1, 2]


def test_two_micrographs_of_one_name_keep_their_own_picks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from napari.components import ViewerModel
    from napari.layers import Layer

    viewer = ViewerModel()
    monkeypatch.setattr("napari.current_viewer", lambda: viewer)

    def show(path: Path) -> Layer:
        (made,) = read(path)
        return viewer.add_layer(Layer.create(*made))

    for folder, voxel in (("g1", 1.5), ("g2", 3.0)):
        (tmp_path / folder).mkdir()
        show(write_mrc(tmp_path / folder / "m.mrc", voxel=voxel))
    for folder, size in (("g1", 1.5), ("g2", 3.0), ("g3", 6.0)):
        (tmp_path / folder).mkdir(exist_ok=True)
        if folder == "g3":  # beside its picks, and not open
            write_mrc(tmp_path / "g3" / "m.mrc", voxel=size)
        picks = show(write_picks(PICKS, tmp_path / folder / "m_autopick.star"))
        assert picks.metadata["frame"].pixel_size == size


@pytest.mark.parametrize("first", ["m.mrc", "p.star"])
def test_picks_of_a_binned_micrograph_lie_where_they_were_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """Whichever of the two is opened first: x 20, y 10 of 3 A are x 40, y 20 of 1.5 A."""
    from napari.components import ViewerModel
    from napari.layers import Layer

    viewer = ViewerModel()
    monkeypatch.setattr("napari.current_viewer", lambda: viewer)

    def show(names: list[str]) -> None:
        for name in names:
            viewer.add_layer(Layer.create(*read(tmp_path / name)[0]))

    write_mrc(tmp_path / "m.mrc")
    columns = "_rlnMicrographName\n_rlnMicrographPixelSize\n_rlnCoordinateX\n_rlnCoordinateY\n"
    (tmp_path / "p.star").write_text(f"data_\n\nloop_\n{columns}m.mrc 3.0 20 10\n")
    with pytest.warns(UserWarning, match=r"p\.star: pixel sizes of 3 A in it and of 1\.5 A.* are multiplied by 2\.$"):
        show(["m.mrc", "p.star"] if first == "m.mrc" else ["p.star", "m.mrc"])
    (points,) = (layer for layer in viewer.layers if layer.name == "m picks")
    np.testing.assert_allclose(points.data_to_world(points.data[0]), [30, 60])
    np.testing.assert_array_equal(picks_from_layer(points.data, points.as_layer_data_tuple()[1]).yx, [[20, 40]])


def test_what_cannot_be_saved_is_told_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError) as error:
        write_points(str(tmp_path / "file" / "a.star"), [points_layer(PICKS)])
    assert "a.star" in error.value.message
    assert "Choose another" in error.value.message  # napari shows nothing but the message


def test_a_list_of_micrographs_opens_those(tmp_path: Path) -> None:
    write_mrc(tmp_path / "a.mrc", voxel=0.0)
    (tmp_path / "mics.star").write_text(
        "data_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnMicrographPixelSize #2\n1 2.5\n\n"
        "data_micrographs\n\nloop_\n_rlnMicrographName #1\n_rlnOpticsGroup #2\na.mrc 1\n"
    )
    [(_, attributes, kind)] = read(tmp_path / "mics.star")
    assert (kind, attributes["scale"]) == ("image", (2.5, 2.5))


def test_a_long_list_of_micrographs_says_what_to_do(tmp_path: Path) -> None:
    names = "\n".join(f"{i}.mrc" for i in range(500))
    (tmp_path / "mics.star").write_text(f"data_\n\nloop_\n_rlnMicrographName #1\n{names}\n")
    with pytest.raises(UserError, match=r"mics\.star has 500 micrographs.*make a project"):
        read(tmp_path / "mics.star")


def test_particles_of_many_micrographs_say_what_to_do(tmp_path: Path) -> None:
    rows = "\n".join(f"{i}.mrc 5 6" for i in range(500))
    columns = "_rlnMicrographName #1\n_rlnCoordinateX #2\n_rlnCoordinateY #3"
    (tmp_path / "particles.star").write_text(f"data_\n\nloop_\n{columns}\n{rows}\n")
    with pytest.raises(UserError, match=r"particles\.star holds the picks of 500 micrographs.*Open the micrograph"):
        read(tmp_path / "particles.star")


def test_neither_the_manifest_nor_the_reader_imports_torch() -> None:
    code = (
        "import sys, npe2, napari_drpnet._reader\n"
        "npe2.PluginManifest.from_distribution('napari-drpnet')\n"
        "assert not {'torch', 'napari', 'qtpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
