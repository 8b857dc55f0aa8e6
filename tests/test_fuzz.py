"""The fuzzing sees what must not be, does the same damage again, and keeps what failed."""

from __future__ import annotations

import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from fuzz import running
from fuzz.mutations import BYTES, TEXT
from fuzz.running import Bench, damaged, tries
from fuzz.targets import TARGETS, Target
from napari_drpnet.errors import UserError

FUZZ = Path(__file__).parents[1] / "tools" / "fuzz.py"


def sound(folder: Path) -> Path:
    path = folder / "a.txt"
    path.write_text("1 2 3\n")
    return path


def refuse(path: Path) -> None:
    raise UserError(f"{path}: {path.read_text()[:20]!r} is wrong.", "Correct it.")


def fail(path: Path) -> None:
    raise KeyError(path.name)


def repeat(path: Path) -> None:
    raise UserError(f"{path}: {'x' * 400} is wrong.")


def repeat_in_warning(path: Path) -> None:
    warnings.warn(f"{path}: {'x' * 400}", stacklevel=1)


def escape(path: Path) -> None:
    (path.parent / "../../ESCAPED").write_text("")


def wait(path: Path) -> None:
    time.sleep(5)


@pytest.mark.parametrize(
    ("read", "reason"),
    [
        (Path.read_text, ""),
        (refuse, ""),
        (fail, "KeyError"),
        (repeat, "a message of 417 characters"),
        (repeat_in_warning, "a message of 407 characters"),
        (escape, "written outside"),
        (wait, "slower than"),
    ],
)
def test_what_must_not_be_is_seen(read: Callable[[Path], object], reason: str, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(running, "SLOWEST", 0.2)
    monkeypatch.setattr(running, "_GRACE", 0.1)
    bench = Bench(Target("text", sound, read, TEXT), tmp_path)
    said, details = bench.tried(b"1 2 x\n")
    assert said.startswith(reason)
    assert bool(said) == bool(reason)
    assert ("Traceback" in details) == (reason in ("KeyError", "slower than"))
    assert bench.tried(bench.sound)[0].startswith(reason), "what one try leaves does not spoil the next"


def test_a_number_is_always_the_same_damage():
    target = Target("text", sound, Path.read_text, (*TEXT, *BYTES))
    made = [damaged(target, b"1 2 3\n4 5 6\n", 7, number) for number in range(100)]
    assert made == [damaged(target, b"1 2 3\n4 5 6\n", 7, number) for number in range(100)]
    assert made != [damaged(target, b"1 2 3\n4 5 6\n", 8, number) for number in range(100)]
    assert len(set(made)) > 80


@pytest.mark.parametrize("name", ["mrc", "mrc.gz", "png", "star", "json", "cs", "weights", "calibration", "recipe"])
def test_the_damage_reaches_the_file(name: str, tmp_path: Path):
    bench = Bench(TARGETS[name], tmp_path)
    made = {damaged(bench.target, bench.sound, 1, number) for number in range(30)}
    assert len(made - {bench.sound}) > 20


def test_a_sound_file_that_fails_is_told(tmp_path: Path):
    with pytest.raises(AssertionError, match="the sound file: KeyError"):
        next(tries(Bench(Target("text", sound, fail, TEXT), tmp_path), 1, range(3)))


@pytest.mark.slow
def test_the_command_tells_what_it_tried(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, FUZZ, "--minutes", "0.02", "--kinds", "json,calibration", "--jobs", "1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "json                 seed 1  tried" in done.stdout
    (tmp_path / "a.json").write_text("{}")
    again = [sys.executable, FUZZ, "--repeat", "a.json", "--kinds", "json"]
    done = subprocess.run(again, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert done.stdout.startswith("json: all is well")
