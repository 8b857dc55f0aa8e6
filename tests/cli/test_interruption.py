"""A program that is told to end does so in order, and one that is killed leaves lists of what is finished."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from discs import write_discs
from napari_drpnet.interruption import deaf_to_ctrl_c
from napari_drpnet.io import read_picks

# The first micrograph is quick, the second one takes for ever.
PROGRAM = (
    "from napari_drpnet.pickers import register; register('slow', 'discs:SlowScores');"
    "import discs; discs.SlowScores.wait = 60;"
    "from napari_drpnet.__main__ import main; main()"
)
PICK = ("pick", "a.mrc", "b.mrc", "--picker", "slow", "--diameter", "40", "--threshold", "0.5")
LEFT = ["a_autopick.star", "autopick.star", "report.html", "settings.yaml", "summary.tsv"]


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_discs("a.mrc")
    write_discs("b.mrc")


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", PROGRAM, *arguments], stderr=subprocess.PIPE, text=True)


def wait_for(path: str, text: str = "") -> None:
    until = time.monotonic() + 60
    while not (Path(path).exists() and text in Path(path).read_text()):
        assert time.monotonic() < until
        time.sleep(0.02)


def half_way() -> subprocess.Popen[str]:
    """A run whose first micrograph is in the lists."""
    process = start(*PICK)
    wait_for("picks/summary.tsv", "a.mrc")
    return process


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_keeps_what_is_finished(name: str):
    process = half_way()
    for _ in range(5):
        process.send_signal(getattr(signal, name))
        time.sleep(0.002)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + getattr(signal, name)
    assert err == "interrupted: what was finished is written.\n"
    assert sorted(path.name for path in Path("picks").iterdir()) == LEFT
    assert [picks.frame.micrograph for picks in read_picks("picks/autopick.star")] == ["a.mrc"]


def test_picks_that_are_being_written_are_listed():
    """A signal between the file of a micrograph and its row in the lists waits for the row."""
    stop = "import os, signal; from napari_drpnet.jobs.pick_report import PickLists; add = PickLists.add;"
    stop += "PickLists.add = lambda lists, result: (os.kill(os.getpid(), signal.SIGINT), add(lists, result))[1];"
    process = subprocess.run([sys.executable, "-c", stop + PROGRAM, *PICK], stderr=subprocess.PIPE, text=True)
    assert (process.returncode, process.stderr) == (130, "interrupted: what was finished is written.\n")
    assert [picks.frame.micrograph for picks in read_picks("picks/autopick.star")] == ["a.mrc"]


def test_what_a_signal_breaks_is_no_error_of_its_own():
    """An import that a signal ends may raise what it likes."""
    program = (
        "import os, signal\nfrom napari_drpnet.interruption import ended_in_order\n"
        "with ended_in_order():\n    try: os.kill(os.getpid(), signal.SIGTERM)\n"
        "    except BaseException: raise ImportError('half of it') from None\n"
    )
    process = subprocess.run([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)
    assert (process.returncode, process.stderr) == (128 + signal.SIGTERM, "interrupted\n")


@pytest.mark.skipif(sys.platform == "win32", reason="has no terminals that hang up")
def test_a_terminal_that_is_closed_keeps_what_is_finished():
    # By a process of its own: a fork of one with running threads may hang.
    program = (
        "import os, pty, sys\nchild, terminal = pty.fork()\n"
        "if child == 0: os.execv(sys.executable, [sys.executable, '-c', *sys.argv[1:]])\n"
        "input(); os.close(terminal)\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    process = subprocess.Popen([sys.executable, "-c", program, PROGRAM, *PICK], stdin=subprocess.PIPE, text=True)
    wait_for("picks/summary.tsv", "a.mrc")
    process.communicate("\n", timeout=60)
    assert process.returncode == 128 + signal.SIGHUP
    assert sorted(path.name for path in Path("picks").iterdir()) == LEFT


def test_a_process_of_a_training_does_not_hear_ctrl_c():
    program = "import time; print('up', flush=True); time.sleep(60)"
    with deaf_to_ctrl_c():
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGINT)
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM


def test_a_killed_program_leaves_lists_and_no_lock_that_holds():
    process = half_way()
    process.kill()
    process.communicate(timeout=60)
    assert [(one.frame.micrograph, len(one)) for one in read_picks("picks/autopick.star")] == [("a.mrc", 4)]
    rows = Path("picks/summary.tsv").read_text().splitlines()
    assert [row.split("\t")[:2] for row in rows] == [["micrograph", "picks"], ["a.mrc", "4"]]
    again = start("pick", "a.mrc", "--picker", "slow", "--diameter", "40", "--threshold", "0.5")
    assert (again.communicate(timeout=60)[1], again.returncode) == ("", 0)


@pytest.mark.parametrize("imported", ["typer", "pydantic"])
def test_a_signal_during_imports_is_one_line(imported: str):
    command = [sys.executable, "-X", "importtime", "-m", "napari_drpnet", "evaluate", "--help"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.endswith(f" {imported}\n"):
            break
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read().splitlines()
    assert process.wait(60) == 128 + signal.SIGINT
    assert [line for line in rest if not line.startswith("import time:")] == ["interrupted"]


def test_a_second_run_into_one_folder_is_refused():
    process = half_way()
    second = start("pick", "b.mrc", "--picker", "slow", "--diameter", "40")
    _, err = second.communicate(timeout=60)
    assert second.returncode == 2
    assert err.startswith("error: picks is in use by process")
    process.terminate()
    process.communicate(timeout=60)
    assert sorted(path.name for path in Path("picks").iterdir()) == LEFT


def test_picks_that_vanish_during_the_run_are_told():
    write_discs("c.mrc")
    program = PROGRAM.replace("wait = 60", "wait = 1")
    arguments = [sys.executable, "-c", program, *PICK[:3], "c.mrc", *PICK[3:]]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for("picks/summary.tsv", "a.mrc")
    shutil.rmtree("picks")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "picks/a_autopick.star was removed during the run" in err
    assert "8 picks on 2 of 3 micrographs" in out
    assert [picks.frame.micrograph for picks in read_picks("picks/autopick.star")] == ["b.mrc", "c.mrc"]
