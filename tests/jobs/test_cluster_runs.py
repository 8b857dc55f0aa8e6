"""Runs on a cluster of real processes: a scheduler and workers in folders of their own, which are killed."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from deadly_picker import write_site
from discs import write_discs
from napari_drpnet.cli import main
from seen_particles import DIAMETER, write_data_set

pytestmark = pytest.mark.slow
PATIENCE = 60  # seconds


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(write_site(tmp_path / "site")), prepend=os.pathsep)


def wait_for(true: Callable[[], object], what: str) -> None:
    until = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < until, f"in vain: {what}"
        time.sleep(0.05)


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "napari_drpnet", "pick", "m", *map(str, arguments)]


def picked(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=4 * PATIENCE)


def files(folder: str) -> dict[str, str]:
    """The picks and the lists of a run, without the name of its folder, and without times."""
    found = {path.name: path.read_text() for path in Path(folder).iterdir() if path.suffix in (".star", ".yaml")}
    with Path(folder, "summary.tsv").open(newline="") as file:
        rows = [row | {"seconds": ""} for row in csv.DictReader(file, delimiter="\t")]
    found["summary.tsv"] = str(rows)
    found["all"] = " ".join(sorted(path.name for path in Path(folder).iterdir()))
    return {name: text.replace(f"{folder}/", "OUT/").replace(f"out: {folder}", "") for name, text in found.items()}


class Cluster:
    """A scheduler and its workers, each a process with a working folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.processes = folder, list[subprocess.Popen[str]]()
        self.address = self._scheduler()

    def _scheduler(self) -> str:
        file = self.folder / "scheduler.json"
        self._start("dask_scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
        wait_for(lambda: file.exists() and file.read_text().rstrip().endswith("}"), "the scheduler")
        return str(json.loads(file.read_text())["address"])

    def worker(self, name: str) -> subprocess.Popen[str]:
        return self._start("dask_worker", self.address, "--nthreads", "1", "--name", name, "--no-dashboard")

    def _start(self, program: str, *arguments: str) -> subprocess.Popen[str]:
        own = self.folder / f"{program}{len(self.processes)}"
        own.mkdir(parents=True)
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{program}", *arguments],
            cwd=own,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.processes.append(process)
        return process

    def close(self) -> None:
        for process in self.processes:
            for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else ():
                child.kill()
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path / "cluster")
    yield made
    made.close()


def picked_here(capfd: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """The same in this process, which has imported what it needs: exit status, output and errors."""
    capfd.readouterr()
    with pytest.raises(SystemExit) as end:
        main(["pick", "m", *map(str, arguments)])
    return int(end.value.code or 0), *capfd.readouterr()


def test_workers_pick_the_same_to_the_byte_with_the_threshold_that_averages_prove(capfd: pytest.CaptureFixture[str]):
    write_data_set(Path("m"))
    Path("m/broken.mrc").write_bytes(b"no image")
    asked = ("--picker", "log", "--diameter", DIAMETER)
    (status, _, said), together = (
        picked_here(capfd, *asked, "--out", "here"),
        picked(*asked, "--out", "there", "--cluster", "local:2"),
    )
    assert (status, together.returncode) == (1, 1), together.stderr
    assert together.stderr == said
    assert files("there") == files("here")


def test_killed_workers_and_a_deadly_micrograph_lose_nothing_else(cluster: Cluster):
    for number in range(12):
        write_discs(f"m/{number:02}.mrc", seed=number)
    write_discs("m/deadly.mrc")
    asked = ("--picker", "deadly", "--diameter", 40, "--threshold", 0.5, "--option", "wait=0.3", "--out", "picks")
    workers = [cluster.worker(name) for name in "ab"]
    run = subprocess.Popen(command(*asked, "--cluster", cluster.address), stderr=subprocess.PIPE, text=True)
    wait_for(lambda: list(Path("picks").glob("*_autopick.star")), "the first picks")
    for process in psutil.Process(workers[0].pid).children():  # not their nanny
        process.kill()
    _, said = run.communicate(timeout=4 * PATIENCE)
    assert run.returncode == 1, said
    (line,) = [line for line in said.splitlines() if line.startswith("error")]
    assert line.startswith("error: m/deadly.mrc: The worker that picked it died, twice.")
    with Path("picks/summary.tsv").open(newline="") as file:
        picks = {row["micrograph"]: row["picks"] for row in csv.DictReader(file, delimiter="\t")}
    assert picks == {f"m/{number:02}.mrc": "4" for number in range(12)} | {"m/deadly.mrc": "0"}
    assert list(picks) == sorted(picks)


def test_an_interruption_or_a_killed_scheduler_ends_a_run_that_the_same_command_goes_on_with(
    cluster: Cluster, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    for number in range(24):
        write_discs(f"m/{number:02}.mrc", seed=number)
    asked = ("--picker", "deadly", "--diameter", 40, "--threshold", 0.5, "--out", "picks")
    slow = (*asked, "--option", "wait=0.4")
    cluster.worker("a")
    local = command(*slow, "--cluster", "local:2")
    run = subprocess.Popen(local, stderr=subprocess.PIPE, text=True, start_new_session=True)
    wait_for(lambda: len(list(Path("picks").glob("*_autopick.star"))) > 2, "the first picks")
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does: to the workers, too
    _, said = run.communicate(timeout=PATIENCE)
    assert (run.returncode, said) == (130, "interrupted: what was finished is written.\n")
    there = sorted(Path("picks").glob("*_autopick.star"))
    assert 2 < len(there) < 24
    assert not [path for path in Path("picks").iterdir() if path.name.startswith((".at-work", ".lock"))]

    run = subprocess.Popen(command(*slow, "--cluster", cluster.address), stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len(list(Path("picks").glob("*_autopick.star"))) > len(there), "more picks")
    cluster.processes[0].kill()
    _, said = run.communicate(timeout=PATIENCE)
    assert run.returncode == 2, said
    assert said.splitlines()[-1].startswith("error: The scheduler of the cluster is gone. What is finished stays")
    monkeypatch.syspath_prepend("site")
    status, out, said = picked_here(capfd, *slow)
    assert status == 0, said
    assert "picks on 24 of 24" in out
    assert "of them finished before" in out
