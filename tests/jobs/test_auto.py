"""The threshold of a data set: measured on a sample, kept, and what is done with micrographs that have no evidence."""

from __future__ import annotations

import csv
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from discs import SlowScores, write_discs
from napari_drpnet import jobs
from napari_drpnet.errors import UserError
from napari_drpnet.io import read_micrograph, read_picks
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs.bench import judge_one
from napari_drpnet.jobs.judging import judged_before, made_for, with_averages
from napari_drpnet.jobs.levels import levels_in_words
from napari_drpnet.jobs.picking import spread_order
from napari_drpnet.pickers import load_picker
from napari_drpnet.settings import Evidence, PickRun
from napari_drpnet.steps import Progress, drained, drive
from seen_particles import DIAMETER, PER_MICROGRAPH, write_data_set, write_seen


def pick(*inputs: str) -> jobs.PickReport:
    run = PickRun(inputs=inputs, picker="log", options={"diameter": DIAMETER})
    return jobs.finish(jobs.pick(run))


def discs_run(*inputs: str, picker: str = "dark-discs", **options: Any) -> PickRun:
    return PickRun(inputs=inputs, picker=picker, options={"diameter": 40, **options})


def summary(out: str = "picks") -> list[dict[str, str]]:
    with Path(out, "summary.tsv").open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def recorded(out: str = "picks") -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(Path(out, "settings.yaml").read_text())
    return found


@pytest.fixture(scope="module")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Micrographs ``m/``, picked into ``picks``; what tests change they change in a folder of their own."""
    folder = tmp_path_factory.mktemp("set")
    write_data_set(folder / "m")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        pick("m/*.mrc")
    return folder


@pytest.fixture
def here(data_set: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(data_set)
    return data_set


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestDataSet:
    def test_the_evidence_decides_and_is_right_about_the_number(self, here: Path):
        decision = recorded()["decision"]
        assert decision["basis"] == "evidence"
        number, error = decision["number"]
        assert abs(number - 4 * PER_MICROGRAPH) < 3 * error
        assert error < 0.2 * number
        assert recorded()["options"]["threshold"] == "auto"

    def test_nearly_all_particles_and_little_else_are_picked(self, here: Path):
        good = [int(row["picks"]) for row in summary() if "good" in row["micrograph"]]
        assert all(0.85 * PER_MICROGRAPH <= picks <= 1.15 * PER_MICROGRAPH for picks in good)

    def test_an_empty_micrograph_is_flagged_and_the_good_ones_are_not(self, here: Path):
        rows = {Path(row["micrograph"]).stem: row for row in summary()}
        assert [name for name, row in rows.items() if row["doubt"]] == ["empty0"]
        assert rows["empty0"]["picks"] == "0"
        assert int(rows["empty0"]["left_out"]) > 20
        assert float(rows["empty0"]["evidence"]) < 3 * float(rows["empty0"]["evidence_error"])
        assert float(rows["good0"]["evidence"]) > 0.7
        assert len(read_picks("picks/empty0_autopick.star")[0]) == 0  # RELION takes the list as it is

    def test_rows_are_in_the_order_of_the_micrographs_and_nothing_is_left_behind(self, here: Path):
        assert [Path(row["micrograph"]).stem for row in summary()] == ["empty0", "good0", "good1", "good2", "good3"]
        assert not [path for path in Path("picks").iterdir() if path.name.startswith(".")]

    def test_scores_are_the_probabilities_of_this_data_set(self, here: Path):
        written = [read_picks(f"picks/good{number}_autopick.star")[0] for number in range(4)]
        scores = np.concatenate([picks.score for picks in written])
        assert scores.min() >= recorded()["decision"]["threshold"] - 0.001
        assert scores.max() < 1
        assert scores.sum() == pytest.approx(4 * PER_MICROGRAPH, rel=0.1)

    def test_what_averages_prove_of_each_candidate_counts_beside_its_score(self, here: Path):
        picker, micrograph = load_picker("log", diameter=DIAMETER), read_micrograph("m/good0.mrc")
        decision = PickRun(**recorded()).decision
        known = with_averages(judged_before(decision, picker), picker, Path("picks"))
        assert known is not None
        scored = picker.score(micrograph)
        measured = known.measured_on(picker, micrograph, scored)
        evidence = measured.candidates.evidence
        assert evidence is not None
        by_score, by_both = known.adapted(scored).candidates, known.adapted(measured).candidates
        more, less = by_both.probability > by_score.probability, by_both.probability < by_score.probability
        assert np.isfinite(evidence[more | less]).all()
        assert (more.sum(), less.sum()) > (50, 3)
        assert np.median(evidence[more]) > 2 > np.median(evidence[less])
        (written,) = read_picks("picks/good0_autopick.star")
        told = known.picks(picker, measured)
        np.testing.assert_allclose(written.score, told.score, atol=1e-5)

    def test_the_recorded_decision_repeats_the_run_without_measuring(self, here: Path):
        steps: list[Progress] = []
        run = jobs.make_run({"inputs": ("m/good*.mrc",), "out": Path("again")}, {}, Path("picks/settings.yaml"))
        report = drive(jobs.pick(run), steps.append)
        assert report.kept
        assert "As decided before" in report.chosen
        assert not [step for step in steps if "averages" in step.message]
        for name in ("good0", "good3"):
            first, second = (Path(out, f"{name}_autopick.star").read_text() for out in ("picks", "again"))
            assert first == second
        assert recorded("again")["decision"] == recorded()["decision"]

    def test_a_micrograph_that_comes_later_is_judged_by_the_averages_that_were_kept(self, here: Path):
        shutil.copytree("picks", "later")
        for seed, count in ((150, 0), (50, PER_MICROGRAPH)):
            write_seen(Path(f"new/{seed}.mrc"), seed, count=count)
        run = PickRun(inputs=("new",), out=Path("later"), picker="log", options={"diameter": DIAMETER})
        report = jobs.finish(jobs.pick(run))
        assert report.kept
        assert {Path(one.micrograph).stem for one in report.results if one.doubt and not one.earlier} == {"150"}
        Path("later/averages.safetensors").write_bytes(b"others")
        with pytest.warns(UserWarning, match=r"not the averages .* are not told of"):
            report = jobs.finish(jobs.pick(run.model_copy(update={"again": True})))
        assert not any(result.doubt for result in report.results)

    def test_a_number_counts_on_what_was_measured(self, here: Path):
        decision = recorded()["decision"]
        run = jobs.make_run(
            {"inputs": ("m/good0.mrc",), "out": Path("number")}, {"threshold": 0.8}, Path("picks/settings.yaml")
        )
        jobs.finish(jobs.pick(run))
        (written,) = read_picks("number/good0_autopick.star")
        (every,) = read_picks("picks/good0_autopick.star")
        assert len(written) == (every.score >= 0.8).sum() > 0
        assert recorded("number")["decision"]["shares"] == decision["shares"]

    def test_another_diameter_is_another_data_set(self, here: Path):
        picker = load_picker("log", diameter=DIAMETER)
        decision = PickRun(**recorded()).decision
        assert judged_before(decision, picker) is not None
        assert judged_before(decision, load_picker("log", diameter=DIAMETER + 1)) is None
        assert decision is not None
        broken = decision.model_copy(update={"shares": {"knots": [1, 0]}})
        assert judged_before(broken, picker) is None

    def test_one_micrograph_is_judged_by_its_halves(self, here: Path):
        picker = load_picker("log", diameter=DIAMETER)
        micrograph = read_micrograph(write_seen(Path("large.mrc"), 7, count=225, side=1000))
        found, _ = drained(judge_one(picker, micrograph, picker.score(micrograph)))
        assert found.decision.basis == "evidence"
        assert not found.decision.enough  # others of the data set would tell more
        assert abs((found.decision.number[0] or 0) - 225) < 3 * (found.decision.number[1] or 0)

    def test_noise_proves_nothing(self, elsewhere: Path):
        for seed in range(3):
            write_seen(elsewhere / "n" / f"{seed}.mrc", 200 + seed, count=0)
        report = pick("n")
        assert report.decision is not None
        assert report.decision.basis == "probabilities"
        assert report.decision.number[1] is None
        assert "cannot be told from that of noise" in report.chosen


class TestWithoutEvidence:
    """Four discs a micrograph: too few for averages."""

    def test_expected_f1_decides_and_the_reason_is_said(self, elsewhere: Path):
        write_discs("a.mrc")
        write_discs("b.mrc", seed=1)
        report = jobs.finish(jobs.pick(discs_run("a.mrc", "b.mrc")))
        assert [result.picks for result in report.results] == [4, 4]
        assert "by the picker's own probabilities" in report.chosen
        assert "Too few candidates" in report.chosen
        assert [(row["evidence"], row["doubt"]) for row in summary()] == [("", "")] * 2

    def test_with_a_number_nothing_is_measured_and_scores_are_the_pickers(self, elsewhere: Path):
        path = write_discs("a.mrc")
        steps: list[Progress] = []
        run = discs_run("a.mrc", threshold=0.5)
        report = drive(jobs.pick(run), steps.append)
        assert (report.decision, report.chosen) == (None, "")
        assert recorded().get("decision") is None
        assert not [step for step in steps if "averages" in step.message]
        told = load_picker("dark-discs", diameter=40, threshold=0.5).pick(read_micrograph(path))
        (written,) = read_picks("picks/a_autopick.star")
        np.testing.assert_allclose(written.score, told.score, atol=1e-3)

    def test_a_later_run_into_the_folder_keeps_the_threshold_unless_told(self, elsewhere: Path):
        for name in "ab":
            write_discs(f"{name}.mrc", seed=ord(name))
        first = jobs.finish(jobs.pick(discs_run("a.mrc")))
        second = jobs.finish(jobs.pick(discs_run("b.mrc")))
        assert (first.kept, second.kept) == (False, True)
        assert second.decision == first.decision
        anew = discs_run("b.mrc", threshold="auto")
        assert not jobs.finish(jobs.pick(anew)).kept

    def test_no_candidate_and_no_micrograph_decide_nothing_for_later(self, elsewhere: Path):
        Path("a.mrc").write_bytes(b"no image")
        report = jobs.finish(jobs.pick(discs_run("a.mrc")))
        assert report.failed
        assert report.chosen == ""
        write_discs("b.mrc")
        later = jobs.finish(jobs.pick(discs_run("b.mrc")))
        assert not later.kept
        assert later.picks == 4

    def test_damaged_settings_of_an_earlier_run_are_passed_over(self, elsewhere: Path):
        write_discs("a.mrc")
        run = discs_run("a.mrc").model_copy(update={"again": True})
        for text in ("{", "decision: 5", "decision: {threshold: 7}", "decision: {version: 2}"):
            Path("picks").mkdir(exist_ok=True)
            Path("picks/settings.yaml").write_text(text)
            assert not jobs.finish(jobs.pick(run)).kept

    def test_a_run_that_is_stopped_while_it_decides_leaves_no_sample(self, elsewhere: Path):
        write_discs("a.mrc")
        write_discs("b.mrc")
        job = jobs.pick(discs_run("a.mrc", "b.mrc"))
        while next(job).done < 1:
            pass
        assert Path("picks/.sample").exists()
        job.close()
        assert {path.name for path in Path("picks").iterdir()} == {"autopick.star", "summary.tsv", "settings.yaml"}
        Path("picks/.sample").mkdir()  # of a program that was killed
        Path("picks/.sample/0.npz").touch()
        assert jobs.finish(jobs.pick(discs_run("a.mrc"))).picks == 4
        assert not Path("picks/.sample").exists()

    def test_no_picker_runs_twice(self, elsewhere: Path, monkeypatch: pytest.MonkeyPatch):
        for name in "abc":
            write_discs(f"{name}.mrc")
        monkeypatch.setattr(SlowScores, "wait", 0.0)
        seen: list[str] = []
        scored = SlowScores.score_steps

        def noted(self: SlowScores, micrograph: Any) -> Any:
            seen.append(micrograph.frame.micrograph)
            return scored(self, micrograph)

        monkeypatch.setattr(SlowScores, "score_steps", noted)
        report = jobs.finish(
            jobs.pick(PickRun(inputs=("a.mrc", "b.mrc", "c.mrc"), picker="slow-scores", options={"diameter": 40}))
        )
        assert sorted(seen) == ["a.mrc", "b.mrc", "c.mrc"]
        assert report.picks == 12

    def test_one_that_cannot_be_read_is_told_of_and_the_others_decide(self, elsewhere: Path):
        write_discs("a.mrc")
        Path("b.mrc").write_bytes(b"no image")
        write_discs("c.mrc")
        report = jobs.finish(jobs.pick(discs_run("a.mrc", "b.mrc", "c.mrc")))
        assert [bool(result.error) for result in report.results] == [False, True, False]
        assert report.decision is not None
        assert report.decision.micrographs == 2


def test_the_authors_rules_stay_in_the_place_of_a_threshold(elsewhere: Path):
    write_seen(Path("a.mrc"), 0)
    options = {"diameter": DIAMETER, "device": "cpu", "box": 32.0}
    report = jobs.finish(jobs.pick(PickRun(inputs=("a.mrc",), picker="drpnet-paper", options=options)))
    assert report.decision is not None
    assert report.decision.basis == "rule"
    picker = load_picker("drpnet-paper", **options)
    score_map = picker.score(read_micrograph("a.mrc"))
    told = picker.picks_from(score_map)
    assert [len(picks) for picks in read_picks("picks/a_autopick.star")] == [len(told)]
    low, normal, high = picker.levels(score_map)
    assert low >= normal >= high > 0
    assert report.confidence == levels_in_words((low, normal, high))


def test_a_sample_is_spread_over_the_data_set():
    assert spread_order(0) == []
    assert spread_order(1) == [0]
    for count in (2, 7, 64, 100):
        assert sorted(spread_order(count)) == list(range(count))
        quarter = spread_order(count)[: max(count // 4, 1)]
        assert np.ptp(quarter) >= 0.7 * count or count < 8


class TestProject:
    def test_it_remembers_the_decision_and_shows_what_is_in_doubt(self, here: Path, tmp_path: Path):
        with jobs.open_project(tmp_path / "p", ["m"], diameter=DIAMETER, picker="log", keep_unproved=True) as project:
            report = jobs.finish(jobs.pick_project(project))
            assert report.decision is not None
            assert report.decision.basis == "evidence"
            assert project.row("empty0").doubt.startswith("Nothing proves")
            assert project.row("empty0").picks > 20  # as the project asks for
            assert any("their picks were kept" in note for note in report.notes)
            assert project.row("good0").doubt == ""
        with Project.open(tmp_path / "p") as again:
            assert again.evidence.decision == report.decision
            assert list(again.evidence.left_out) == ["empty0"]
            later = jobs.finish(jobs.pick_project(again, ["good1"]))
            assert later.kept
            assert list(again.evidence.left_out) == ["empty0"]
            assert again.read_picks("good1").score.min() >= report.decision.threshold - 0.001
            again.update(diameter=DIAMETER + 20)
            assert jobs.project_judgement(again, jobs.project_picker(again)) is None

    def test_what_was_decided_on_one_micrograph_is_decided_anew_for_all(self, elsewhere: Path):
        for name in "abc":
            write_discs(f"m/{name}.mrc")
        with jobs.open_project("p", ["m"], diameter=40, picker="dark-discs") as project:
            first = jobs.finish(jobs.pick_project(project, ["a"]))
            assert first.decision is not None
            assert not first.decision.enough
            every = jobs.finish(jobs.pick_project(project))
            assert not every.kept
            assert every.decision is not None
            assert every.decision.micrographs == 3
            assert jobs.finish(jobs.pick_project(project)).kept

    @pytest.mark.parametrize("text", ["{", "version: 2", "decision: {threshold: 3}", "left_out: [a]", "\x00"])
    def test_a_damaged_file_is_passed_over_with_a_word(self, elsewhere: Path, text: str):
        write_discs("m/a.mrc")
        with jobs.open_project("p", ["m"], diameter=40, picker="dark-discs") as project:
            Path("p/evidence.yaml").write_text(text)
            project.refresh()
            with pytest.warns(UserWarning, match=r"evidence\.yaml.*passed over"):
                assert project.evidence == Evidence()
            assert jobs.finish(jobs.pick_project(project)).picks == 4
            assert project.evidence.decision is not None

    def test_a_number_is_what_it_was(self, elsewhere: Path):
        write_discs("m/a.mrc")
        with jobs.open_project("p", ["m"], diameter=40, picker="dark-discs", threshold=0.5) as project:
            report = jobs.finish(jobs.pick_project(project))
            assert report.decision is None
            assert project.evidence.decision is None


class TestCommand:
    def test_it_says_what_was_chosen_and_why(self, elsewhere: Path, capsys: pytest.CaptureFixture[str]):
        from napari_drpnet.cli import main

        write_discs("a.mrc")
        with pytest.raises(SystemExit) as end:
            main(["pick", "a.mrc", "--picker", "log", "--diameter", "40"])
        out = capsys.readouterr().out
        assert end.value.code in (0, None)
        assert "Threshold 0." in out
        assert "by the picker's own probabilities" in out

    @pytest.mark.parametrize("wrong", ["atuo", "1.5", "-1", "nan"])
    def test_another_word_is_one_line(self, elsewhere: Path, wrong: str, capsys: pytest.CaptureFixture[str]):
        from napari_drpnet.cli import main

        write_discs("a.mrc")
        with pytest.raises(SystemExit) as end:
            main(["pick", "a.mrc", "--picker", "log", "--diameter", "40", f"--threshold={wrong}"])
        assert end.value.code == 2
        assert "threshold: auto, or a number from 0 to 1" in capsys.readouterr().err


def test_a_threshold_is_auto_or_a_probability():
    for value, expected in (("auto", "auto"), (0.3, 0.3), ("0.25", 0.25), (1, 1.0)):
        assert load_picker("log", diameter=40, threshold=value).settings.threshold == expected
    for wrong in ("often", -0.1, math.inf, True, None):
        with pytest.raises(UserError, match="auto, or a number"):
            load_picker("log", diameter=40, threshold=wrong)


def test_what_a_decision_depends_on():
    one = made_for(load_picker("log", diameter=40))
    assert one == made_for(load_picker("log", diameter=40, threshold=0.2))
    assert one != made_for(load_picker("log", diameter=41))
    assert one != made_for(load_picker("log", diameter=40, invert=True))
