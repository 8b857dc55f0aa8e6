"""Lists of micrographs: pixel sizes that contradict each other, and one micrograph under two spellings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_drpnet import UserError, read_picks
from napari_drpnet.io.star_lists import read_micrographs

OPTICS = "data_optics\n\nloop_\n_rlnOpticsGroup\n_rlnMicrographPixelSize\n_rlnVoltage\n{}\n\n"
MICROGRAPHS = "data_micrographs\n\nloop_\n_rlnMicrographName\n_rlnOpticsGroup\n{}\n\n"
SIZED = "data_micrographs\n\nloop_\n_rlnMicrographName\n_rlnMicrographPixelSize\n{}\n\n"


def star(folder: Path, *tables: str) -> Path:
    (folder / "m.star").write_text("".join(tables))
    return folder / "m.star"


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ("1 1.3 300\n1 2.6 300", "optics group '1' is there twice, with rlnMicrographPixelSize '1.3' and '2.6'"),
        ("1 1.3 300\n1.0 1.3 200", "optics group '1.0' is there twice, with rlnVoltage '300' and '200'"),
    ],
)
def test_an_optics_group_with_two_values_is_refused(tmp_path: Path, groups: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_micrographs(star(tmp_path, OPTICS.format(groups), MICROGRAPHS.format("a.mrc 1")))


def test_an_optics_group_twice_with_the_same_values_is_one(tmp_path: Path) -> None:
    path = star(tmp_path, OPTICS.format("1 1.3 300\n1 1.300000 300.0\n2 2 200"), MICROGRAPHS.format("a.mrc 1\nb.mrc 2"))
    assert [(one.name, one.pixel_size) for one in read_micrographs(path)] == [("a.mrc", 1.3), ("b.mrc", 2)]


def test_a_micrograph_with_two_pixel_sizes_is_refused(tmp_path: Path) -> None:
    for name in ("M/a.mrc", "./M//a.mrc"):
        with pytest.raises(UserError, match=r"is listed with pixel sizes of 1\.3 and 2\.6 A"):
            read_micrographs(star(tmp_path, SIZED.format(f"M/a.mrc 1.3\n{name} 2.6")))
    (one,) = read_micrographs(star(tmp_path, SIZED.format("M/a.mrc 0\n./M/a.mrc 2.6\nM/a.mrc 2.6001")))
    assert (one.name, one.pixel_size) == ("M/a.mrc", 2.6)


def test_rows_and_optics_group_must_not_contradict_each_other(tmp_path: Path) -> None:
    points = "data_particles\n\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnMicrographName\n_rlnOpticsGroup\n"
    rows = "_rlnMicrographPixelSize\n10 20 a.mrc 1 1.3\n30 40 ./a.mrc 1 {}\n\n"
    path = star(tmp_path, OPTICS.format("1 1.3 300"), points + rows.format(2.6))
    with pytest.raises(UserError, match=r"rlnMicrographPixelSize is 2\.6 A in a row, and 1\.3 A in its optics group"):
        read_picks(path)
    (picks,) = read_picks(star(tmp_path, OPTICS.format("1 1.3 300"), points + rows.format(0)))
    assert (picks.frame.micrograph, picks.frame.pixel_size) == ("a.mrc", 1.3)
    np.testing.assert_array_equal(picks.yx, [[20, 10], [40, 30]])
