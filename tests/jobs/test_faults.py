"""What a run over a data set survives: bad files, a file system that stalls, a full disk."""

from __future__ import annotations

import csv
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from discs import write_discs
from napari_drpnet import jobs, load_picker, read_micrograph
from napari_drpnet.io import read_picks
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.jobs.crew import Crew
from napari_drpnet.jobs.picking import Found, Item, Terms, pick_each
from napari_drpnet.settings import PickRun


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run_of(*inputs: str, picker: str = "log", **fields) -> PickRun:
    return PickRun(inputs=inputs, picker=picker, options={"diameter": 40, "threshold": 0.5}, **fields)


def test_micrographs_that_are_cut_vanish_or_differ_stop_no_others():
    for name in ("a", "cut", "e f", "vanishes", "ü µ"):
        write_discs(f"m/{name}.mrc")
    write_discs("n/a.mrc")
    write_mrc(read_micrograph("m/a.mrc").image[:100], "m/small.mrc", 2.0)
    write_discs("m/coarse.mrc", pixel_size=4.0)
    raw = Path("m/cut.mrc").read_bytes()
    Path("m/cut.mrc").write_bytes(raw[:-1000])
    Path("n/again.mrc").symlink_to(Path("m/a.mrc").absolute())
    job = jobs.pick(run_of("m", "n", workers=2))
    with pytest.warns(UserWarning, match=r"n/again\.mrc is a link to m/a\.mrc: each file is picked once"):
        next(job)
    Path("m/vanishes.mrc").unlink()
    report = jobs.finish(job)
    assert [(result.micrograph, "no such file" in result.error) for result in report.failed] == [
        ("m/cut.mrc", False),
        ("m/vanishes.mrc", True),
    ]
    assert len(report.picked) == len({result.coordinates for result in report.picked}) == 6
    assert {len(read_picks(result.coordinates)[0]) for result in report.picked} >= {4}
    with Path("picks/summary.tsv").open(newline="") as file:
        assert len(list(csv.DictReader(file, delimiter="\t"))) == 8
    assert any("m/coarse.mrc" in note and "4 A" in note and "2 A" in note for note in report.notes)


def test_a_file_system_that_stalls_holds_nobody_else_up():
    """Others are read meanwhile, and whoever waits is told several times a second."""
    write_discs("m.mrc")
    stalled, others = threading.Event(), threading.Event()

    def slow():
        others.wait(20)
        stalled.wait(20)
        return read_micrograph("m.mrc")

    def quick():
        others.set()
        return read_micrograph("m.mrc")

    def keep(found: Found) -> tuple[int, Path]:
        return len(found.picks), Path("m.star")

    items = [Item("slow", slow, keep), *(Item(str(number), quick, keep) for number in range(3))]
    noted: list[jobs.PickResult] = []
    picker = load_picker("log", diameter=40, threshold=0.5)
    job = pick_each(picker, items, noted.append, Terms(Path("sample"), workers=2))
    times = [time.monotonic()]
    for _ in range(8):
        next(job)
        times.append(time.monotonic())
    assert others.is_set()
    assert noted == []
    stalled.set()
    jobs.finish(job)
    assert [result.micrograph for result in noted] == ["slow", "0", "1", "2"]
    assert np.median(np.diff(times)) < 1


def test_a_crew_that_is_closed_waits_for_a_stalled_file_and_begins_no_other():
    stalled, begun = threading.Event(), []

    def work(number: int):
        begun.append(number)
        stalled.wait(20)
        yield 1.0
        return number

    steps = Crew(2).each(range(50), work)
    next(steps)
    next(steps)
    threading.Timer(0.3, stalled.set).start()
    steps.close()
    assert stalled.is_set()
    assert len(begun) <= 3


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a small file system, as Linux does")
def test_on_a_full_disk_it_ends_with_a_word_and_then_goes_on():
    for number in range(6):
        write_discs(f"m/{number}.mrc")
    pick = f"{sys.executable} -m napari_drpnet pick m --picker log --diameter 40 --threshold 0 --out small/picks"
    script = f"""
        mkdir small && mount -t tmpfs -o size=20k tmpfs small || exit 90
        {pick} && exit 91
        find small -name '*.star' -size 0 | grep . && exit 92
        mount -o remount,size=4m small
        {pick} && cp -r small/picks . || exit 93
    """
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done
    assert "the disk is full. Free some space" in done.stderr
    assert len(list(Path("picks").glob("*_autopick.star"))) == 6
    assert "6 of 6 micrographs" in done.stdout
