"""Every path has an answer: those that may not be entered, that lead in circles, that are no names, and pipes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from discs import write_discs
from napari_drpnet.errors import UserError
from napari_drpnet.io import read_picks
from napari_drpnet.io.inputs import expand
from napari_drpnet.io.paths import exists, files_in, is_dir, is_file, matching, require_ordinary, resolved

LONG = "x" * 300


@pytest.fixture(autouse=True)
def in_folder_of_traps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m").mkdir()
    write_discs("m/a.mrc")
    Path("m/loop.mrc").symlink_to("loop.mrc")
    Path("m/self").symlink_to(".")
    os.mkfifo("m/pipe.mrc")


@pytest.mark.parametrize("path", ["m/loop.mrc", "m/loop.mrc/a", LONG, "a\0b", "m/a.mrc/b", ""])
def test_what_cannot_be_reached_is_not_there(path: str):
    assert [exists(path), is_file(path), is_dir(path)] == [False] * 3
    assert resolved(path).is_absolute()


def test_a_folder_gives_its_regular_files():
    assert files_in(Path("m")) == [Path("m/a.mrc")]
    assert files_in(Path("none")) == []


@pytest.mark.parametrize("pattern", ["m/*.mrc", "**/*.mrc", "m/**/*.mrc", "*/[al]*.mrc"])
def test_a_pattern_does_not_run_in_circles(pattern: str):
    assert [name for name in matching(pattern) if "pipe" not in name] == ["m/a.mrc", "m/loop.mrc"]


def test_patterns_mean_what_they_mean_elsewhere():
    for name in ("m/b.mrc", "m/.hidden.mrc", "n/u/c.mrc", "n/c.txt"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    assert list(matching("m/[ab].mrc")) == ["m/a.mrc", "m/b.mrc"]
    assert list(matching("n/**/*.mrc")) == ["n/u/c.mrc"]
    assert list(matching("n/**")) == ["n", "n/u"]
    assert list(matching(str(Path("n/*/c.mrc").absolute()))) == [str(Path("n/u/c.mrc").absolute())]
    assert list(matching("m/.h*")) == ["m/.hidden.mrc"]


def test_a_link_in_a_circle_spoils_itself_only():
    assert [entry.name for entry in expand("m")] == ["m/a.mrc", "m/loop.mrc", "m/pipe.mrc"]


@pytest.mark.parametrize("suffix", [".star", ".csv", ".box", ".cbox", ".txt", ".json", ".cs"])
def test_a_pipe_is_refused_at_once(suffix: str):
    pipe = Path(f"pipe{suffix}")
    os.mkfifo(pipe)
    with pytest.raises(UserError, match="no regular file"):
        read_picks(pipe)


def test_what_is_not_there_may_be_ordinary():
    require_ordinary("none")
    with pytest.raises(UserError, match="NUL"):
        require_ordinary("a\0b")


def as_nobody(*command: str) -> list[str]:
    """A command without the right of a superuser to read everything."""
    if os.geteuid() != 0:
        return list(command)
    if not shutil.which("setpriv"):
        pytest.skip("a superuser may read everything, and there is no setpriv to take that right away")
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *command]


def test_inputs_that_cannot_be_read_are_one_line_each_and_the_others_are_picked():
    bad = ("closed/a.mrc", "closed", "closed/*.mrc", "closed/a.star", f"{LONG}.mrc", "m/loop.mrc")
    write_discs("closed/a.mrc")
    Path("closed").chmod(0)
    try:
        program = [
            sys.executable,
            "-m",
            "napari_drpnet",
            "pick",
            *bad,
            "m/a.mrc",
            "--picker",
            "log",
            "--diameter",
            "40",
        ]
        program += ["--threshold", "0.5"]
        done = subprocess.run(as_nobody(*program), capture_output=True, text=True, timeout=60, check=False)
    finally:
        Path("closed").chmod(0o700)
    assert done.returncode == 1
    assert [line[:7] for line in done.stderr.splitlines()] == ["error: "] * len(bad)
    assert all(len(line) < 300 for line in done.stderr.splitlines())
    assert f"4 picks on 1 of {len(bad) + 1} micrographs" in done.stdout
