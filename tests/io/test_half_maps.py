"""Half maps find each other by their names, and what does not belong together is told."""

from __future__ import annotations

import gzip
import itertools
import shutil
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from half_maps import halves, particle, write
from napari_drpnet.errors import UserError
from napari_drpnet.io.half_maps import other_half, pair_up, read_half_maps, read_map, read_mask
from napari_drpnet.simulation.structures import read_voxels

FIRST, SECOND = halves(particle(24), 0.1)
ONE, OTHER = "run_half1_class001_unfil.mrc", "run_half2_class001_unfil.mrc"


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return write(tmp_path / ONE, FIRST), write(tmp_path / OTHER, SECOND)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (ONE, OTHER),
        ("run_it012_half1_class003.mrc", "run_it012_half2_class003.mrc"),
        ("cryosparc_P3_J42_volume_map_half_A.mrc", "cryosparc_P3_J42_volume_map_half_B.mrc"),
        ("cryosparc_P3_J42_010_volume_map_half_a.mrc", "cryosparc_P3_J42_010_volume_map_half_b.mrc"),
        ("emd_11638_half_map_1.map.gz", "emd_11638_half_map_2.map.gz"),
        ("Half-Map1.mrc", "Half-Map2.mrc"),
        ("threed_05_even.mrc", "threed_05_odd.mrc"),
        ("half1/run_half1.mrc", "half1/run_half2.mrc"),
    ],
)
def test_the_name_of_the_other_half(first: str, second: str) -> None:
    assert other_half(Path(first)) == Path(second)
    assert other_half(Path(second)) == Path(first)


@pytest.mark.parametrize(
    "name", ["run_class001.mrc", "half12.mrc", "behalf1.mrc", "uneven.mrc", "half_1a.mrc", "map_1.mrc"]
)
def test_names_that_tell_no_half(name: str) -> None:
    assert other_half(Path(name)) is None


def test_both_one_or_their_folder_mean_the_same_pair(pair: tuple[Path, Path], tmp_path: Path) -> None:
    first, second = pair
    for iteration in (1, 2):
        for half in (1, 2):
            write(tmp_path / f"run_it00{iteration}_half{half}_class001.mrc", FIRST)
    write(tmp_path / "run_class001.mrc", FIRST)
    for given in ([first, second], [second, first], [first], [second], [tmp_path]):
        assert pair_up(given) == (first, second)


def test_maps_are_read_with_their_pixel_size(pair: tuple[Path, Path]) -> None:
    maps = read_half_maps(pair)
    np.testing.assert_array_equal(maps.first, FIRST)
    np.testing.assert_array_equal(maps.second, SECOND)
    assert maps.pixel_size == pytest.approx(3.0)
    assert read_half_maps(pair, 2.5).pixel_size == 2.5


def test_packed_maps_of_any_name_are_read(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    with gzip.open(tmp_path / "b.map.gz", "wb") as packed, pair[1].open("rb") as plain:
        shutil.copyfileobj(plain, packed)
    maps = read_half_maps([pair[0].rename(tmp_path / "a.map"), tmp_path / "b.map.gz"])
    np.testing.assert_array_equal(maps.second, SECOND)


def test_what_does_not_belong_together_is_told(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    first, second = pair
    other = write(tmp_path / "x.mrc", FIRST[:20, :20, :20])
    pixels = write(tmp_path / "y.mrc", SECOND, pixel_size=2.9)
    alone = write(tmp_path / "alone_half1.mrc", FIRST)
    (tmp_path / "empty").mkdir()
    (tmp_path / "two").mkdir()
    (tmp_path / "one").mkdir()
    write(tmp_path / "one" / "a_half1.mrc", FIRST)
    for name in ("a", "b"):
        for half in (1, 2):
            write(tmp_path / "two" / f"{name}_half{half}.mrc", FIRST)
    for given, said in (
        ([first, other], r"unfil\.mrc is 24 x 24 x 24 px, x\.mrc 20 x 20 x 20 px\..*one size"),
        ([first, pixels], r"3 A per pixel, y\.mrc 2\.9 A"),
        ([first, first], "given twice"),
        ([first, alone], "both the same half"),
        ([alone], r"other half, alone_half2\.mrc, is not beside it"),
        ([other], "one map, and its name does not tell"),
        ([tmp_path / "empty"], "has no half maps"),
        ([tmp_path / "one"], r"has a_half1\.mrc, but not its other half"),
        ([tmp_path / "two"], r"2 pairs of half maps \(a_half1\.mrc, b_half1\.mrc\)"),
        ([], "Two half maps are needed, not 0"),
        ([first, second, other], "not 3"),
        ([first, tmp_path / "none.mrc"], r"none\.mrc: there is no such file"),
    ):
        with pytest.raises(UserError, match=said):
            read_half_maps(given)


def test_what_is_no_map_is_told(tmp_path: Path) -> None:
    bad = FIRST.copy()
    bad[1, 2, 3:6] = np.nan
    for path, said in (
        (write(tmp_path / "nan.mrc", bad), "3 of its voxels are no numbers"),
        (write(tmp_path / "stack.mrcs", FIRST[:7], volume=False), "a stack of 7 images, not a 3D volume"),
        (write(tmp_path / "stack.mrc", FIRST[:7, :, :20], volume=False), "a stack of 7 images"),
        (write(tmp_path / "image.mrc", FIRST[:1]), "one image, not a 3D volume"),
        (tmp_path / "picture.png", "is no MRC file"),
    ):
        with pytest.raises(UserError, match=said):
            read_map(path)


def test_a_pixel_size_that_nobody_set_is_asked_for(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"a_half{number}.mrc", FIRST + number, pixel_size=1.0) for number in (1, 2)]
    with pytest.raises(UserError, match="does not tell its pixel size"):
        read_half_maps(paths)
    assert read_half_maps(paths, 1.0).pixel_size == 1.0


def test_a_mask_has_the_pixels_of_the_maps(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    maps = read_half_maps(pair)
    mask = (FIRST > 0.5).astype(np.float32)
    np.testing.assert_array_equal(read_mask(write(tmp_path / "m.mrc", mask), maps), mask)
    np.testing.assert_array_equal(read_mask(write(tmp_path / "n.mrc", mask, pixel_size=0), maps), mask)
    with pytest.raises(UserError, match=r"3 A per pixel, p\.mrc 2 A"):
        read_mask(write(tmp_path / "p.mrc", mask, pixel_size=2), maps)


def with_axes(path: Path, values: np.ndarray, told: tuple[int, int, int]) -> Path:
    """A map whose columns, rows and sections are along these axes, 1 for x."""
    sections, rows, columns = (3 - axis for axis in told[::-1])
    write(path, values.transpose(sections, rows, columns))
    with mrcfile.open(path, "r+") as file:
        file.header.mapc, file.header.mapr, file.header.maps = told
        file.header.mx, file.header.my, file.header.mz = values.shape[::-1]
        file.header.cella = tuple(3.0 * side for side in values.shape[::-1])
    return path


@pytest.mark.parametrize("told", list(itertools.permutations((1, 2, 3))))
def test_the_order_of_the_axes_is_that_of_the_header(tmp_path: Path, told: tuple[int, int, int]) -> None:
    values = np.random.default_rng(0).random((16, 20, 24), np.float32)
    found = read_map(with_axes(tmp_path / "a.mrc", values, told))
    np.testing.assert_array_equal(found.values, values)
    assert found.pixel_size == pytest.approx(3.0)
    np.testing.assert_array_equal(read_voxels(found.path)[0], values)  # of a structure


def test_axes_that_are_left_out_are_the_usual_ones_and_others_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mrc", FIRST)
    for told in ((0, 0, 0), (1, 1, 3)):
        with mrcfile.open(path, "r+") as file:
            file.header.mapc, file.header.mapr, file.header.maps = told
        if any(told):
            with pytest.raises(UserError, match=r"a\.mrc: its header gives the axes 1, 1, 3 \(mapc, mapr, maps\)"):
                read_map(path)
        else:
            np.testing.assert_array_equal(read_map(path).values, FIRST)
