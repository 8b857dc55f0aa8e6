"""What a worker of a cluster does with a batch, and the job scripts; whole runs are in `test_cluster_runs`."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from discs import write_discs
from napari_drpnet import jobs
from napari_drpnet.errors import UserError
from napari_drpnet.io import read_picks
from napari_drpnet.jobs.cluster.gate import Gate
from napari_drpnet.jobs.cluster.order import Batch, BatchLostError, Order
from napari_drpnet.jobs.cluster.worker import do_batch
from napari_drpnet.jobs.inputs import find_micrographs
from napari_drpnet.settings import PickRun

VERSION = version("napari-drpnet")


@pytest.fixture
def order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Order:
    """Of a run from another folder than that of the worker."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home / "picks" / ".at-work", elsewhere):
        folder.mkdir(parents=True)
    for seed, name in enumerate("ab"):
        write_discs(home / f"m/{name}.mrc", seed=seed)
    monkeypatch.chdir(elsewhere)
    options = {"diameter": 40, "threshold": 0.5}
    return Order(str(home), "picks", "picks", str(home / "picks" / ".at-work"), "dark-discs", options, None, False)


def batch(order: Order, *names: str, **fields: Any) -> Batch:
    tasks, _ = find_micrographs([f"{order.base}/m/{name}.mrc" for name in names])
    relative = [
        replace(task, micrograph=replace(task.micrograph, path=Path("m", task.micrograph.path.name))) for task in tasks
    ]
    return Batch("1", "pick", tuple(enumerate(relative)), **fields)


def do(order: Order, todo: Batch, asked: str = VERSION) -> Any:
    return do_batch(asked, pickle.dumps(order), pickle.dumps(todo))


def test_a_worker_reads_and_writes_where_the_run_was_started_and_tells_names_as_they_were_given(order: Order):
    Path(order.base, "m/c.mrc").write_bytes(b"no image")
    results = [result for _, result in do(order, batch(order, "a", "b", "c")).came]
    assert [result.coordinates for result in results[:2]] == [Path(f"picks/{name}_autopick.star") for name in "ab"]
    assert all(
        len(picks) == 4 for name in "ab" for picks in read_picks(Path(order.base, f"picks/{name}_autopick.star"))
    )
    assert results[2].error.startswith("m/c.mrc is not an MRC file")
    assert list(Path(order.at_work).iterdir()) == []


def test_a_worker_of_another_version_refuses(order: Order):
    with pytest.raises(UserError, match=rf"has version {VERSION} of napari-drpnet; this is 0.0.1"):
        do(order, batch(order, "a"), "0.0.1")


def test_a_worker_that_does_not_see_the_folder_says_so(order: Order):
    Path(order.at_work).rmdir()
    with pytest.raises(
        UserError, match=r"The worker on .* cannot write into .*picks as this computer can: No such"
    ) as no:
        do(order, batch(order, "a"))
    assert "have the same paths as here" in no.value.hint


def test_nothing_is_written_once_the_run_has_ended(order: Order, monkeypatch: pytest.MonkeyPatch):
    from discs import DarkDiscs

    pick = DarkDiscs.pick

    def ends_meanwhile(self: DarkDiscs, micrograph: Any) -> Any:
        for path in Path(order.at_work).iterdir():
            path.unlink()
        Path(order.at_work).rmdir()
        return pick(self, micrograph)

    monkeypatch.setattr(DarkDiscs, "pick", ends_meanwhile)
    with pytest.raises(UserError, match="The run has ended"):
        do(order, batch(order, "a"))
    assert not Path(order.base, "picks/a_autopick.star").exists()


def test_a_batch_that_a_worker_died_with_is_given_back_and_one_micrograph_alone_is_skipped(order: Order):
    Path(order.at_work, "1").touch()
    with pytest.raises(BatchLostError):
        do(order, batch(order, "a", "b"))
    ((_, skipped),) = do(order, batch(order, "a", alone=True)).came
    assert "The worker that picked it died, twice" in skipped.error
    Path(order.at_work, "1").unlink()
    ((_, picked),) = do(order, batch(order, "a", alone=True)).came
    assert picked.picks == 4


def test_who_waits_to_be_alone_is_alone_and_keeps_nobody_out_for_ever():
    gate, most, inside, order = Gate(), [], [], []

    def pass_through(alone: bool) -> None:
        with gate.passed(alone):
            inside.append(alone)
            most.append(list(inside))
            time.sleep(0.02)
            inside.remove(alone)
            order.append(alone)

    threads = [threading.Thread(target=pass_through, args=(number % 3 == 1,)) for number in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(order) == 9
    assert all(together == [True] for together in most if True in together)
    assert max(map(len, most)) > 1


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="nothing interrupts a wait there")
def test_who_gives_up_waiting_to_be_alone_keeps_nobody_out():
    gate, leave, inside, main = Gate(), threading.Event(), threading.Event(), threading.get_ident()

    def stay() -> None:
        with gate.passed(alone=False):
            inside.set()
            time.sleep(0.1)
            signal.pthread_kill(main, signal.SIGINT)
            leave.wait(5)

    def follow() -> None:
        with gate.passed(alone=False):
            leave.set()

    first = threading.Thread(target=stay)
    first.start()
    inside.wait(5)
    with pytest.raises(KeyboardInterrupt), gate.passed(alone=True):
        pass
    second = threading.Thread(target=follow, daemon=True)
    second.start()
    second.join(5)
    assert leave.is_set()
    first.join(5)


@pytest.mark.parametrize(
    ("where", "directive"),
    [("slurm", "#SBATCH -p long"), ("pbs", "#PBS -q"), ("lsf", "#BSUB -q"), ("sge", "#$ -q long")],
)
@pytest.mark.parametrize("nested", [False, True])
def test_the_job_script_is_that_of_the_queueing_system(tmp_path: Path, where: str, directive: str, nested: bool):
    fields: dict[str, Any] = {"cores": 4, "memory": "16GB", "queue": "long", "jobs": 3, "walltime": "02:00"}
    file = tmp_path / "jobs.yaml"
    file.write_text(yaml.safe_dump({"jobqueue": {where: fields}} if nested else fields))
    script = jobs.job_script(where, file)
    assert script.startswith("# Submitted 3 times")
    assert directive in script
    assert "--nthreads 4 " in script


@pytest.mark.parametrize(
    "text", ["jobqueue: null", "slurm: 5", "slurm: [1]", "scheduler_options: abc", "memory: [1]", "jobs: true", "5: 6"]
)
def test_odd_settings_of_a_queueing_system_are_one_line(tmp_path: Path, text: str):
    (tmp_path / "jobs.yaml").write_text(f"{text}\n")
    with pytest.raises(UserError, match=r"jobs\.yaml"):
        jobs.job_script("slurm", tmp_path / "jobs.yaml")


def test_ctrl_c_is_heard_after_the_job_script_as_before(tmp_path: Path):
    """dask-jobqueue takes it for itself when it is imported, and ends the program with status 0."""
    (tmp_path / "jobs.yaml").write_text("cores: 4\nmemory: 8GB\n")
    program = """
import signal
from pathlib import Path
from napari_drpnet.jobs import job_script
def heard(*_): raise SystemExit(7)
signal.signal(signal.SIGINT, heard)
job_script("slurm", Path("jobs.yaml"))
signal.raise_signal(signal.SIGINT)
"""
    assert subprocess.run([sys.executable, "-c", program], cwd=tmp_path).returncode == 7


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cores: 4\nmemory: 8GB\nqueu: long\n", r"jobs.yaml cannot be used: Got unexpected keyword argument 'queu'"),
        ("queue: long\n", "You must specify how much cores and memory"),
        ("cores: 4\nmemory: 8GB\njobs: many\n", "jobs is not a number"),
    ],
)
def test_settings_of_jobs_that_cannot_be_used_are_told(tmp_path: Path, text: str, said: str):
    (tmp_path / "jobs.yaml").write_text(text)
    with pytest.raises(UserError, match=said):
        jobs.job_script("slurm", tmp_path / "jobs.yaml")


@pytest.mark.parametrize("fields", [{"cluster": "condor"}, {"cluster": "local:0"}, {"cluster": "slurm", "part": "1/2"}])
def test_what_is_no_cluster_is_refused(fields: dict[str, str]):
    with pytest.raises(ValidationError):
        PickRun(inputs=("m",), **fields)


def test_without_the_extra_it_says_what_to_install(tmp_path: Path):
    write_discs(tmp_path / "a.mrc")
    program = "import sys; sys.modules['distributed'] = None; from napari_drpnet.cli import main; main(sys.argv[1:])"
    asked = ["pick", "a.mrc", "--diameter", "40", "--picker", "log", "--cluster", "local:2"]
    done = subprocess.run([sys.executable, "-c", program, *asked], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: The packages for a cluster are not installed. Install them")
