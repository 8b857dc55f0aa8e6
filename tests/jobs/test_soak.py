"""The 300th micrograph of a run costs what the 100th did: no memory, no open files."""

from __future__ import annotations

import csv
import gc
from pathlib import Path

import psutil
import pytest

from discs import write_discs
from napari_drpnet import jobs
from napari_drpnet.io.star_lists import read_coordinate_list
from napari_drpnet.settings import PickRun

COUNT = 300
EARLY = 100
# MB. One image of this size, kept of each of 200 micrographs, would be 26.
MOST = 8


@pytest.mark.slow
def test_memory_and_open_files_do_not_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    write_discs("m/0.mrc")
    for number in range(1, COUNT):
        Path(f"m/{number}.mrc").hardlink_to("m/0.mrc")
    process, seen = psutil.Process(), {}
    run = PickRun(inputs=("m",), picker="dark-discs", options={"diameter": 40, "threshold": 0.5}, workers=2)
    for step in jobs.pick(run):
        if step.done in (EARLY, COUNT - 1) and step.done not in seen:
            gc.collect()
            seen[step.done] = process.memory_info().rss / 1e6, process.num_fds()
    (early, files), (late, files_late) = seen.values()
    assert late - early < MOST
    assert files_late == files
    names = [f"m/{number}.mrc" for number in range(COUNT)]
    assert [name for name, _ in read_coordinate_list("picks/autopick.star")] == names
    with Path("picks/summary.tsv").open(newline="") as file:
        assert [row["micrograph"] for row in csv.DictReader(file, delimiter="\t")] == names
