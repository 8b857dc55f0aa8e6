"""The command convert: names, folders, what is told, and what is refused before anything is written."""

from __future__ import annotations

import os
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from cs_files import only, particles, save
from napari_drpnet import Frame, Picks, read_picks, write_picks
from napari_drpnet.cli import main
from napari_drpnet.io.lock import alone_in
from napari_drpnet.io.picks.formats import FORMATS, write_all
from napari_drpnet.settings import ConversionSettings
from napari_drpnet.simulation.orientations import rotation
from napari_drpnet.simulation.projection import project
from napari_drpnet.simulation.structures import Volume

UID = "000012345678901234567_"


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str]):
    """Run convert: exit status, standard output, standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main(["convert", *arguments])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return end.value.code or 0, out, err

    return run


def micrographs(*names: str, shape: tuple[int, int] = (100, 200)) -> None:
    """Micrographs under M/ with a STAR file that lists them."""
    Path("M").mkdir()
    for name in names:
        with mrcfile.new(f"M/{name}.mrc") as file:
            file.set_data(np.zeros(shape, np.int8))
    rows = "".join(f"M/{name}.mrc 1\n" for name in names)
    Path("mics.star").write_text(
        "data_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnMicrographPixelSize #2\n1 2.5\n\n"
        f"data_micrographs\n\nloop_\n_rlnMicrographName #1\n_rlnOpticsGroup #2\n{rows}"
    )


def topaz(path: str, **points: tuple[int, int]) -> None:
    rows = "".join(f"{name}\t{x}\t{y}\t0.5\n" for name, (x, y) in points.items())
    Path(path).write_text(f"image_name\tx_coord\ty_coord\tscore\n{rows}")


def test_the_names_of_formats_are_written_once_more_only() -> None:
    assert set(ConversionSettings.model_json_schema()["properties"]["to"]["anyOf"][0]["enum"]) == set(FORMATS)


def test_one_file_of_many_micrographs_becomes_one_each_with_relions_list(call) -> None:
    micrographs("a", "b", "c")
    topaz("all.txt", a=(10, 20), b=(30, 40))
    status, out, err = call("all.txt", "out", "--to", "star", "--micrographs", "mics.star")
    assert status == 0
    assert "2 picks of 2 micrographs in out" in out
    assert "micrographs without picks: M/c.mrc" in err
    assert [picks.frame.micrograph for picks in read_picks("out/autopick.star")] == ["M/a.mrc", "M/b.mrc"]
    np.testing.assert_array_equal(read_picks("out/b_autopick.star")[0].yx, [[40, 30]])


def test_cryosparc_names_find_their_micrographs_and_rows_are_turned_once(call) -> None:
    micrographs("a", "b")
    names = (f"J1/{UID}a_patch_aligned.mrc", "J1/other.mrc")
    write_all([Picks(Frame(name, (100, 200), 2.5), [[20, 10]], score=0.5, diameter=8) for name in names], "p.cs")
    status, _, err = call("p.cs", "out/", "--to", "csv", "--micrographs", "mics.star")
    assert status == 0
    assert "under their own names: J1/other.mrc" in err
    assert "micrographs without picks: M/b.mrc" in err
    np.testing.assert_allclose(read_picks("out/a.csv")[0].yx, [[20, 10]], atol=1e-4)
    np.testing.assert_allclose(read_picks("out/other.csv")[0].yx, [[20, 10]], atol=1e-4)
    call("p.cs", "flipped", "--to", "csv", "--flip-y", "--micrographs", "mics.star")
    np.testing.assert_allclose(read_picks("flipped/a.csv")[0].yx, [[80, 10]], atol=1e-4)


def test_a_folder_becomes_one_cryosparc_file_and_comes_back(call) -> None:
    micrographs("a", "b")
    for name, x in (("a", 10), ("b", 30)):
        write_picks(Picks(Frame(name), [[20, x]], score=0.5, diameter=8), f"boxes/{name}.box")
    Path("boxes/notes.txt").write_text("dear diary\n")
    status, out, err = call("boxes", "all.cs", "--micrographs", "mics.star")
    assert (status, out) == (0, "2 picks of 2 micrographs in all.cs\n")
    assert "passed over, as they hold no picks: notes.txt" in err
    call("all.cs", "back", "--to", "box")
    for name in ("a", "b"):
        assert Path(f"back/{name}.box").read_text() == Path(f"boxes/{name}.box").read_text()


def test_cryoppp_labels_need_the_height_and_find_it_in_the_list(call) -> None:
    micrographs("a")
    Path("a.csv").write_text("X-Coordinate,Y-Coordinate,Diameter\n10,30,8\n")
    status, _, err = call("a.csv", "a.box")
    assert status == 2
    assert "height of a is not known" in err
    assert "--micrographs" in err
    assert call("a.csv", "a.box", "--micrographs", "mics.star")[0] == 0
    np.testing.assert_array_equal(read_picks("a.box")[0].yx, [[70, 10]])
    assert call("a.csv", "b.box", "--flip-y")[0] == 0
    np.testing.assert_array_equal(read_picks("b.box")[0].yx, [[30, 10]])


def test_what_is_lost_is_said_once(call) -> None:
    for name in ("a", "b"):
        write_picks(Picks(Frame(name), [[20.5, 10]], score=0.5, diameter=8, source="drpnet"), f"in/{name}.csv")
    _, _, err = call("in", "out", "--to", "box")
    assert err.count("no place for") == 1
    assert "source, fractions of a pixel. CSV keeps them" in err


def test_a_box_size_can_be_given(call) -> None:
    topaz("all.txt", a=(10, 20), b=(30, 40))
    status, _, err = call("all.txt", "out", "--to", "box")
    assert status == 2
    assert "--box-size" in err
    assert not Path("out").exists()
    assert call("all.txt", "out", "--to", "box", "--box-size", "10")[0] == 0
    assert Path("out/a.box").read_text() == "5\t15\t10\t10\t0.5\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.txt", "a.star"], "no such file or folder"),
        (["all.txt", "a.star"], "hold one micrograph each, and there are 2. Name a folder, and the format (--to star)"),
        (["all.txt", "out"], "does not tell the format. Say which one (--to star, particles, csv"),
        (["all.txt", "out", "--to", "mrc"], "must be 'star', 'particles', 'csv'"),
        (["all.txt", "out.pdf"], "not a kind of file for picks"),
        (["all.txt", "a.csv", "--to", "box"], "EMAN box files end in .box"),
        (["all.txt", "all.txt"], "would replace a file that is read"),
        (["M", "out", "--to", "csv"], "no picks lie in this folder"),
        (
            ["outside.txt", "out", "--to", "csv", "--micrographs", "mics.star"],
            "1 of 1 picks of M/a.mrc lie outside its",
        ),
        (["negative.txt", "out", "--to", "csv"], "lie outside any image"),
        (["twice", "out", "--to", "csv", "--micrographs", "mics.star"], "may all be M/a.mrc"),
        (["all.txt", "out", "--to", "csv", "--micrographs", "none.star"], "none.star: there is no such file"),
        (["all.txt", "out", "--to", "csv", "--box-size", "-1"], "box"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_writes_nothing(call, arguments: list[str], message: str) -> None:
    micrographs("a")
    topaz("all.txt", a=(10, 20), b=(30, 40))
    topaz("outside.txt", a=(10, 120))
    topaz("negative.txt", a=(-10, 20))
    Path("twice").mkdir()
    topaz("twice/1.txt", a=(10, 20))
    topaz("twice/2.txt", **{f"{UID}a": (10, 20)})
    before = set(Path().rglob("*"))
    status, out, err = call(*arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert set(Path().rglob("*")) == before


def test_picks_of_another_size_of_micrograph_are_refused(call) -> None:
    micrographs("a")
    for shape, pixel_size, hint in (((50, 100), None, "--scale 2"), ((50, 150), None, "check the names")):
        write_picks(Picks(Frame("a", shape, pixel_size), [[20, 10]]), "a.cs")
        status, _, err = call("a.cs", "a.csv", "--micrographs", "mics.star")
        assert status == 2
        assert f"of {shape[0]} x {shape[1]} pixels, but M/a.mrc has 100 x 200" in err
        assert hint in err


def test_picks_of_a_binned_micrograph_are_scaled_by_the_sizes_or_as_told(call) -> None:
    micrographs("a")
    write_picks(Picks(Frame("a", (50, 100), 5.0), [[20, 10]], diameter=8), "sized.cs")
    write_picks(Picks(Frame("a", (50, 100)), [[20, 10]]), "unsized.cs")
    for source, told in (("sized.cs", []), ("unsized.cs", ["--scale", "2"]), ("sized.cs", ["--scale", "2"])):
        status, _, err = call(source, "a.csv", "--micrographs", "mics.star", *told)
        assert status == 0, err
        assert ("multiplied by 2" in err) == (not told)
        np.testing.assert_allclose(read_picks("a.csv")[0].yx, [[40, 20]], atol=1e-3)
    np.testing.assert_allclose(read_picks("a.csv")[0].diameter, 16, atol=1e-3)


@pytest.mark.parametrize("name", ["p.cs", "p.csv"])
def test_binned_images_whose_sides_are_no_multiples_show_all_of_the_micrograph(call, name: str) -> None:
    """In 51 x 102 and in 50 x 101 pixels, of 103 and 203; rows count from the bottom, and the height is exact."""
    micrographs("a", shape=(103, 203))
    if name == "p.cs":
        for shape in ((51, 102), (50, 101)):
            write_picks(Picks(Frame("a", shape, 5.0), [[0.25 * shape[0], 0.75 * shape[1]]], diameter=8), name)
            assert call(name, "a.csv", "--micrographs", "mics.star", "--scale", "2")[0] == 0
            (picks,) = read_picks("a.csv")
            np.testing.assert_allclose(picks.yx, [[0.25 * 103, 0.75 * 203]], atol=1e-3)
            np.testing.assert_allclose(picks.diameter, 16, atol=1e-3)
    else:
        Path("a.csv").write_text("X-Coordinate,Y-Coordinate,Diameter\n10,30,8\n")
        assert call("a.csv", "b.csv", "--micrographs", "mics.star", "--scale", "2")[0] == 0
        np.testing.assert_array_equal(read_picks("b.csv")[0].yx, [[103 - 60, 20]])


def test_rows_of_binned_picks_are_turned_in_their_own_image(call) -> None:
    micrographs("a")
    Path("a.csv").write_text("X-Coordinate,Y-Coordinate,Diameter\n10,30,8\n")
    assert call("a.csv", "b.csv", "--micrographs", "mics.star", "--scale", "2")[0] == 0
    (picks,) = read_picks("b.csv")
    np.testing.assert_array_equal(picks.yx, [[40, 20]])
    np.testing.assert_array_equal(picks.diameter, [16])


def test_a_threshold_leaves_out_what_is_below_or_has_no_score(call) -> None:
    Path("a.csv").write_text("x,y,score\n1,2,0.4\n3,4,0.5\n5,6,7\n7,8,\n")
    status, out, err = call("a.csv", "b.csv", "--threshold", "0.5")
    assert (status, out) == (0, "2 picks of 1 micrographs in b.csv\n")
    assert "1 picks without a score are left out" in err
    assert "2 picks below --threshold are left out" in err
    np.testing.assert_array_equal(read_picks("b.csv")[0].yx, [[4, 3], [6, 5]])
    assert "there is not one pick" in call("a.csv", "b.csv", "--threshold", "8")[2]
    Path("none.csv").write_text("x,y\n1,2\n")
    assert "its picks have no scores" in call("none.csv", "b.csv", "--threshold", "0.5")[2]


def test_several_sources_are_read_together_and_folders_tell_equal_names_apart(call) -> None:
    for folder, x in (("g1", 10), ("g2", 20)):
        write_picks(Picks(Frame("a"), [[1, x]]), f"{folder}/a.csv")
        Path(folder, "M").mkdir()
    write_picks(Picks(Frame("b"), [[1, 30]]), "b.csv")
    status, out, _ = call("g1/a.csv", "g2", "b.csv", "out", "--to", "star")
    assert (status, out) == (0, "3 picks of 3 micrographs in out\n")
    assert [picks.frame.micrograph for picks in read_picks("out/autopick.star")] == ["g1/a", "g2/a", "b"]
    np.testing.assert_array_equal(read_picks("out/g2/a_autopick.star")[0].yx, [[1, 20]])
    Path("mics.star").write_text("data_\nloop_\n_rlnMicrographName\nM/g2/a.mrc\nM/g1/a.mrc\n")
    call("g1/a.csv", "g2", "out2", "--to", "star", "--micrographs", "mics.star")
    named = {picks.frame.micrograph: picks.yx[0, 1] for picks in read_picks("out2/autopick.star")}
    assert named == {"M/g1/a.mrc": 10, "M/g2/a.mrc": 20}


def test_a_particle_that_was_moved_beyond_the_edge_is_left_out_and_the_rest_converted(call) -> None:
    rows = "M/a.mrc 100 200 3 -3\nM/a.mrc 4 200 9 0\nM/a.mrc 800 700 1 0\nM/b.mrc 3 3 9 0\n"
    Path("edge.star").write_text(
        "data_\nloop_\n_rlnMicrographName\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnOriginXAngst\n_rlnOriginYAngst\n"
        + rows
    )
    status, _, err = call("edge.star", "out", "--to", "csv", "--pixel-size", "1")
    assert status == 0
    assert "2 of 4 picks are left out, as they lie outside M/a.mrc and 1 other micrographs" in err
    np.testing.assert_array_equal(read_picks("out/a.csv")[0].yx, [[203, 97], [700, 799]])
    assert len(read_picks("out/b.csv")[0]) == 0


def test_micrographs_that_cannot_be_files_are_told_and_the_others_are_written(call) -> None:
    rows = "".join(f"'{name}' 1 2\n" for name in ("a.mrc", "b" * 300 + ".mrc"))
    Path("p.star").write_text("data_\nloop_\n_rlnMicrographName\n_rlnCoordinateX\n_rlnCoordinateY\n" + rows)
    status, out, err = call("p.star", "out", "--to", "csv")
    assert (status, out) == (1, "1 picks of 1 micrographs in out/a.csv\n")
    assert "is too long for a file" in err
    assert max(map(len, err.splitlines())) < 300
    name = "it's \"a\" b' c.mrc"
    write_all([Picks(Frame(name, (100, 200), 1.0), [[1, 2]])], "n.cs")
    status, _, err = call("n.cs", "out", "--to", "star")
    assert status == 2
    assert "cannot be written into a STAR file" in err


@pytest.mark.parametrize("name", ["..", "M/..", "a\x07b.mrc"])
def test_a_name_that_leads_elsewhere_is_told_with_its_file(call, name: str) -> None:
    Path("p.csv").write_text(f"micrograph,x,y\na.mrc,1,2\n{name},3,4\n")
    status, out, err = call("p.csv", "out", "--to", "csv")
    assert (status, out) == (1, "1 picks of 1 micrographs in out/a.csv\n")
    assert "p.csv: no file can be called '" in err
    assert [file.name for file in Path("out").iterdir()] == ["a.csv"]


@pytest.mark.parametrize("to", ["star", "topaz"])
def test_two_runs_do_not_write_into_one_folder(call, to: str) -> None:
    Path("p.csv").write_text("micrograph,x,y\na.mrc,1,2\n")
    with alone_in(Path("out")):
        status, _, err = call("p.csv", "out", "--to", to)
        assert status == 2
        assert "out is in use by process" in err
    assert call("p.csv", "out", "--to", to)[0] == 0
    assert not Path("out/.lock").exists()


def test_a_run_that_fails_leaves_no_folder(call) -> None:
    Path("p.csv").write_text("x,y\n1,b\n")
    assert call("p.csv", "out", "--to", "csv")[0] == 2
    assert not Path("out").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes with names")
@pytest.mark.parametrize(("pipe", "out"), [("o.csv", "o.csv"), ("o/p.csv", "o"), ("o.csg", "o.cs")])
def test_a_pipe_is_not_replaced(call, pipe: str, out: str) -> None:
    write_picks(Picks(Frame("p", (100, 200), 2.5), [[20, 10]]), "p.cs")
    Path("o").mkdir()
    os.mkfifo(pipe)
    status, _, err = call("p.cs", out, *([] if "." in out else ["--to", "csv"]))
    assert (status, f"{pipe} is a pipe or a device" in err) == (2, True)
    assert Path(pipe).is_fifo()


@pytest.mark.parametrize("to", ["csv", "cryosparc"])
def test_one_micrograph_by_two_spellings_is_one(call, to: str) -> None:
    micrographs("a")
    Path("p.csv").write_text("micrograph,x,y\nM/a.mrc,1,2\n./M/a.mrc,3,4\n")
    status, out, _ = call("p.csv", "out", "--to", to)
    assert (status, out.split(" in ")[0]) == (0, "2 picks of 1 micrographs")
    Path("q.csv").write_text("micrograph,x,y\n./M//a.mrc,5,6\n")
    status, _, err = call("p.csv", "q.csv", "again", "--to", to)
    assert (status, "q.csv: picks of ./M//a.mrc, of which p.csv has some, too" in err) == (2, True)


HELIX = (
    "data_\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnHelicalTubeID\n_rlnAngleTiltPrior\n_rlnAnglePsiPrior\n"
    "_rlnHelicalTrackLengthAngst\n_rlnHelicalTrackLength\n_rlnAnglePsiFlipRatio\n"
    "10 20 1 90 45.5 0 0 0.5\n15 25 2 90 45.5 10.25 10 0.5\n"
)


def test_helical_tubes_stay_in_star_files_and_are_told_of_elsewhere(call) -> None:
    Path("helix.star").write_text(HELIX)
    status, _, err = call("helix.star", "out", "--to", "star", "--scale", "2")
    assert (status, err) == (0, "")
    (picks,) = read_picks("out/helix_autopick.star")
    np.testing.assert_array_equal(picks.yx, [[40, 20], [50, 30]])
    assert {name: values.tolist() for name, values in picks.helix.items()} == {
        "rlnHelicalTubeID": [1, 2],
        "rlnAngleTiltPrior": [90, 90],
        "rlnAnglePsiPrior": [45.5, 45.5],
        "rlnHelicalTrackLengthAngst": [0, 10.25],
        "rlnHelicalTrackLength": [0, 20],
        "rlnAnglePsiFlipRatio": [0.5, 0.5],
    }
    assert "_rlnHelicalTubeID #6" in Path("out/helix_autopick.star").read_text()
    for name in ("csv", "json", "topaz"):
        _, _, err = call("helix.star", "lost", "--to", name)
        assert "no place for: helical tubes. RELION STAR keeps them" in err


def test_angles_are_mirrored_with_the_rows_as_the_picture_is(call) -> None:
    """The same volume at the angles that are written gives the mirrored picture of that at the angles that are read."""
    rng = np.random.default_rng(0)
    micrographs("a")
    names = "".join(f"_rln{name}\n" for name in ("CoordinateX", "CoordinateY", "AnglePsi", "HelicalTubeID"))
    angles = rng.uniform((-180, 0, -180), (180, 180, 180), (5, 3))
    priors = "_rlnAngleRotPrior\n_rlnAngleTiltPrior\n_rlnAnglePsiPrior\n"
    rows = [f"{20 + i} 30 {psi:.6f} 1 {rot:.6f} {tilt:.6f} {psi:.6f}\n" for i, (rot, tilt, psi) in enumerate(angles)]
    Path("a.star").write_text(f"data_\n\nloop_\n{names}{priors}{''.join(rows)}\n")
    status, _, err = call("a.star", "out/a.star", "--flip-y", "--micrographs", "mics.star")
    assert status == 0, err
    (picks,) = read_picks("out/a.star")
    assert picks.yx.tolist() == [[70, 20 + i] for i in range(5)]
    turned = [picks.helix[f"rlnAngle{name}Prior"] for name in ("Rot", "Tilt", "Psi")]
    np.testing.assert_array_equal(picks.psi, turned[2])
    assert np.abs(turned[0]).max() <= 180
    volume = Volume(gaussian_filter(rng.random((24, 24, 24), np.float32), 2), 1.0, 24.0)
    before, after = (project(volume, rotation(*one)) for one in (angles.T, turned))
    # Rows 1 to 23 lie around the middle, which is row 12.
    np.testing.assert_allclose(after[:, 1:], before[:, :0:-1], atol=1e-2 * np.ptp(before))


def test_one_particles_file_has_the_names_and_optics_of_the_micrographs(call) -> None:
    micrographs("a", "b")
    topaz("all.txt", a=(10, 20), b=(30, 40))
    status, out, err = call("all.txt", "particles.star", "--to", "particles", "--micrographs", "mics.star")
    assert (status, out) == (0, "2 picks of 2 micrographs in particles.star\n")
    assert "RELION extracts from it only with rlnVoltage" in err
    found = read_picks("particles.star")
    assert [picks.frame for picks in found] == [Frame(f"M/{name}.mrc", pixel_size=2.5) for name in "ab"]
    np.testing.assert_array_equal([picks.yx[0] for picks in found], [[20, 10], [40, 30]])
    assert "pixel size, and that of 'a' is not known" in call("all.txt", "p.star", "--to", "particles")[2]


def test_one_bad_file_of_many_is_told_and_the_others_are_written(call) -> None:
    write_picks(Picks(Frame("a"), [[20, 10]], diameter=8), "in/a.box")
    Path("in/b.box").write_text("1 2 3\n")
    status, out, err = call("in", "out", "--to", "csv")
    assert status == 1
    assert "1 picks of 1 micrographs" in out
    assert "b.box, line 1: 3 values" in err
    assert Path("out/a.csv").is_file()


@pytest.mark.slow
def test_real_files_convert_to_every_format_and_back(call, shared: Path) -> None:
    source = shared / "formats" / "topaz_10025_particles.txt"
    if not source.is_file():
        pytest.skip("no files of other programs in this copy of the shared folder")
    found = {picks.frame.micrograph: picks for picks in read_picks(source)}
    micrographs(*found, shape=(7676, 7420))
    for name in FORMATS:
        target = f"out_{name}/particles{FORMATS[name].suffix}" if FORMATS[name].several else f"out_{name}"
        status, out, _ = call(str(source), target, "--to", name, "--box-size", "100", "--micrographs", "mics.star")
        assert (status, out.split(" in ")[0]) == (0, "399 picks of 8 micrographs"), name
        status, _, err = call(target, f"back_{name}.txt", "--micrographs", "mics.star")
        assert status == 0, err
        for picks in read_picks(f"back_{name}.txt"):
            want = found[picks.frame.micrograph]
            np.testing.assert_allclose(picks.yx, want.yx, rtol=0, atol=2e-3, err_msg=name)


def cs_table(path: str, **columns: np.ndarray) -> None:
    """A table of cryoSPARC; a double underscore stands for the slash in a column's name."""
    columns = {name.replace("__", "/"): np.asarray(values) for name, values in columns.items()}
    rows = len(next(iter(columns.values())))
    dtype = [(name, values.dtype, values.shape[1:]) for name, values in columns.items()]
    table = np.zeros(rows, np.dtype(dtype))
    for name, values in columns.items():
        table[name] = values
    with Path(path).open("wb") as file:
        np.save(file, table)


@pytest.mark.parametrize(("name", "told"), [(b"M/a.mrc", False), (b"M/a.tif", True)])
def test_particles_and_passthrough_of_cryosparc_are_one_set(call, name: bytes, told: bool) -> None:
    uid = np.array([7, 8, 9], "<u8")
    cs_table("particles.cs", uid=uid, pick_stats__ncc_score=np.array([0.1, 0.2, 0.3], "<f4"))
    cs_table(
        "passthrough.cs",
        uid=uid[::-1].copy(),
        location__micrograph_path=np.array([name] * 3),
        location__micrograph_shape=np.array([[100, 200]] * 3, "<u4"),
        location__center_x_frac=np.array([0.1, 0.2, 0.3], "<f4"),
        location__center_y_frac=np.array([0.2, 0.4, 0.6], "<f4"),
    )
    status, _, err = call("particles.cs", "passthrough.cs", "a.csv")
    assert status == 0, err
    assert ("is a TIFF, and it is not known from which end cryoSPARC counts" in err) == told
    (picks,) = read_picks("a.csv")
    order = np.argsort(picks.yx[:, 1])
    np.testing.assert_allclose(picks.yx[order], [[80, 20], [60, 40], [40, 60]], atol=1e-3)
    np.testing.assert_allclose(picks.score[order], [0.3, 0.2, 0.1], atol=1e-6)


@pytest.mark.parametrize("sources", [["J/p.cs"], ["J/p.cs", "J/q.cs"], ["J"]])
def test_shifts_of_cryosparc_take_the_pixel_size_that_is_given(call, sources: list[str]) -> None:
    table = particles(4, ("alignments2D/shift", "<f4", (2,)), ("alignments2D/psize_A", "<f4"))
    table["alignments2D/shift"], table["alignments2D/psize_A"] = [2, 0], 3
    table["location/micrograph_psize_A"] = 0
    Path("J").mkdir()
    save(Path("J/p.cs"), table)
    save(Path("J/q.cs"), only(table, "uid"))
    status, _, err = call(*sources, "a.csv")
    assert status == 2
    assert "Give it (--pixel-size" in err
    Path("m.star").write_text("data_\n\nloop_\n_rlnMicrographName\n_rlnMicrographPixelSize\nmic_a.mrc 1.5\n\n")
    for more in (["--pixel-size", "1.5"], ["--micrographs", "m.star"]):
        status, _, err = call(*sources, "a.csv", *more)
        assert status == 0, err
        np.testing.assert_allclose(read_picks("a.csv")[0].yx[:, 1], [36, 76, 116, 156], atol=1e-3)


def test_the_folder_of_a_cryosparc_job_is_read_as_its_files_together(call) -> None:
    """Two of four particles are selected."""
    Path("J").mkdir()
    save(Path("J/particles_selected.cs"), only(particles(), "uid")[1:3])
    save(Path("J/passthrough_particles.cs"), particles())
    status, out, err = call("J", "a.csv")
    assert (status, out) == (0, "2 picks of 1 micrographs in a.csv\n")
    assert "2 rows are not in both" in err
    np.testing.assert_allclose(read_picks("a.csv")[0].yx, [[240, 80], [210, 120]], atol=1e-3)


def cryosparc_job() -> None:
    """Four particles picked, two of them selected, with the micrographs they are on and averages, as in a job."""
    Path("J").mkdir()
    save(Path("J/particles_selected.cs"), only(particles(), "uid")[1:3])
    save(Path("J/passthrough_particles.cs"), particles())
    mics = np.array([1, 2], "<u8")
    cs_table("J/picked_micrographs.cs", uid=mics, micrograph_blob__path=np.array([b"J1/a.mrc", b"J1/b.mrc"]))
    # What says nothing of its rows but that they are those micrographs, too.
    cs_table("J/passthrough_micrographs.cs", uid=mics, ctf__df1_A=np.array([1e4, 2e4], "<f4"))
    cs_table("J/class_averages.cs", uid=np.array([3], "<u8"), blob__path=np.array([b"J1/c.mrc"]))
    cs_table("J/rejected_micrographs.cs", uid=mics[:0], micrograph_blob__path=np.array([], "S9"))


def test_the_micrographs_of_a_cryosparc_job_are_no_picks(call) -> None:
    cryosparc_job()
    status, out, err = call("J", "a.csv")
    assert (status, out) == (0, "2 picks of 1 micrographs in a.csv\n"), err
    told = next(line for line in err.splitlines() if "passed over, as they hold no picks" in line)
    assert set(told.split(": ")[-1].rstrip(".").split(", ")) == {
        *("class_averages.cs", "passthrough_micrographs.cs"),
        *("picked_micrographs.cs", "rejected_micrographs.cs"),
    }
    Path("J/broken_particles.cs").write_bytes(b"\x93NUMPY")
    status, _, err = call("J", "b.csv")
    assert (status, "broken_particles.cs is not a table" in err) == (1, True)


def test_micrographs_beside_an_empty_selection_are_no_picks(call) -> None:
    cryosparc_job()
    save(Path("J/particles_selected.cs"), only(particles(0), "uid"))
    save(Path("J/passthrough_particles.cs"), particles(0))
    status, out, err = call("J", "out", "--to", "csv")
    assert (status, out) == (0, "0 picks of 1 micrographs in out/passthrough_particles.csv\n"), err


def test_a_folder_of_micrographs_alone_says_what_to_give(call) -> None:
    cryosparc_job()
    for path in (*Path("J").glob("*particles*"), Path("J/class_averages.cs")):
        path.unlink()
    status, _, err = call("J", "a.csv")
    assert status == 2
    assert "name it as such (--micrographs), and give the table of the particles" in err


def test_empty_results_of_a_job_are_no_picks(call) -> None:
    Path("J").mkdir()
    save(Path("J/particles_selected.cs"), only(particles(0), "uid"))
    save(Path("J/passthrough_particles.cs"), particles(0))
    status, out, err = call("J", "out", "--to", "csv")
    assert (status, err) == (0, "warning: there is not one pick.\n")
    assert out.startswith("0 picks of 1 micrographs")
    save(Path("J/passthrough_particles.cs"), particles(4))
    assert "particles_selected.cs: it has no rows, and is passed over" in call("J", "out", "--to", "csv")[2]


def test_what_we_wrote_for_cryosparc_is_read_from_its_folder(call) -> None:
    """With the group of results beside each table, which names it."""
    for name in "ab":
        write_picks(Picks(Frame(name, (100, 200), 2.5), [[20, 10], [30, 40]]), f"{name}.cs")
    assert call("a.cs", "out/a.cs")[0] == call("b.cs", "out/b.cs")[0] == 0
    status, out, err = call("out", "csv", "--to", "csv")
    assert (status, err) == (0, "")
    assert out == "4 picks of 2 micrographs in csv\n"


def test_what_cryosparc_imports_lies_beside_its_picks(call) -> None:
    write_picks(Picks(Frame("a", (100, 200), 2.5), [[20, 10]]), "a.cs")
    status, out, _ = call("a.cs", "out/b.cs")
    assert (status, out) == (0, "1 picks of 1 micrographs in out/b.cs\n")
    assert "b.cs" in Path("out/b.csg").read_text()
    Path("c.csg").write_bytes(Path("out/b.csg").read_bytes())
    assert call("a.cs", "a.cs")[0] == 2


def test_exposures_of_cryosparc_are_a_list_of_micrographs(call) -> None:
    cs_table(
        "exposures.cs",
        uid=np.array([1, 2], "<u8"),
        micrograph_blob__path=np.array([f"J1/{UID}a.mrc".encode(), f"J1/{UID}b.mrc".encode()]),
        micrograph_blob__psize_A=np.array([2.5, 2.5], "<f4"),
        micrograph_blob__shape=np.array([[100, 200]] * 2, "<u4"),
    )
    topaz("all.txt", a=(10, 20))
    status, _, err = call("all.txt", "p.star", "--to", "particles", "--micrographs", "exposures.cs")
    assert status == 0, err
    assert f"micrographs without picks: J1/{UID}b.mrc" in err
    (picks,) = read_picks("p.star")
    assert picks.frame == Frame(f"J1/{UID}a.mrc", pixel_size=2.5)
    status, _, err = call("all.txt", "p.cs", "--to", "cryosparc", "--micrographs", "exposures.cs")
    assert status == 0, err  # its fractions need the height of micrographs that are not here
    table = np.load("p.cs")
    assert table["location/center_x_frac"][0] == pytest.approx(10 / 200, abs=0.003)
    assert table["location/center_y_frac"][0] == pytest.approx(1 - 20 / 100, abs=0.006)
