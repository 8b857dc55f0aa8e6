"""Projects: what is written is read again, by us and by others, and the list tells of it."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from discs import write_discs
from napari_drpnet.data import MANUAL, Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io import Project, read_picks, write_picks
from napari_drpnet.io.inputs import expand
from napari_drpnet.io.star_lists import read_coordinate_list, write_coordinate_list
from napari_drpnet.io.weights import WeightsCard, write_weights
from napari_drpnet.labels import added, inside_region, labelled, labels_of, removed
from napari_drpnet.labels import moved as moved_picks

unit = st.floats(0, 1)
FRAME = Frame("a2.mrc", (160, 200), 2.0)


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def project() -> Project:
    for name in ("a10", "a2", "b"):
        write_discs(f"m/{name}.mrc")
    return Project.create("p", inputs=("m",), diameter=40)


def frame_in(project: Project) -> Frame:
    """The frame of the first micrograph, which is called by its whole path."""
    return replace(FRAME, micrograph=project.entry("a2").path.as_posix())


def found(*yx: tuple[float, float], score: float = 0.5, frame: Frame = FRAME) -> Picks:
    return Picks(frame, np.array(yx).reshape(-1, 2), score=score, diameter=20, source="drpnet")


def again(project: Project) -> Project:
    project.close()
    return Project.open(project.folder)


def same(first: Picks, second: Picks, places: float = 0.0005) -> None:
    """The same picks in whatever order, at most ``places`` pixels apart in y and in x."""
    assert len(first) == len(second)
    if len(first) == 0:
        return
    apart = np.abs(first.yx[:, None] - second.yx[None]).max(axis=2)
    first = first.select(np.argmin(apart, axis=0))
    assert apart.min(axis=0).max() <= places * (1 + 1e-9)  # halves are rounded, too
    np.testing.assert_allclose(first.score, second.score, atol=1e-6)
    assert first.label.tolist() == second.label.tolist()
    assert first.source.tolist() == second.source.tolist()


class TestMicrographs:
    def test_they_are_in_natural_order_with_the_names_of_their_files(self, project: Project):
        assert [entry.name for entry in project.micrographs] == ["a2", "a10", "b"]
        assert [entry.listed for entry in project.micrographs] == ["m/a2.mrc", "m/a10.mrc", "m/b.mrc"]
        assert all(entry.path.is_file() for entry in project.micrographs)
        assert project.read_micrograph("a2").frame == frame_in(project)

    def test_the_projects_pixel_size_goes_before_the_headers(self, project: Project):
        assert project.entry("b").pixel_size is None
        project.update(pixel_size=1.5)
        assert project.entry("b").pixel_size == project.micrographs[2].pixel_size == 1.5
        assert project.read_micrograph("b").frame.pixel_size == 1.5

    def test_a_project_is_found_from_every_folder_and_may_move_with_its_data(self, project: Project, monkeypatch):
        project.write_picks("a2", found((10, 20)))
        project.close()
        Path("elsewhere").mkdir()
        for name in ("m", "p"):
            shutil.move(name, f"elsewhere/{name}")
        monkeypatch.chdir("/")
        moved = Project.open(project.folder.parent / "elsewhere" / "p")
        assert moved.read_micrograph("a2").frame == frame_in(moved)
        assert len(moved.read_picks("a2")) == 1

    def test_two_files_that_differ_in_their_suffix_are_refused_with_both_paths(self):
        write_discs("x/a.mrc")
        shutil.copy("x/a.mrc", "x/a.map")
        with pytest.raises(UserError, match=r"x/a\.map and .*x/a\.mrc"):
            Project.create("p", inputs=("x",))
        assert not Path("p").exists()
        Path("x/a.map").unlink()
        project = Project.create("p", inputs=("x",))
        shutil.copy("x/a.mrc", "x/a.map")
        with pytest.warns(UserWarning, match=r"x/a\.mrc and .*x/a\.map"):
            project = again(project)
        assert len(project.micrographs) == 1

    def test_equal_names_in_two_folders_are_told_apart(self):
        for folder in ("g1", "g2", "u/g1"):
            write_discs(f"{folder}/a.mrc")
        write_discs("g2/b.mrc")
        project = Project.create("p", inputs=("g1", "g2"))
        assert [entry.name for entry in project.micrographs] == ["g1__a", "g2__a", "b"]
        for name, x in (("g1__a", 10), ("g2__a", 30)):
            project.write_picks(name, found((x, 20)))
        assert read_coordinate_list("p/autopick.star")[:2] == [
            ("g1/a.mrc", "p/picks/g1__a_autopick.star"),
            ("g2/a.mrc", "p/picks/g2__a_autopick.star"),
        ]
        project.update(inputs=("u/g1", "g2", "g1"))
        assert [entry.name for entry in project.micrographs] == ["u__g1__a", "g2__a", "b", "g1__a"]

    @pytest.mark.parametrize("lost", [(), ("index.tsv",), ("index.tsv", "autopick.star")])
    def test_a_name_never_passes_to_another_micrograph(self, lost: tuple[str, ...]):
        for folder in ("g1", "g2"):
            write_discs(f"{folder}/a.mrc")
        project = Project.create("p", inputs=("g1",))
        project.write_picks("a", found((10, 20)))
        project.update(inputs=("g2", "g1"))
        assert [entry.path.parent.name for entry in project.micrographs if entry.name == "a"] == ["g1"]
        project.close()
        for file in lost:
            Path("p", file).unlink()
        project = Project.open("p")
        held = {entry.path.parent.name: len(project.read_picks(entry.name)) for entry in project.micrographs}
        assert held["g2"] == 0
        assert held["g1"] == (1 if len(lost) < 2 else 0)

    def test_picks_that_came_with_the_inputs_find_their_folder(self):
        for folder in ("g1", "g2"):
            write_discs(f"{folder}/a.mrc")
        rows = "g2/a.mrc 30 20\ng1/a.mrc 10 20\ng1/a.mrc 11 60\n"
        head = "data_particles\n\nloop_\n_rlnMicrographName #1\n_rlnCoordinateX #2\n_rlnCoordinateY #3\n"
        Path("particles.star").write_text(head + rows)
        project = Project.create("p", inputs=("particles.star",))
        assert [(row.name, row.picks) for row in project.rows()] == [("g2__a", 1), ("g1__a", 2)]

    def test_one_file_named_twice_is_one_micrograph(self, in_empty_folder: Path):
        write_discs("x/a.mrc")
        project = Project.create("p", inputs=("x", "x/a.mrc", str(in_empty_folder / "x" / "a.mrc")))
        assert [entry.name for entry in project.micrographs] == ["a"]

    @pytest.mark.parametrize("inputs", ["m", "m/*.mrc"])
    def test_new_micrographs_of_a_folder_appear(self, project: Project, inputs: str):
        project.update(inputs=(inputs,))
        project.write_picks("b", found((10, 20)))
        write_discs("m/a3.mrc")
        project.refresh()
        assert [row.name for row in project.rows()] == ["a2", "a3", "a10", "b"]
        write_discs("m/a1.mrc")
        project = again(project)
        assert [row.name for row in project.rows()] == ["a1", "a2", "a3", "a10", "b"]
        assert project.row("b").picks == 1

    def test_a_micrograph_that_vanished_keeps_its_labels_and_the_others_go_on(self, project: Project):
        project.write_picks("b", added(found(), [[10, 20]]))
        Path("m/b.mrc").unlink()
        Path("m/a10.mrc").unlink()
        project = again(project)
        assert [entry.name for entry in project.micrographs] == ["a2", "b"]
        assert project.row("b").particles == 1
        with pytest.raises(UserError, match=r"m/b\.mrc: there is no such file"):
            project.read_micrograph("b")
        Path("p/index.tsv").unlink()
        project = again(project)
        assert project.entry("b").listed == "m/b.mrc"
        assert project.row("b").particles == 1
        write_discs("m/b.mrc")
        project = again(project)
        assert [entry.name for entry in project.micrographs] == ["a2", "b"]
        assert len(project.read_picks("b")) == 1

    def test_a_folder_of_data_that_is_away_is_a_warning(self, project: Project):
        project.write_picks("b", found((10, 20)))
        project.close()
        shutil.move("m", "away")
        with pytest.warns(UserWarning, match="m: there is no such file or folder"):
            project = Project.open("p")
        assert [(row.name, row.picks) for row in project.rows()] == [("a2", 0), ("a10", 0), ("b", 1)]
        project.close()
        shutil.move("away", "m")
        assert [entry.name for entry in Project.open("p").micrographs] == ["a2", "a10", "b"]

    def test_a_micrograph_that_is_still_being_written_is_told(self, project: Project):
        whole = Path("m/b.mrc").read_bytes()
        Path("m/b.mrc").write_bytes(whole[:-1000])
        with pytest.raises(UserError, match=r"b\.mrc is truncated.*still being written"):
            project.read_micrograph("b")

    def test_a_micrograph_that_changed_its_size_is_told(self, project: Project):
        project.write_picks("a2", found((10, 20)))
        from napari_drpnet.io.mrc import write_mrc

        write_mrc(np.ones((80, 100)), "m/a2.mrc", 4.0)
        with pytest.raises(UserError, match=r"80 x 100 px now.*160 x 200"):
            project.read_micrograph("a2")

    def test_a_stack_is_no_micrograph(self, project: Project):
        from napari_drpnet.io.mrc import write_mrc

        write_mrc(np.ones((3, 80, 100)), "m/s.mrc", 4.0)
        project.refresh()
        with pytest.raises(UserError, match="stack of 3"):
            project.read_micrograph("s")

    def test_an_unknown_name_is_an_error(self, project: Project):
        for call in (project.entry, project.row, project.read_picks, project.read_region):
            with pytest.raises(UserError, match="no micrograph named 'c'"):
                call("c")

    def test_inputs_that_mean_nothing_change_nothing(self, project: Project):
        before = Path("p/project.yaml").read_text()
        with pytest.raises(UserError, match="nowhere"):
            project.update(inputs=("m", "nowhere/*.mrc"))
        assert Path("p/project.yaml").read_text() == before
        assert len(project.micrographs) == 3


class TestPicks:
    def test_a_new_micrograph_has_none(self, project: Project):
        assert len(project.read_picks("b")) == 0
        assert project.row("b").state == "new"
        assert project.read_region("b") is None

    def test_what_a_picker_found_is_kept_at_whole_pixels(self, project: Project):
        project.write_picks("a2", found((10.4, 20.6), (30, 40)))
        same(project.read_picks("a2"), found((10, 21), (30, 40)))
        assert project.read_picks("a2").diameter.tolist() == [20, 20]
        assert project.read_picks("a2").frame == frame_in(project)

    def test_what_a_person_said_is_kept_with_decimals(self, project: Project):
        picks = labelled(found((10, 20), (30, 40), (50, 60)), [1], "background")
        picks = added(picks, [[70.125, 80.999]])
        picks = moved_picks(picks, [2], [[51.5, 61.25]])
        project.write_picks("a2", picks)
        same(project.read_picks("a2"), picks)
        same(again(project).read_picks("a2"), picks)

    def test_what_relion_extracts_are_particles_inside_the_micrograph(self, project: Project):
        picks = labelled(found((10, 20), (30, 40)), [0], "background")
        picks = added(picks, [[159.4, 199.4], [159.6, 20]])
        project.write_picks("a2", picks)
        (written,) = read_picks("p/picks/a2_autopick.star")
        assert written.yx.tolist() == [[30, 40], [159, 199]]
        same(project.read_picks("a2"), picks)

    def test_labels_are_plain_columns(self, project: Project):
        project.write_picks("a2", labelled(found((10, 20)), [0], "background"))
        text = Path("p/labels/a2.star").read_text()
        assert [line.split()[0] for line in text.splitlines() if line.startswith("_")] == [
            "_rlnCoordinateX",
            "_rlnCoordinateY",
            "_rlnAutopickFigureOfMerit",
            "_drpnetLabel",
            "_drpnetOrigin",
        ]
        assert "20.000\t10.000\t0.500000\tbackground\tmanual" in text

    def test_the_list_names_micrographs_as_the_inputs_do_and_files_from_relions_folder(self, project: Project):
        for name in ("b", "a2"):
            project.write_picks(name, found((10, 20)))
            project.write_picks(name, found((10, 20), (30, 40)))
        expected = {("m/b.mrc", "p/picks/b_autopick.star"), ("m/a2.mrc", "p/picks/a2_autopick.star")}
        assert set(read_coordinate_list("p/autopick.star")) == expected
        assert [len(picks) for picks in read_picks("p/autopick.star")] == [2, 2]
        Path("p/autopick.star").unlink()
        project = again(project)
        assert set(read_coordinate_list("p/autopick.star")) == expected
        assert "\n\n" not in Path("p/autopick.star").read_text().split("loop_")[1]

    def test_a_micrograph_whose_only_label_is_undone_is_new_again(self, project: Project):
        project.write_picks("b", added(found(), [[10, 20]]))
        assert project.row("b").state == "edited"
        project.write_picks("b", found())
        assert project.row("b").state == "new"
        assert read_coordinate_list("p/autopick.star") == []
        assert again(project).row("b").state == "new"

    def test_a_picker_that_found_nothing_is_remembered(self, project: Project):
        project.write_picks("b", found(), "drpnet")
        assert project.row("b").state == "picked"
        Path("p/index.tsv").unlink()
        project = again(project)
        assert project.row("b").state == "picked"
        project.write_picks("b", project.read_picks("b"))
        assert project.row("b").state == "picked"

    def test_a_label_goes_before_an_older_file_of_picks(self, project: Project):
        """As after an end between the two writings."""
        project.write_picks("a2", found((10, 20), (30, 40)))
        old = Path("p/picks/a2_autopick.star").read_bytes()
        picks = labelled(found((10, 20), (30, 40)), [0], "background")
        project.write_picks("a2", picks)
        Path("p/picks/a2_autopick.star").write_bytes(old)
        same(project.read_picks("a2"), picks)

    def test_the_size_of_circles_is_the_projects_where_no_file_says_it(self, project: Project):
        project.write_picks("b", Picks(Frame("b.mrc", (160, 200), 2.0), [[1, 2]], source="other"))
        assert project.read_picks("b").diameter.tolist() == [20]

    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.lists(
            st.tuples(st.floats(-3, 163), st.floats(-3, 203), st.sampled_from(["drpnet", MANUAL]), st.booleans(), unit),
            max_size=12,
            unique_by=lambda row: (row[0] // 4, row[1] // 4),
        ),
        st.integers(0, 2**20 - 1),
    )
    def test_whatever_is_written_is_read(self, project: Project, rows: list, region: int):
        """Labels with their decimals, a picker's picks at the nearest pixel, hidden or not."""
        rows = [row for row in rows if row[2] == MANUAL or (0 <= row[0] <= 159 and 0 <= row[1] <= 199)]
        picks = Picks(
            FRAME,
            np.array([row[:2] for row in rows]).reshape(-1, 2),
            score=np.array([row[4] for row in rows]),
            label=np.array(["background" if row[2] == MANUAL and row[3] else "particle" for row in rows], dtype=str),
            source=np.array([row[2] for row in rows], dtype=str),
        )
        whole = np.floor(picks.yx + 0.5)
        apart = np.abs(picks.yx[:, None] - picks.yx[None]).max(axis=2) + 9 * np.eye(len(picks))
        assume(apart.min(initial=9) > 2)
        mask = np.array([bool(region >> bit & 1) for bit in range(20)]).reshape(4, 5)
        project.write_region("a2", mask)
        project.write_picks("a2", picks)
        same(project.read_picks("a2"), picks, places=0.51)
        by_hand = labels_of(project.read_picks("a2"))
        same(by_hand, labels_of(picks))
        row = project.row("a2")
        hidden = inside_region(picks, mask) if len(picks) else np.zeros(0, bool)
        inside = ((whole >= 0) & (whole < (160, 200))).all(axis=1)
        near_edge = len(picks) and (np.abs((picks.yx + 0.5) / 40 - np.round((picks.yx + 0.5) / 40)) < 1e-4).any()
        if not near_edge:
            assert row.picks == np.sum((picks.label == "particle") & ~hidden & inside)
        assert row.background == np.sum(picks.label == "background")
        assert row.particles == np.sum(picks.by_hand & (picks.label == "particle"))


class TestRegions:
    def test_a_region_hides_picks_from_relion_and_gives_them_back(self, project: Project):
        picks = labelled(found((10, 20), (30, 40), (100, 150)), [0], "particle")
        project.write_picks("a2", picks)
        mask = np.zeros((16, 20), bool)
        mask[:8, :10] = True
        project.write_region("a2", mask)
        assert project.row("a2").picks == 1
        (written,) = read_picks("p/picks/a2_autopick.star")
        assert written.yx.tolist() == [[100, 150]]
        project = again(project)
        np.testing.assert_array_equal(project.read_region("a2"), mask)
        same(project.read_picks("a2"), picks)
        project.write_region("a2", np.zeros_like(mask))
        assert project.read_region("a2") is None
        assert project.row("a2").picks == 3
        assert project.row("a2").state == "edited"
        same(project.read_picks("a2"), picks)

    def test_it_is_a_picture_of_at_most_1024_pixels(self, project: Project):
        mask = np.zeros((2000, 3000), bool)
        mask[1000:, :1500] = True
        project.write_region("b", mask)
        from PIL import Image

        with Image.open("p/regions/b.png") as picture:
            assert picture.size == (1024, 683)
            assert picture.mode == "L"
            assert set(np.unique(np.asarray(picture)).tolist()) == {0, 255}
        region = project.read_region("b")
        assert region[400, 100]
        assert not region[300, 100]
        assert not region[400, 600]
        assert project.row("b").state == "edited"

    def test_a_region_painted_before_any_pick_hides_the_picks_of_the_picker(self, project: Project):
        mask = np.zeros((4, 5), bool)
        mask[0] = True
        project.write_region("b", mask)
        project.write_picks("b", Picks(Frame("b.mrc"), [[10, 10], [100, 10]], source="drpnet"))
        assert project.row("b").picks == 1
        assert len(project.read_picks("b")) == 2

    def test_a_region_that_was_changed_by_others_hides_when_the_project_is_opened(self, project: Project):
        project.write_picks("a2", found((10, 20), (100, 150)))
        mask = np.zeros((4, 5), bool)
        mask[0] = True
        project.write_region("a2", mask)
        project.close()
        from napari_drpnet.io.project.regions import write_region

        write_region(~mask, Path("p/regions/a2.png"))
        project = Project.open("p")
        (written,) = read_picks("p/picks/a2_autopick.star")
        assert written.yx.tolist() == [[10, 20]]

    def test_what_is_no_picture_is_an_error(self, project: Project):
        Path("p/regions/a2.png").write_text("no picture")
        with pytest.raises(UserError, match=r"a2\.png"):
            project.read_region("a2")


class TestRows:
    def test_the_list_tells_what_there_is(self, project: Project):
        picks = labelled(found((10, 20), (30, 40), score=0.8), [0], "background")
        project.write_picks("a2", added(picks, [[70, 80]]))
        project.write_picks("a10", found((1, 2)))
        project.mark_done("a10", True)
        rows = {row.name: row for row in project.rows()}
        assert (rows["a2"].picks, rows["a2"].particles, rows["a2"].background) == (2, 1, 1)
        assert [rows[name].state for name in ("a2", "a10", "b")] == ["edited", "done", "new"]
        assert rows["a2"].score == 0.8
        assert np.isnan(rows["b"].score)
        for other in (again(project), Project.open("p", read_only=True)):
            assert str(other.rows()) == str(list(rows.values()))

    @pytest.mark.parametrize("damage", ["missing", "torn", "other", "nonsense"])
    def test_a_missing_or_damaged_index_is_made_anew(self, project: Project, damage: str):
        for name in ("a2", "b"):
            project.write_picks(name, added(found((10, 20)), [[70, 80]]))
        project.mark_done("b", True)
        rows = str(project.rows())
        project.close()
        index = Path("p/index.tsv")
        text = index.read_text()
        index.unlink() if damage == "missing" else index.write_text(
            {"torn": text[:-20], "other": text.replace("index 1", "index 2"), "nonsense": "a\tb\n\n\x00"}[damage]
        )
        assert str(Project.open("p").rows()) == rows

    def test_files_that_others_changed_are_counted_anew(self, project: Project):
        project.write_picks("a2", found((10, 20)))
        project.write_picks("b", found((10, 20)))
        project.close()
        write_picks(found((1, 2), (3, 4)), "p/picks/a2_autopick.star")
        Path("p/picks/b_autopick.star").unlink()
        write_picks(found((1, 2), (3, 4), (5, 6)), "p/picks/a10_autopick.star")
        project = Project.open("p")
        assert [row.picks for row in project.rows()] == [2, 3, 0]
        assert [name for name, _ in read_coordinate_list("p/autopick.star")] == ["m/a2.mrc", "m/a10.mrc"]

    def test_a_file_that_was_written_into_is_counted_when_it_is_read(self, project: Project):
        """The time of its folder does not tell."""
        project.write_picks("a2", found((10, 20)))
        project = again(project)
        path = Path("p/picks/a2_autopick.star")
        path.write_text(path.read_text().rstrip() + "\n40\t30\t0.5\t0\t0\n")
        assert len(project.read_picks("a2")) == 2
        assert project.row("a2").picks == 2
        assert again(project).row("a2").picks == 2

    def test_a_damaged_file_spoils_its_micrograph_only(self, project: Project):
        for name in ("a2", "b"):
            project.write_picks(name, added(found((10, 20)), [[70, 80]]))
        project.close()
        Path("p/labels/b.star").write_text("data_\n\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n1\n")
        Path("p/index.tsv").unlink()
        with pytest.warns(UserWarning, match=r"labels/b\.star"):
            project = Project.open("p")
        assert project.row("a2").picks == 2
        assert len(project.read_picks("a2")) == 2
        with pytest.raises(UserError, match=r"labels/b\.star"):
            project.read_picks("b")

    def test_the_index_does_not_grow_for_ever(self, project: Project):
        for _ in range(50):
            project.write_picks("a2", found((10, 20)))
        project = again(project)
        assert len(Path("p/index.tsv").read_text().splitlines()) < 20

    def test_odd_names_are_told_apart(self):
        names = ["it's", '"it"', "a b", "ä"]
        for name in names:
            write_discs(f"m/{name}.mrc")
        project = Project.create("p", inputs=("m",))
        for i, entry in enumerate(project.micrographs):
            project.write_picks(entry.name, found(*[(10.0 * k, 10) for k in range(i)]))
        before = {row.name: row.picks for row in project.rows()}
        assert {row.name: row.picks for row in again(project).rows()} == before
        assert [before[entry.name] for entry in project.micrographs] == [0, 1, 2, 3]


class TestImport:
    def test_a_list_of_autopicks_brings_its_picks(self, project: Project):
        write_picks(found((10, 20), (30, 40)), "AutoPick/job006/m/a2_autopick.star")
        write_picks(Picks(FRAME, [[5, 6]], source=MANUAL), "AutoPick/job006/m/b_manualpick.star")
        pairs = [
            (f"m/{n}.mrc", f"AutoPick/job006/m/{n}_{k}.star") for n, k in (("a2", "autopick"), ("b", "manualpick"))
        ]
        pairs.append(("m/a10.mrc", "AutoPick/job006/m/gone.star"))
        write_coordinate_list(pairs, "AutoPick/job006/autopick.star")
        with pytest.warns(UserWarning, match=r"gone\.star"):
            other = Project.create("q", inputs=("AutoPick/job006/autopick.star",))
        assert [entry.listed for entry in other.micrographs] == ["m/a2.mrc", "m/b.mrc", "m/a10.mrc"]
        assert [(row.picks, row.particles, row.state) for row in other.rows()] == [
            (2, 0, "picked"),
            (1, 1, "edited"),
            (0, 0, "new"),
        ]
        same(other.read_picks("a2"), found((10, 20), (30, 40)))
        assert other.read_picks("a2").source.tolist() == ["drpnet"] * 2

    def test_picks_come_once(self, project: Project):
        write_picks(Picks(Frame("a2"), [[10, 20]]), "x/a2_autopick.star")
        write_coordinate_list([("m/a2.mrc", "x/a2_autopick.star")], "x/autopick.star")
        project.update(inputs=("m", "x/autopick.star"))
        assert project.read_picks("a2").source.tolist() == ["imported"]
        project.write_picks("a2", removed(project.read_picks("a2"), [0]))
        project.refresh()
        assert project.row("a2").picks == 0
        assert again(project).row("a2").background == 1

    def test_another_projects_list_is_one(self, project: Project):
        project.write_picks("a2", added(found((10, 20)), [[70, 80]]))
        other = Project.create("q/r", inputs=("p/autopick.star",))
        assert [(row.name, row.picks) for row in other.rows()] == [("a2", 2)]
        assert read_coordinate_list("q/r/autopick.star") == [("m/a2.mrc", "q/r/picks/a2_autopick.star")]

    def test_a_particles_file_brings_its_coordinates(self, project: Project):
        Path("particles.star").write_text(
            "data_\n\nloop_\n_rlnMicrographName\n_rlnCoordinateX\n_rlnCoordinateY\nm/b.mrc 20 10\nm/b.mrc 40 30\n"
        )
        other = Project.create("q", inputs=("particles.star",))
        assert other.read_picks("b").yx.tolist() == [[10, 20], [30, 40]]

    def test_the_pixel_size_of_a_star_file_is_kept(self, project: Project):
        Path("micrographs.star").write_text(
            "data_optics\n\nloop_\n_rlnOpticsGroup\n_rlnMicrographPixelSize\n1 1.25\n\n"
            "data_micrographs\n\nloop_\n_rlnMicrographName\n_rlnOpticsGroup\nm/b.mrc 1\n"
        )
        other = Project.create("q", inputs=("micrographs.star",))
        assert again(other).entry("b").pixel_size == 1.25


class TestSettings:
    def test_they_are_plain_yaml_and_come_back(self, project: Project):
        project.update(threshold=0.3, current="b", options={"detector": "fcrn"})
        project.mark_done("b", True)
        project.mark_done("a2", True)
        project.mark_done("b", False)
        fields = yaml.safe_load(Path("p/project.yaml").read_text())
        assert (fields["threshold"], fields["current"], fields["done"]) == (0.3, "b", ["a2"])
        before = project.settings
        assert again(project).settings == before

    @given(st.lists(st.text(st.characters(codec="utf-8"), max_size=8), max_size=4))
    def test_any_name_is_kept(self, names: list[str]):
        from napari_drpnet.io.project.files import read_settings, write_settings
        from napari_drpnet.settings import ProjectSettings

        chosen = ProjectSettings(done=tuple(names), current="".join(names))
        write_settings(chosen, Path("project.yaml"))
        assert read_settings(Path("project.yaml")) == chosen

    def test_unusable_ones_change_nothing(self, project: Project):
        before = Path("p/project.yaml").read_text(), project.settings
        for wrong in ({"threshold": 2}, {"diamter": 3}, {"diameter": -1}):
            with pytest.raises(UserError, match=next(iter(wrong))):
                project.update(**wrong)
        assert (Path("p/project.yaml").read_text(), project.settings) == before

    def test_a_project_of_a_newer_version_is_refused_with_the_next_step(self, project: Project):
        project.close()
        text = Path("p/project.yaml").read_text().replace("version: 2", "version: 3\nnovelty: 3")
        Path("p/project.yaml").write_text(text)
        with pytest.raises(UserError, match=r"newer version.*Update napari-drpnet"):
            Project.open("p")
        assert Path("p/project.yaml").read_text() == text

    @pytest.mark.parametrize(
        ("picker", "options"),
        [("", {"memory": 300, "detector": "mine", "classifier": "classifier"}), ("picker: pixer\n", {"memory": 300})],
    )
    def test_a_project_of_version_1_opens_with_its_networks(self, project: Project, picker: str, options: dict):
        project.close()
        head = (
            f"version: 1\nroot: ..\n{picker}diameter: 180.0\ndetector: mine\nclassifier: classifier\nthreshold: 0.4\n"
        )
        Path("p/project.yaml").write_text(
            head + "min_distance: null\noptions:\n  memory: 300\ninputs:\n- m\ndone:\n- b\n"
        )
        with Project.open("p") as opened:
            assert opened.settings.options == options
            assert (opened.settings.threshold, opened.settings.diameter, opened.settings.done) == (0.4, 180.0, ("b",))
            opened.update(threshold=0.5)
        fields = yaml.safe_load(Path("p/project.yaml").read_text())
        assert (fields["version"], fields["options"]) == (2, options)
        assert "detector" not in fields

    @pytest.mark.parametrize("text", ["", "[1", "- a\n", "\x00", "version: 1\nwhat: 2\n"])
    def test_a_damaged_one_is_an_error(self, project: Project, text: str):
        project.close()
        Path("p/project.yaml").write_text(text)
        with pytest.raises(UserError, match=r"project\.yaml"):
            Project.open("p")

    def test_no_project_is_an_error_and_a_second_one_too(self, project: Project):
        with pytest.raises(UserError, match="not a project"):
            Project.open("m")
        with pytest.raises(UserError, match="is a project already"):
            Project.create("p", inputs=("m",))


class TestNetworks:
    def card(self, role: str) -> WeightsCard:
        return WeightsCard(network="unet", role=role, diameter=32.0, calibration=(1.0, 0.0))

    def test_those_of_the_package_come_first(self, project: Project):
        assert project.networks("detector")[0] == "detector"
        assert project.networks("classifier") == ["classifier", "paper-classifier"]
        assert project.weights("detector", "detector") == "detector"

    def test_those_of_the_project_are_found_by_name_and_role(self, project: Project):
        import torch

        for name, role in (("mine", "classifier"), ("tuned", "detector"), ("classifier", "classifier")):
            write_weights(Path(f"p/networks/{name}.safetensors"), self.card(role), {"a": torch.zeros(2)})
        Path("p/networks/broken.safetensors").write_bytes(b"nothing")
        assert project.networks("classifier") == ["classifier", "paper-classifier", "mine"]
        assert project.networks("detector") == ["detector", "fcrn", "tuned"]
        assert Path(project.weights("mine", "classifier")) == project.folder / "networks" / "mine.safetensors"
        assert project.weights("classifier", "classifier") == "classifier"
        assert Path(project.weights("p/networks/mine.safetensors", "classifier")).is_file()

    def test_an_unknown_one_is_an_error_that_names_the_others(self, project: Project):
        with pytest.raises(UserError, match=r"no detector named 'x'.*detector, fcrn"):
            project.weights("x", "detector")


def test_a_pattern_and_a_folder_are_in_natural_order(in_empty_folder: Path):
    for name in ("f10_b", "f9_a", "f10_a"):
        write_discs(f"m/{name}.mrc")
    names = ["m/f9_a.mrc", "m/f10_a.mrc", "m/f10_b.mrc"]
    assert [entry.name for entry in expand("m")] == names
    assert [entry.name for entry in expand("m/*.mrc")] == names
    assert [entry.name for entry in expand("*.mrc", in_empty_folder / "m")] == [n[2:] for n in names]
    assert os.path.samefile(expand("f9_a.mrc", in_empty_folder / "m")[0].path, names[0])  # noqa: PTH121
