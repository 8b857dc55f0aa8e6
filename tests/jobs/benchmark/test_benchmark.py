"""A benchmark: labelled sets, entries, results as files, and what may stand in one table."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from discs import DISCS, DarkDiscs, write_discs
from napari_drpnet import jobs
from napari_drpnet.cli import main
from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io import read_picks, write_picks
from napari_drpnet.io.fields import read_fields
from napari_drpnet.jobs.benchmark.files import read_result
from napari_drpnet.jobs.benchmark.join import differences
from napari_drpnet.jobs.benchmark.labelled_set import read_labelled_set
from napari_drpnet.pickers.protocol import registry
from napari_drpnet.settings import BenchmarkResult, BenchmarkSettings, LabelledSetSettings, validated
from web_page import Page

HEIGHT, WIDTH = 160, 200
ROOT = Path(__file__).parents[3]


class Raising(DarkDiscs):
    """Cannot pick one of the micrographs."""

    name: ClassVar[str] = "raising"

    def pick(self, micrograph):
        if "b.mrc" in micrograph.frame.micrograph:
            raise UserError(f"{micrograph.frame.micrograph}: too hard.", "Make it easier.")
        return super().pick(micrograph)


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for cls in (DarkDiscs, Raising):
        monkeypatch.setitem(registry._BUILT_IN, cls.name, (f"{cls.__module__}:{cls.__name__}", None))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def discs() -> Path:
    """Three micrographs of four discs, labels in a folder below, and a set.yaml."""
    for i, name in enumerate("abc"):
        write_discs(f"discs/{name}.mrc", seed=i)
        write_set("discs/labels", name)
    Path("discs/set.yaml").write_text(
        "name: dark discs\ndiameter: 40\nedge: 0\ncomplete: true\nlabelled_by: the maker\n"
    )
    return Path("discs")


def write_set(folder: str, name: str, yx: Any = DISCS, score: Any = np.nan, side: float = 20.0) -> Path:
    picks = Picks(Frame(name, (HEIGHT, WIDTH)), np.array(yx, float).reshape(-1, 2), np.array(score), np.array(side))
    return write_picks(picks, Path(folder) / f"{name}.csv")


def write_list(set_file: str) -> None:
    """A list without a micrograph."""
    Path(set_file).write_text("diameter: 40\nmicrographs: none.star\n")
    Path(set_file).with_name("none.star").write_text("data_\n\nloop_\n_rlnMicrographName #1\n\n")


def moved(*by: float) -> list[tuple[float, float]]:
    return [(y, x + shift) for (y, x), shift in zip(DISCS, by, strict=True)]


def benchmark(given: Mapping[str, Any] | None = None, **fields: Any) -> jobs.BenchmarkReport:
    return jobs.finish(jobs.run_benchmark([Path("discs")], given or {}, BenchmarkSettings(**fields)))


def result(name: str, out: str = "benchmark", of: str = "dark discs") -> BenchmarkResult:
    return read_result(Path(out, of, f"{name}.json"))


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(["benchmark", *words])
    return int(end.value.code or 0)


class TestEntries:
    def test_a_picker_is_scored_at_all_its_thresholds(self, discs: Path):
        benchmark(pickers={"finder": "dark-discs"}, options={"finder": {"threshold": 0.4}})
        found = result("finder")
        assert [one.in_force for one in found.micrographs] == [(4, 0, 0)] * 3
        assert found.figures["f1"] == (1.0, 0.0)
        assert found.figures["at_f1"][0] == 1.0
        assert found.at == 0.5
        assert found.entry.threshold == "0.4, as given"
        assert found.entry.options["diameter"] == 40
        assert len(found.micrographs[0].score or ()) > 4  # what is below the threshold, too
        assert found.figures["ap"][0] == 1.0
        assert found.figures["off"][0] < 4
        assert len(read_picks(Path("benchmark/dark discs/finder/autopick.star"))) == 3

    @pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names of files are UTF-8 there")
    def test_a_micrograph_whose_name_results_cannot_keep_is_refused_before_anything_is_picked(self, discs: Path):
        odd = os.fsdecode(b"\xff")
        write_discs(f"discs/{odd}.mrc", seed=3)
        with pytest.raises(UserError, match=r"discs: .* is not UTF-8, and results cannot keep it"):
            benchmark(pickers={"finder": "dark-discs"})

    def test_picks_of_files_are_scored_as_they_are(self, discs: Path):
        write_set("theirs", "a", DISCS[:3], (0.9, 0.8, 0.7))
        write_set("theirs", "b", [*DISCS, (80, 100)], (0.9, 0.8, 0.7, 0.6, 0.5))
        write_set("theirs", "c", [], ())
        benchmark(picks={"theirs": Path("theirs")})
        found = result("theirs")
        assert [one.in_force for one in found.micrographs] == [(3, 0, 1), (4, 1, 0), (0, 0, 4)]
        assert found.at is None
        assert found.figures["precision"][0] == pytest.approx(7 / 8)
        assert found.figures["recall"][0] == pytest.approx(7 / 12)
        # Precision is not defined where nothing was picked; F1 is 0 there.
        assert found.figures["macro_precision"][0] == pytest.approx((1 + 4 / 5) / 2)
        assert found.figures["macro_f1"][0] == pytest.approx((6 / 7 + 8 / 9 + 0) / 3)
        assert found.figures["best_threshold"][0] == 0.6
        assert found.figures["f1"][1] is not None
        Path("theirs").rename("elsewhere")
        benchmark(picks={"theirs": Path("elsewhere")})
        assert result("theirs").entry.digests == found.entry.digests
        write_set("elsewhere", "a", DISCS[:3], (0.9, 0.8, 0.1))
        benchmark(picks={"theirs": Path("elsewhere")})
        assert result("theirs").entry.digests != found.entry.digests

    def test_overlap_counts_boxes_and_warns_of_those_to_cut_out(self, discs: Path):
        write_set("theirs", "a", moved(0, 6, 7, 30), side=60.0)
        settings = {"picks": {"theirs": Path("theirs")}, "match": "overlap"}
        benchmark(**settings)
        assert result("theirs").micrographs[0].in_force == (2, 2, 2)  # 6 of 20 px aside is enough, 7 is not
        assert result("theirs").notes == ()
        benchmark(**settings, boxes="own", out="own")
        own = result("theirs", "own")
        assert own.micrographs[0].in_force == (0, 4, 4)
        assert "9 times the area" in own.notes[0]

    def test_a_picker_that_fails_on_one_micrograph_is_scored_on_the_others(self, discs: Path, capsys):
        assert run("raising", "--set", "discs", "--option", "raising.threshold=0.4") == 1
        found = result("raising")
        assert [one.micrograph for one in found.micrographs] == ["a", "c"]
        assert [(one.micrograph, one.fault) for one in found.not_scored] == [("b", True)]
        assert "too hard" in capsys.readouterr().err
        page = Page(Path("benchmark/report.html").read_text())
        assert "too hard" in page.text
        assert "raising is not scored on all 3 micrographs" in page.text

    def test_what_cannot_be_scored_is_told_and_the_others_go_on(self, discs: Path, capsys):
        Path("empty").mkdir()
        assert run("dark-discs", "empty", "--set", "discs", "--option", "dark-discs.threshold=0.4") == 1
        assert "empty on dark discs: empty: no picks lie in this folder." in capsys.readouterr().err
        assert result("dark-discs").figures["f1"][0] == 1.0

    def test_picks_of_binned_micrographs_are_brought_to_scale(self, discs: Path):
        columns = ["rlnMicrographName", "rlnMicrographPixelSize", "rlnCoordinateX", "rlnCoordinateY"]
        rows = "".join(f"a.mrc 4.0 {x / 2} {y / 2}\n" for y, x in DISCS)
        Path("binned.star").write_text("data_\nloop_\n" + "".join(f"_{name}\n" for name in columns) + rows)
        benchmark(given={"pixel_size": 2.0}, picks={"binned": Path("binned.star")})
        found = result("binned")
        assert found.micrographs[0].in_force == (4, 0, 0)
        assert "multiplied by 2" in found.notes[0]
        assert {one.micrograph for one in found.not_scored} == {"b", "c"}
        assert not any(one.fault for one in found.not_scored)

    def test_picks_upside_down_are_told_of(self, discs: Path):
        write_set("theirs", "a", [(HEIGHT - 1 - y, x) for y, x in DISCS])
        report = benchmark(picks={"theirs": Path("theirs")})
        assert "upside down" in report.notes[0]

    def test_a_file_of_picks_that_cannot_be_read_is_a_fault_of_its_micrograph(self, discs: Path, capsys):
        for name in "ab":
            write_set("theirs", name)
        Path("theirs/c.csv").write_text("x,y\n1,odd\n")
        assert run("theirs", "--set", "discs") == 1
        (lost,) = result("theirs").not_scored
        assert (lost.micrograph, lost.fault) == ("c", True)
        assert "c.csv: the column y has a value that is no number" in lost.reason
        assert "error: theirs on dark discs, c: not scored." in capsys.readouterr().err

    def test_a_score_that_cannot_be_asked_for_is_told_of(self, discs: Path):
        write_set("theirs", "a")
        report = benchmark(picks={"theirs": Path("theirs")}, at=0.5)
        assert "no figures at the score 0.5" in report.notes[0]

    def test_two_entries_of_which_one_has_no_figures_stand_on_one_page(self, discs: Path):
        for name in "abc":
            write_set("discs/labels", name, [], ())
            write_set("none", name, [], ())
            write_set("some", name)
        benchmark(picks={"none": Path("none"), "some": Path("some")})
        assert "none is the next." in Page(Path("benchmark/report.html").read_text()).text

    def test_no_pick_at_all_is_a_result(self, discs: Path):
        for name in "abc":
            write_set("none", name, [], ())
        report = benchmark(picks={"none": Path("none")})
        assert result("none").figures["f1"] == (0.0, 0.0)
        assert "There is not one pick." in report.notes[0]


class TestSets:
    def test_options_go_before_the_file_and_what_is_unknown_is_an_error(self, discs: Path):
        known = read_labelled_set(discs, {"diameter": 50.0})
        assert (known.name, known.diameter, known.settings.labelled_by) == ("dark discs", 50, "the maker")
        Path("discs/set.yaml").write_text("diametre: 40\n")
        with pytest.raises(UserError, match=r"set.yaml: settings are not usable: diametre is not known"):
            read_labelled_set(discs, {})

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda: Path("discs/set.yaml").unlink(), r"the diameter of the particles is not known.*--diameter"),
            (lambda: [file.unlink() for file in Path("discs/labels").iterdir()], r"there are no labels.*--labels"),
            (lambda: [file.rename(f"discs/labels/x{file.name}") for file in Path("discs/labels").iterdir()], r"labels"),
            (lambda: [write_discs(f"discs/{name}.mrc", None) for name in "abc"], r"pixel size is not known"),
            (lambda: [file.unlink() for file in Path("discs").glob("*.mrc")], r"no micrograph lies in this folder"),
            (lambda: Path("discs/set.yaml").write_text("[1, 2]"), r"does not hold settings"),
            (lambda: write_list("discs/set.yaml"), r"none\.star lists no micrograph"),
        ],
    )
    def test_what_a_set_lacks_is_asked_for(self, discs: Path, change: Any, message: str):
        change()
        with pytest.raises(UserError, match=message):
            read_labelled_set(discs, {})

    def test_a_broken_micrograph_and_one_without_labels_are_left_out(self, discs: Path, capsys):
        Path("discs/b.mrc").write_bytes(b"no micrograph")
        Path("discs/labels/c.csv").unlink()
        assert run("dark-discs", "--set", "discs", "--option", "dark-discs.threshold=0.4") == 1
        found = result("dark-discs")
        assert [(one.micrograph, one.fault) for one in found.not_scored] == [("b", True), ("c", False)]
        assert "errors" in capsys.readouterr().err  # of one micrograph nobody knows them
        assert found.figures["f1"] == (1.0, None)

    def test_labels_that_cannot_be_read_are_a_fault(self, discs: Path):
        Path("discs/labels/b.csv").write_text("x,y\n1,odd\n")
        assert run("dark-discs", "--set", "discs", "--option", "dark-discs.threshold=0.4") == 1
        (lost,) = result("dark-discs").not_scored
        assert (lost.micrograph, lost.fault) == ("b", True)
        assert "no number" in lost.reason

    @pytest.mark.parametrize("out", ["discs", "discs/benchmark"])
    def test_picks_of_an_earlier_run_are_no_labels(self, discs: Path, out: str):
        words = ("dark-discs", "--set", "discs", "--option", "dark-discs.threshold=0.4", "--out", out)
        assert run(*words) == 0
        first = result("dark-discs", out)
        assert Path(out, "dark discs", "dark-discs", "autopick.star").exists()
        assert run(*words) == 0
        assert result("dark-discs", out).set == first.set
        for file in Path("discs/labels").iterdir():
            file.unlink()
        with pytest.raises(UserError, match="there are no labels"):
            read_labelled_set(discs, {})

    def test_a_border_that_leaves_nothing_is_told_of(self, discs: Path):
        with pytest.raises(UserError, match=r"80 px, leaves nothing of 160 x 200 px.*\(--edge\)"):
            read_labelled_set(discs, {"edge": 80.0})
        write_set("theirs", "a")
        report = benchmark({"edge": 75.0}, picks={"theirs": Path("theirs")})
        assert "No label of these micrographs lies in the part that is scored" in report.notes[0]

    def test_micrographs_may_be_a_pattern(self, discs: Path):
        digest = read_labelled_set(discs, {}).digest
        Path("discs/set.yaml").write_text("diameter: 40\nedge: 0\nmicrographs: '**/*.mrc'\n")
        assert read_labelled_set(discs, {}).digest == digest

    def test_labels_of_another_size_are_told_of(self, discs: Path):
        assert read_labelled_set(discs, {"diameter": 50.0}).notes == ()
        write_set("discs/labels", "b", side=35.0)
        (note,) = read_labelled_set(discs, {}).notes
        assert "40 to 70 A, and 40 A is used" in note

    def test_one_diameter_is_not_taken_for_several_sets(self, discs: Path, capsys):
        assert run("dark-discs", "--set", "discs", "--set", "discs", "--diameter", "40") == 2
        assert "set.yaml of each" in capsys.readouterr().err

    def test_labels_lie_beside_micrographs_below_them_or_elsewhere(self, discs: Path):
        digest = read_labelled_set(discs, {}).digest
        Path("discs/labels").rename("labels")
        assert read_labelled_set(discs, {"labels": Path("labels")}).digest == digest
        Path("discs/set.yaml").write_text("diameter: 40\nedge: 0\nlabels: ../labels\n")
        assert read_labelled_set(discs / "set.yaml", {}).digest == digest
        for file in Path("labels").iterdir():
            file.rename(discs / file.name)
        Path("discs/micrographs_ctf.star").write_text("data_micrographs\n\nloop_\n_rlnMicrographName #1\na.mrc\n")
        known = read_labelled_set(discs, {"labels": discs})
        assert (known.digest, known.name) == (digest, "discs")
        Path("discs/set.yaml").unlink()
        known = read_labelled_set(discs, {"diameter": 40.0, "edge": 0.0, "labels": Path("discs")})
        assert known.digest == digest
        assert read_labelled_set(discs, {"diameter": 40.0}).notes == ()  # other files beside labels are not told of

    @pytest.mark.parametrize("file", sorted((ROOT / "benchmarks" / "sets").glob("*.yaml")), ids=lambda file: file.stem)
    def test_sets_of_the_repository_are_described(self, file: Path):
        known = validated(LabelledSetSettings, read_fields(file, ""), file)
        assert known.diameter
        assert known.labelled_by


class TestJoining:
    @pytest.fixture
    def two(self, discs: Path) -> Path:
        for name in "abc":
            write_set("good", name, DISCS, (0.9, 0.8, 0.7, 0.6))
            write_set("poor", name, [*DISCS[: "abc".index(name) + 1], (80, 100)], 0.5)
        benchmark(picks={"good": Path("good"), "poor": Path("poor")})
        return Path("benchmark")

    def test_entries_on_one_set_stand_in_one_table_the_best_first(self, two: Path):
        report = jobs.join_benchmarks([two], "micro", Path("out"))
        (table,) = report.joined.tables
        assert [one.name for one in table.entries] == ["good", "poor"]
        (apart,) = differences(table, "f1")
        assert apart.value == pytest.approx(1 - 12 / 21)
        assert apart.micrographs == 3
        assert not apart.clear  # 6 standard errors, but of three micrographs
        text = Path("out/table.md").read_text()
        assert "| good | – / 1.000 / 1.000 |" in text
        page = Page(Path("out/report.html").read_text())
        assert page.open == []
        assert page.sources == []
        assert "+0.429" in page.text
        assert "Few micrographs (dark discs: 3)" in page.text

    def test_other_labels_or_rules_are_not_mixed(self, two: Path, discs: Path):
        benchmark(picks={"good": Path("good")}, radius_fraction=0.25, out="strict")
        write_set("discs/labels", "a", DISCS[:2])
        benchmark(picks={"good": Path("good")}, out="fewer")
        report = jobs.join_benchmarks([two, Path("strict"), Path("fewer")], "micro", Path("out"))
        assert [len(table.entries) for table in report.joined.tables] == [1, 2, 1] or len(report.joined.tables) == 3
        titles = [table.title for table in report.joined.tables]
        assert len(set(titles)) == 3
        assert any("10 labels" in title for title in titles)
        assert any("0.25 of the diameter" in title for title in titles)
        assert "3 tables are of sets called dark discs" in report.joined.warnings[0]

    def test_the_same_result_twice_is_one_and_equal_names_are_told_apart(self, two: Path):
        file = two / "dark discs" / "good.json"
        again = Path("good-again.json")
        again.write_bytes(file.read_bytes())
        other = read_result(two / "dark discs" / "poor.json")
        fields = other.model_dump(mode="json")
        fields["entry"]["name"] = "good"
        Path("other.json").write_text(json.dumps(fields))
        (table,) = jobs.join_benchmarks([file, again, Path("other.json")], "micro", Path("out")).joined.tables
        assert [one.name for one in table.entries] == [f"good ({file.as_posix()})", "good (other.json)"]

    def test_figures_that_are_not_those_of_the_counts_are_not_believed(self, two: Path):
        file = two / "dark discs" / "poor.json"
        file.write_text(file.read_text().replace('"f1": [0.571', '"f1": [0.971', 1))
        report = jobs.join_benchmarks([two], "micro", Path("out"))
        assert "its f1 is not what its counts say" in report.joined.warnings[0]
        assert [one.name for one in report.joined.tables[0].entries] == ["good", "poor"]
        assert "0.971" not in Path("out/report.html").read_text()

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("{", "is not a JSON file"),
            ("[" * 100_000, "is not a JSON file"),
            ('{"format": "something"}', "is not the result of a benchmark"),
            ('{"format": "napari-drpnet benchmark", "version": 2}', "the version 2, which is not known. Update"),
        ],
    )
    def test_a_file_that_is_no_result_is_told_and_the_others_go_on(self, two: Path, content: str, message: str):
        Path("bad.json").write_text(content)
        report = jobs.join_benchmarks([Path("bad.json"), two], "micro", Path("out"))
        ((name, reason),) = report.failed
        assert name == "bad.json"
        assert message in reason
        with pytest.raises(UserError, match=message):
            jobs.join_benchmarks([Path("bad.json")], "micro", Path("out"))

    @pytest.mark.parametrize(
        ("part", "other", "message"),
        [
            ('"found": "1111"', '"found": "11111"', "found: is not as long as the scores"),
            ('"in_force": [4, 0, 0]', '"in_force": [9, 0, 0]', "off: is not one for each true pick"),
            ('"micrographs": 3', '"micrographs": 2', "are more than the set has"),
            ('"micrograph": "a"', '"micrograph": "z"', "its micrographs and labels are not those of its set"),
        ],
    )
    def test_a_result_whose_parts_do_not_fit_is_refused(self, two: Path, part: str, other: str, message: str):
        file = two / "dark discs" / "good.json"
        assert part in file.read_text()
        file.write_text(file.read_text().replace(part, other, 1))
        with pytest.raises(UserError, match=message):
            read_result(file)

    def test_names_from_files_of_others_do_not_steer_the_terminal(self, two: Path, capsys):
        file = two / "dark discs" / "good.json"
        file.write_text(
            file.read_text().replace('"good"', r'"g\u001b[2Jd"', 1).replace('"dark discs"', r'"d\u001b[2J"', 1)
        )
        assert run("--join", str(file), "--out", "out") == 0
        said = capsys.readouterr()
        assert "\x1b" not in said.out + said.err
        assert "g?[2Jd" in said.out

    def test_the_mean_over_micrographs_is_shown_on_demand(self, two: Path, capsys):
        assert run("--join", str(two), "--average", "macro", "--out", "out") == 0
        assert f"{(2 / 6 + 4 / 7 + 6 / 8) / 3:.3f}" in capsys.readouterr().out
        assert run("--join", str(two), "--radius-fraction", "0.3") == 2
        assert "joined as they are" in capsys.readouterr().err


class TestCommand:
    def test_names_mean_pickers_first_and_then_files(self, discs: Path, capsys):
        write_set("dark-discs", "a")
        assert run("dark-discs", "./dark-discs", "--set", "discs") == 2
        assert "Two entries are called 'dark-discs'" in capsys.readouterr().err
        words = ("twin=dark-discs", "theirs=./dark-discs", "--option", "twin.threshold=0.4")
        assert run(*words, "--set", "discs", "--json") == 0
        (table,) = json.loads(capsys.readouterr().out)["tables"]
        assert [one["name"] for one in table["entries"]] == ["twin", "theirs"]
        assert table["entries"][0]["figures"]["f1"] == [1.0, 0.0]

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("dark-discs",), "There is no labelled set"),
            (("dark-discs", "--set", "nowhere"), "there is no such set"),
            (("dark-discs", "nobody", "--set", "discs"), "nobody: there is no such file or folder, and no picker of"),
            (("a.json=dark-discs", "a=dark-discs", "--set", "discs"), "An entry cannot be called 'a.json'"),
            (("dark-discs", "--set", "discs", "--name", "report.html"), "A set is called 'report.html'"),
            (("dark-discs", "--set", "discs", "--option", "other.threshold=1"), "no picker that takes part"),
            (("--join", "nowhere"), "there is no such file or folder"),
        ],
    )
    def test_what_is_wrong_is_one_line(self, discs: Path, capsys, words: tuple[str, ...], message: str):
        assert run(*words) == 2
        assert message in capsys.readouterr().err


def test_the_table_of_how_good_it_is_is_made_by_it(shared: Path):
    said = re.search(r"^\| log \| ([^|]+) \|", (ROOT / "docs" / "quality.md").read_text(), re.MULTILINE)
    assert said is not None
    settings = BenchmarkSettings(pickers={"log": "log"}, options={"log": {"threshold": 0.5}}, device="cpu")
    given = {"micrographs": shared / "data" / "10146"}
    jobs.finish(jobs.run_benchmark([ROOT / "benchmarks" / "sets" / "10146.yaml"], given, settings))
    figures = result("log", of="10146").figures
    measured = [figures[name][0] for name in ("at_f1", "best_f1", "ap")]
    assert measured == pytest.approx([float(number) for number in said[1].split("/")], abs=0.005)


class TestEarlierResults:
    """A result that a later run did not replace says so, wherever it is joined."""

    def test_that_of_an_entry_that_failed_later_is_told_of_and_not_after_it_was_scored_again(self, discs: Path, capsys):
        write_set("theirs", "a")
        write_set("others", "a")
        assert run("theirs", "others", "--set", "discs") == 0
        Path("theirs/a.csv").rename("a.csv")
        assert run("theirs", "others", "--set", "discs") == 1
        assert "no picks lie in this folder" in (said := capsys.readouterr().err)
        assert f"stay in {Path('benchmark', 'dark discs', 'theirs.json')}" in said
        for _ in range(2):  # once more, and it is still told once
            assert run("theirs", "others", "--set", "discs") == 1
        assert run("--join", "benchmark", "--out", "joined") == 0
        told = "theirs on dark discs: These figures are of an earlier run"
        assert capsys.readouterr().err.count(told) == 1
        assert "a later one failed. theirs: no picks lie in this folder." in Path("joined/table.md").read_text()
        assert "These figures are of an earlier run" in Page(Path("joined/report.html").read_text()).text
        assert result("others").notes == ()
        Path("a.csv").rename("theirs/a.csv")
        assert run("theirs", "--set", "discs") == 0
        assert result("theirs").notes == ()

    def test_those_of_a_run_that_was_stopped_are_told_of(self, discs: Path, monkeypatch: pytest.MonkeyPatch):
        settings: dict[str, Any] = {"pickers": {"one": "dark-discs", "two": "dark-discs"}}
        settings["options"] = {name: {"threshold": 0.4} for name in settings["pickers"]}
        benchmark(**settings)
        before = result("two")

        def stopped(*_: Any) -> Any:
            raise KeyboardInterrupt

        monkeypatch.setattr(DarkDiscs, "pick", stopped)
        with pytest.raises(KeyboardInterrupt):
            benchmark(**settings)
        for name in ("one", "two"):
            assert "a later one did not come to an end" in result(name).notes[0]
        assert result("two").model_copy(update={"notes": ()}) == before
