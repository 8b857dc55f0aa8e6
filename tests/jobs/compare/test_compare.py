"""Comparing pickers and picks of other programs: the jobs, the commands, and the page that can be sent."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from discs import DISCS, DarkDiscs, write_discs
from napari_drpnet import jobs
from napari_drpnet.cli import main
from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io import read_picks, write_picks
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.jobs import ComparisonReport, ConsensusReport
from napari_drpnet.jobs.compare.report.command import command
from napari_drpnet.pickers.protocol import registry as base
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.settings import ComparisonSettings, ConsensusSettings
from web_page import Page

HEIGHT, WIDTH = 160, 200


class Raising(DarkDiscs):
    """Cannot pick one of the micrographs, or any."""

    name: ClassVar[str] = "raising"
    only: ClassVar[str] = ""

    def pick(self, micrograph):
        if self.only in micrograph.frame.micrograph:
            raise UserError(f"{micrograph.frame.micrograph}: too hard.", "Make it easier.")
        return super().pick(micrograph)


class Learning(DarkDiscs):
    """Has to see the micrographs first."""

    name: ClassVar[str] = "learning"

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self.seen = 0

    @property
    def ready(self) -> bool:
        return self.seen > 0

    def learn_steps(self, micrographs):
        for read in micrographs:
            self.seen += read().image.size
            yield 0.5, "looking"

    def save(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(self.seen))
        return path

    def score_steps(self, micrograph):
        assert self.ready, "it was to learn first"
        return (yield from LoadedPicker(DarkDiscs(self.settings)).score_steps(micrograph))


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for cls in (Raising, Learning):
        monkeypatch.setitem(base._BUILT_IN, cls.name, (f"{cls.__module__}:{cls.__name__}", None))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def micrographs() -> Path:
    """Two micrographs of discs in ``mic/``, and their centres in ``truth/``."""
    for i, name in enumerate("ab"):
        write_discs(f"mic/{name}.mrc", seed=i)
        write_set("truth", name)
    return Path("mic")


def write_set(folder: str, name: str, yx=DISCS, score=np.nan, suffix: str = ".csv") -> Path:
    picks = Picks(Frame(name, (HEIGHT, WIDTH)), np.array(yx, dtype=float), np.array(score), diameter=np.array(20.0))
    return write_picks(picks, Path(folder) / f"{name}{suffix}")


def write_sized(file: str, pixel_size: float, yx, micrograph: str = "a.mrc") -> Path:
    """Picks that say their pixel size, as RELION's particles do."""
    columns = ["rlnMicrographName", "rlnMicrographPixelSize", "rlnCoordinateX", "rlnCoordinateY"]
    rows = "".join(f"{micrograph} {pixel_size} {x} {y}\n" for y, x in yx)
    path = Path(file)
    path.write_text("data_\nloop_\n" + "".join(f"_{name}\n" for name in columns) + rows)
    return path


def compare(*inputs: str, **fields: Any) -> ComparisonReport:
    given = {"diameter": 40, "pickers": ("dark-discs",), "edge": 0, "out": "cmp", "inputs": inputs or ("mic",)}
    return jobs.finish(jobs.run_comparison(ComparisonSettings(**given | fields)))


def standing(report: ComparisonReport, name: str):
    return next(one for one in report.comparison.standings if one.name == name)


def rows(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


class TestCompare:
    def test_each_picker_writes_what_pick_writes(self, micrographs):
        compare(pickers=("dark-discs", "slow-scores"))
        for picker in ("dark-discs", "slow-scores"):
            listed = read_picks(f"cmp/{picker}/autopick.star")
            assert [entry.frame.micrograph for entry in listed] == ["mic/a.mrc", "mic/b.mrc"]
            assert [len(entry) for entry in listed] == [4, 4]
            assert Path(f"cmp/{picker}/summary.tsv").exists()

    def test_against_the_truth(self, micrographs):
        report = compare(truth="truth")
        found = standing(report, "dark-discs")
        assert (found.picks, found.evaluation.counts.f1, found.area) == (8, 1, 1)
        (row, truth) = rows("cmp/table.csv")
        assert (row["set"], row["f1"], row["recall"], row["picks"]) == ("dark-discs", "1", "1", "8")
        assert float(row["distance"]) < 4
        assert float(row["cpu_seconds"]) >= 0
        assert (truth["kind"], truth["f1"]) == ("truth", "")
        assert (row["box_ap50"], row["box_ar"]) == ("1", f"{found.boxes.ar:g}")
        assert [row["missed"] for row in rows("cmp/micrographs.csv") if row["set"] == "dark-discs"] == ["0", "0"]

    def test_curves_are_over_all_candidates(self, micrographs):
        """At the default threshold there are few of them; the curve goes on to where all particles are found."""
        report = compare(truth="truth", options={"dark-discs": {"threshold": 1.0}})
        found = standing(report, "dark-discs")
        assert found.picks < 8
        assert found.best_f1 == 1

    def test_the_truth_may_be_one_of_the_sets(self, micrographs):
        report = compare(picks={"mine": "truth"}, truth="mine")
        assert report.comparison.truth == "mine"
        assert standing(report, "dark-discs").evaluation.counts.f1 == 1

    def test_picks_of_other_programs_are_matched_by_name(self, micrographs):
        write_set("cryolo", "a", suffix=".box")
        write_set("cryolo", "000012345678901234567_b_patch_aligned_doseweighted", DISCS[:3])
        write_set("cryolo", "c")
        report = compare(picks={"cryolo": "cryolo"}, truth="truth")
        assert standing(report, "cryolo").evaluation.counts.missed == 1
        assert [line for line in report.warnings if "no micrograph that takes part" in line and line.endswith(": c.")]
        assert rows("cmp/agreement.csv")[0]["shared"] == "7"

    def test_a_set_upside_down_is_told(self, micrographs):
        for name in "ab":
            write_set("flipped", name, [(HEIGHT - 1 - y, x) for y, x in DISCS], 0.5)
        report = compare(picks={"flipped": "flipped"}, truth="truth")
        assert any("flipped fits dark-discs, truth better when turned upside down" in line for line in report.warnings)

    def test_a_consensus_is_one_more_set(self, micrographs):
        for name in "ab":
            write_set("other", name, [*DISCS[:3], (80, 100)], [0.9, 0.8, 0.7, 0.6])
        report = compare(picks={"other": "other"}, truth="truth", consensus=2)
        assert standing(report, "consensus").picks == 6
        assert standing(report, "consensus").evaluation.counts.precision == 1
        (first, _) = read_picks("cmp/consensus/autopick.star")
        assert len(first) == 3

    def test_a_picker_that_learns_does_so_first(self, micrographs):
        report = compare(pickers=("dark-discs", "learning"))
        assert Path("cmp/learning/learning.safetensors").read_text() == str(2 * HEIGHT * WIDTH)
        assert standing(report, "learning").picks == 8

    def test_what_fails_is_listed_and_the_rest_goes_on(self, micrographs, monkeypatch):
        monkeypatch.setattr(Raising, "only", "b.mrc")
        Path("mic/broken.mrc").write_bytes(b"no micrograph")
        Path("half").mkdir()
        Path("half/a.star").write_text("data_\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n12 15\n3")
        report = compare(pickers=("dark-discs", "raising"), picks={"half": "half"}, truth="truth")
        failed = dict(report.failed)
        assert set(failed) == {"half", "mic/broken.mrc", "raising on mic/b.mrc"}
        assert "too hard" in failed["raising on mic/b.mrc"]
        assert "half/a.star" in failed["half"]
        assert standing(report, "raising").picks == 4
        assert standing(report, "dark-discs").picks == 8

    def test_a_picker_that_cannot_be_built_is_listed(self, micrographs):
        report = compare(pickers=("dark-discs", "slow-scores"), options={"slow-scores": {"nonsense": 1}}, truth="truth")
        ((name, reason),) = report.failed
        assert name == "slow-scores"
        assert "nonsense" in reason
        assert not Path("cmp/slow-scores").exists()

    def test_overlays_are_as_many_as_wanted_the_most_disputed_first(self, micrographs):
        write_set("other", "a")
        write_set("other", "b", DISCS[:1])
        report = compare(picks={"other": "other"}, truth="truth", overlays=1)
        assert [file.name for file in Path("cmp/overlays").iterdir()] == ["b.png"]
        first = compare(picks={"other": "other"}, overlays=1, overlay_order="first", out="cmp2")
        assert [file.name for file in Path("cmp2/overlays").iterdir()] == ["a.png"]
        assert report.tasks == first.tasks

    def test_every_colour_of_a_ring_is_kept_in_the_flat_picture(self, micrographs):
        write_set("other", "a", DISCS[:3])
        compare(picks={"other": "other"}, truth="truth", overlays=1)
        colours = Image.open("cmp/overlays/a.png").convert("RGB").getcolors(1 << 16)
        assert {(0, 0xD6, 0x9B), (0xF0, 0xE4, 0x42)} <= {colour for _, colour in colours}

    def test_what_is_finished_stays_when_it_is_stopped(self, micrographs):
        settings = ComparisonSettings(diameter=40, pickers=("dark-discs",), truth="truth", inputs=("mic",), out="cmp")
        job = jobs.run_comparison(settings)
        while next(job).message != "mic/b.mrc":
            pass
        job.close()
        assert [entry.frame.micrograph for entry in read_picks("cmp/dark-discs/autopick.star")] == ["mic/a.mrc"]
        assert not Path("cmp/report.html").exists()

    def test_different_pixel_sizes_are_told(self, micrographs):
        write_discs("mic/b.mrc", pixel_size=2.2)
        assert any("pixel sizes differ" in line for line in compare(truth="truth").warnings)

    @pytest.mark.parametrize(
        ("fields", "about"),
        [
            ({"pickers": ("nobody",)}, "There is no picker named 'nobody'"),
            ({"pickers": ("dark-discs", "dark-discs")}, "Two sets are named 'dark-discs'"),
            ({"picks": {"truth": "truth"}}, "cannot be named 'truth'"),
            ({"picks": {"a/b": "truth"}}, "cannot be named 'a/b'"),
            ({}, "There are not two sets"),
            ({"truth": "nowhere"}, "nowhere: there is no such file"),
            ({"truth": "elsewhere"}, "no micrograph that takes part"),
            ({"truth": "twice"}, "of which .* has some, too"),
            ({"truth": "outside"}, "1 of 1 picks of mic/a.mrc lie outside"),
            ({"inputs": ("nothing.mrc",)}, "nothing.mrc: there is no such file"),
        ],
    )
    def test_what_cannot_be_is_one_sentence(self, micrographs, fields, about):
        write_set("elsewhere", "z")
        write_set("twice", "a")
        write_set("twice", "a", suffix=".box")
        write_set("outside", "a", [(5000, 5000)])
        with pytest.raises(UserError, match=about):
            compare(**fields)

    def test_a_truth_that_is_a_set_which_fails_ends_the_run_before_it_begins(self, micrographs):
        Path("half.star").write_text("data_\n")
        with pytest.raises(UserError, match="half was to be the truth"):
            compare(picks={"half": "half.star"}, truth="half")
        assert not Path("cmp").exists()

    def test_where_nobody_can_pick_it_says_why(self, micrographs):
        with pytest.raises(UserError, match=r"Nobody has picks. raising on mic/a.mrc: .*too hard"):
            compare(pickers=("raising",), truth="truth")

    def test_one_set_alone_has_nothing_to_be_compared_with(self, micrographs):
        report = compare(pickers=("dark-discs", "raising"))
        assert report.comparison.pairs == ()
        assert "nothing to compare" in Path("cmp/report.html").read_text(encoding="utf-8")

    def test_picks_of_a_micrograph_of_another_size_are_refused(self, micrographs):
        write_mrc(np.zeros((HEIGHT // 2, WIDTH // 2), np.float32), "binned/a.mrc", 4)
        picks = Picks(Frame("a", (HEIGHT // 2, WIDTH // 2)), np.array([[20.0, 30.0]]), diameter=np.array(10.0))
        write_picks(picks, "binned/a.csv")
        report = compare(picks={"binned": "binned"}, truth="truth")
        assert "binned" in dict(report.failed) or standing(report, "binned").evaluation.counts.true == 0

    def test_sets_of_other_pixel_sizes_are_taken_to_the_pixels_of_the_micrographs(self, micrographs):
        write_sized("fine.star", 2.0, DISCS)
        write_sized("binned.star", 4.0, [*np.array(DISCS) / 2, (200, 20)])
        picks = {"fine": Path("fine.star"), "binned": Path("binned.star")}
        with pytest.warns(UserWarning, match=r"binned\.star: pixel sizes of 4 A in it and of 2 A") as told:
            report = compare("mic", pickers=(), picks=picks, pixel_size=2, consensus=2)
        texts = [str(one.message) for one in told]
        assert any("1 of 5 picks are left out, as they lie outside mic/a.mrc" in text for text in texts)
        assert not any("--pixel-size" in text for text in texts)
        for name in ("fine", "binned", "consensus"):
            (entry,) = report.sets[name]
            assert sorted(entry.yx.tolist()) == sorted(map(list, DISCS))

    def test_what_no_one_decides_says_what_would(self, micrographs):
        write_sized("binned.star", 4.0, np.array(DISCS) / 2, "mic/a.mrc")
        with pytest.warns(UserWarning, match=r"coordinates stay as they are \(--pixel-size changes that\) \("):
            compare("mic", picks={"binned": Path("binned.star")})

    def test_two_micrographs_of_one_name_are_not_mixed(self, micrographs):
        write_discs("more/a.mrc")
        report = compare("mic", "more", truth="truth")
        assert not report.failed
        assert [picks.frame.micrograph for picks in report.sets["dark-discs"]] == [
            "mic/a.mrc",
            "mic/b.mrc",
            "more/a.mrc",
        ]
        assert Path("cmp/dark-discs/more/a_autopick.star").is_file()
        assert Path("cmp/overlays/more/a.png").is_file()


class TestPage:
    @pytest.fixture
    def page(self, micrographs) -> str:
        write_set("<b>odd", "a", DISCS[:3], 0.5)
        compare(picks={"other": "<b>odd"}, truth="truth", consensus=2)
        return Path("cmp/report.html").read_text(encoding="utf-8")

    def test_it_needs_nothing_beside_it(self, page):
        assert not re.search(r"https?:|@import|url\(|<script|<link|<iframe", page)
        sources = Page(page).sources
        assert len(sources) == 2
        assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
        picture = Image.open(io.BytesIO(base64.b64decode(sources[0].split(",")[1])))
        assert picture.width > 300

    def test_every_tag_is_closed_and_text_is_text(self, page):
        parsed = Page(page)
        assert parsed.open == []
        assert "<b>odd" in parsed.text, "the command names the folder as it is"

    def test_it_has_the_numbers_of_the_tables(self, page):
        text = Page(page).text
        for row in rows("cmp/table.csv"):
            assert row["set"] in text
            for column in ("precision", "recall", "f1", "average_precision"):
                assert not row[column] or f"{float(row[column]):.3f}" in text
        for row in rows("cmp/agreement.csv"):
            assert f"{float(row['f1']):.3f}" in text

    def test_it_says_how_it_was_made(self, page):
        text = Page(page).text
        assert "napari-drpnet compare --pickers dark-discs --picks" in text
        assert re.search(r"threshold 0\.\d\d \(auto, by its probabilities\)", text)
        assert "diameter 40" in text
        assert f"numpy {np.__version__}" in text

    def test_it_stays_small(self, page):
        assert len(page) < 3_000_000

    def test_pictures_stop_before_the_page_is_too_large(self, micrographs, monkeypatch):
        from napari_drpnet.jobs.compare.report import page

        monkeypatch.setattr(page, "_PICTURES", 20_000)
        compare(truth="truth")
        shown = Page(Path("cmp/report.html").read_text(encoding="utf-8"))
        assert len(shown.sources) == 1
        assert len(list(Path("cmp/overlays").iterdir())) == 2
        assert "In the folder overlays only" in shown.text

    def test_without_a_truth_it_says_so_and_has_no_curve(self, micrographs):
        compare(picks={"mine": "truth"})
        text = Path("cmp/report.html").read_text(encoding="utf-8")
        assert "nobody can say who is right" in text
        assert "<svg" not in text
        assert not Path("cmp/curves.png").exists()


class TestConsensus:
    def run(self, at_least: int = 2, **fields: Any) -> ConsensusReport:
        sets = {name: Path(name) for name in fields.pop("sets", ("one", "two"))}
        settings = ConsensusSettings(**{"diameter": 40, "pixel_size": 2, "at_least": at_least} | fields)
        return jobs.finish(jobs.consensus(sets, settings, Path("out")))

    def test_it_writes_what_several_have(self):
        write_set("one", "a", DISCS, 0.9)
        write_set("two", "000012345678901234567_a", [*DISCS[:2], (80, 100)], 0.5)
        report = self.run()
        (picks,) = read_picks("out/autopick.star")
        assert (len(picks), report.written.picks) == (2, 2)
        assert picks.score.tolist() == pytest.approx([0.7, 0.7])
        assert Path("out/a_autopick.star").exists()
        assert Path("out/summary.tsv").exists()

    def test_a_micrograph_that_one_set_lacks_has_its_place_in_the_union_only(self):
        write_set("one", "a", DISCS, 0.9)
        write_set("one", "b", DISCS, 0.9)
        write_set("two", "a", DISCS, 0.9)
        assert [result.picks for result in self.run(1).written.results] == [4, 4]
        report = self.run(2)
        assert [result.picks for result in report.written.results] == [4, 0]
        assert any("two has no picks of b (1 of 2 micrographs)" in line for line in report.warnings)

    def test_scores_that_are_no_probabilities_are_told(self):
        write_set("one", "a", DISCS, 7.5)
        write_set("two", "a", DISCS, 0.5)
        report = self.run()
        assert any("one: its scores are no probabilities" in line for line in report.warnings)
        assert read_picks("out/autopick.star")[0].score.tolist() == pytest.approx([0.75] * 4)

    def test_a_set_upside_down_is_told(self):
        write_set("one", "a", DISCS, 0.9)
        write_set("two", "a", [(HEIGHT - 1 - y, x) for y, x in DISCS], 0.9)
        write_discs("one/a.mrc")
        assert any("upside down" in line for line in self.run().warnings)

    def test_sets_of_other_pixel_sizes_are_joined_or_refused(self):
        write_sized("one", 2.0, DISCS).rename("one.star")
        write_sized("two", 4.0, np.array(DISCS) / 2).rename("two.star")
        sets = ("one.star", "two.star")
        write_mrc(np.zeros((HEIGHT, WIDTH), np.float32), "a.mrc")  # which tells the shape alone
        with pytest.raises(UserError, match=r"sizes of a\.mrc differ: 2 A in one\.star, 4 A in two\.star"):
            self.run(sets=sets, pixel_size=None)
        with pytest.warns(UserWarning, match=r"two\.star: .* multiplied by 2"):
            self.run(sets=sets)
        assert sorted(read_picks("out/autopick.star")[0].yx.tolist()) == sorted(map(list, DISCS))

    @pytest.mark.parametrize(
        ("fields", "about"),
        [
            ({"at_least": 3}, "at least 3 of 2"),
            ({"pixel_size": None}, "pixel size"),
            ({"weights": {"nobody": 2.0}}, "which is no set"),
            ({"sets": ("one", "nowhere")}, "there is no such file"),
        ],
    )
    def test_what_cannot_be_is_one_sentence(self, fields, about):
        write_set("one", "a")
        write_set("two", "a")
        with pytest.raises(UserError, match=about):
            self.run(**fields)


class TestCommands:
    @pytest.fixture
    def call(self, capfd):
        def run(*arguments: str) -> tuple[int, str, str]:
            capfd.readouterr()
            with pytest.raises(SystemExit) as end:
                main([str(argument) for argument in arguments])
            out, err = capfd.readouterr()
            return end.value.code or 0, out, err

        return run

    def test_compare_prints_the_table_and_the_page(self, call, micrographs):
        status, out, err = call("compare", "mic", "--pickers", "dark-discs", "--truth", "truth", "--diameter", "40")
        assert (status, err) == (0, "")
        assert "1.000" in out
        assert out.splitlines()[-1] == "written to comparison/report.html"

    def test_the_command_on_the_page_makes_the_same_tables(self, call, micrographs):
        import shlex

        settings = ComparisonSettings(
            **{"diameter": 40, "pickers": ("dark-discs",), "picks": {"mine": "truth"}, "truth": "mine", "edge": 3.0},
            **{"consensus": 1, "options": {"dark-discs": {"threshold": 0.3}}, "inputs": ("mic",), "out": "again"},
        )
        jobs.finish(jobs.run_comparison(settings))
        before = [{k: v for k, v in row.items() if k != "cpu_seconds"} for row in rows("again/table.csv")]
        status, _, err = call(*shlex.split(command(settings))[1:])
        assert (status, err) == (0, "")
        assert [{k: v for k, v in row.items() if k != "cpu_seconds"} for row in rows("again/table.csv")] == before

    def test_json_is_one_document(self, call, micrographs):
        common = ("--pickers", "dark-discs", "--truth", "truth", "--diameter", "40", "--json")
        status, out, _ = call("compare", "mic", *common)
        document = json.loads(out)
        assert status == 0
        assert document["sets"][0]["f1"] == 1
        assert document["agreement"][0]["shared"] == 8

    def test_what_failed_is_status_1_and_on_standard_error(self, call, micrographs):
        status, _, err = call(
            *("compare", "mic", "--pickers", "dark-discs,raising", "--truth", "truth", "--diameter", "40")
        )
        assert status == 1
        assert "error: raising on mic/a.mrc: mic/a.mrc: too hard." in err
        assert "Traceback" not in err

    @pytest.mark.parametrize(
        ("arguments", "about"),
        [
            (["compare", "mic", "--pickers", "dark-discs"], "diameter"),
            (["compare", "--pickers", "dark-discs", "--diameter", "40"], "inputs"),
            (["compare", "mic", "--pickers", "nobody", "--diameter", "40"], "no picker named 'nobody'"),
            (["compare", "mic", "--diameter", "40", "--option", "log.x=1"], "of no picker"),
            (["compare", "mic", "--diameter", "40", "--picks", "truth", "--picks", "x=truth/../truth"], "named"),
            (["consensus", "truth", "mic/../truth", "--diameter", "40"], "Two sets are named 'truth'"),
            (["consensus", "truth", "--diameter", "40", "--weight", "truth"], "--weight 'truth' is not KEY=VALUE"),
        ],
    )
    def test_a_call_that_cannot_be_is_status_2(self, call, micrographs, arguments, about):
        status, out, err = call(*arguments)
        assert (status, out) == (2, "")
        assert about in err
        assert "Traceback" not in err

    def test_consensus(self, call, micrographs):
        write_set("other", "a", DISCS[:3], 0.4)
        arguments = ("truth", "x=other", "--at-least", "2", "--diameter", "40", "--pixel-size", "2", "--weight", "x=2")
        status, out, err = call("consensus", *arguments)
        assert status == 0
        assert out == "3 picks on 2 micrographs, written to consensus\n"
        assert "x has no picks of b (1 of 2 micrographs)" in err
        status, out, _ = call("consensus", *arguments, "--json")
        assert json.loads(out)["picks"] == 3
