"""STAR files of all RELION versions, and all that people and programs do to them."""

import os
from pathlib import Path

import numpy as np
import pytest
import starfile
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_drpnet import Frame, Picks, UserError, read_picks, write_picks
from napari_drpnet.io.star_lists import MicrographEntry, read_coordinate_list, read_micrographs, write_coordinate_list
from napari_drpnet.io.star_table import Table, format_table, read_tables

COORDINATES = "data_\n\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n10 20\n30.5 40\n"
OPTICS = (
    "# version 30001\n\ndata_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnOpticsGroupName #2\n_rlnMicrographPixelSize #3\n"
    "1 opticsGroup1 1.77\n2 opticsGroup2 0.885\n\n"
)


def write(path: Path, text: str, newline: str = "\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.replace("\n", newline).encode())
    return path


def only(path: Path) -> Picks:
    (picks,) = read_picks(path)
    return picks


# The grammar


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system_read_the_same(tmp_path: Path, newline: str) -> None:
    picks = only(write(tmp_path / "a.star", COORDINATES, newline))
    np.testing.assert_array_equal(picks.yx, [[20, 10], [40, 30.5]])


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + COORDINATES,
        "# made by hand\n" + COORDINATES.replace("#1", "").replace("#2", "# y"),
        COORDINATES.replace("10 20\n", "# first\n10 20 # a good one\n\n"),
        COORDINATES.replace("loop_", "loop_ # a comment").replace("10 20", "\t 10\t\t20  "),
        COORDINATES + "\n\n\n",
        COORDINATES.rstrip("\n"),
        "data_other\n\n_rlnX 4\n\n" + COORDINATES,
        COORDINATES + "\ndata_\nloop_\n_rlnOther #1\n1\n",
    ],
)
def test_comments_blanks_and_other_tables_change_nothing(tmp_path: Path, text: str) -> None:
    np.testing.assert_array_equal(only(write(tmp_path / "a.star", text)).yx, [[20, 10], [40, 30.5]])


def test_a_single_row_is_a_table_in_both_of_its_spellings(tmp_path: Path) -> None:
    loop = "data_\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n10 20\n"
    pairs = "data_\n_rlnCoordinateX 10\n_rlnCoordinateY 20\n"
    for text in (loop, pairs):
        np.testing.assert_array_equal(only(write(tmp_path / "a.star", text)).yx, [[20, 10]])


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n", "# no particles\n", "\ndata_more\nloop_\n_a #1\n1\n"])
def test_an_empty_loop_is_a_legal_file_without_picks(tmp_path: Path, end: str) -> None:
    picks = only(write(tmp_path / "a_autopick.star", COORDINATES[: COORDINATES.index("10 20")] + end))
    assert len(picks) == 0
    assert picks.frame.micrograph == "a"


def test_names_keep_their_spaces_hashes_and_apostrophes(tmp_path: Path) -> None:
    names = ["my mic.mrc", "it's.mrc", "a#1.mrc", "data_1.mrc", "_b.mrc", 'say "x".mrc', "#c.mrc", "'d.mrc"]
    rows = "".join(f"{i} {name}\n" for i, name in enumerate(['"my mic.mrc"', "it's.mrc", "a#1.mrc", "data_1.mrc"]))
    path = write(tmp_path / "a.star", "data_\nloop_\n_rlnN #1\n_rlnMicrographName #2\n" + rows)
    assert [entry.name for entry in read_micrographs(path)] == names[:4]
    write_coordinate_list([(name, "x.star") for name in names], path)
    assert [name for name, _ in read_coordinate_list(path)] == names


def test_values_that_look_like_numbers_or_nothing_keep_their_spelling(tmp_path: Path) -> None:
    path = write(tmp_path / "a.star", "data_\nloop_\n_rlnA\n_rlnB\n000123 nan\n1e5 <NA>\n'' C:\\a\n")
    assert read_tables(path)[0].rows == [["000123", "nan"], ["1e5", "<NA>"], ["", "C:\\a"]]


def test_blocks_keep_their_order_even_empty_or_of_one_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.star", "data_\n\ndata_a\n_x 1\n\ndata_\nloop_\n_y #1\n2\ndata_c")
    assert [(table.name, table.rows) for table in read_tables(path)] == [
        ("", []),
        ("a", [["1"]]),
        ("", [["2"]]),
        ("c", []),
    ]


def test_bytes_that_are_not_utf8_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "a.star"
    path.write_bytes("data_\nloop_\n_rlnMicrographName #1\nM\u00fcller.mrc\n".encode("latin-1"))
    (entry,) = read_micrographs(path)
    write_coordinate_list([(entry.name, "x.star")], path)
    assert b"M\xfcller.mrc\tx.star" in path.read_bytes()


@settings(deadline=None)
@given(st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\"'")), min_size=2, max_size=2)))
def test_any_table_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.star"  # one folder for all examples
    columns = {"rlnA": [row[0] for row in rows], "rlnB": [row[1] for row in rows]}
    path.write_text(format_table(columns, "x"), encoding="utf-8", newline="\n")
    (table,) = read_tables(path)
    assert table.name == "x"
    assert table.rows == rows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"a\.star is not a STAR file"),
        ("x,y\n1,2\n", r"a\.star is not a STAR file"),
        ("\0\1\2\3", r"a\.star is not a STAR file"),
        ("data_\n", "lacks rlnCoordinateX, rlnCoordinateY; it has no columns"),
        ("data_\nloop_\n_rlnCoordinateX #1\n_rlnFoo #2\n1 2\n", "lacks rlnCoordinateY; it has rlnCoordinateX, rlnFoo"),
        (COORDINATES + "50\n", r"a\.star, row 3 of the table data_: 1 values for 2 columns"),
        (
            COORDINATES + "50 60 70\n",
            r"a\.star cannot be read: .*Expected 2 fields in line 3, saw 3, lines counted from",
        ),
        (
            "data_\nloop_\n_rlnCoordinateX\n_rlnCoordinateX\n1 2\n",
            r"a\.star: the table data_ has two columns of one name",
        ),
        ("data_\n10 20\n", r"a\.star cannot be read: a table is not as it should be"),
        (COORDINATES + "50 sixty\n", r"a\.star: 'sixty' in the column rlnCoordinateY is not a number"),
        (COORDINATES + "50 nan\n", r"a\.star: a coordinate is not a finite number"),
        (COORDINATES + "50 <NA>\n", r"a\.star: a coordinate is not a finite number"),
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_picks(write(tmp_path / "a.star", text))


def test_missing_files_and_folders_are_one_sentence(tmp_path: Path) -> None:
    for read in (read_picks, read_micrographs, read_coordinate_list):
        with pytest.raises(UserError, match=r"no\.star: there is no such file"):
            read(tmp_path / "no.star")
    (tmp_path / "folder.star").mkdir()
    with pytest.raises(UserError, match="is a folder"):
        read_picks(tmp_path / "folder.star")


# Projects


def test_micrographs_of_relion_31_to_5_have_the_pixel_size_of_their_optics_group(tmp_path: Path) -> None:
    text = OPTICS + "data_micrographs\n\nloop_\n_rlnMicrographName #1\n_rlnOpticsGroup #2\nb.mrc 2\na.mrc 1\nc.mrc 3\n"
    entries = read_micrographs(write(tmp_path / "micrographs.star", text))
    assert [(entry.name, entry.pixel_size) for entry in entries] == [("b.mrc", 0.885), ("a.mrc", 1.77), ("c.mrc", None)]


def test_micrographs_of_motion_correction_have_the_pixel_size_after_binning(tmp_path: Path) -> None:
    optics = OPTICS.replace("_rlnOpticsGroupName", "_rlnMicrographOriginalPixelSize").replace("opticsGroup1", "0.5")
    text = (
        optics.replace("opticsGroup2", "0.5")
        + "data_micrographs\nloop_\n_rlnMicrographName\n_rlnOpticsGroup\na.mrc 1\n"
    )
    assert read_micrographs(write(tmp_path / "a.star", text))[0].pixel_size == 1.77


@pytest.mark.parametrize("block", ["data_", "data_images"])
def test_micrographs_of_relion_30_have_the_pixel_size_of_their_magnification(tmp_path: Path, block: str) -> None:
    text = f"{block}\nloop_\n_rlnMicrographName #1\n_rlnMagnification #2\n_rlnDetectorPixelSize #3\n"
    entries = read_micrographs(write(tmp_path / "a.star", text + "a.mrc 79096 14.0\nb.mrc 0 14\n"))
    assert entries[0].pixel_size == pytest.approx(1.77, abs=1e-4)
    assert entries[1].pixel_size is None


def test_micrographs_without_optics_have_no_pixel_size(tmp_path: Path) -> None:
    path = write(tmp_path / "a.star", "data_\nloop_\n_rlnMicrographName #1\nnowhere.mrc\n")
    assert read_micrographs(path) == [MicrographEntry("nowhere.mrc", Path("nowhere.mrc"), None)]


def test_each_micrograph_is_listed_once_even_from_particles(tmp_path: Path) -> None:
    text = "data_particles\nloop_\n_rlnMicrographName #1\nb.mrc\na.mrc\nb.mrc\n"
    assert [entry.name for entry in read_micrographs(write(tmp_path / "a.star", text))] == ["b.mrc", "a.mrc"]


def test_micrographs_are_found_from_the_project_or_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    image = write(project / "Micrographs" / "a.mrc", "")
    text = f"data_\nloop_\n_rlnMicrographName #1\nMicrographs/a.mrc\n{image}\nMicrographs/gone.mrc\n"
    star = write(project / "CtfFind" / "job003" / "micrographs_ctf.star", text)
    for folder in (project, tmp_path, project / "CtfFind"):
        monkeypatch.chdir(folder)
        relative, absolute, gone = read_micrographs(Path(os.path.relpath(star)))
        assert relative.name == "Micrographs/a.mrc"
        assert relative.path.samefile(image)
        assert absolute.path == image
        assert gone.path == Path("Micrographs/gone.mrc")
        assert not gone.path.exists()


def test_the_working_folder_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    star = write(tmp_path / "job" / "a.star", "data_\nloop_\n_rlnMicrographName #1\na.mrc\n")
    write(tmp_path / "job" / "a.mrc", "")
    write(tmp_path / "here" / "a.mrc", "")
    monkeypatch.chdir(tmp_path / "here")
    assert read_micrographs(star)[0].path == Path("a.mrc")


def test_what_lists_no_micrographs_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"lacks rlnMicrographName; it has rlnCoordinateX, rlnCoordinateY"):
        read_micrographs(write(tmp_path / "a.star", COORDINATES))
    movies = "data_movies\nloop_\n_rlnMicrographMovieName #1\n_rlnOpticsGroup #2\na.tif 1\n"
    with pytest.raises(UserError, match=r"lists movies, not micrographs. Give the STAR file of the motion correction"):
        read_micrographs(write(tmp_path / "movies.star", OPTICS + movies))


def test_an_empty_list_of_micrographs_is_empty(tmp_path: Path) -> None:
    assert read_micrographs(write(tmp_path / "a.star", "data_\nloop_\n_rlnMicrographName #1\n")) == []


# Picks


def test_a_relion_autopick_file_is_read_whole(tmp_path: Path) -> None:
    text = (
        "data_\n\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n_rlnAutopickFigureOfMerit #3\n_rlnClassNumber #4\n"
        "_rlnAnglePsi #5\n  100.000000   200.000000     0.750000            2    90.000000\n"
    )
    picks = only(write(tmp_path / "mic_autopick.star", text))
    assert picks.frame == Frame("mic")
    np.testing.assert_array_equal(picks.yx, [[200, 100]])
    assert (picks.score[0], picks.class_number[0], picks.psi[0]) == (0.75, 2, 90)
    assert picks.label[0] == "particle"


def test_what_a_manual_pick_does_not_know_is_unknown(tmp_path: Path) -> None:
    text = (
        "data_\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n_rlnParticleSelectionType #3\n_rlnAnglePsi #4\n"
        "_rlnAutopickFigureOfMerit #5\n_rlnClassNumber #6\n1 2 2 -999.000000 -999.000000 -999\n"
    )
    picks = only(write(tmp_path / "mic_manualpick.star", text))
    assert picks.frame.micrograph == "mic"
    assert np.isnan(picks.score[0])
    assert (picks.class_number[0], picks.psi[0]) == (0, 0)


def test_particles_are_grouped_by_micrograph_and_moved_to_their_refined_centres(tmp_path: Path) -> None:
    text = OPTICS + (
        "data_particles\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n_rlnMicrographName #3\n_rlnOpticsGroup #4\n"
        "_rlnOriginXAngst #5\n_rlnOriginYAngst #6\n"
        "100 200 M/b.mrc 1 3.6 -1.7\n10 20 M/a.mrc 2 0.8 0\n101 201 M/b.mrc 1 0 0\n"
    )
    b, a = read_picks(write(tmp_path / "run_data.star", text))
    assert b.frame == Frame("M/b.mrc", pixel_size=1.77)
    assert a.frame == Frame("M/a.mrc", pixel_size=0.885)
    np.testing.assert_array_equal(b.yx, [[201, 98], [201, 101]])
    np.testing.assert_array_equal(a.yx, [[20, 9]])


def test_a_particles_file_without_particles_has_no_picks(tmp_path: Path) -> None:
    text = OPTICS + "data_particles\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnMicrographName\n_rlnOpticsGroup\n"
    assert len(only(write(tmp_path / "a.star", text))) == 0


def test_many_micrographs_in_one_file_are_grouped_quickly(tmp_path: Path) -> None:
    rows = "".join(f"{i} {i} Micrographs/{i // 10}.mrc\n" for i in range(20_000))
    text = "data_particles\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n_rlnMicrographName #3\n" + rows
    groups = read_picks(write(tmp_path / "a.star", text))
    assert len(groups) == 2000
    assert {len(group) for group in groups} == {10}


def test_a_coordinate_list_is_followed_with_the_names_it_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = tmp_path / "project" / "AutoPick" / "job006"
    for name in ("a", "b"):
        write_picks(Picks(Frame(name), np.array([[1, 2]])), job / "Micrographs" / f"{name}_autopick.star")
    pairs = [(f"MotionCorr/job002/Micrographs/{n}.mrc", f"AutoPick/job006/Micrographs/{n}_autopick.star") for n in "ab"]
    path = write_coordinate_list(pairs, job / "autopick.star")
    assert read_coordinate_list(path) == pairs
    for folder in (tmp_path / "project", tmp_path):
        monkeypatch.chdir(folder)
        found = read_picks(path)
        assert [picks.frame.micrograph for picks in found] == [name for name, _ in pairs]
        np.testing.assert_array_equal(found[1].yx, [[1, 2]])


def test_a_coordinate_list_may_name_boxes_as_relion_imports_them(tmp_path: Path) -> None:
    box = write(tmp_path / "m.box", "100\t200\t257\t257\n")
    path = write_coordinate_list([("Movies/a.mrc", str(box))], tmp_path / "coordinates.star")
    (picks,) = read_picks(path)
    assert (picks.frame.micrograph, picks.yx.tolist()) == ("Movies/a.mrc", [[328, 228]])


def test_a_coordinate_list_that_names_a_missing_file_says_which(tmp_path: Path) -> None:
    path = write_coordinate_list([("a.mrc", "gone_autopick.star")], tmp_path / "autopick.star")
    with pytest.raises(UserError, match=r"gone_autopick\.star: there is no such file"):
        read_picks(path)


def test_a_coordinate_list_is_written_as_relion_writes_it(tmp_path: Path) -> None:
    path = write_coordinate_list([("M/a.mrc", "job/M/a_autopick.star")], tmp_path / "autopick.star")
    lines = path.read_text().split("\n")
    assert lines == [
        "",
        "data_coordinate_files",
        "",
        "loop_",
        "_rlnMicrographName #1",
        "_rlnMicrographCoordinates #2",
        "M/a.mrc\tjob/M/a_autopick.star",
        "",
        "",
    ]


def test_picks_are_written_in_relions_order_and_read_by_starfile(tmp_path: Path) -> None:
    picks = Picks(Frame("a"), np.array([[20.4, 9.6]]), score=0.87654321, class_number=3, psi=-12.5, diameter=107.9)
    path = write_picks(picks, tmp_path / "a_autopick.star")
    table = starfile.read(path, always_dict=True)[""]
    assert list(table.columns) == [
        "rlnCoordinateX",
        "rlnCoordinateY",
        "rlnAutopickFigureOfMerit",
        "rlnClassNumber",
        "rlnAnglePsi",
    ]
    np.testing.assert_allclose(table.to_numpy(), [[10, 20, 0.876543, 3, -12.5]])


def test_unknown_scores_are_written_as_relion_writes_them(tmp_path: Path) -> None:
    path = write_picks(Picks(Frame("a"), np.array([[2, 1]])), tmp_path / "a.star")
    assert "1\t2\t-999\t0\t0.000000" in path.read_text().split("\n")


def test_background_is_not_given_to_relion(tmp_path: Path) -> None:
    picks = Picks(Frame("a"), np.array([[1, 2], [3, 4]]), label=np.array(["background", "particle"]))
    with pytest.warns(UserWarning, match=r"a\.star: 1 picks labelled background are left out; CSV keeps them"):
        path = write_picks(picks, tmp_path / "a.star")
    np.testing.assert_array_equal(only(path).yx, [[3, 4]])


def test_picks_outside_the_micrograph_are_not_given_to_relion(tmp_path: Path) -> None:
    yx = np.array([[0, 0], [49, 99], [49.4, 99.4], [-0.4, -0.4], [49.6, 5], [5, 99.6], [-0.6, 5], [5, -0.6], [200, 5]])
    with pytest.warns(UserWarning, match=r"a\.star: 5 picks outside the micrograph are left out"):
        path = write_picks(Picks(Frame("a", (50, 100)), yx), tmp_path / "a.star")
    np.testing.assert_array_equal(only(path).yx, [[0, 0], [49, 99], [49, 99], [0, 0]])


def test_real_files_of_relion_are_read(shared: Path) -> None:
    for version in ("30", "31"):
        path = shared / "formats" / f"sample_particles_relion{version}.star"
        # Particles of 1.4 A from movies of 0.885 A: that of the micrographs is not in the file, and origins need it.
        with pytest.raises(UserError, match="pixel size of their micrographs is not known"):
            read_picks(path)
        (picks,) = read_picks(path, frame_of=lambda name, _: Frame(name, pixel_size=0.885))
        assert picks.frame == Frame("micrograph.mrc", pixel_size=0.885)
        assert len(picks) == 17
        np.testing.assert_allclose(picks.yx[0], [3073.912046, 2158.111921])
    for path in (shared / "data").rglob("*.star"):
        (picks,) = read_picks(path)
        assert len(picks) > 40, path
        assert np.ptp(picks.yx, axis=0).min() > 500, path


def test_a_missing_column_names_what_is_there() -> None:
    table = Table(Path("a.star"), "x", ["rlnA"], [["1"]])
    assert "rlnA" in table
    with pytest.raises(UserError, match=r"a\.star: the table data_x lacks rlnB; it has rlnA"):
        table.numbers("rlnB")
