"""What is said of a run, and its lists, which are whole after each micrograph."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from napari_drpnet.data import Frame
from napari_drpnet.io.star_lists import read_coordinate_list
from napari_drpnet.jobs.pick_report import PickLists, PickReport, PickResult, doubtful_size, remarks


def notes(*picks: int, failed: int = 0) -> tuple[str, ...]:
    results = [PickResult(f"{i}.mrc", n) for i, n in enumerate(picks)]
    return PickReport(Path(), (*results, *[PickResult("x.mrc", error="no")] * failed)).notes


def test_a_run_that_finds_nothing_says_so():
    (note,) = notes(0, 0, failed=1)
    assert note.startswith("No particle was found on any of 2 micrographs. Check the diameter, the pixel size")
    assert notes(0)[0].startswith("No particle was found on 0.mrc.")
    assert notes(failed=1) == ()  # that it failed is said


def test_a_micrograph_with_far_fewer_picks_than_the_others_is_named():
    assert notes(100, 120, 9, 0, 110, 130) == (
        "No particle was found on 3.mrc.",
        "Far fewer picks than the usual 110 on 2.mrc (9).",
    )
    assert notes(*[100] * 20, *[1] * 7)[0].endswith("20.mrc (1), 21.mrc (1), 22.mrc (1) and 4 more.")


@pytest.mark.parametrize("picks", [(100, 0), (0, 10, 12, 11, 9), (0, *[200] * 4, *[0] * 6)])
def test_nought_picks_are_told_however_few_micrographs_have_some(picks: tuple[int, ...]):
    (note,) = notes(*picks)
    assert note.startswith(f"No particle was found on {picks.index(0)}.mrc")


def test_a_note_is_short_whatever_the_micrographs_are_called():
    results = [PickResult(f"{i}" * 5000, picks) for i, picks in enumerate([0, 0, 0, 1, 1, 1, *[100] * 3])]
    assert all(len(note) <= 300 for note in PickReport(Path(), tuple(results)).notes)


@pytest.mark.parametrize("picks", [(100, 120, 30, 110, 130), (10, 12, 1, 11, 9), (3,)])
def test_nothing_is_said_of_what_is_usual(picks: tuple[int, ...]):
    assert notes(*picks) == ()


@pytest.mark.parametrize(
    ("size", "side", "said"),
    [
        (0.106, 4096, "1.06 A is meant"),
        (10.6, 4096, "show 4.3 micrometres"),
        (25.0, 500, "show 1.2 micrometres"),
        (1.06, 4096, ""),
        (0.5, 11520, ""),
        (4.3, 4096, ""),
        (None, 4096, ""),
    ],
)
def test_a_pixel_size_that_can_hardly_be_is_told(size: float | None, side: int, said: str):
    told = doubtful_size(Frame("a", (side // 2, side), size), 180)
    assert said in told
    assert bool(said) == bool(told)


@pytest.mark.parametrize(("diameter", "size"), [(180, 0.35), (18, 3.5), (900, 2)])
def test_a_particle_of_too_few_or_too_many_pixels_is_told(diameter: float, size: float):
    told = doubtful_size(Frame("a", (1000, 1024), size), diameter)
    assert told.startswith(f"A particle of {diameter:g} A spans {diameter / size:.3g} of the 1000 pixels")
    assert doubtful_size(Frame("a", (1000, 1024), 2), 180) == ""
    assert doubtful_size(Frame("a", (1000, 1024), 2), 0) == ""  # a picker that finds it out


def test_a_row_of_the_summary_is_one_line(tmp_path: Path):
    with PickLists(tmp_path) as lists:
        lists.add(PickResult("a\nb\tc.mrc", error="no such\nname"))
    (row,) = (tmp_path / "summary.tsv").read_text().splitlines()[1:]
    assert row.split("\t")[:4] == ["a\\nb\\tc.mrc", "0", "0.00", "no such name"]


def test_the_lists_are_whole_after_each_micrograph(tmp_path: Path):
    (tmp_path / "a_autopick.star").touch()
    lists = PickLists(tmp_path)
    lists.add(PickResult("a b.mrc", 3, 1.0, coordinates=tmp_path / "a_autopick.star"))
    lists.add(PickResult("c.mrc", error="it is\ndamaged"))
    listed = [("a b.mrc", f"{tmp_path}/a_autopick.star")]
    assert read_coordinate_list(tmp_path / "autopick.star") == listed
    with (tmp_path / "summary.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [(row["micrograph"], row["picks"], row["error"]) for row in rows] == [
        ("a b.mrc", "3", ""),
        ("c.mrc", "0", "it is damaged"),
    ]
    (tmp_path / "summary.tsv").unlink()
    lists.add(PickResult("d.mrc", 2, coordinates=tmp_path / "d_autopick.star"))
    assert (tmp_path / "summary.tsv").read_text().count("\n") == 4
    lists.close()  # the last one's file is not there
    assert read_coordinate_list(tmp_path / "autopick.star") == listed
    assert "d_autopick.star was removed" in (tmp_path / "summary.tsv").read_text()


def test_a_row_costs_the_same_however_long_the_lists_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whole files are written at the beginning and at the end only."""
    written: list[str] = []
    from napari_drpnet.jobs import pick_report

    real = pick_report.write_text
    monkeypatch.setattr(pick_report, "write_text", lambda text, path: (written.append(path.name), real(text, path))[1])
    with PickLists(tmp_path) as lists:
        for i in range(50):
            lists.add(PickResult(f"{i}.mrc", i, coordinates=tmp_path / f"{i}_autopick.star"))
    assert written == ["autopick.star", "summary.tsv"] * 2


def test_of_a_micrograph_that_was_left_out_before_nothing_else_is_told():
    told = remarks([PickResult("a", doubt="no proof", earlier=True), PickResult("b", 30, earlier=True)])
    assert told == (
        "Nothing proves that there are particles on a: their picks are left out (keep_unproved keeps them).",
    )
