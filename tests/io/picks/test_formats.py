"""Other programs' files: what is written comes back, centres are where that program puts them, bad files are told."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial import cKDTree

from napari_drpnet import Frame, Picks, UserError, read_picks, write_picks
from napari_drpnet._reader import get_reader
from napari_drpnet._writer import write_points
from napari_drpnet.io.names import NameIndex
from napari_drpnet.io.picks.formats import CRYOPPP, FORMATS, is_picks, write_all
from napari_drpnet.io.picks.losses import BOX
from napari_drpnet.layers import points_layer

H, W = 300, 400
QUIET = pytest.mark.filterwarnings(
    "ignore:.*no place for", "ignore:.*passed over", "ignore:.*left out", "ignore:.*has no end"
)
FRAME = Frame("mic", (H, W), 1.5)
EXACT = {"box": 0.5, "star": 0.5, "particles": 0.5, "cryosparc": 1e-3}  # pixels; others keep all but the last digits


@pytest.fixture
def real(shared: Path) -> Path:
    folder = shared / "formats"
    if not folder.is_dir():
        pytest.skip("no files of other programs in this copy of the shared folder")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the micrograph beside the picks, so that rows can be turned."""
    return with_micrograph(tmp_path_factory.mktemp("formats"))


def with_micrograph(folder: Path, name: str = "mic", shape: tuple[int, int] = (H, W)) -> Path:
    with mrcfile.new(folder / f"{name}.mrc", overwrite=True) as file:
        file.set_data(np.zeros(shape, np.int8))
        file.voxel_size = 1.5
    return folder


def read(path: Path, content: str | bytes) -> Picks:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    (picks,) = read_picks(path)
    return picks


@st.composite
def any_picks(draw: st.DrawFn) -> Picks:
    n = draw(st.integers(0, 6))
    unit = hnp.arrays("f8", (n, 2), elements=st.floats(0, 1))
    boxed = draw(st.booleans())
    return Picks(
        FRAME,
        draw(unit) * (H - 1, W - 1),
        score=draw(hnp.arrays("f8", n, elements=st.floats(0, 1, width=32) | st.just(np.nan))),
        diameter=np.nan if boxed else draw(hnp.arrays("f8", n, elements=st.integers(1, 200))),
        box=draw(hnp.arrays("f8", (n, 2), elements=st.integers(1, 200))) if boxed else np.nan,
        psi=draw(hnp.arrays("f8", n, elements=st.integers(0, 359))),
        source=draw(st.sampled_from(["drpnet", "manual", "a b"])),
    )


@QUIET
@pytest.mark.parametrize("name", FORMATS)
@given(picks=any_picks())
def test_what_a_format_keeps_comes_back(folder: Path, name: str, picks: Picks) -> None:
    to = FORMATS[name]
    path = write_all([picks], folder / f"mic{'_info' * (name == 'json')}{to.suffix}", to)
    (back,) = read_picks(path)
    assert len(back) == len(picks)
    assert back.frame.micrograph == "mic"
    np.testing.assert_allclose(back.yx, picks.yx, rtol=0, atol=EXACT.get(name, 1e-9))
    for column in ("score", "diameter", "psi"):
        if column in to.kept and column not in to.shared:
            np.testing.assert_allclose(getattr(back, column), getattr(picks, column), rtol=1e-6, atol=1e-6)
    if BOX in to.kept:
        np.testing.assert_allclose(back.sides, picks.sides, rtol=1e-6)
    if "source" in to.kept:
        np.testing.assert_array_equal(back.source, picks.source)


@QUIET
@pytest.mark.parametrize("name", FORMATS)
def test_a_second_writing_gives_the_same_bytes(folder: Path, tmp_path: Path, name: str) -> None:
    to = FORMATS[name]
    rng = np.random.default_rng(1)
    picks = Picks(FRAME, rng.uniform(0, 299, (40, 2)), score=rng.uniform(size=40), diameter=21, source="drpnet")
    first = write_all([picks], with_micrograph(tmp_path) / f"mic{to.suffix}", to)
    second = write_all([replace(p, frame=FRAME) for p in read_picks(first)], tmp_path / f"b{to.suffix}", to)
    if name != "cbox":  # whose corner and size give the centre but for the last digit
        assert second.read_bytes() == first.read_bytes()


# ---------------------------------------------------------------- where the centre is


def test_the_centre_of_an_eman_box_is_its_corner_and_half_its_size(tmp_path: Path) -> None:
    picks = read(tmp_path / "a.box", "10\t20\t180\t180\t0.5\n10\t20\t181\t181\t-3\n\n")
    np.testing.assert_array_equal(picks.yx, [[110, 100], [110, 100]])
    np.testing.assert_array_equal(picks.diameter, [180, 181])
    np.testing.assert_array_equal(picks.score, [0.5, np.nan])


def test_boxes_are_written_by_their_corner(tmp_path: Path) -> None:
    picks = Picks(FRAME, [[110, 100]], diameter=181, score=0.5)
    assert write_picks(picks, tmp_path / "a.box").read_text() == "10\t20\t181\t181\t0.5\n"


def test_boxes_that_are_no_squares_are_kept_by_height_and_width(tmp_path: Path) -> None:
    picks = read(tmp_path / "a.box", "10\t20\t50\t80\n")
    np.testing.assert_array_equal(picks.yx, [[60, 35]])
    np.testing.assert_array_equal(picks.box, [[80, 50]])
    np.testing.assert_array_equal(picks.diameter, [65])
    assert write_picks(picks, tmp_path / "b.box").read_text() == "10\t20\t50\t80\n"
    with pytest.warns(UserWarning, match="no place for: diameter, height and width. CSV keeps them"):
        write_picks(picks, tmp_path / "a.txt")


def test_boxes_along_a_filament_of_cryolo_are_read_and_what_is_lost_is_told(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="which particles lie along one filament is passed over"):
        picks = read(tmp_path / "a.box", "#micrograph: a.mrc\n#helix: (10, 20),(30, 40),200\n-90\t-80\t200\t200\n")
    np.testing.assert_array_equal(picks.yx, [[20, 10]])


def test_old_cbox_files_have_no_names_and_empty_ones_no_picks(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read(tmp_path / "a.cbox", "10.5 20 5 5 0.9\n").yx, [[22.5, 13]])
    assert len(read(tmp_path / "a.cbox", "")) == 0
    assert len(read(tmp_path / "a.box", "")) == 0
    assert len(read(tmp_path / "a.cbox", "data_global\n\n_cbox_format_version 1.0\n\ndata_cryolo\n\nloop_\n")) == 0


@pytest.mark.parametrize(
    ("row", "score"),
    [
        ("10 20 100 100", np.nan),
        ("10 20 100 100 0.95", 0.95),
        ("10 20 100 100 0.95 120.5 118.2", 0.95),
        ("10 20 100 100 120.5 118.2", np.nan),
        ("10 20 100 100 0.95 120.5 118.2 7", 0.95),
    ],
)
@pytest.mark.filterwarnings("ignore:.*columns without names")
def test_old_cbox_files_of_any_width_are_read(tmp_path: Path, row: str, score: float) -> None:
    """The confidence is the fifth column; where crYOLO's estimates follow the size, there is none."""
    picks = read(tmp_path / "a.cbox", f"{row}\n")
    np.testing.assert_array_equal(picks.yx, [[70, 60]])
    assert picks.diameter.tolist() == [100]
    np.testing.assert_array_equal(picks.score, [score])


def test_columns_of_a_cbox_may_be_in_any_order_and_what_is_unknown_is_told(tmp_path: Path) -> None:
    names = ["Confidence", "Height", "Width", "CoordinateY", "CoordinateX", "filamentid"]
    table = "data_cryolo\n\nloop_\n" + "".join(f"_{name} #{i}\n" for i, name in enumerate(names, 1))
    text = f"data_global\n\n_cbox_format_version 2.0\n\n{table}0.5 4 4 2 1 7\n\n"
    text += "data_filament_vertices\n\nloop_\n_x #1\n1\n"
    with pytest.warns(UserWarning, match="passed over") as told:
        picks = read(tmp_path / "a.cbox", text)
    np.testing.assert_array_equal(picks.yx, [[4, 3]])
    said = " ".join(str(one.message) for one in told)
    for part in ("columns are passed over: filamentid", "tables are passed over: data_filament_vertices", "'2.0'"):
        assert part in said


@pytest.mark.parametrize("head", ["x y w h\n", "_x _y width height score\n", "# boxes\n\n", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_boxes_may_have_a_line_of_names_and_comments(tmp_path: Path, head: str, end: str) -> None:
    text = (head + "10 20 100 100\n\n# a comment\n30 40 100 100\n").replace("\n", end)
    np.testing.assert_array_equal(read(tmp_path / "a.box", text).yx, [[70, 60], [90, 80]])


def test_other_boxes_of_eman2_are_told_or_refused(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"boxes are passed over: boxes_3d"):
        assert len(read(tmp_path / "a_info.json", '{"boxes": [[1, 2, "manual"]], "boxes_3d": [[1, 2, 3]]}')) == 1
    with pytest.warns(UserWarning, match=r"values after the score"):
        assert len(read(tmp_path / "a_info.json", '{"boxes": [[1, 2, "manual", 0.5, 3]]}')) == 1
    assert len(read(tmp_path / "a_info.json", '{"quality": 5}')) == 0


def test_many_micrographs_are_written_into_a_topaz_file_in_no_time(tmp_path: Path) -> None:
    """It was the square of their number: half a minute for these."""
    found = [Picks(Frame(f"m{i}"), [[1, 2]]) for i in range(20_000)]
    start = time.process_time()
    write_all(found, tmp_path / "a.txt")
    assert time.process_time() - start < 10


def test_names_with_tabs_and_quotes_come_back_from_topaz(tmp_path: Path) -> None:
    names = ["a\tb", 'c"d', "#e", "f g"]
    path = write_all([Picks(Frame(name), [[1, 2]]) for name in names], tmp_path / "a.txt")
    assert [picks.frame.micrograph for picks in read_picks(path)] == names


def test_eman2_keeps_the_rest_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a_info.json"
    path.write_text(json.dumps({"quality": 5, "boxes": [[1.5, 2, "manual"], [3, 4, "auto_convnet", 0.25]]}))
    (picks,) = read_picks(path)
    assert picks.frame.micrograph == "a"
    np.testing.assert_array_equal(picks.yx, [[2, 1.5], [4, 3]])
    assert picks.source.tolist() == ["manual", "auto_convnet"]
    np.testing.assert_array_equal(picks.score, [np.nan, 0.25])
    write_picks(picks.select([1]), path)
    assert json.loads(path.read_text()) == {"quality": 5, "boxes": [[3, 4, "auto_convnet", 0.25]]}


def test_topaz_files_hold_several_micrographs(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("image_name\tx_coord\ty_coord\nb\t1\t2\na\t3\t4\nb\t5\t6\n")
    first, second = read_picks(tmp_path / "a.txt")
    assert (first.frame.micrograph, second.frame.micrograph) == ("b", "a")
    np.testing.assert_array_equal(first.yx, [[2, 1], [6, 5]])
    assert np.isnan(first.score).all()
    again = write_all([first, second], tmp_path / "b.txt")
    assert again.read_text().splitlines()[:2] == ["image_name\tx_coord\ty_coord", "b\t1\t2"]


def cryosparc(path: Path, rows: Sequence[tuple[bytes, float, float]], shape: tuple[int, int] = (H, W)) -> Path:
    names = ("path", "shape", "psize_A")
    kinds: tuple[tuple[str, ...], ...] = (("S40",), ("<u4", (2,)), ("<f4",))  # type: ignore[assignment]
    fields = [(f"location/micrograph_{name}", *kind) for name, kind in zip(names, kinds, strict=True)]
    table = np.zeros(len(rows), [*fields, ("location/center_x_frac", "<f4"), ("location/center_y_frac", "<f4")])
    for i, (name, fx, fy) in enumerate(rows):
        table[i] = (name, shape, 1.5, fx, fy)
    with path.open("wb") as file:
        np.save(file, table)
    return path


def test_cryosparc_counts_rows_from_the_bottom_unless_told_otherwise(tmp_path: Path) -> None:
    path = cryosparc(tmp_path / "a.cs", [(b"J1/m/000012345678901234567_a.mrc", 0.25, 0.75), (b"b.mrc", 0, 0)])
    first, second = read_picks(path)
    assert first.frame == Frame("J1/m/000012345678901234567_a.mrc", (H, W), 1.5)
    np.testing.assert_array_equal(first.yx, [[0.25 * H, 0.25 * W]])
    np.testing.assert_array_equal(second.yx, [[H, 0]])
    np.testing.assert_array_equal(read_picks(path, flip_y=True)[0].yx, [[0.75 * H, 0.25 * W]])


def test_cryosparc_keeps_the_number_in_a_name(tmp_path: Path) -> None:
    name = "J1/000012345678901234567_a.mrc"
    path = write_picks(Picks(Frame(name, (H, W), 2.0), [[1, 2]], diameter=10), tmp_path / "a.cs")
    (row,) = np.load(path)
    assert row["location/micrograph_uid"] == 12345678901234567
    assert row["location/min_dist_A"] == 20
    assert row["location/micrograph_path"] == name.encode()


def test_cryoppp_is_turned_against_the_micrograph_beside_it(tmp_path: Path) -> None:
    text = "X-Coordinate,Y-Coordinate,Diameter,Angle-Psi,Defocus U\n10,20,108,45,1e4\n"
    with pytest.warns(UserWarning, match="passed over: defocus u"):
        picks = read(with_micrograph(tmp_path, "a") / "a.csv", text)
    np.testing.assert_array_equal(picks.yx, [[H - 20, 10]])
    assert (picks.diameter[0], picks.psi[0]) == (108, 45)


def test_a_diameter_without_a_pixel_size_is_lost_to_cryosparc_and_said(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"a\.cs: .*pixel size of a is not known, and their diameters are lost"):
        write_picks(Picks(Frame("a", (H, W)), [[1, 2]], diameter=10), tmp_path / "a.cs")
    assert np.isnan(read_picks(tmp_path / "a.cs")[0].diameter).all()


# ---------------------------------------------------------------- what is said


def test_what_a_format_cannot_keep_is_said(tmp_path: Path) -> None:
    label = np.array(["particle", "background"])
    picks = Picks(FRAME, [[1.5, 2], [3, 4]], score=0.5, diameter=9, psi=3, class_number=2, label=label, source="x")
    with pytest.warns(UserWarning, match=r"a\.box: .*class, psi, source, fractions of a pixel, 1 picks labelled back"):
        write_picks(picks, tmp_path / "a.box")
    assert len(read_picks(tmp_path / "a.box")[0]) == 1


SCORED = "_CoordinateX #1\n_CoordinateY #2\n_Width #3\n_Height #4\n"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.box", "x,y\n1,2\n", "line 1: 1 values"),
        ("a.box", "1 2 3 4 5\n6 7 8\n", "line 2: 3 values"),
        ("a.box", "1 2 3 four\n", "line 1: '1 2 3 four' is not a box of numbers"),
        ("a.box", "1 2 3 -4\n", "no finite corner and size"),
        ("a.box", "nan 2 3 4\n", "no finite corner and size"),
        ("a.box", "1 2 3 3 -1\n5 6 3 3 -2\n", "ends of helices"),
        ("a.box", "1 2 3 3 -1\n5 6 3 3 -2\n7 8 3 3 -3\n", "ends of helices"),
        ("a.box", b"\x89PNG\r\n\x1a\n\x00", "is not a text file"),
        ("a.box", "data_\n\nloop_\n_rlnCoordinateX #1\n", "line 1"),
        ("a.cbox", "data_\n\nloop_\n_rlnCoordinateX #1\n1\n", "no table data_cryolo"),
        ("a.cbox", "data_cryolo\n\nloop_\n_CoordinateX #1\n1\n", "lacks CoordinateY, Width, Height"),
        ("a.cbox", f"data_cryolo\n\nloop_\n{SCORED}1 2 3 4\n1 2 3\n", "3 values for 4 columns"),
        ("a.cbox", f"data_cryolo\n\nloop_\n{SCORED}_CoordinateZ #5\n1 2 3 3 1\n1 2 3 3 2\n", "tomogram"),
        ("a_info.json", '{"boxes": [[1, 2, "man', "is not JSON, or only a part of it"),
        ("a_info.json", "[1, 2]", "holds no object"),
        ("a_info.json", '{"boxes": 5}', "boxes are not a list"),
        ("a_info.json", '{"boxes": [[1, "x", "manual"]]}', "box 1: .* are no coordinates"),
        ("a_info.json", '{"boxes": [[1]]}', r"box 1: .* is not \[x, y, how\]"),
        ("a_info.json", '{"boxes": [[NaN, 2, "manual"]]}', "box 1: a coordinate is not finite"),
        ("a.json", '{"name": "package"}', "holds no boxes"),
        ("a_info.json", '{"boxes_3d": [[1, 2, 3]]}', "holds no boxes of a micrograph, but boxes_3d"),
        ("a_info.json", '{"boxes": [], "boxes": []}', "its boxes are there twice"),
        ("a_info.json", '{"boxes": [[1, 2, [3]]]}', r"box 1: this is not \[x, y, how, score\]"),
        ("a_info.json", '{"boxes": [[1' + "0" * 400 + ', 2, "manual"]]}', "box 1: .* are no coordinates"),
        ("a_info.json", "[" * 100_000, "too many brackets"),
        ("a.box", "1 2 3 1_000\n", "is not a box of numbers"),
        ("a.cbox", "1 2 3\n", "line 1: 3 values"),
        ("a.txt", "image_name\tx_coord\ty_coord\tz_coord\na\t1\t2\t3\na\t1\t2\t4\n", "picks of a tomogram"),
        ("a.txt", "dear diary\n", "must name the columns image_name and x_coord and y_coord; it has dear diary"),
        ("a.txt", "image_name\tx_coord\ty_coord\na\t1\n", "line 2: 2 values for 3 columns"),
        ("a.txt", "image_name\tx_coord\ty_coord\na\t1\ttwo\n", "the column y_coord has a value that is no number"),
        ("a.txt", "image_name\tx_coord\ty_coord\n\t1\t2\n", "does not name its micrograph"),
        ("a.cs", "not numpy", "is not a table of cryoSPARC"),
        ("a.cs", b"\x94CSDAT\x00\x00", "only a part of it: it ends too early"),
        ("a.cs", b"\x93NUMPY\x01\x00", "or only a part of it"),
    ],
)
def test_bad_files_are_one_sentence_with_the_next_step(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    with pytest.raises(UserError, match=message) as error:
        read(tmp_path / name, content)
    assert name in error.value.message
    assert error.value.hint


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9, 0.999])
def test_half_of_a_cryosparc_file_is_an_error(tmp_path: Path, share: float) -> None:
    whole = cryosparc(tmp_path / "a.cs", [(b"a.mrc", 0.5, 0.5)] * 100).read_bytes()
    with pytest.raises(UserError, match=r"a\.cs"):
        read(tmp_path / "a.cs", whole[: int(len(whole) * share)])


def test_a_cryosparc_file_of_something_else_says_where_to_look(tmp_path: Path) -> None:
    with (tmp_path / "a.cs").open("wb") as file:
        np.save(file, np.zeros(3, [("uid", "<u8"), ("blob/idx", "<u4")]))
    with pytest.raises(UserError, match=r"no locations of particles: .*passthrough_particles\.cs"):
        read_picks(tmp_path / "a.cs")
    with pytest.raises(UserError, match=r"picks outside a\.mrc"):
        read_picks(cryosparc(tmp_path / "a.cs", [(b"a.mrc", 1.5, 0.5)]))


@pytest.mark.parametrize("suffix", [".box", ".cbox"])
def test_boxes_without_a_size_are_not_made_up(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(UserError, match=r"diameter of 1 picks is not known.*--box-size"):
        write_picks(Picks(FRAME, [[1, 2]]), tmp_path / f"a{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_rows_are_not_turned_without_a_height(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="height of a is not known"):
        write_picks(Picks(Frame("a"), [[1, 2]]), tmp_path / "a.cs")


@QUIET
def test_cut_anywhere_a_file_is_read_or_told(tmp_path: Path) -> None:
    picks = Picks(FRAME, np.arange(40.0).reshape(20, 2), score=0.5, diameter=9)
    for name in ("a.box", "a.cbox", "a_info.json", "a.txt", "a.cs"):
        whole = write_all([picks], tmp_path / name).read_bytes()
        for end in range(0, len(whole), 7):
            (tmp_path / name).write_bytes(whole[:end])
            with suppress(UserError):  # anything else is a traceback to the user
                read_picks(tmp_path / name)


# ---------------------------------------------------------------- in the viewer


def test_the_viewer_leaves_other_programs_files_alone(tmp_path: Path) -> None:
    for name, content in {"a.txt": "dear diary", "a.json": '{"a": 1}', "b.json": "{", "a.csv": "index,axis-0"}.items():
        (tmp_path / name).write_text(content)
        assert get_reader(str(tmp_path / name)) is None, name
    assert not is_picks(tmp_path / "none.txt")


@QUIET
@pytest.mark.parametrize("name", FORMATS)
def test_the_viewer_opens_what_is_written(tmp_path: Path, name: str) -> None:
    to = FORMATS[name]
    path = write_all([Picks(FRAME, [[10, 20]], diameter=8)], with_micrograph(tmp_path) / f"mic{to.suffix}", to)
    reader = get_reader(str(path))
    assert reader is not None
    [(data, attributes, _)] = reader(str(path))
    np.testing.assert_allclose(data, [[10, 20]], atol=1e-4)
    assert attributes["scale"] == (1.5, 1.5)


@QUIET
def test_several_layers_become_one_file_where_the_format_has_it_so(tmp_path: Path) -> None:
    layers = [points_layer(Picks(Frame(name, (H, W)), [[10, 20]])) for name in ("a", "b")]
    assert write_points(str(tmp_path / "all.txt"), layers) == [str(tmp_path / "all.txt")]
    assert [picks.frame.micrograph for picks in read_picks(tmp_path / "all.txt")] == ["a", "b"]


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("M/a.mrc", ["M/a.mrc"]),
        ("a", ["M/a.mrc"]),
        ("J2/imported/000012345678901234567_a.mrc", ["M/a.mrc"]),
        ("000012345678901234567_a_patch_aligned_doseweighted.mrc", ["M/a.mrc"]),
        ("b_autopick.star", ["M/b.mrc", "N/b.mrc"]),
        ("N\\b.mrc", ["N/b.mrc"]),
        ("aa", []),
        ("2012_a", []),
    ],
)
def test_names_are_found_with_and_without_numbers_folders_and_suffixes(name: str, found: list[str]) -> None:
    assert NameIndex(["M/a.mrc", "M/b.mrc", "N/b.mrc"]).find(name) == found


# ---------------------------------------------------------------- real files


@pytest.mark.parametrize("program", ["crYOLO", "topaz"])
@pytest.mark.parametrize("micrograph", ["14_33_35", "15_17_31"])
def test_real_boxes_fit_the_true_particles_upside_down(shared: Path, program: str, micrograph: str) -> None:
    """Their rows run the other way from the picture's. DeepPicker's of 15_17_31 fit neither way."""
    folder = shared / "data" / "10017"
    (picks,) = read_picks(folder / "other_picks" / f"{program}_{micrograph}.box")
    (truth,) = read_picks(folder / f"Falcon_2012_06_12-{micrograph}_0.csv")
    best = picks.select(picks.score >= np.median(picks.score)).yx
    turned = np.column_stack([4096 - best[:, 0], best[:, 1]])
    near, far = (np.mean(cKDTree(truth.yx).query(yx)[0] < 54) for yx in (turned, best))
    assert near > 0.8
    assert far < 0.5


def test_a_real_box_file_comes_back(shared: Path, tmp_path: Path) -> None:
    for path in sorted((shared / "data" / "10017" / "other_picks").glob("*.box")):
        (picks,) = read_picks(path)
        ours = np.loadtxt(write_picks(picks, tmp_path / path.name))
        np.testing.assert_array_equal(ours, np.loadtxt(path))


def test_a_real_cbox_comes_back(real: Path, tmp_path: Path) -> None:
    (picks,) = read_picks(real / "TcdA1-0018_frames_sum.cbox")
    assert picks.frame.micrograph == "TcdA1-0018_frames_sum"
    np.testing.assert_allclose(picks.yx[0], [3874.455551147461 + 110, 3700.3671875 + 110])
    assert picks.score[0] == 0.6578449010848999
    assert set(picks.diameter) == {220}
    (back,) = read_picks(write_picks(picks, tmp_path / "a.cbox"))
    np.testing.assert_allclose(back.yx, picks.yx, rtol=1e-12)
    np.testing.assert_array_equal(back.score, picks.score)


def test_a_real_topaz_file_comes_back(real: Path, tmp_path: Path) -> None:
    path = real / "topaz_10025_particles.txt"
    found = read_picks(path)
    assert [len(picks) for picks in found] == [50] * 7 + [49]
    assert write_all(found, tmp_path / "a.txt").read_text() == path.read_text()


def test_a_real_cryosparc_table_without_rows_has_no_picks(real: Path) -> None:
    (picks,) = read_picks(real / "cryosparc_4k_dataset.cs")
    assert len(picks) == 0


@QUIET
def test_real_cryoppp_labels_are_the_true_particles_of_the_picture(real: Path, shared: Path, tmp_path: Path) -> None:
    """The picture of the shared data is turned against the MRC as CryoPPP's rows are: they fit without a turn."""
    path = real / "cryoppp_14_33_35.csv"
    (truth,) = read_picks(shared / "data" / "10017" / "Falcon_2012_06_12-14_33_35_0.csv")
    (as_written,) = read_picks(path, flip_y=True)
    assert cKDTree(truth.yx).query(as_written.yx)[0].max() < 5
    (turned,) = read_picks(path, frame_of=lambda *_: Frame("", (4096, 4096)))
    np.testing.assert_array_equal(turned.yx[:, 0], 4096 - as_written.yx[:, 0])
    back = write_all([turned], tmp_path / "a.csv", CRYOPPP)
    np.testing.assert_array_equal(read_picks(back, flip_y=True)[0].yx, as_written.yx)
