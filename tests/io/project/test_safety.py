"""Nothing of a project is lost: two windows, full and closed disks, and programs that are killed."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

import scribble
from discs import write_discs
from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io import Project
from napari_drpnet.io.lock import Owner, read_owner
from napari_drpnet.labels import added, labels_of, proposals_of

EMPTY = Picks(Frame("a.mrc", (160, 200), 2.0), np.empty((0, 2)))
LABELLED = added(EMPTY, [[10, 20]])


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    for name in "abc":
        write_discs(f"m/{name}.mrc")
    return Project.create("p", inputs=("m",), diameter=40)


def python(program: str, **options) -> subprocess.Popen[str]:
    """A process of its own that runs ``program`` in the working folder."""
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, **options)


def files(folder: str = "p") -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file()}


def lock_as(**changes: object) -> None:
    """Leave a lock of another process."""
    said = {"host": "elsewhere", "pid": 1, "started": 1.0, "since": "2026-01-02 03:04:05", "token": "x"}
    Path("p/.lock").write_text(json.dumps(said | changes))


class TestTwoWindows:
    def test_the_second_is_told_and_can_only_read(self, project: Project):
        project.write_picks("a", LABELLED)
        second = Project.open("p")
        assert f"process {os.getpid()}" in second.read_only
        assert second.row("a").particles == 1
        before = files()
        for write in (
            lambda: second.write_picks("b", LABELLED),
            lambda: second.write_region("b", np.ones((4, 5), bool)),
            lambda: second.mark_done("b", True),
            lambda: second.update(current="b"),
        ):
            with pytest.raises(UserError, match="can only be read: another window has it open"):
                write()
        assert files() == before
        project.write_picks("b", LABELLED)
        second.refresh()
        assert second.row("b").particles == 1

    def test_a_closed_project_is_free_and_cannot_be_written(self, project: Project):
        project.close()
        project.close()
        with pytest.raises(UserError, match="closed"):
            project.write_picks("a", LABELLED)
        with Project.open("p") as second:
            assert second.read_only == ""
        assert not Path("p/.lock").exists()

    def test_a_project_that_was_forgotten_is_free(self, project: Project):
        project.close()
        forgotten = Project.open("p")
        del forgotten
        gc.collect()
        assert Project.open("p").read_only == ""

    def test_another_process_that_lives_has_it_and_a_killed_one_has_not(self, project: Project):
        project.close()
        other = python(
            "import sys, time; from napari_drpnet.io import Project; project = Project.open('p');"
            "print('open', flush=True); time.sleep(60)"
        )
        assert other.stdout.readline() == "open\n"
        assert f"process {other.pid} on" in Project.open("p").read_only
        os.kill(other.pid, signal.SIGKILL)
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is not yet forgotten
        assert Project.open("p").read_only == ""  # even before its parent has taken notice
        other.communicate()

    def test_another_process_with_the_number_of_the_dead_one_does_not_have_it(self, project: Project):
        project.close()
        parent = os.getppid()
        started = psutil.Process(parent).create_time()
        lock_as(host=Owner.me().host, pid=parent, started=started)
        assert f"process {parent} on" in Project.open("p").read_only
        lock_as(host=Owner.me().host, pid=parent, started=started - 100)
        assert Project.open("p").read_only == ""

    def test_on_another_computer_the_message_tells_how_to_take_over(self, project: Project):
        project.close()
        lock_as()
        reason = Project.open("p").read_only
        assert "process 1 on elsewhere, since 2026-01-02 03:04:05" in reason
        assert f"delete {project.folder / '.lock'}" in reason
        Path("p/.lock").unlink()
        assert Project.open("p").read_only == ""

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"host": 1}', '{"host": "h", "pid": "x"}'])
    def test_a_damaged_lock_holds_nobody_up(self, project: Project, text: str):
        project.close()
        Path("p/.lock").write_text(text)
        assert Project.open("p").read_only == ""

    def test_who_was_taken_over_notices_before_it_writes(self, project: Project):
        Path("p/.lock").unlink()
        second = Project.open("p")
        assert second.read_only == ""
        second.write_picks("a", LABELLED)
        with pytest.raises(UserError, match="another window took it over"):
            project.write_picks("a", EMPTY)
        assert project.read_only
        project.close()
        assert read_owner(Path("p/.lock")) is not None
        second.write_picks("b", LABELLED)
        assert Project.open("p").row("a").particles == 1

    def test_a_lock_that_was_deleted_is_made_again(self, project: Project):
        Path("p/.lock").unlink()
        project.write_picks("a", LABELLED)
        assert read_owner(Path("p/.lock")).pid == os.getpid()
        assert Project.open("p").read_only

    def test_a_child_of_the_process_does_not_give_it_away(self, project: Project):
        child = os.fork()
        if child == 0:
            project._lock.release()
            os._exit(0)
        os.waitpid(child, 0)
        assert Path("p/.lock").exists()


class TestClosedFolder:
    @pytest.fixture
    def closed(self, project: Project) -> Iterator[Project]:
        """A project whose folders this process may not write to, though it be root's."""
        project.write_picks("a", LABELLED)
        project.read_picks("a")  # imports what may lie where only root can read
        project.close()
        root = os.geteuid() == 0
        folders = [Path("p"), *(path for path in Path("p").iterdir() if path.is_dir())]
        parents = [folder for folder in Path.cwd().parents if root and folder.owner() == "root"]
        modes = [(folder, folder.stat().st_mode) for folder in [*folders, Path.cwd(), *parents]]
        for folder, mode in modes:
            folder.chmod(0o555 if folder in folders else mode | 0o555)
        if root:
            os.seteuid(65534)
        yield project
        if root:
            os.seteuid(0)
        for folder, mode in modes:
            folder.chmod(mode)

    def test_it_opens_for_reading_with_the_reason(self, closed: Project):
        project = Project.open("p")
        assert "no permission" in project.read_only
        assert project.row("a").particles == 1
        assert project.read_picks("a").yx.tolist() == [[10, 20]]
        with pytest.raises(UserError, match=r"can only be read.*no permission"):
            project.write_picks("a", EMPTY)

    def test_no_project_is_made_in_it(self, closed: Project):
        with pytest.raises(UserError, match="no permission"):
            Project.create("p/q", inputs=("m",))


SMALL_DISK = """
import os, sys
from pathlib import Path
import numpy as np
from napari_drpnet.labels import added, labels_of, proposals_of
from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io import Project

def picks(n):
    yx = np.stack(np.divmod(np.arange(n) * 7, 200), axis=1)
    return added(Picks(Frame("a.mrc", (160, 200), 2.0), np.empty((0, 2))), yx)

project = Project.create("small/p", inputs=("m",))
project.write_picks("a", picks(20))
before = {path: path.read_bytes() for path in Path("small").rglob("*") if path.is_file()}
with open("small/filler", "wb", buffering=0) as filler:
    try:
        while True:
            filler.write(bytes(4096))
    except OSError:
        pass
for write in (lambda: project.write_picks("a", picks(3000)), lambda: project.write_picks("b", picks(3000)),
              lambda: project.update(inputs=("m",) + ("m/a.mrc",) * 900)):
    try:
        write()
    except UserError as error:
        assert "the disk is full" in str(error), error
    else:
        raise SystemExit("it could be written")
after = {path: path.read_bytes() for path in Path("small").rglob("*") if path.is_file() and path.name != "filler"}
assert after == before, set(after) ^ set(before)
assert len(project.read_picks("a")) == 20
os.unlink("small/filler")
project.write_picks("a", picks(300))
project.close()
again = Project.open("small/p")
assert again.row("a").particles == 300 and not again.read_only
print("all is well")
"""


class TestFullDisk:
    def test_the_error_says_so_old_files_stay_and_later_it_is_written(self):
        Path("small").mkdir()
        Path("program.py").write_text(SMALL_DISK)
        script = f"mount -t tmpfs -o size=160k,nr_inodes=200 tmpfs small || exit 99\n{sys.executable} program.py"
        done = subprocess.run(
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script], capture_output=True, text=True
        )
        if done.returncode in (1, 99) and "Traceback" not in done.stderr:
            pytest.skip("this system lets no user mount a small disk")
        assert (done.stdout, done.returncode) == ("all is well\n", 0), done.stderr


class TestKill:
    @pytest.mark.parametrize("folder", [".", "picks", "labels", "regions"])
    def test_half_written_files_are_removed_when_it_is_opened(self, project: Project, folder: str):
        project.close()
        Project.open("p").close()  # the index is fresh
        left = Path("p", folder, ".0123456789ab.star")
        left.touch()
        mine = Path("p", folder, ".mine")
        mine.touch()
        with Project.open("p"):
            assert not left.exists()
        assert mine.exists()

    @pytest.mark.parametrize("edits", [1, 40, 111])
    def test_every_edit_that_was_reported_is_there_and_whole(self, project: Project, edits: int):
        project.close()
        writer = python("import scribble; scribble.main()")
        lines = [writer.stdout.readline() for _ in range(edits)]
        os.kill(writer.pid, signal.SIGKILL)
        lines += writer.communicate()[0].splitlines(keepends=True)
        last = int([line for line in lines if line.endswith("\n")][-1])
        project = Project.open("p")
        assert project.read_only == ""
        assert project.settings.threshold >= last / 10**6
        shown = scribble.start()
        for number in range(last + 1):
            name = scribble.NAMES[number % 3]
            shown[name] = scribble.edited(shown[name], number)
        begun = scribble.NAMES[(last + 1) % 3]
        for name, picks in shown.items():
            labels = [content(labels_of(picks))]
            if name == begun:  # this one may or may not be written
                labels.append(content(labels_of(scribble.edited(picks, last + 1))))
            there = project.read_picks(name)
            assert content(labels_of(there)) in labels
            assert len(proposals_of(there)) >= len(proposals_of(picks)) - (name == begun) or last < 3
            row = project.row(name)
            assert row.particles + row.background == np.sum(there.by_hand)
        assert all(path.name == ".lock" or path.name[0] != "." for path in Path("p").rglob("*") if path.is_file())
        rows = str(project.rows())
        project.close()
        Path("p/index.tsv").unlink()
        assert str(Project.open("p").rows()) == rows


def content(picks: Picks) -> list[tuple[object, ...]]:
    """All that a label says."""
    score = np.nan_to_num(picks.score, nan=-1)
    return sorted(zip(*picks.yx.T.tolist(), score.tolist(), picks.label.tolist(), picks.source.tolist(), strict=True))
