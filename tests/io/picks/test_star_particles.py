"""Particles in STAR files: which micrographs they are of, whose pixels they count, and what is not understood."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from napari_drpnet import Frame, Picks, UserError, read_picks, write_picks
from napari_drpnet.io.star_lists import read_micrographs, write_coordinate_list

XY = "_rlnCoordinateX\n_rlnCoordinateY\n"
ORIGINS = "_rlnOriginXAngst\n_rlnOriginYAngst\n"


def loop(columns: str, *rows: str, name: str = "") -> str:
    columns = "".join(f"_{column.removeprefix('_')}\n" for column in columns.split())
    return f"data_{name}\n\nloop_\n{columns}" + "".join(f"{row}\n" for row in rows) + "\n"


def optics(columns: str, *rows: str) -> str:
    return loop("rlnOpticsGroup " + columns, *rows, name="optics")


def read(path: Path, text: str, pixel_size: float | None = None) -> dict[str, Picks]:
    path.write_text(text)
    found = read_picks(path, frame_of=lambda name, _: Frame(name, pixel_size=pixel_size))
    return {picks.frame.micrograph: picks for picks in found}


def points(picks: Picks) -> list[list[float]]:
    """In x, y order, as the file has them."""
    return picks.yx[:, ::-1].tolist()


# Origins


BOTH = f"rlnMicrographName rlnImagePixelSize {XY}{ORIGINS}rlnOriginX rlnOriginY "


@pytest.mark.parametrize(
    ("text", "told", "place"),
    [
        # What relion_preprocess --reextract_data_star and relion_convert_star of RELION 3.1.3 make of such files.
        (
            optics("rlnVoltage", "1 300") + loop(BOTH + "rlnOpticsGroup", "a 2 100 90 0 0 10 5 1"),
            "Those in Ang",
            [100, 90],
        ),
        (loop(BOTH, "a 2 100 90 0 0 10 5"), "differ in 1 of 1 rows. Those in pixels count", [90, 85]),
        (loop(BOTH.replace("Image", "Other"), "a 2 100 90 4 0 10 5"), "size of the particle images is not", [98, 90]),
        (loop(BOTH, "a 2 100 90 20 10 10 5"), "", [90, 85]),
    ],
)
def test_of_two_kinds_of_origins_those_count_that_relion_takes(
    tmp_path: Path, text: str, told: str, place: list[float]
) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        (picks,) = read(tmp_path / "p.star", text, 2.0).values()
    said = " ".join(str(one.message) for one in caught)
    assert points(picks) == [place]
    assert told in said
    assert ("origins" in said) == bool(told)


# Several tables


def test_all_tables_of_a_file_are_read(tmp_path: Path) -> None:
    text = loop(XY, "100 200", "300 400") + loop("rlnOther", "1") + loop(XY, "500 600") + loop(XY)
    assert points(read(tmp_path / "a.star", text)["a"]) == [[100, 200], [300, 400], [500, 600]]


def test_tables_may_name_different_micrographs_each_with_optics_of_its_own(tmp_path: Path) -> None:
    columns = "rlnMicrographName rlnOpticsGroup " + XY + ORIGINS
    text = optics("rlnMicrographPixelSize", "1 1.0") + loop(columns, "a.mrc 1 10 20 2 0", "b.mrc 1 30 40 2 0")
    text += optics("rlnMicrographPixelSize", "1 2.0") + loop(columns, "c.mrc 1 50 60 2 0")
    found = read(tmp_path / "p.star", text)
    assert {name: points(picks) for name, picks in found.items()} == {
        "a.mrc": [[8, 20]],
        "b.mrc": [[28, 40]],
        "c.mrc": [[49, 60]],
    }
    assert found["c.mrc"].frame.pixel_size == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (loop("rlnMicrographName " + XY, "a.mrc 1 2") + loop(XY, "3 4"), "only some of its tables name micrographs"),
        (
            loop("rlnMicrographName rlnMicrographPixelSize " + XY, "a.mrc 1 1 2")
            + loop("rlnMicrographName rlnMicrographPixelSize " + XY, "a.mrc 2 3 4"),
            "pixel sizes of 1 and 2 A for 'a.mrc'",
        ),
        (
            loop("rlnMicrographName rlnMicrographPixelSize " + XY, "a.mrc 1 1 2", "a.mrc 2 1 2"),
            "rows of 'a.mrc' have two pixel sizes",
        ),
        (loop("rlnHelicalTubeID " + XY, "1 1 2") + loop(XY, "1 2"), "only some tables have helical tubes"),
    ],
)
def test_tables_that_contradict_each_other_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(tmp_path / "p.star", text)


def test_joined_files_of_ours_keep_the_diameter_and_source_of_each(tmp_path: Path) -> None:
    text = ""
    for diameter, source in ((8.0, "drpnet"), (9.5, "log")):
        picks = Picks(Frame("a"), [[diameter, 1]], diameter=diameter, source=source)
        text += write_picks(picks, tmp_path / "b.star").read_text()
    picks = read(tmp_path / "a.star", text)["a"]
    assert picks.diameter.tolist() == [8, 9.5]
    assert picks.source.tolist() == ["drpnet", "log"]


def test_lists_that_were_joined_are_read_whole_and_a_bad_file_stops_no_other(tmp_path: Path) -> None:
    files = {name: write_picks(Picks(Frame(name), [[1, 2]]), tmp_path / f"{name}_autopick.star") for name in "ab"}
    lists = [{"a": str(files["a"])}, {"a": str(files["a"]), "b": str(files["b"]), "c": "gone.star", "d": "n\0.star"}]
    text = ""
    for pairs in [*lists, {"e": "x" * 300 + "/y.star"}]:
        text += write_coordinate_list(list(pairs.items()), tmp_path / "one.star").read_text()
    path = tmp_path / "autopick.star"
    path.write_text(text)
    with pytest.warns(UserWarning, match=r"3 of 5 files are left out: .*gone\.star: there is no such file"):
        found = read_picks(path)
    assert [picks.frame.micrograph for picks in found] == ["a", "b"]
    write_coordinate_list([("a", str(files["a"])), ("a", str(files["b"]))], path)
    with pytest.raises(UserError, match="lists two files of 'a'"):
        read_picks(path)


def test_micrographs_of_several_tables_are_listed_but_for_names_that_no_file_has(tmp_path: Path) -> None:
    path = tmp_path / "mics.star"
    columns = "rlnMicrographName rlnOpticsGroup"
    long = "M/" + "l" * 300
    text = optics("rlnMicrographPixelSize", "1 1.5") + loop(
        columns, "a.mrc 1.0", "b\0.mrc 1", f"{long} 1", name="micrographs"
    )
    path.write_text(text + optics("rlnMicrographPixelSize", "1 3") + loop(columns, "c.mrc 1", name="micrographs"))
    with pytest.warns(UserWarning, match=r"names that no file can have are left out: 'b\\x00.mrc', 'M/l+\.\.\.l+'"):
        entries = read_micrographs(path)
    assert [(entry.name, entry.pixel_size) for entry in entries] == [("a.mrc", 1.5), ("c.mrc", 3)]
    path.write_text(loop("rlnMicrographName", "b\0.mrc"))
    with pytest.raises(UserError, match="no file can have the names in it"):
        read_micrographs(path)


# Names


def test_micrographs_without_a_name_are_called_after_their_stacks(tmp_path: Path) -> None:
    rows = ["1@Extract/job003/M/a.mrcs 1 2", "000002@Extract/job003/M/b.mrcs 3 4", "000001@other/c.mrcs 5 6"]
    with pytest.warns(UserWarning, match="called after the stacks of particles, as 'M/a'"):
        found = read(tmp_path / "p.star", loop("rlnImageName " + XY, *rows))
    assert {name: points(picks) for name, picks in found.items()} == {
        "M/a": [[1, 2]],
        "M/b": [[3, 4]],
        "other/c": [[5, 6]],
    }


def test_several_blocks_that_are_called_after_micrographs_are_of_these(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="micrographs are called after the blocks, as 'mic1'"):
        found = read(tmp_path / "p.star", loop(XY, "1 2", name="mic1") + loop(XY, "3 4", name="mic2") + loop(XY))
    assert {name: points(picks) for name, picks in found.items()} == {"mic1": [[1, 2]], "mic2": [[3, 4]]}
    found = read(tmp_path / "p.star", loop(XY, "1 2", name="particles") + loop(XY, "3 4", name="picks2"))
    assert {name: points(picks) for name, picks in found.items()} == {"p": [[1, 2], [3, 4]]}


def test_images_that_are_in_no_stack_tell_no_micrograph(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="it has no rlnMicrographName, and rlnImageName names no stacks"):
        read(tmp_path / "p.star", loop("rlnImageName " + XY, "a.mrc 1 2"))


def test_a_file_of_a_list_has_picks_of_one_micrograph(tmp_path: Path) -> None:
    path = tmp_path / "b.star"
    path.write_text(loop("rlnMicrographName " + XY, "a.mrc 1 2"))
    listed = write_coordinate_list([("M/b.mrc", str(path))], tmp_path / "autopick.star")
    assert [picks.frame.micrograph for picks in read_picks(listed)] == ["M/b.mrc"]
    path.write_text(loop("rlnMicrographName " + XY, "a.mrc 1 2", "c.mrc 1 2"))
    with pytest.raises(UserError, match="but with picks of several micrographs"):
        read_picks(listed)


# Whose pixels: the origins (12, -8) A, or (3, -2) pixels of 4 A, are 12 and -8 pixels of micrographs of 1 A.

ANGSTROM = "rlnMicrographName rlnOpticsGroup " + XY + ORIGINS
PIXELS_30 = "rlnMicrographName rlnMagnification rlnDetectorPixelSize rlnOriginX rlnOriginY " + XY
PIXELS_31 = "rlnMicrographName rlnOpticsGroup rlnOriginX rlnOriginY " + XY
MOVED = {
    "micrograph": optics("rlnMicrographPixelSize", "1 1.0") + loop(ANGSTROM, "a.mrc 1 100 200 12 -8"),
    "float group": optics("rlnMicrographPixelSize", "2 9", "1 1") + loop(ANGSTROM, "a.mrc 1.000000 100 200 12 -8"),
    "one group": optics("rlnMicrographPixelSize", "1 1.0")
    + loop("rlnMicrographName " + XY + ORIGINS, "a.mrc 100 200 12 -8"),
    "in the table": loop("rlnMicrographPixelSize " + ANGSTROM, "1 a.mrc 1 100 200 12 -8"),
    "unbinned": optics("rlnMicrographOriginalPixelSize rlnImagePixelSize", "1 1 1")
    + loop(ANGSTROM, "a.mrc 1 100 200 12 -8"),
    "3.1 with pixels": optics("rlnMicrographPixelSize rlnImagePixelSize", "1 1 4")
    + loop(PIXELS_31, "a.mrc 1 3 -2 100 200"),
}
UNKNOWN = {
    "image": optics("rlnImagePixelSize", "1 4.0") + loop(ANGSTROM, "a.mrc 1 100 200 12 -8"),
    "super-resolution": optics("rlnMicrographOriginalPixelSize rlnImagePixelSize", "1 0.5 4.0")
    + loop(ANGSTROM, "a.mrc 1 100 200 12 -8"),
    "original": optics("rlnMicrographOriginalPixelSize", "1 1.0") + loop(ANGSTROM, "a.mrc 1 100 200 12 -8"),
    "3.0": loop(PIXELS_30, "a.mrc 12500 5.0 3 -2 100 200"),
    "none": loop("rlnMicrographName " + XY + ORIGINS, "a.mrc 100 200 12 -8"),
    "another group": optics("rlnMicrographPixelSize", "2 1.0", "3 1.0") + loop(ANGSTROM, "a.mrc 1 100 200 12 -8"),
}


@pytest.mark.parametrize("name", MOVED)
def test_origins_are_subtracted_in_pixels_of_the_micrograph(tmp_path: Path, name: str) -> None:
    assert points(read(tmp_path / "p.star", MOVED[name])["a.mrc"]) == [[88, 208]]
    assert points(read(tmp_path / "p.star", MOVED[name], pixel_size=7)["a.mrc"]) == [[88, 208]]  # the file goes first


@pytest.mark.parametrize("name", UNKNOWN)
def test_origins_ask_for_the_pixel_size_of_the_micrograph_where_the_file_lacks_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        UserError, match=r"size of their micrographs is not known\. Give it in Angstrom \(--pixel-size\), or"
    ):
        read(tmp_path / "p.star", UNKNOWN[name])
    picks = read(tmp_path / "p.star", UNKNOWN[name], pixel_size=1)["a.mrc"]
    assert points(picks) == [[88, 208]]
    assert picks.frame == Frame("a.mrc", pixel_size=1)


@pytest.mark.parametrize("name", UNKNOWN)
def test_origins_of_nought_ask_for_nothing(tmp_path: Path, name: str) -> None:
    text = UNKNOWN[name].replace("12 -8", "0 0").replace("3 -2", "0 0")
    assert points(read(tmp_path / "p.star", text)["a.mrc"]) == [[100, 200]]


def test_origins_in_pixels_of_unknown_images_are_refused(tmp_path: Path) -> None:
    text = loop("rlnMicrographName rlnOriginX rlnOriginY " + XY, "a.mrc 2.4 -1.6 100 200")
    with pytest.raises(UserError, match="origins are in pixels of the particle images, whose size is not in the file"):
        read(tmp_path / "p.star", text, pixel_size=1)


@pytest.mark.parametrize(
    ("origin", "place"), [(0.5, 99), (2.5, 97), (-0.5, 101), (-2.5, 103), (0.49, 100), (-0.49, 100)]
)
def test_half_a_pixel_is_rounded_as_relion_3_1_3_rounds(tmp_path: Path, origin: float, place: int) -> None:
    """What `relion_preprocess --reextract_data_star --recenter` wrote for a particle at 100."""
    text = loop("rlnMicrographName " + XY + ORIGINS, f"a.mrc 100 100 {origin} {origin}")
    assert points(read(tmp_path / "p.star", text, pixel_size=1)["a.mrc"]) == [[place, place]]


def test_origins_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="an origin is not a finite number"):
        read(tmp_path / "p.star", loop("rlnMicrographName " + XY + ORIGINS, "a.mrc 1 2 nan 0"), pixel_size=1)


# What is not understood


def test_columns_that_are_not_read_are_named_once(tmp_path: Path) -> None:
    usual = "rlnDefocusU rlnCtfMaxResolution rlnNormCorrection rlnGroupNumber rlnAngleRot rlnRandomSubset"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(tmp_path / "a.star", loop(f"{usual} {XY}", "1 2 3 4 5 6 7 8"))
    odd = " ".join(f"odd{i}" for i in range(12))
    text = loop(f"{odd} {XY}", *["0 " * 12 + "1 2"] * 3) + loop(f"odd1 {XY}", "0 1 2")
    with pytest.warns(UserWarning, match="columns that are not read: odd0, .*odd9 and 2 more") as told:
        read(tmp_path / "a.star", text)
    assert len(told) == 1


@pytest.mark.parametrize(
    ("columns", "row"),
    [
        (XY + "rlnCoordinateZ", "1 2 3"),
        (XY + "rlnTomoName", "1 2 t1"),
        (XY + "rlnTomoParticleName rlnCoordinateZ", "1 2 t1 0"),
        ("rlnCenteredCoordinateXAngst rlnCenteredCoordinateYAngst", "1 2"),
    ],
)
def test_particles_of_tomograms_are_refused(tmp_path: Path, columns: str, row: str) -> None:
    with pytest.raises(UserError, match="its particles are of tomograms"):
        read(tmp_path / "a.star", loop(columns, row))


def test_a_depth_of_nought_is_no_tomogram(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="not read: rlnCoordinateZ"):
        assert points(read(tmp_path / "a.star", loop(XY + "rlnCoordinateZ", "1 2 0"))["a"]) == [[1, 2]]


def test_labels_of_a_project_stay_labels(tmp_path: Path) -> None:
    columns = XY + "drpnetLabel drpnetOrigin"
    picks = read(tmp_path / "a.star", loop(columns, "1 2 particle manual", "3 4 background log"))["a"]
    assert picks.label.tolist() == ["particle", "background"]
    assert picks.source.tolist() == ["manual", "log"]
    with pytest.raises(UserError, match="'ice' is no label"):
        read(tmp_path / "a.star", loop(columns, "1 2 ice manual"))


def test_a_file_without_its_end_is_told_of(tmp_path: Path) -> None:
    whole = write_picks(Picks(Frame("a"), [[1, 2], [3, 4]]), tmp_path / "a.star").read_text()
    for text in (loop(XY, "1 2", "3 4").rstrip("\n"), whole[:-1], whole[: whole.index("4\t3")]):
        with pytest.warns(UserWarning, match="its last line has no end"):
            read(tmp_path / "a.star", text)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for text in (loop(XY, "1 2").rstrip("\n") + "\n", whole):
            read(tmp_path / "a.star", text)


@pytest.mark.parametrize("value", ["1e300", "inf", "-3e9"])
def test_classes_beyond_any_count_are_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(UserError, match="a class number is beyond"):
        read(tmp_path / "a.star", loop(XY + "rlnClassNumber", f"1 2 {value}"))


def test_what_a_long_file_says_is_not_repeated(tmp_path: Path) -> None:
    long = "x" * 5000
    for text in (loop(f"{long} {XY.splitlines()[0]}", "1 2"), loop(XY, f"1 {long}"), loop(XY, "1 2", f"1 2 {long}")):
        with pytest.raises(UserError) as error:
            read(tmp_path / "a.star", text.replace("data_", f"data_{long}"))
        assert len(str(error.value)) < 300 + len(str(tmp_path))
