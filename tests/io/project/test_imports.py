"""Picks that come with the inputs of a project: each to its own micrograph, in its pixels, or told."""

from __future__ import annotations

from pathlib import Path

import pytest

from discs import write_discs
from napari_drpnet.errors import UserError
from napari_drpnet.io import Project

HEAD = "data_particles\n\nloop_\n_rlnMicrographName #1\n_rlnCoordinateX #2\n_rlnCoordinateY #3\n"


@pytest.fixture(autouse=True)
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("A", "B"):
        write_discs(f"{folder}/m.mrc")


def star(name: str, *rows: str) -> str:
    Path(name).write_text(HEAD + "".join(f"{row}\n" for row in rows))
    return name


def picks_in(*inputs: str) -> dict[str, list[list[float]]]:
    with Project.create("p", inputs=inputs) as project:
        return {row.name: project.read_picks(row.name).yx.tolist() for row in project.rows()}


def test_picks_of_one_micrograph_are_never_given_to_its_namesake():
    particles = star("b.star", "B/m.mrc 10 20")
    assert picks_in("A/m.mrc", particles) == {"A__m": [], "B__m": [[20, 10]]}
    with Project.open("p") as project:  # now B has picks of its own
        project.update(inputs=("A/m.mrc", "b.star", "B"))
        assert [row.picks for row in project.rows()] == [0, 1]


def test_a_name_that_may_be_of_two_is_told():
    particles = star("b.star", "m.mrc 10 20")
    with pytest.raises(UserError, match=r"m\.mrc may be 'A/m.mrc', 'B/m.mrc'"):
        Project.create("p", inputs=("A", "B", particles))


def test_a_name_without_its_folder_is_no_other_micrograph():
    assert picks_in("A", star("b.star", "m_extract.mrc 10 20")) == {"m": [[20, 10]]}


def test_a_second_set_of_picks_is_told_and_left_out():
    one, two = star("1.star", "A/m.mrc 10 20"), star("2.star", "A/m.mrc 30 40")
    with pytest.warns(UserWarning, match=r"2\.star: other picks of A/m\.mrc came before"):
        assert picks_in(one, two) == {"m": [[20, 10]]}


@pytest.mark.parametrize("x", ["1e30", "nan", "-500"])
def test_picks_that_cannot_be_are_told_and_not_written(x: str):
    with pytest.warns(UserWarning, match=r"1\.star: .*(finite|beyond any image|outside)"):
        assert picks_in(star("1.star", f"A/m.mrc {x} 20")) == {"m": []}


def test_of_many_picks_the_few_outside_are_left_out():
    with pytest.warns(UserWarning, match="1 of 3 picks are left out"):
        assert picks_in(star("1.star", "A/m.mrc 10 20", "A/m.mrc 30 20", "A/m.mrc 900 20")) == {
            "m": [[20, 10], [20, 30]]
        }


def test_picks_of_a_binned_image_are_brought_to_the_micrograph():
    optics = "data_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnMicrographPixelSize #2\n1 4.0\n\n"
    columns = HEAD.replace("_rlnCoordinateY #3", "_rlnCoordinateY #3\n_rlnOpticsGroup #4")
    Path("1.star").write_text(optics + columns + "Binned/A/m.mrc 10 20 1\n")
    with pytest.warns(UserWarning, match="pixel sizes of 4 A in it and of 2 A"):
        assert picks_in("A", "1.star") == {"m": [[40, 20]]}
