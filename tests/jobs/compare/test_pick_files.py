"""Files of picks that are compared on one micrograph."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io import write_picks
from napari_drpnet.jobs import finish
from napari_drpnet.jobs.compare.pick_files import PickFile, read_pick_files

FRAME = Frame("Micrographs/a.mrc", (100, 120), 2.0)


def some_picks(name: str) -> Picks:
    return Picks(Frame(name, (100, 120), 2.0), [[10, 20], [50, 60]], score=[0.5, 0.9])


@pytest.mark.parametrize("ending", ["star", "box"])  # rows of a box file count from below, so the height is needed
def test_a_file_gives_the_picks_of_the_micrograph_that_is_asked_for(tmp_path: Path, ending: str) -> None:
    picks = replace(some_picks("a.mrc"), diameter=np.array(20.0))
    path = write_picks(picks, tmp_path / f"a.{ending}")
    (file,) = finish(read_pick_files([path], FRAME)).files
    found = file.picks_of(FRAME)
    assert found is not None
    np.testing.assert_array_equal(found.yx, picks.yx)
    assert file.picks_of(Frame("b.mrc")) is None


def test_a_file_of_other_micrographs_says_whose_picks_it_has(tmp_path: Path) -> None:
    path = write_picks(some_picks("b.mrc"), tmp_path / "b.star")
    found = finish(read_pick_files([path], FRAME))
    assert found.files == []
    (stranger,) = found.strangers
    assert re.match(r"b\.star has picks of b(\.mrc)?, none of a\.mrc", stranger.reason)
    picks = stranger.file.given_to(FRAME).picks_of(FRAME)
    assert picks is not None
    assert (picks.yx.tolist(), picks.frame) == ([[10, 20], [50, 60]], FRAME)


def test_a_file_of_several_other_micrographs_is_refused(tmp_path: Path) -> None:
    head = "data_\nloop_\n_rlnMicrographName\n_rlnCoordinateX\n_rlnCoordinateY\n"
    path = tmp_path / "all.star"
    path.write_text(head + "b.mrc 10 20\nc.mrc 10 20\n")
    with pytest.raises(UserError, match=r"all\.star has picks of b\.mrc and c\.mrc|all\.star has picks of b"):
        finish(read_pick_files([path], FRAME))


def test_picks_that_do_not_fit_the_micrograph_are_not_taken_to_be_of_it(tmp_path: Path) -> None:
    far = replace(some_picks("b.mrc"), yx=np.array([[1000.0, 20], [5000, 60]]), frame=Frame("b.mrc", None, 2.0))
    (stranger,) = finish(read_pick_files([write_picks(far, tmp_path / "b.csv")], FRAME)).strangers
    with pytest.raises(UserError, match=r"b\.csv"):
        stranger.file.given_to(FRAME)


def test_names_that_do_not_tell_which_it_is_are_told(tmp_path: Path) -> None:
    entries = [some_picks(f"{folder}/a.mrc") for folder in ("one", "two", "three", "four")]
    file = PickFile(tmp_path / "all.csv", entries)
    with pytest.raises(UserError, match=r"all\.csv: one/a\.mrc, two/a\.mrc, three/a\.mrc and 1 more may all be a\.mrc"):
        file.picks_of(Frame("a.mrc"))
    found = file.picks_of(Frame("two/a.mrc"))
    assert found is not None
    assert found.yx.tolist() == [[10, 20], [50, 60]]


def test_picks_of_a_binned_image_are_taken_to_the_pixels_of_the_one_that_is_shown(tmp_path: Path) -> None:
    head = "data_\nloop_\n_rlnMicrographName\n_rlnMicrographPixelSize\n_rlnCoordinateX\n_rlnCoordinateY\n"
    path = tmp_path / "binned.star"
    path.write_text(head + "a.mrc 4 10 20\na.mrc 4 30 40\na.mrc 4 70 20\n")
    with pytest.warns(UserWarning, match="4 A in it and of 2 A of the image: .* multiplied by 2") as told:
        (file,) = finish(read_pick_files([path], FRAME)).files
    assert any("1 of 3 picks are left out" in str(one.message) for one in told)
    found = file.picks_of(FRAME)
    assert found is not None
    assert (found.yx.tolist(), found.frame) == ([[40, 20], [80, 60]], FRAME)
