"""The command line: exit status, one line for an error, and nothing but the result on standard output."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from discs import DISCS, write_discs
from napari_drpnet.cli import main
from napari_drpnet.cli.terminal import run_job
from napari_drpnet.io.star_lists import read_coordinate_list
from napari_drpnet.settings import EvaluationSettings, PickerSettings, PickRun
from napari_drpnet.steps import Job, Progress


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str]):
    """Run the program: exit status, standard output, standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return end.value.code or 0, out, err

    return run


@pytest.fixture
def pick(call):
    return lambda *arguments: call("pick", "--picker", "dark-discs", *arguments)


def write_truth(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("x,y,diameter\n" + "".join(f"{x},{y},20\n" for y, x in DISCS))


class TestPick:
    def test_all_done_is_status_0(self, pick):
        status, out, _ = pick(write_discs("a.mrc"), "--diameter", "40")
        assert status == 0
        assert "4 picks on 1 of 1 micrographs" in out
        assert Path("picks/a_autopick.star").is_file()

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["a.mrc"], "diameter is missing: Diameter of the particle, its longest extent [A]. Give it (--diameter)."),
            (["nix/", "--diameter", "40"], "nix: there is no such file. Check the name and the folder."),
        ],
    )
    def test_what_was_forgotten_or_mistyped_is_said_in_words(self, pick, arguments: list[str], said: str):
        assert pick(*arguments)[2].strip() == f"error: {said}"

    def test_some_failed_is_status_1_and_one_line_says_which(self, pick):
        write_discs("a.mrc")
        Path("b.mrc").write_bytes(b"no micrograph")
        status, _, err = pick("a.mrc", "b.mrc", "--diameter", "40")
        assert status == 1
        assert [line.startswith("error: b.mrc") for line in err.splitlines()] == [True]

    def test_a_pixel_size_far_off_the_headers_is_told_once(self, pick):
        files = [write_discs(f"{name}.mrc", pixel_size=1.3) for name in "abc"]
        _, _, err = pick(*files, "--diameter", "260", "--pixel-size", "13")
        assert err.splitlines().count("warning: A header says 1.3 A per pixel, and 13 A is used.") == 1
        assert "A header says" not in pick(*files, "--diameter", "26", "--pixel-size", "1.35")[2]

    def test_nothing_usable_is_status_2(self, pick):
        Path("b.mrc").write_bytes(b"no micrograph")
        status, _, err = pick("b.mrc", "--diameter", "40")
        assert status == 2
        assert "Traceback" not in err
        with Path("picks/summary.tsv").open() as file:
            assert next(csv.DictReader(file, delimiter="\t"))["micrograph"] == "b.mrc"

    @pytest.mark.parametrize(
        ("arguments", "about"),
        [
            (["a.mrc"], "diameter"),
            (["a.mrc", "--diameter", "0"], "diameter"),
            (["a.mrc", "--diameter", "-5"], "diameter"),
            (["a.mrc", "--diameter", "40", "--threshold", "1.5"], "threshold"),
            (["a.mrc", "--diameter", "40", "--picker", "nobody"], "nobody"),
            (["a.mrc", "--diameter", "4000"], "a.mrc"),
            (["--diameter", "40"], "inputs"),
            (["empty", "--diameter", "40"], "empty"),
            (["missing.mrc", "--diameter", "40"], "missing.mrc"),
            (["a.mrc", "--diameter", "40", "--out", "a.mrc/picks"], "a.mrc/picks"),
            (["--settings", "missing.yaml"], "missing.yaml"),
            (["a.mrc", "--diameter", "40", "--pixel-size", "0"], "pixel_size"),
        ],
    )
    def test_an_unusable_call_is_one_line_that_names_what_is_wrong(self, pick, arguments: list[str], about: str):
        write_discs("a.mrc")
        Path("empty").mkdir()
        status, out, err = pick(*arguments)
        assert status == 2
        assert out == "" or "0 picks" in out
        (line,) = err.strip().splitlines()
        assert line.startswith("error: ")
        assert about in line

    @pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names of files are UTF-8 there")
    def test_a_name_that_is_not_utf8_is_picked_in_its_folder_and_refused_where_it_would_be_recorded(self, pick, call):
        name = os.fsdecode(b"m/caf\xe9.mrc")
        Path("m").mkdir()
        write_discs("a.mrc").rename(name)
        assert pick("m", "--diameter", "40")[0] == 0
        assert read_coordinate_list("picks/autopick.star") == [(name, f"picks/{Path(name).stem}_autopick.star")]
        for refused in (("pick", name), ("pick", "m", "--out", os.fsdecode(b"\xe9")), ("project", "p", name)):
            status, out, err = call(*refused, "--picker", "dark-discs", "--diameter", "40")
            assert (status, out) == (2, "")
            assert "is not UTF-8, and settings cannot keep it. Name the folder" in err
            assert err.count("\n") == 1

    def test_json_is_the_only_thing_on_standard_output(self, pick):
        write_discs("a.mrc")
        status, out, _ = pick("a.mrc", "missing.mrc", "--diameter", "40", "--json")
        document = json.loads(out)
        assert status == 1
        assert document["picks"] == 4
        first, second = document["micrographs"]
        assert (first["micrograph"], first["error"], first["coordinates"]) == ("a.mrc", None, "picks/a_autopick.star")
        assert "missing.mrc" in second["error"]

    def test_a_recorded_run_is_repeated_and_options_go_before_the_record(self, call, pick):
        write_discs("a.mrc")
        pick("a.mrc", "--diameter", "40", "--out", "first")
        assert call("pick", "--settings", "first/settings.yaml", "--out", "second")[0] == 0
        first, second = (Path(out, "a_autopick.star").read_bytes() for out in ("first", "second"))
        assert first == second
        _, out, _ = call("pick", "--settings", "first/settings.yaml", "--threshold", "1", "--out", "none")
        assert out.startswith("0 picks")

    def test_a_warning_is_one_line(self, pick):
        import mrcfile

        write_discs("a.mrc")
        with mrcfile.open("a.mrc", "r+") as file:
            file.data[0, 0] = float("nan")
        status, _, err = pick("a.mrc", "--diameter", "40")
        assert status == 0
        assert [line.startswith("warning: a.mrc") for line in err.splitlines()] == [True]

    def test_ctrl_c_keeps_what_is_finished_and_leaves_no_partial_file(self):
        write_discs("a.mrc")
        write_discs("b.mrc")
        program = (
            "from napari_drpnet.pickers import register; register('slow', 'discs:SlowScores');"
            "import discs; discs.SlowScores.wait = 60;"
            "from napari_drpnet.cli import main; main()"
        )
        arguments = ["pick", "a.mrc", "b.mrc", "--picker", "slow", "--diameter", "40", "--threshold", "0.5"]
        process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            stderr=subprocess.PIPE,
            text=True,
        )
        until = time.monotonic() + 60
        while not Path("picks/a_autopick.star").exists() and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "Traceback" not in err
        assert "interrupted" in err
        assert sorted(path.name for path in Path("picks").iterdir()) == [
            "a_autopick.star",
            "autopick.star",
            "report.html",
            "settings.yaml",
            "summary.tsv",
        ]
        assert "a.mrc\t4" in Path("picks/summary.tsv").read_text()

    def test_a_full_disk_is_one_line_and_leaves_no_partial_file(self):
        """On a disk of five blocks: the settings, the first micrograph's picks and little more fit."""
        for name in "abcdef":
            write_discs(f"{name}.mrc")
        Path("picks").mkdir()
        program = (
            "from napari_drpnet.pickers import register; register('dark', 'discs:DarkDiscs');"
            "from napari_drpnet.cli import main; main()"
        )
        script = (
            "mount -t tmpfs -o size=20k tmpfs picks || exit 99\n"
            f'{sys.executable} -c "{program}" pick ?.mrc --picker dark --diameter 40 --threshold 0.5; status=$?\n'
            "ls -A picks; exit $status"
        )
        done = subprocess.run(
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],
            capture_output=True,
            text=True,
        )
        if done.returncode in (1, 99) and not done.stdout:
            pytest.skip("this system lets no user mount a small disk")
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: picks/")
        assert "disk is full" in line
        assert {"a_autopick.star", "settings.yaml"} <= set(done.stdout.split())
        assert all(name.endswith((".star", ".tsv", ".yaml")) and name[0] != "." for name in done.stdout.split())


class TestEvaluate:
    lengths = ("--diameter", "40", "--pixel-size", "2")

    def test_perfect_picks(self, call, pick):
        write_discs("a.mrc")
        write_truth("truth/a.csv")
        pick("a.mrc", "--diameter", "40")
        status, out, err = call("evaluate", "picks", "truth", *self.lengths)
        assert (status, err) == (0, "")
        head, *_, last = out.splitlines()
        assert last.split()[:7] == ["all", "4", "4", "1.000", "1.000", "1.000", "1.000"]
        assert head.endswith("box AP  box AP50  box AP75  box AR"), "picks and truth have sizes"
        assert last.split()[8] == "1.000", "all boxes are half on their particles"

    def test_json_has_null_where_nothing_is_defined(self, call):
        write_truth("truth/a.csv", "picks/a.csv")
        status, out, _ = call("evaluate", "picks", "truth", *self.lengths, "--json")
        assert status == 0
        assert json.loads(out)["pooled"]["f1"] == 1
        assert json.loads(out)["pooled"]["average_precision"] is None
        assert json.loads(out)["micrographs"][0]["box_ap"] is None, "there are no scores"
        assert "box" not in call("evaluate", "picks", "truth", *self.lengths)[1]

    def test_files_without_partner_are_named(self, call):
        write_truth("truth/a.csv", "picks/a.csv", "picks/b.csv", "truth/c.csv")
        _, _, err = call("evaluate", "picks", "truth", *self.lengths)
        assert [line.split()[-1] for line in err.splitlines()] == ["b.", "c."]

    def test_tables_without_picks_are_passed_over_and_named(self, call):
        write_truth("truth/a.csv", "picks/a.csv")
        Path("picks/notes.csv").write_text("name,score\na,1\n")
        status, out, err = call("evaluate", "picks", "truth", *self.lengths)
        assert (status, out.splitlines()[-1].split()[:3]) == (0, ["all", "4", "4"])
        assert err == "warning: picks/notes.csv: this holds no picks; it is passed over.\n"

    def test_upside_down_picks_are_warned_of(self, call):
        write_truth("truth/a.csv")
        Path("picks.csv").write_text("x,y\n" + "".join(f"{x},{159 - y}\n" for y, x in DISCS))
        Path("picks.csv").rename("a.csv")
        _, out, err = call("evaluate", "a.csv", "truth", *self.lengths, "--shape", "160,200")
        assert "upside down" in err
        assert out

    @pytest.mark.parametrize("shape", ["4096", "a,b", "0,10"])
    def test_a_shape_that_is_none(self, call, shape: str):
        write_truth("a.csv")
        status, _, err = call("evaluate", "a.csv", "a.csv", *self.lengths, "--edge", "5", "--shape", shape)
        assert status == 2
        assert err.startswith("error: ")

    def test_an_edge_needs_a_shape(self, call):
        write_truth("a.csv")
        status, _, err = call("evaluate", "a.csv", "a.csv", *self.lengths, "--edge", "5")
        assert status == 2
        assert "--shape" in err


def test_help_says_what_each_command_does_to_the_end_of_the_sentence(call):
    _, out, _ = call("--help")
    assert "..." not in out.partition("Commands:")[2]
    assert "Tell what is installed, what is missing, and the line that mends it." in " ".join(out.split())


@pytest.mark.parametrize(
    ("command", "fields"),
    [
        ("pick", [(PickRun, "inputs"), (PickRun, "pixel_size"), (PickerSettings, "threshold")]),
        ("evaluate", [(EvaluationSettings, "radius_fraction"), (EvaluationSettings, "edge")]),
    ],
)
def test_help_says_what_the_settings_say(call, command: str, fields):
    status, out, _ = call(command, "--help")
    words = " ".join(out.split())
    assert status == 0
    for model, name in fields:
        assert model.model_fields[name].description in words


def test_the_version_is_that_of_the_package(call):
    from importlib.metadata import version

    assert call("--version")[:2] == (0, version("napari-drpnet") + "\n")


def test_a_sample_too_small_for_a_particle_is_refused(call):
    status, _, err = call("sample", "--size", "512")
    assert (status, Path("sample").exists()) == (2, False)
    assert err == "error: A sample of 512 pixels has no room for a particle. Make it larger, such as 1024 pixels.\n"


def test_a_log_has_a_line_for_each_micrograph(pick):
    write_discs("a b.mrc")
    Path("c.mrc").write_bytes(b"no image")
    status, out, err = pick("a b.mrc", "c.mrc", "--diameter", "40", "--threshold", "0.5", "--log")
    assert (status, "4 picks on 1 of 2 micrographs" in out) == (1, True)
    started, first, second, *_ = err.splitlines()
    time_of_day = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    assert re.fullmatch(rf"{time_of_day}  0/2  a b\.mrc", started)
    assert re.fullmatch(rf"{time_of_day}  1/2  4 picks  \d+\.\d s  a b\.mrc", first)
    assert re.fullmatch(rf"{time_of_day}  2/2  failed  \d+\.\d s  c\.mrc: .+", second)


def test_a_profile_tells_where_all_of_the_time_went(pick):
    _, out, err = pick(write_discs("a.mrc"), "--diameter", "40", "--threshold", "0.5", "--profile", "--json")
    assert json.loads(out)["picks"] == 4
    head, *rows, last = (line.split() for line in err.splitlines())
    spent = {name: float(cpu) for name, cpu, *_ in rows}
    assert head[:3] == ["stage", "CPU", "s"]
    assert {"read", "picker", "write", "page", "other", "waiting", "all"} <= spent.keys()
    assert sum(spent.values()) - spent["all"] == pytest.approx(spent["all"], abs=0.01 * len(rows))
    assert last[2:5] == ["1", "micrographs", "read;"]


def test_without_a_terminal_a_step_is_one_line_however_often_it_is_told(capsys):
    def job() -> Job[str]:
        for done in (0, 1):
            for fraction in (0.0, 0.3, 0.6):
                yield Progress(done, 2, message="scoring", fraction=fraction)
        return "over"

    assert run_job(job(), log=sys.stderr) == "over"
    assert capsys.readouterr().err == "0/2: scoring\n1/2: scoring\n"
