"""Making a project of a long list of picks: how far it is, and what is left when it is stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from discs import write_discs
from napari_drpnet.data import Frame, Picks
from napari_drpnet.io import Project, write_picks
from napari_drpnet.io.star_lists import read_coordinate_list, write_coordinate_list

COUNT = 300
COMMAND = (sys.executable, "-m", "napari_drpnet", "project", "p", "autopick.star")


@pytest.fixture(autouse=True)
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of so many micrographs with picks, all of one image."""
    monkeypatch.chdir(tmp_path)
    write_discs("m/0.mrc")
    for number in range(1, COUNT):
        Path(f"m/{number}.mrc").hardlink_to("m/0.mrc")
    rows = [[10 + k, 20 + k] for k in range(50)]
    write_picks(Picks(Frame("0"), rows), "c.star")
    write_coordinate_list([(f"m/{number}.mrc", "c.star") for number in range(COUNT)], "autopick.star")


def taken_over() -> int:
    return len(list(Path("p/picks").glob("*.star")))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGINT", "SIGKILL"])
def test_what_is_stopped_half_way_goes_on_the_next_time(name: str):
    process = subprocess.Popen(COMMAND, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not Path("p/picks").exists() or taken_over() < 10:
        assert time.monotonic() < until
        time.sleep(0.005)
    process.send_signal(getattr(signal, name))
    _, err = process.communicate(timeout=60)
    first = taken_over()
    assert first < COUNT
    if name == "SIGINT":
        assert (process.returncode, err) == (130, "interrupted: what was finished is written.\n")
        assert len(read_coordinate_list("p/autopick.star")) == first
    with Project.open("p") as project:
        assert {row.picks for row in project.rows()} == {50}
        assert project.offers == 0
    assert len(read_coordinate_list("p/autopick.star")) == taken_over() == COUNT
    before = Path("p/index.tsv").read_bytes()
    Project.open("p").close()
    assert Path("p/index.tsv").read_bytes() == before


def test_shown_for_reading_only_it_goes_on_too():
    with Project.create("p", adopt=False, inputs=("autopick.star",)) as project:
        assert project.offers == COUNT
    shown = subprocess.run(COMMAND[:-1], capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[-1].split()[:3] == ["all", str(COUNT), str(50 * COUNT)]
