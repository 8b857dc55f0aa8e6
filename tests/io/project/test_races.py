"""Several processes that want one project at the same moment: exactly one gets it."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from discs import write_discs
from napari_drpnet.errors import UserError
from napari_drpnet.io import Project
from napari_drpnet.io.lock import Lock, Owner, read_owner

PROCESSES, ROUNDS = 6, 8
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked, to begin at the same moment")


def at_once(what: Callable[[], str]) -> list[str]:
    """What each of several processes says of the same action, begun by all at the same moment; all live to the end."""
    context = multiprocessing.get_context("fork")
    told, barrier = context.SimpleQueue(), context.Barrier(PROCESSES)

    def run() -> None:
        barrier.wait()
        told.put(what())
        barrier.wait()

    processes = [context.Process(target=run) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    said = [told.get() for _ in processes]
    for process in processes:
        process.join()
    return said


def taken(path: Path) -> str:
    global kept  # the lock is left when nothing refers to it
    kept = Lock.take(path)
    return "taken" if isinstance(kept, Lock) else str(kept)


@pytest.mark.parametrize("before", ["none", "of a dead process", "damaged", "empty"])
def test_of_many_that_take_a_lock_exactly_one_has_it(tmp_path: Path, before: str):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    path = tmp_path / ".lock"
    for _ in range(ROUNDS):
        path.unlink(missing_ok=True)
        if before != "none":
            stale = Owner.me().__dict__ | {"pid": dead.pid}
            path.write_text({"of a dead process": json.dumps(stale), "damaged": "{", "empty": ""}[before])
        said = at_once(lambda: taken(path))
        assert said.count("taken") == 1
        assert len(set(said)) == 2, "all others name the same process"


def test_of_many_that_make_a_project_exactly_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    write_discs("m/a.mrc")

    def made(diameter: float) -> str:
        global kept
        try:
            kept = Project.create("p", inputs=("m",), diameter=diameter)
        except UserError as error:
            return str(error)
        return "made"

    said = at_once(lambda: made(10.0 + os.getpid()))
    assert said.count("made") == 1
    assert all("is in use by process" in one or "is a project already" in one for one in said if one != "made")
    assert not (tmp_path / "p" / ".lock").exists() or read_owner(tmp_path / "p" / ".lock") is not None
    with Project.open("p") as project:
        assert not project.read_only
        assert [entry.name for entry in project.micrographs] == ["a"]


@pytest.mark.parametrize(
    "text",
    [
        '{"host": "HERE", "pid": 1e400, "started": 1.0, "since": "", "token": ""}',
        '{"host": "HERE", "pid": 1' + "0" * 400 + ', "started": 1.0, "since": "", "token": ""}',
        '{"host": "HERE", "pid": true, "started": 1.0, "since": "", "token": ""}',
        '{"host": "HERE", "pid": -1, "started": 1.0, "since": "", "token": ""}',
        '{"host": "HERE", "pid": 1, "started": NaN, "since": "", "token": ""}',
        '{"host": "HERE", "pid": 1, "started": 1e400, "since": "", "token": ""}',
        '{"host": ["HERE"], "pid": 1, "started": 1.0, "since": "", "token": ""}',
        '{"host": "\\u001b[2J", "pid": 1, "started": 1.0, "since": "", "token": ""}',
        "[" * 100_000,
        '{"a":' * 50_000,
        "x" * 10_000_000,
        "null",
        "",
        "\0",
    ],
)
def test_a_lock_that_no_process_wrote_holds_nobody_up(tmp_path: Path, text: str):
    path = tmp_path / ".lock"
    path.write_text(text.replace("HERE", Owner.me().host))
    assert read_owner(path) is None
    with_it = Lock.take(path)
    assert isinstance(with_it, Lock)
    assert read_owner(path) == with_it.owner


def test_the_lock_is_never_written_through_a_link(tmp_path: Path):
    (tmp_path / ".lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="cannot be written"):
        Lock.take(tmp_path / ".lock")
    assert not (tmp_path / "elsewhere").exists()


def test_a_pipe_in_the_place_of_the_lock_holds_nobody_up(tmp_path: Path):
    os.mkfifo(tmp_path / ".lock")
    with pytest.raises(UserError, match="no plain file"):
        Lock.take(tmp_path / ".lock")


def test_what_holds_a_lock_is_told_in_a_short_line(tmp_path: Path):
    lock = json.dumps(Owner.me().__dict__ | {"host": "h" * 250, "since": "s" * 250})
    (tmp_path / ".lock").write_text(lock)
    other = Lock.take(tmp_path / ".lock")
    assert isinstance(other, Owner)
    assert len(str(other)) < 150
