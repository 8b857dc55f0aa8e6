"""Jobs over files: what a run writes, and what happens when something is in its way."""

from __future__ import annotations

import csv
from importlib.metadata import version
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from discs import DISCS, write_discs
from napari_drpnet import jobs
from napari_drpnet.errors import UserError
from napari_drpnet.io import open_image, read_micrograph, read_picks
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.io.names import safe_place
from napari_drpnet.io.star_lists import read_coordinate_list
from napari_drpnet.pickers import load_picker
from napari_drpnet.settings import EvaluationSettings, PickRun
from napari_drpnet.steps import drive


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_of(*inputs: str | Path, picker: str = "dark-discs", threshold: float | str = 0.5, **fields) -> PickRun:
    options = {"diameter": 40, "threshold": threshold}
    return PickRun(inputs=tuple(map(str, inputs)), picker=picker, options=options, **fields)


def pick(*inputs: str | Path, **fields) -> jobs.PickReport:
    return jobs.finish(jobs.pick(run_of(*inputs, **fields)))


def summary(out: Path = Path("picks")) -> list[dict[str, str]]:
    with (out / "summary.tsv").open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def micrographs_star(path: Path, *names: str) -> Path:
    rows = "".join(f"{name} 1\n" for name in names)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "data_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnOpticsGroupName #2\n_rlnMicrographPixelSize #3\n1 one 2.0\n\n"
        f"data_micrographs\n\nloop_\n_rlnMicrographName #1\n_rlnOpticsGroup #2\n{rows}"
    )
    return path


class TestWhatARunWrites:
    def test_a_star_file_each_the_list_the_summary_and_the_settings(self):
        report = pick(write_discs("a.mrc"), write_discs("b.mrc", seed=1))
        assert report.picks == 8
        assert files_in(Path("picks")) == {
            "a_autopick.star",
            "b_autopick.star",
            "autopick.star",
            "summary.tsv",
            "settings.yaml",
            "report.html",
        }
        assert [(row["micrograph"], row["picks"], row["error"]) for row in summary()] == [
            ("a.mrc", "4", ""),
            ("b.mrc", "4", ""),
        ]

    def test_the_picks_lie_on_the_particles(self):
        pick(write_discs("a.mrc"))
        (picks,) = read_picks(Path("picks/a_autopick.star"))
        order = np.lexsort((picks.yx[:, 1], picks.yx[:, 0]))
        expected = np.array(sorted(DISCS))
        distance = np.linalg.norm(picks.yx[:, None] - expected[None], axis=2).min(axis=1)
        assert len(order) == len(expected)
        assert distance.max() <= 2

    def test_names_of_a_relion_project_are_kept_to_the_letter_and_its_subfolders_too(self):
        names = ["MotionCorr/job002/Micrographs/day1/a.mrc", "MotionCorr/job002/Micrographs/b.mrc"]
        for name in names:
            write_discs(name)
        star = micrographs_star(Path("CtfFind/job003/micrographs_ctf.star"), *names)
        pick(star, out=Path("External/job004"))
        assert read_coordinate_list(Path("External/job004/autopick.star")) == [
            (names[0], "External/job004/Micrographs/day1/a_autopick.star"),
            (names[1], "External/job004/Micrographs/b_autopick.star"),
        ]
        assert Path("External/job004/Micrographs/day1/a_autopick.star").is_file()

    def test_the_recorded_settings_repeat_the_run_exactly(self):
        pick(write_discs("a.mrc"), pixel_size=2.1)
        first = Path("picks/a_autopick.star").read_bytes()
        recorded = Path("picks/settings.yaml").read_bytes()
        Path("picks/a_autopick.star").unlink()
        jobs.finish(jobs.pick(jobs.make_run({}, {}, Path("picks/settings.yaml"))))
        assert Path("picks/a_autopick.star").read_bytes() == first
        assert Path("picks/settings.yaml").read_bytes() == recorded

    def test_the_settings_hold_every_option_in_force(self):
        pick(write_discs("a.mrc"))
        recorded = yaml.safe_load(Path("picks/settings.yaml").read_text())
        assert recorded["inputs"] == ["a.mrc"]
        assert recorded["version"] == version("napari-drpnet")
        assert recorded["options"]["threshold"] == 0.5

    def test_a_micrograph_without_particles_has_a_star_file_without_rows(self):
        write_mrc(np.ones((100, 100)), Path("empty.mrc"), 2.0)
        report = pick("empty.mrc")
        assert not report.failed
        assert [len(picks) for picks in read_picks(Path("picks/empty_autopick.star"))] == [0]


class TestInputs:
    def names(self, *inputs: str | Path) -> list[str]:
        return [task.micrograph.name for task in jobs.find_micrographs([str(one) for one in inputs])[0]]

    def places(self, *inputs: str | Path) -> list[str]:
        return [str(task.coordinates) for task in jobs.find_micrographs([str(one) for one in inputs])[0]]

    def test_a_folder_means_the_images_in_it_but_not_in_its_subfolders(self):
        write_discs("data/b.mrc")
        write_discs("data/a.mrc")
        write_discs("data/deep/c.mrc")
        Path("data/notes.txt").touch()
        assert self.names("data") == ["data/a.mrc", "data/b.mrc"]

    def test_a_pattern_goes_as_deep_as_it_says(self):
        write_discs("data/a.mrc")
        write_discs("data/deep/c.mrc")
        assert self.names("data/**/*.mrc") == ["data/a.mrc", "data/deep/c.mrc"]
        assert self.names("data/*.mrc") == ["data/a.mrc"]

    def test_a_micrograph_named_twice_is_picked_once(self):
        path = write_discs("data/a.mrc")
        assert self.names("data", "data/a.mrc", path.absolute()) == ["data/a.mrc"]

    def test_a_name_with_brackets_is_a_file_before_it_is_a_pattern(self):
        assert self.names(write_discs("a[1].mrc")) == ["a[1].mrc"]

    def test_equal_names_in_different_folders_keep_their_folders(self):
        write_discs("x/a.mrc")
        write_discs("y/a.mrc")
        write_discs("y/b.mrc")
        assert self.places("x", "y") == ["x/a_autopick.star", "y/a_autopick.star", "b_autopick.star"]

    def test_what_would_overwrite_the_picks_of_another_is_refused(self):
        write_discs("a.mrc")
        write_discs("a.map")
        tasks, refusals = jobs.find_micrographs(["a.mrc", "a.map"])
        assert [task.micrograph.name for task in tasks] == ["a.mrc"]
        assert "overwrite" in str(refusals[0].error)

    @pytest.mark.parametrize("nothing", ["empty", "*.mrc", "missing.star"])
    def test_an_input_that_means_no_micrograph_is_an_error_that_names_it(self, nothing: str):
        Path("empty").mkdir()
        with pytest.raises(UserError, match=nothing.replace("*", r"\*")):
            pick(nothing)

    @given(st.text(st.sampled_from("ab./ "), min_size=1, max_size=12))
    def test_no_name_leads_out_of_the_output_folder(self, name: str):
        try:
            place = safe_place(name)
        except UserError:
            return
        assert not place.is_absolute()
        assert ".." not in place.parts

    def test_a_name_that_no_list_can_hold_is_refused_and_the_others_are_picked(self):
        for name in ("a\nb", "c", "-d", "e%f[1]", "g' h"):
            write_discs(f"m/{name}.mrc")
        report = pick("m")
        assert {result.micrograph for result in report.failed} == {"m/a\nb.mrc"}
        assert "control characters" in report.failed[0].error
        listed = read_coordinate_list("picks/autopick.star")
        assert sorted(name for name, _ in listed) == ["m/-d.mrc", "m/c.mrc", "m/e%f[1].mrc", "m/g' h.mrc"]
        assert {len(picks) for picks in read_picks("picks/autopick.star")} == {4}


class TestTrouble:
    def test_a_bad_micrograph_is_reported_and_the_others_are_picked(self):
        write_discs("a.mrc")
        write_discs("c.mrc")
        whole = write_discs("b.mrc").read_bytes()
        Path("b.mrc").write_bytes(whole[:5000])
        report = pick("a.mrc", "b.mrc", "missing.mrc", "c.mrc")
        assert [result.micrograph for result in report.picked] == ["a.mrc", "c.mrc"]
        errors = {row["micrograph"]: row["error"] for row in summary()}
        assert "truncated" in errors["b.mrc"]
        assert "missing.mrc" in errors["missing.mrc"]
        assert [name for name, _ in read_coordinate_list(Path("picks/autopick.star"))] == ["a.mrc", "c.mrc"]
        assert "b_autopick.star" not in files_in(Path("picks"))

    def test_a_stack_is_not_a_micrograph(self):
        import mrcfile

        mrcfile.write("movie.mrcs", np.zeros((3, 50, 60), np.float32), voxel_size=2.0)
        assert "stack of 3" in pick("movie.mrcs").failed[0].error

    def test_without_a_pixel_size_the_error_names_the_option(self):
        path = write_discs("a.mrc", pixel_size=None)
        assert "--pixel-size" in pick(path).failed[0].error
        assert pick(path, pixel_size=2.0).picks == 4

    def test_the_star_file_knows_the_pixel_size_better_than_the_header(self):
        write_discs("a.mrc", pixel_size=77.0)
        with pytest.warns(UserWarning, match=r"A header says 77 A per pixel, and 2 A is used\."):
            assert pick(micrographs_star(Path("micrographs.star"), "a.mrc")).picks == 4

    def test_unusable_settings_are_found_before_anything_is_written(self):
        run = PickRun(inputs=(str(write_discs("a.mrc")),), picker="dark-discs", options={"diameter": -1})
        with pytest.raises(UserError, match="diameter"):
            jobs.finish(jobs.pick(run))
        assert not Path("picks").exists()

    def test_an_output_folder_that_cannot_be_made_is_an_error_that_names_it(self):
        Path("taken").touch()
        with pytest.raises(UserError, match="taken"):
            pick(write_discs("a.mrc"), out=Path("taken/picks"))

    def test_output_that_cannot_be_written_stops_the_run_and_keeps_what_is_finished(self):
        for name in "abc":
            write_discs(f"{name}.mrc")
        Path("picks/b_autopick.star").mkdir(parents=True)
        with pytest.raises(UserError, match="b_autopick"):
            pick("a.mrc", "b.mrc", "c.mrc")
        assert [row["micrograph"] for row in summary()] == ["a.mrc"]
        lists = {"autopick.star", "summary.tsv", "settings.yaml", "report.html"}
        assert files_in(Path("picks")) == {"a_autopick.star", *lists}

    def test_a_stopped_run_keeps_what_is_finished(self):
        job = jobs.pick(run_of(write_discs("a.mrc"), write_discs("b.mrc")))
        while next(job).done < 1:
            pass
        job.close()
        assert [row["micrograph"] for row in summary()] == ["a.mrc"]
        lists = {"autopick.star", "summary.tsv", "settings.yaml", "report.html"}
        assert files_in(Path("picks")) == {"a_autopick.star", *lists}


class TestRunFile:
    def test_what_is_given_goes_before_what_is_recorded(self):
        Path("run.yaml").write_text("inputs: [a.mrc]\noptions: {diameter: 40, threshold: 0.3}\n")
        run = jobs.make_run({"out": Path("elsewhere")}, {"threshold": 0.6}, Path("run.yaml"))
        assert run.inputs == ("a.mrc",)
        assert run.out == Path("elsewhere")
        assert run.options == {"diameter": 40, "threshold": 0.6}

    @pytest.mark.parametrize("text", ["inputs: [a.mrc\n", "- a\n", "", "inputs: [a]\ndiamter: 3\n", "\x00\xff"])
    def test_a_file_that_is_no_run_is_an_error(self, text: str):
        Path("run.yaml").write_text(text, encoding="latin-1")
        with pytest.raises(UserError):
            jobs.make_run({}, {}, Path("run.yaml"))

    def test_the_run_of_another_version_is_told(self):
        Path("run.yaml").write_text("inputs: [a.mrc]\nversion: 0.0.1\n")
        with pytest.warns(UserWarning, match=r"0\.0\.1"):
            jobs.make_run({}, {}, Path("run.yaml"))


def test_progress_counts_micrographs_and_picks_and_the_part_of_the_one_in_work():
    steps = []
    drive(jobs.pick(run_of(write_discs("a.mrc"), picker="slow-scores")), steps.append)
    assert [(step.done, step.total, step.picks, step.fraction) for step in steps] == [
        (0, 1, 0, 0.0),
        (0, 1, 0, 0.5),
        (1, 1, 4, 0.0),
    ]


def test_the_score_map_of_the_window_gives_the_picks_of_a_run():
    path = write_discs("a.mrc")
    picker = load_picker("slow-scores", diameter=40, threshold=0.5)
    found = jobs.finish(jobs.find(picker, read_micrograph(path)))
    pick(path, picker="slow-scores")
    (written,) = read_picks(Path("picks/a_autopick.star"))
    np.testing.assert_array_equal(picker.picks_from(found.score_map).yx, written.yx)


class TestEvaluateFiles:
    settings = EvaluationSettings(diameter=40, pixel_size=2)

    def test_a_folder_of_a_run_is_read_by_its_list(self):
        pick(write_discs("x/a.mrc"), write_discs("x/b.mrc"))
        for name in "ab":
            rows = "".join(f"{x},{y},20\n" for y, x in DISCS)
            Path(f"{name}.csv").write_text(f"x,y,diameter\n{rows}")
        result = jobs.evaluate_files(Path("picks"), Path(), self.settings)
        assert (result.counts.true, result.counts.false, result.counts.missed) == (8, 0, 0)

    def test_the_shape_may_be_given(self):
        Path("a.csv").write_text("x,y,diameter\n5,5,20\n50,50,20\n")
        settings = self.settings.model_copy(update={"edge": 10, "shape": (100, 100)})
        assert jobs.evaluate_files(Path("a.csv"), Path("a.csv"), settings).counts.true == 1

    @pytest.mark.parametrize("folder", ["truth", "elsewhere"])
    def test_an_edge_band_takes_the_shape_of_the_image_it_finds(self, folder: str):
        """Beside the truth, or where the list of a run says; of three particles two lie in the band."""
        image = write_discs(f"{folder}/a.mrc")
        height, width = open_image(image).array.shape
        Path("truth").mkdir(exist_ok=True)
        Path("truth/a.csv").write_text(f"x,y\n5,5\n{width / 2},{height / 2}\n{width - 6},{height - 6}\n")
        pick(image)
        settings = self.settings.model_copy(update={"edge": 10})
        counts = jobs.evaluate_files(Path("picks"), Path("truth"), settings).counts
        assert counts.true + counts.missed == 1

    def test_picks_and_truth_of_other_pixel_sizes_are_compared_in_those_of_the_micrographs(self):
        columns = "_rlnMicrographName\n_rlnMicrographPixelSize\n_rlnCoordinateX\n_rlnCoordinateY\n"
        moved = f"data_\nloop_\n{columns}_rlnOriginXAngst\n_rlnOriginYAngst\n"
        rows = [f"{x / 2 + 5} {y / 2} 20 0" for y, x in DISCS]
        Path("binned.star").write_text(moved + "".join(f"M/a.mrc 4 {row}\n" for row in rows))
        Path("truth.star").write_text(f"data_\nloop_\n{columns}" + "".join(f"M/a.mrc 2 {x} {y}\n" for y, x in DISCS))
        with pytest.warns(UserWarning, match=r"binned\.star: pixel sizes of 4 A in it and of 2 A .* multiplied by 2"):
            counts = jobs.evaluate_files(Path("binned.star"), Path("truth.star"), self.settings).counts
        assert (counts.true, counts.false, counts.missed) == (len(DISCS), 0, 0)
        plain = moved.replace("_rlnMicrographPixelSize\n", "")
        Path("moved.star").write_text(plain + "".join(f"M/a.mrc {x + 5} {y} 10 0\n" for y, x in DISCS))
        assert jobs.evaluate_files(Path("moved.star"), Path("truth.star"), self.settings).counts == counts

    def test_picks_outside_a_micrograph_that_is_found_are_left_out_with_a_word(self):
        write_discs("a.mrc")
        rows = "".join(f"{x},{y}\n" for y, x in DISCS)
        Path("a.csv").write_text(f"x,y\n{rows}")
        Path("more").mkdir()
        Path("more/a.star").write_text(
            "data_\nloop_\n_rlnMicrographName\n_rlnCoordinateX\n_rlnCoordinateY\n"
            + "".join(f"a.mrc {x} {y}\n" for y, x in [*DISCS, (-50, 10)])
        )
        with pytest.warns(UserWarning, match=r"a\.star: 1 of 5 picks are left out, as they lie outside a\.mrc"):
            counts = jobs.evaluate_files(Path("more/a.star"), Path("a.csv"), self.settings).counts
        assert (counts.true, counts.false, counts.missed) == (len(DISCS), 0, 0)

    @pytest.mark.parametrize("nothing", ["missing", "empty"])
    def test_no_picks_to_read_is_an_error(self, nothing: str):
        Path("empty").mkdir()
        with pytest.raises(UserError, match=nothing):
            jobs.evaluate_files(Path(nothing), Path(nothing), self.settings)


def test_a_place_is_relative_whatever_the_name():
    assert safe_place("/data/../a.frames.mrc") == PurePosixPath("data/a.frames")
    assert safe_place("a.MRC.GZ") == PurePosixPath("a")
