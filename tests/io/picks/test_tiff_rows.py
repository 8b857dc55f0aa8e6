"""Picks on TIFF micrographs, in the rows that each program counts."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_drpnet import Frame, Picks, UserError, read_picks, write_picks
from napari_drpnet.io.picks.formats import FORMATS, write_all
from napari_drpnet.io.picks.known_micrographs import KnownMicrographs

H, W = 60, 80
YX = np.array([[10.0, 20.0], [49.0, 70.0]])


def on(name: str, shape: tuple[int, int] | None = (H, W)) -> Picks:
    return Picks(Frame(name, shape, 1.5), YX, diameter=10)


@pytest.mark.parametrize("name", ["a.tif", "m/a.tiff", "A.TIF"])
def test_topaz_counts_the_rows_of_a_tiff_from_the_first(tmp_path: Path, name: str) -> None:
    path = write_all([on(name)], tmp_path / "p.txt", quiet=True)
    assert [line.split("\t")[1:3] for line in path.read_text().splitlines()[1:]] == [["20", "49"], ["70", "10"]]


def test_topaz_counts_the_rows_of_an_mrc_as_we_do(tmp_path: Path) -> None:
    path = write_all([on("a.mrc")], tmp_path / "p.txt", quiet=True)
    assert [line.split("\t")[1:3] for line in path.read_text().splitlines()[1:]] == [["20", "10"], ["70", "49"]]


def test_picks_of_topaz_on_a_tiff_come_back(tmp_path: Path) -> None:
    """The table has no suffixes: that it is a TIFF is seen by the file beside it, or told by who knows it."""
    path = write_all([on("a.tif"), on("b.mrc")], tmp_path / "p.txt", quiet=True)
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((H, W), "u1"))
    first, second = read_picks(path)
    np.testing.assert_array_equal(first.yx, YX)
    np.testing.assert_array_equal(second.yx, YX)
    told = {"a": Frame("m/a.tif", (H, W)), "b": Frame("m/b.mrc", (H, W))}
    first, second = read_picks(path, frame_of=lambda name, _: told[name])
    np.testing.assert_array_equal(first.yx, YX)
    np.testing.assert_array_equal(second.yx, YX)


@pytest.mark.parametrize(("height", "scale"), [(60, 4), (61, 4), (61, 16)])
def test_rows_of_a_binned_tiff_are_turned_where_those_of_the_whole_one_are(
    tmp_path: Path, height: int, scale: int
) -> None:
    """Pixel 0 of the binned image is pixel 0 of the whole one, also where rows count from the other end."""
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((height, W), "u1"))
    (tmp_path / "p.txt").write_text("image_name\tx_coord\ty_coord\na\t0\t0\na\t1\t2\n")
    (picks,) = KnownMicrographs(scale=scale).read(tmp_path / "p.txt")
    np.testing.assert_allclose(picks.yx, [[height - 1, 0], [height - 1 - 2 * scale, scale]])


def test_a_turn_that_is_asked_for_is_the_only_one(tmp_path: Path) -> None:
    path = write_all([on("a.tif")], tmp_path / "p.txt", quiet=True)
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((H, W), "u1"))
    (picks,) = read_picks(path, flip_y=True)
    np.testing.assert_array_equal(picks.yx, np.column_stack([H - 1 - YX[:, 0], YX[:, 1]]))


def test_a_tiff_whose_height_nobody_knows_is_refused_for_topaz(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"the height of a\.tif is not known"):
        write_all([on("a.tif", None)], tmp_path / "p.txt", quiet=True)


@pytest.mark.parametrize("ending", ["p.star", "p.csv", "p.box", "p_info.json", "p.cbox"])
def test_programs_that_turn_tiff_get_our_rows_without_a_word(tmp_path: Path, ending: str) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".* is a TIFF")
        of_tiff = write_picks(on("a.tif"), tmp_path / f"t{ending}").read_text()
        assert of_tiff == write_picks(on("a.mrc"), tmp_path / f"m{ending}").read_text()


@pytest.mark.parametrize("to", ["cryosparc", "cryoppp"])
def test_where_nobody_knows_it_is_said(tmp_path: Path, to: str) -> None:
    path = tmp_path / f"p{FORMATS[to].suffix}"
    with pytest.warns(UserWarning, match=r"a\.tif is a TIFF, and it is not known from which end"):
        write_all([on("a.tif")], path, FORMATS[to], quiet=True)
    if to == "cryosparc":
        with pytest.warns(UserWarning, match="is a TIFF, and it is not known from which end"):
            np.testing.assert_allclose(read_picks(path)[0].yx, YX, atol=0.001)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".* is a TIFF")
        write_all([on("a.mrc")], path, FORMATS[to], quiet=True)
