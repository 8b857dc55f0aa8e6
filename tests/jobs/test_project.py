"""The jobs and commands of projects: make one, pick it, show it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from discs import DISCS, write_discs
from napari_drpnet import jobs
from napari_drpnet.cli import main
from napari_drpnet.data import MANUAL, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io import Project, read_picks
from napari_drpnet.io.star_lists import read_coordinate_list
from napari_drpnet.labels import added, labels_of, moved, proposals_of, removed


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a2", "a10", "b"):
        write_discs(f"m/{name}.mrc")
    return tmp_path


@pytest.fixture
def project() -> Project:
    return jobs.open_project("p", ["m"], diameter=40, picker="dark-discs")


def pick(project: Project, *names: str, **settings) -> jobs.PickReport:
    return jobs.finish(jobs.pick_project(project, names or None, **settings))


def centres(picks: Picks) -> set[tuple[float, ...]]:
    """The discs that the picks stand for."""
    apart = np.linalg.norm(picks.yx[:, None] - np.array(DISCS)[None], axis=2)
    return {DISCS[i] for i in apart.argmin(axis=1)[apart.min(axis=1) < 3]}


class TestOpen:
    def test_inputs_make_a_project_and_more_of_them_add_to_it(self, project: Project):
        write_discs("n/c.mrc")
        project.close()
        again = jobs.open_project("p", ["m", "n/*.mrc"], threshold=0.4)
        assert [entry.name for entry in again.micrographs] == ["a2", "a10", "b", "c"]
        assert again.settings.inputs == ("m", "n/*.mrc")
        assert (again.settings.threshold, again.settings.diameter) == (0.4, 40)

    def test_inputs_are_named_from_the_working_folder(self, project: Project, monkeypatch):
        write_discs("n/c.mrc")
        project.close()
        monkeypatch.chdir("n")
        again = jobs.open_project("../p", ["."])
        assert again.entry("c").listed == "n/c.mrc"

    def test_neither_project_nor_inputs_is_an_error(self):
        with pytest.raises(UserError, match=r"nothing is not a project.*Name its micrographs"):
            jobs.open_project("nothing")
        assert not Path("nothing").exists()

    def test_what_cannot_be_used_leaves_the_project_free(self, project: Project):
        project.close()
        for wrong in (
            {"threshold": 3},
            {"picker": "drpnet", "options": {"detector": "unknown"}},
            {"inputs": ["missing.star"]},
        ):
            with pytest.raises(UserError):
                jobs.open_project("p", **wrong)
        with Project.open("p") as again:
            assert again.read_only == ""
            assert again.settings.options == {}


class TestPick:
    def test_all_micrographs_are_picked_into_the_project(self, project: Project):
        report = pick(project)
        assert [result.micrograph for result in report.picked] == ["a2", "a10", "b"]
        assert report.picks == 12
        for row in project.rows():
            assert (row.picks, row.state) == (4, "picked")
            assert centres(project.read_picks(row.name)) == set(DISCS)
        assert len(read_coordinate_list("p/autopick.star")) == 3

    def test_only_those_that_are_named(self, project: Project):
        pick(project, "b")
        assert [row.state for row in project.rows()] == ["new", "new", "picked"]
        with pytest.raises(UserError, match="no micrograph named 'c'"):
            pick(project, "b", "c")

    def test_every_label_stays_and_the_picker_gives_way_to_it(self, project: Project):
        pick(project)
        picks = project.read_picks("b")
        first = int(np.argmin(np.linalg.norm(picks.yx - DISCS[0], axis=1)))
        picks = removed(picks, [first])
        picks = added(picks, [[80.5, 100.25]])
        second = int(np.argmin(np.linalg.norm(picks.yx - DISCS[1], axis=1)))
        picks = moved(picks, [second], np.add(DISCS[1:2], 4.0))
        project.write_picks("b", picks)
        labels = labels_of(picks)
        for threshold in (0.5, 0.1):
            pick(project, threshold=threshold)
            again = project.read_picks("b")
            kept = labels_of(again)
            assert sorted(map(tuple, kept.yx.tolist())) == sorted(map(tuple, labels.yx.tolist()))
            assert centres(again.select(again.label == "background")) == {DISCS[0]}
            assert centres(proposals_of(again)) == {DISCS[2], DISCS[3]}
        (written,) = read_picks("p/picks/b_autopick.star")
        assert len(written) == 4
        assert project.row("b").state == "edited"

    def test_regions_hide_what_is_found(self, project: Project):
        mask = np.zeros((16, 20), bool)
        mask[:8] = True
        project.write_region("b", mask)
        assert pick(project, "b").picks == 2
        project.write_region("b", None)
        assert project.row("b").picks == 4

    def test_one_bad_micrograph_does_not_stop_the_others(self, project: Project):
        whole = Path("m/a2.mrc").read_bytes()
        pick(project)
        Path("m/a2.mrc").write_bytes(whole[:-500])
        Path("m/a10.mrc").unlink()
        report = pick(project)
        errors = {result.micrograph: result.error for result in report.failed}
        assert "still being written" in errors["a2"]
        assert "no such file" in errors["a10"]
        assert [result.micrograph for result in report.picked] == ["b"]
        assert [row.picks for row in project.rows()] == [4, 4, 4]

    def test_a_damaged_region_is_the_fault_of_one_micrograph(self, project: Project):
        project.write_region("a2", np.eye(8) > 0)
        Path("p/regions/a2.png").write_text("no picture")
        report = pick(project)
        assert [result.micrograph for result in report.failed] == ["a2"]
        assert "regions/a2.png cannot be read" in report.failed[0].error
        assert [result.picks > 0 for result in report.results] == [False, True, True]

    def test_a_damaged_label_file_is_not_written_over(self, project: Project):
        project.write_picks("b", added(project.read_picks("b"), [[1, 2]]))
        path = Path("p/labels/b.star")
        path.write_text(path.read_text().replace("\t1.000", "\tone"))
        before = path.read_text()
        report = pick(project)
        assert [result.micrograph for result in report.failed] == ["b"]
        assert path.read_text() == before

    def test_a_stopped_run_keeps_what_is_finished(self, project: Project):
        job = jobs.pick_project(project, threshold=0.5)
        while next(job).done < 1:
            pass
        job.close()
        assert [row.state for row in project.rows()] == ["picked", "new", "new"]
        assert [name for name, _ in read_coordinate_list("p/autopick.star")] == ["m/a2.mrc"]

    def test_picks_that_vanish_during_the_run_are_told_and_not_listed(self, project: Project):
        job = jobs.pick_project(project, threshold=0.5)
        while next(job).done < 1:
            pass
        shutil.rmtree("p/picks")
        report = jobs.finish(job)
        assert [result.micrograph for result in report.failed] == ["a2"]
        assert "was removed during the run" in report.failed[0].error
        assert [name for name, _ in read_coordinate_list("p/autopick.star")] == ["m/a10.mrc", "m/b.mrc"]
        assert [row.picks for row in project.rows()] == [0, 4, 4]

    def test_only_new_micrographs_are_picked_until_settings_change(self, project: Project):
        def picked_now(**settings) -> list[str]:
            report = pick(project, again=False, **settings)
            assert len(report.results) == len(project.micrographs)
            return [result.micrograph for result in report.results if not result.earlier]

        assert picked_now() == ["a2", "a10", "b"]
        assert picked_now(device="cpu") == []
        write_discs("m/c.mrc")
        project.refresh()
        assert picked_now() == ["c"]
        project.update(diameter=44, threshold=0.4)
        pick(project, "b")
        assert picked_now() == ["a2", "a10", "c"]
        assert picked_now() == []
        assert not any(result.earlier for result in pick(project).results)

    def test_micrographs_that_fail_again_leave_the_threshold_of_the_others(self, project: Project):
        for name in ("x", "y", "z"):
            Path(f"m/{name}.mrc").write_bytes(b"")
        project.refresh()
        pick(project, again=False)
        decision = project.evidence.decision
        assert (decision.micrographs, decision.tried) == (3, 6)
        again = pick(project, again=False)
        assert [result.earlier for result in again.results] == [True] * 3 + [False] * 3
        assert project.evidence.decision == decision

    def test_picks_that_were_brought_along_are_no_reason_to_pick(self, project: Project):
        project.write_picks("b", Picks(project.read_picks("b").frame, np.array([[20.0, 20.0]])), "imported")
        report = pick(project, again=False)
        assert [result.earlier for result in report.results] == [False, False, True]
        assert len(project.read_picks("b")) == 1

    def test_a_micrograph_that_failed_is_new(self, project: Project):
        Path("m/b.mrc").write_bytes(b"")
        assert [result.micrograph for result in pick(project, again=False).failed] == ["b"]
        write_discs("m/b.mrc")
        assert [result.earlier for result in pick(project, again=False).results] == [True, True, False]

    def test_a_project_that_can_only_be_read_is_not_picked(self, project: Project):
        with pytest.raises(UserError, match="can only be read"):
            pick(Project.open("p"))

    def test_without_a_diameter_the_error_names_the_option(self, project: Project):
        project.update(diameter=None)
        with pytest.raises(UserError, match="--diameter"):
            pick(project)

    def test_the_picker_has_the_projects_settings_and_networks(self, project: Project):
        project.update(picker="drpnet", options={"detector": "fcrn"}, threshold=0.25, min_distance=30, invert=True)
        settings = jobs.project_picker(project, device="cpu").settings
        assert settings.detector == "fcrn"
        assert (settings.threshold, settings.min_distance, settings.invert, settings.device) == (0.25, 30, True, "cpu")
        project.update(options={"detector": "gone"})
        with pytest.raises(UserError, match="no detector named 'gone'"):
            jobs.project_picker(project)


class TestCommands:
    @pytest.fixture
    def call(self, capsys):
        def call(*arguments: object) -> tuple[int, str, str]:
            with pytest.raises(SystemExit) as ended:
                main([str(one) for one in arguments])
            out, err = capsys.readouterr()
            return ended.value.code or 0, out, err

        return call

    make = ("project", "p", "m", "--diameter", 40, "--picker", "dark-discs")

    def test_a_project_is_made_and_shown_as_a_table(self, call):
        status, out, err = call(*self.make)
        assert (status, err) == (0, "")
        head, *rows, total, next_step = out.splitlines()
        assert next_step == "Pick them:  napari-drpnet pick --project p"
        assert head.split() == ["micrograph", "picks", "particles", "background", "state", "score"]
        assert [row.split()[0] for row in rows] == ["a2", "a10", "b"]
        assert total.split() == ["all", "3", "0", "0", "0", "3", "new"]
        assert not Path("p/.lock").exists()

    def test_it_is_shown_while_a_window_has_it_open(self, call):
        call(*self.make)
        with Project.open("p") as window:
            window.write_picks("b", added(window.read_picks("b"), [[10, 20]]))
            status, out, _ = call("project", "p", "--json")
        assert status == 0
        said = json.loads(out)
        assert said["settings"]["diameter"] == 40
        assert [one["state"] for one in said["micrographs"]] == ["new", "new", "edited"]
        assert said["micrographs"][0]["score"] is None
        assert said["networks"] == {"calibration": []}

    def test_pick_writes_into_the_project_and_its_options_become_the_projects(self, call):
        call(*self.make)
        status, out, err = call("pick", "--project", "p", "--threshold", 0.3)
        assert (status, err) == (0, "")
        assert "12 picks on 3 of 3 micrographs" in out
        assert yaml.safe_load(Path("p/project.yaml").read_text())["threshold"] == 0.3
        assert not Path("picks").exists()
        status, out, _ = call("project", "p", "--json")
        assert [one["picks"] for one in json.loads(out)["micrographs"]] == [4, 4, 4]

    @pytest.mark.parametrize("named", ["b", "m/b.mrc", "m/b*"])
    def test_pick_takes_names_files_and_patterns(self, call, named: str):
        call(*self.make)
        assert "4 picks on 1 of 1" in call("pick", named, "--project", "p")[1]

    def test_pick_makes_the_project_of_its_inputs(self, call):
        status, out, _ = call("pick", "m", "--project", "p", "--diameter", 40, "--picker", "dark-discs")
        assert (status, "12 picks on 3 of 3" in out) == (0, True)

    def test_labels_come_through_the_command_line(self, call):
        call(*self.make)
        with Project.open("p") as window:
            window.write_picks("b", added(window.read_picks("b"), [DISCS[0]], "background"))
        call("pick", "--project", "p")
        with Project.open("p") as window:
            picks = window.read_picks("b")
        assert centres(picks.select(picks.source != MANUAL)) == set(DISCS[1:])
        assert picks.label[picks.by_hand].tolist() == ["background"]

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("pick", "--project", "q"), "not a project"),
            (("project", "q"), "not a project"),
            (("pick", "--project", "p", "--out", "x"), "--out"),
            (("pick", "c", "--project", "p"), "napari-drpnet project"),
            (("pick", "--project", "p", "--detector", "x"), "'dark-discs' has no setting named 'detector'"),
            (("project", "p", "m", "nowhere/*.mrc"), "nowhere"),
        ],
    )
    def test_bad_calls_are_one_line_with_the_next_step(self, call, arguments: tuple[str, ...], words: str):
        call(*self.make)
        before = Path("p/project.yaml").read_text()
        status, out, err = call(*arguments)
        assert (status, out) == (2, "")
        assert err.startswith("error: ")
        assert words in err
        assert len(err.splitlines()) == 1
        assert Path("p/project.yaml").read_text() == before

    def test_a_micrograph_that_fails_is_told_and_the_status_is_1(self, call):
        call(*self.make)
        Path("m/b.mrc").write_bytes(b"no image")
        status, out, err = call("pick", "--project", "p")
        assert status == 1
        assert "8 picks on 2 of 3" in out
        assert "b.mrc" in err
