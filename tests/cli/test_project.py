"""A project of a long list of picks: what is left when it is stopped on the way, and how it goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from discs import write_discs
from napari_drpnet.cli import main
from napari_drpnet.data import Frame, Picks
from napari_drpnet.io import Project, write_picks
from napari_drpnet.io.star_lists import read_coordinate_list, write_coordinate_list

COUNT, STOP = 30, 10
# Sends itself a signal when it is about to take over picks for the tenth time.
PROGRAM = f"""
import os, signal
from napari_drpnet.io.project.store import Store
write, begun = Store.write_picks, []
def write_picks(*args):
    begun.append(args)
    if len(begun) == {STOP}:
        os.kill(os.getpid(), signal.NAME)
    return write(*args)
Store.write_picks = write_picks
from napari_drpnet.__main__ import main
main()
"""


@pytest.fixture(autouse=True)
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of so many micrographs with picks, all of one image."""
    monkeypatch.chdir(tmp_path)
    write_discs("m/0.mrc")
    for number in range(1, COUNT):
        Path(f"m/{number}.mrc").hardlink_to("m/0.mrc")
    write_picks(Picks(Frame("0"), [[10, 20], [30, 40]]), "c.star")
    write_coordinate_list([(f"m/{number}.mrc", "c.star") for number in range(COUNT)], "autopick.star")


def taken_over() -> int:
    return len(list(Path("p/picks").glob("*.star")))


def in_list() -> int:
    return len(read_coordinate_list("p/autopick.star"))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGKILL", -9)])
def test_what_is_stopped_half_way_goes_on_the_next_time(name: str, status: int):
    command = [sys.executable, "-c", PROGRAM.replace("NAME", name), "project", "p", "autopick.star"]
    process = subprocess.run(command, capture_output=True, text=True)
    assert (process.returncode, taken_over()) == (status, STOP - 1)
    if name == "SIGINT":
        assert process.stderr == "interrupted: what was finished is written.\n"
        assert in_list() == STOP - 1
    with Project.open("p") as project:
        assert {row.picks for row in project.rows()} == {2}
    assert in_list() == taken_over() == COUNT
    before = Path("p/index.tsv").read_bytes()
    Project.open("p").close()
    assert Path("p/index.tsv").read_bytes() == before


@pytest.mark.slow
def test_shown_for_reading_only_it_goes_on_too():
    with Project.create("p", adopt=False, inputs=("autopick.star",)) as project:
        assert project.offers == COUNT
    command = [sys.executable, "-m", "napari_drpnet", "project", "p"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[-1].split()[:3] == ["all", str(COUNT), str(2 * COUNT)]


def test_a_micrograph_that_was_labelled_meanwhile_is_left_alone():
    with Project.create("p", adopt=False, inputs=("autopick.star",)) as project:
        project.write_picks("3", Picks(Frame("3"), [[5, 6]], source="manual"))
    with Project.open("p") as project:
        assert [row.picks for row in project.rows()[2:5]] == [2, 1, 2]


def test_a_new_project_says_the_command_that_picks_it(capsys: pytest.CaptureFixture[str]):
    said = []
    for words in (["q", "m/0.mrc", "--diameter", "40"], ["p", "autopick.star"]):  # the second has picks
        with pytest.raises(SystemExit, match="0"):
            main(["project", *words])
        said.append(capsys.readouterr().out)
    assert "Pick them:  napari-drpnet pick --project q\n" in said[0]
    assert "Pick them" not in said[1]
