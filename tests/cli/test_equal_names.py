"""Two micrographs of one file name in two folders: every command keeps them apart."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from discs import DISCS, write_discs
from napari_drpnet import Frame, Picks, jobs, read_micrograph, read_picks, write_picks
from napari_drpnet.cli import main
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.io.patches import read_patches

OPTIONS = ("--picker", "dark-discs", "--diameter", "40")
# Of each micrograph other places: the second one is the first one upside down.
PLACES = {"g1/m.mrc": {(x, y) for y, x in DISCS}, "g2/m.mrc": {(x, 159 - y) for y, x in DISCS}}


@pytest.fixture(autouse=True)
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("g1", "g2"):
        Path(folder).mkdir()
    image = read_micrograph(write_discs("g1/m.mrc")).image
    write_mrc(image[::-1], "g2/m.mrc", 2.0)
    for name, places in PLACES.items():
        yx = np.array(sorted(places))[:, ::-1].astype(float)
        write_picks(Picks(Frame(name), yx, diameter=np.array(20.0)), Path("lab", name).with_name("m_manualpick.star"))


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    return end.value.code or 0


def near(found: Picks, places: set[tuple[float, float]]) -> bool:
    """Whether every pick lies on one of the places."""
    far = np.linalg.norm(found.yx[:, None] - np.array([(y, x) for x, y in places])[None], axis=2)
    return len(found) == len(places) and bool((far.min(axis=1) < 4).all())


def all_near(listed: str) -> bool:
    found = {picks.frame.micrograph: picks for picks in read_picks(listed)}
    return found.keys() == PLACES.keys() and all(near(found[name], PLACES[name]) for name in PLACES)


def test_pick_evaluate_and_consensus(capsys: pytest.CaptureFixture[str]):
    assert run("pick", "g1", "g2/m.mrc", *OPTIONS, "--out", "picks") == 0
    assert all_near("picks/autopick.star")
    capsys.readouterr()
    assert run("evaluate", "picks", "lab", "--diameter", "40", "--pixel-size", "2", "--json") == 0
    assert json.loads(capsys.readouterr().out)["pooled"]["f1"] == 1
    assert (
        run("consensus", "picks", "lab", "--at-least", "2", "--diameter", "40", "--pixel-size", "2", "--out", "both")
        == 0
    )
    assert all_near("both/autopick.star")


def test_compare():
    assert (
        run("compare", "g*/m.mrc", "--pickers", "dark-discs", "--truth", "lab", "--diameter", "40", "--out", "cmp") == 0
    )
    assert all_near("cmp/dark-discs/autopick.star")
    rows = Path("cmp/micrographs.csv").read_text().splitlines()
    assert [row.split(",")[-1] for row in rows if "dark-discs" in row] == ["1", "1"]


@pytest.mark.parametrize("to", ["star", "csv", "box", "json", "cbox", "cryoppp"])
def test_convert_and_back(to: str):
    assert run("convert", "lab", "out", "--to", to, "--micrographs", listed()) == 0
    assert run("convert", "out", "back", "--to", "star", "--micrographs", listed()) == 0
    assert all_near("back/autopick.star")


def listed() -> str:
    rows = "".join(f"{name} 1\n" for name in PLACES)
    optics = "data_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnMicrographPixelSize #2\n1 2.0\n\n"
    head = "data_micrographs\n\nloop_\n_rlnMicrographName #1\n_rlnOpticsGroup #2\n"
    Path("micrographs.star").write_text(optics + head + rows)
    return "micrographs.star"


def test_harvest():
    assert run("harvest", "g*/m.mrc", "--coordinates", "lab", "--diameter", "40", "--out", "set") == 0
    patches = read_patches("set").select(read_patches("set").origin == "label")
    for name, places in PLACES.items():
        here = patches.select(patches.micrograph == name.removesuffix(".mrc"))
        assert {(x, y) for y, x in here.yx.tolist()} <= places
        assert len(here)


def test_projects():
    assert run("project", "proj", "g1", "g2", *OPTIONS) == 0
    assert run("pick", "--project", "proj", "g2/m.mrc") == 0
    with jobs.open_project("proj", read_only=True) as project:
        assert [(row.name, row.picks) for row in project.rows()] == [("g1__m", 0), ("g2__m", 4)]
    assert run("pick", "--project", "proj") == 0
    assert all_near("proj/autopick.star")
