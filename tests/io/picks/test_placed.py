"""Picks of every format, in the pixels of micrographs that are named beside them: for harvests and for training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from cs_files import particles, save
from napari_drpnet import Picks, UserError
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.io.picks.folder import picks_of
from napari_drpnet.io.star_lists import MicrographEntry
from napari_drpnet.jobs import labelled_in_files
from napari_drpnet.settings import TrainingSet
from napari_drpnet.training.sets import labelled

H, W = 120, 160
XY = "_rlnCoordinateX\n_rlnCoordinateY\n"


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def mrc(name: str, pixel_size: float | None = None, shape: tuple[int, int] = (H, W)) -> str:
    image = np.random.default_rng(0).random(shape, np.float32)
    return write_mrc(image, Path("M") / name, pixel_size).as_posix()


def star(columns: str, *rows: str) -> Path:
    Path("p").mkdir(exist_ok=True)
    path = Path("p/picks.star")
    path.write_text(f"data_\nloop_\n{columns}{XY}" + "".join(f"{row}\n" for row in rows))
    return path


def placed(micrograph: str, file: Path, pixel_size: float | None = None) -> Picks:
    """The picks of a micrograph, which are the same for a harvest and for training."""
    (one,) = labelled_in_files([micrograph], [file], pixel_size)
    data = TrainingSet(micrographs=micrograph, coordinates=str(file), pixel_size=pixel_size, diameter=20)
    ((_, picks),) = labelled(data)[0]
    np.testing.assert_array_equal(one.sets[0].yx, picks.yx)
    assert one.sets[0].frame.shape == picks.frame.shape
    return picks


def test_topaz_on_a_tiff_in_another_folder_has_its_rows_turned() -> None:
    Path("M").mkdir()
    tifffile.imwrite("M/a.tif", np.random.default_rng(0).random((H, W), np.float32))
    file = Path("t.txt")
    file.write_text("image_name\tx_coord\ty_coord\na\t30\t20\na\t70\t100\n")
    assert placed("M/a.tif", file, 1.0).yx.tolist() == [[H - 1 - 20, 30], [H - 1 - 100, 70]]


def test_cryosparc_on_binned_micrographs_is_scaled() -> None:
    micrograph = mrc("mic_a.mrc", 0.75, (600, 800))
    with pytest.warns(UserWarning, match=r"1\.5 A in it and of 0\.75 A .* multiplied by 2"):
        picks = placed(micrograph, save(Path("a.cs"), particles(2)))
    np.testing.assert_allclose(picks.yx, [[540, 80], [480, 160]], atol=1e-3)
    with pytest.raises(UserError, match=r"of 300 x 400 pixels, but M/mic_b\.mrc has 600 x 900"):
        placed(mrc("mic_b.mrc", 0.75, (600, 900)), save(Path("b.cs"), particles(path=b"mic_b.mrc")))


def test_the_given_pixel_size_is_that_of_the_micrographs() -> None:
    micrograph, file = mrc("a.mrc"), star("_rlnMicrographName\n_rlnMicrographPixelSize\n", "M/a.mrc 2 50 25")
    with pytest.warns(UserWarning, match=r"2 A in it and of 1 A of its micrographs: coordinates are multiplied by 2"):
        picks = placed(micrograph, file, 1.0)
    assert picks.yx.tolist() == [[50, 100]]
    assert picks.frame.pixel_size == 1


def test_picks_outside_are_left_out_with_a_word() -> None:
    micrograph = mrc("a.mrc", 1.0)
    inside = [f"M/a.mrc {10 * i} 15" for i in range(1, 5)]
    file = star("_rlnMicrographName\n", *inside, "M/a.mrc -50 10", "M/a.mrc 5000 5000")
    with pytest.warns(UserWarning, match=r"picks\.star: 2 of 6 picks are left out, as they lie outside M/a\.mrc"):
        assert placed(micrograph, file).yx.tolist() == [[15, 10 * i] for i in range(1, 5)]
    with pytest.raises(UserError, match=r"1 of 1 picks of M/a\.mrc lie outside its 120 x 160 pixels"):
        placed(micrograph, star("_rlnMicrographName\n", "M/a.mrc 5000 5000"))


def test_cryoppp_gets_the_height_of_the_micrograph_and_others_are_left_out() -> None:
    micrograph = mrc("a.mrc", 1.0)
    Path("p").mkdir()
    for name in "abc":
        Path(f"p/{name}.csv").write_text("X-Coordinate,Y-Coordinate,Diameter\n30,20,40\n")
    assert placed(micrograph, Path("p/a.csv")).yx.tolist() == [[H - 20, 30]]
    with pytest.warns(UserWarning, match=r"p: picks of other micrographs are left out: 'b', 'c'"):
        assert placed(micrograph, Path("p")).yx.tolist() == [[H - 20, 30]]
    Path("M/a.mrc").write_bytes(b"")
    with pytest.raises(UserError, match=r"the height of a is not known"):
        picks_of([Path("p")], [MicrographEntry(micrograph, Path(micrograph), None)])


@pytest.mark.parametrize("pixel_size", [None, 2.0])
def test_particles_that_were_moved_take_the_pixel_size_of_their_micrographs(pixel_size: float | None) -> None:
    micrograph = mrc("a.mrc", None if pixel_size else 2.0)
    columns = "_rlnMicrographName\n_rlnOriginXAngst\n_rlnOriginYAngst\n"
    file = star(columns, "else/a.mrc 10 -20 50 60")
    assert placed(micrograph, file, pixel_size).yx.tolist() == [[70, 45]]
