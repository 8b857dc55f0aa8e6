"""CSV files of picks: ours, and any other whose first line names x and y."""

import contextlib
import warnings
from pathlib import Path

import numpy as np
import pytest

from napari_drpnet import Frame, Picks, UserError, read_picks, write_picks


def read(path: Path, text: str) -> Picks:
    path.write_bytes(text.encode())
    (picks,) = read_picks(path)
    return picks


@pytest.mark.filterwarnings("ignore:.*are passed over", "ignore:.*has no end")
@pytest.mark.parametrize(
    "text",
    [
        "x,y\n10,20\n30.5,40\n",
        "\ufeffX , Y\r\n10,20\r\n30.5,40\r\n",
        "x;y\n10;20\n30.5;40",
        "x\ty\n10\t20\n30.5\t40\n",
        "y,x\n20,10\n40,30.5\n",
        "\nname,x,y\n\na,10,20\n,,\nb,30.5,40\n\n",
        "x,y\r10,20\r30.5,40\r",
        "# picked by hand\nx,y\n10,20\n# and, another, day\n30.5,40\n",
        "# x,y\n10,20\n30.5,40\n",
    ],
)
def test_centres_are_x_and_y_in_whatever_order_and_dialect(tmp_path: Path, text: str) -> None:
    picks = read(tmp_path / "mic.csv", text)
    np.testing.assert_array_equal(picks.yx, [[20, 10], [40, 30.5]])
    assert picks.frame == Frame("mic")
    assert np.isnan(picks.score).all()
    assert np.isnan(picks.diameter).all()
    assert set(picks.label) == {"particle"}


def test_all_columns_are_taken_and_empty_values_are_unknown(tmp_path: Path) -> None:
    text = 'x,y,diameter,score,label,source,class,psi\n1,2,108,0.9,background,"a, b",3,45\n4,5,,,,,,\n'
    picks = read(tmp_path / "a.csv", text)
    assert (picks.diameter[0], picks.score[0], picks.class_number[0], picks.psi[0]) == (108, 0.9, 3, 45)
    assert picks.label.tolist() == ["background", "particle"]
    assert picks.source.tolist() == ["a, b", ""]
    assert np.isnan([picks.diameter[1], picks.score[1]]).all()
    assert (picks.class_number[1], picks.psi[1]) == (0, 0)


def test_a_header_alone_is_a_file_without_picks(tmp_path: Path) -> None:
    assert len(read(tmp_path / "a.csv", "x,y,diameter\n")) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"a\.csv: the first line must name the columns x and y; it has nothing"),
        ("10,20\n30,40\n", r"a\.csv: the first line must name the columns x and y; it has 10, 20"),
        ("x,diameter\n1,2\n", "it has x, diameter"),
        ("X-Coordinate,Y-Coordinate,Diameter\n1,2,3\n", "its rows count from the bottom, and the height of a is not"),
        ("X,y,x\n1,2,3\n", "two columns have one name: X, y, x"),
        ("\0\1\2", r"a\.csv is not a text file"),
        ("x,y\n1,2\n3\n", r"a\.csv, line 3: 1 values for 2 columns"),
        ("x,y\n1,2,3\n", r"a\.csv, line 2: 3 values for 2 columns"),
        ("x,y\n1,two\n", r"a\.csv: the column y has a value that is no number: .*'two'"),
        ("x,y\n1,\n", r"a\.csv: a coordinate is missing or not finite"),
        ("x,y\n1,inf\n", r"a\.csv: a coordinate is missing or not finite"),
        ("x,y\n1,1_000\n", r"a\.csv: the column y has a value that is no number: '1_000'"),
        ("x,y\n1,\uff15\n", r"a\.csv: the column y has a value that is no number"),
        ('x,y,source\n1,2,"a\n3,4,b\n', r"a\.csv, line 3: unexpected end of data"),
        ("x,y,source\n1,2," + "a" * 200_000 + "\n", r"a\.csv, line 2: field larger than field limit"),
        ("x,y,class\n1,2,1e300\n", r"a\.csv: a class number is beyond"),
        ("x,y,z\n1,2,3\n1,2,4\n", r"a\.csv: these are picks of a tomogram"),
        ("x,y,micrograph\n1,2,a\n1,2,\n", r"a\.csv: a row does not name its micrograph"),
        ("x,y,micrograph\n1,2," + "a" * 2000 + "\n", r"a\.csv: the name of a micrograph has over 1024 letters"),
        (
            "index,axis-0,axis-1\n0,2,1\n",
            r"a\.csv: the first line must name.*the last is x, and the one before it y: ren",
        ),
        ("x,y,label\n1,2,ice\n", r"a\.csv: 'ice' is no label\. Labels are particle and background"),
    ],
)
def test_a_file_that_is_not_understood_is_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(tmp_path / "a.csv", text)


def test_missing_files_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no\.csv: there is no such file"):
        read_picks(tmp_path / "no.csv")


def test_the_columns_we_write_are_the_ones_documented(tmp_path: Path) -> None:
    picks = Picks(Frame("a"), np.array([[2, 1]]), score=0.5, source="drpnet")
    assert write_picks(picks, tmp_path / "a.csv").read_text().split("\n") == [
        "x,y,diameter,score,label,source,class,psi",
        "1.0,2.0,,0.5,particle,drpnet,0,0.0",
        "",
    ]


def test_the_true_centres_of_the_real_sets_are_read(shared: Path) -> None:
    files = sorted((shared / "data").glob("1*/*.csv"))
    assert len(files) == 22
    for path in files:
        (picks,) = read_picks(path)
        assert len(picks) > 50
        assert len(set(picks.diameter)) == 1
        assert picks.frame.micrograph == path.stem


@pytest.mark.parametrize(
    "column",
    [
        *("micrograph", "image_name", "filename", "rlnMicrographName", "_rlnMicrographName"),
        *("Micrograph Name", " MICROGRAPH-name ", "mic", "Mic ID", "micrograph_id", "image_filename", "mrc"),
    ],
)
def test_several_micrographs_in_one_file_are_kept_apart(tmp_path: Path, column: str) -> None:
    (tmp_path / "all.csv").write_text(f"{column},x,y,score\nM/b.mrc,1,2,.5\nM/a.mrc,3,4,.6\nM/b.mrc,5,6,.7\n")
    first, second = read_picks(tmp_path / "all.csv")
    assert (first.frame.micrograph, second.frame.micrograph) == ("M/b.mrc", "M/a.mrc")
    np.testing.assert_array_equal(first.yx, [[2, 1], [6, 5]])
    np.testing.assert_array_equal(first.score, [0.5, 0.7])
    np.testing.assert_array_equal(second.yx, [[4, 3]])


@pytest.mark.parametrize("column", ["frame", "Movie name", "tomogram"])
def test_a_column_that_may_name_micrographs_is_asked_about(tmp_path: Path, column: str) -> None:
    path = tmp_path / "all.csv"
    for header in ("x,y", "X-Coordinate,Y-Coordinate"):
        path.write_text(f"{header},{column}\n1,2,a\n3,4,b\n")
        with pytest.raises(UserError, match=rf"all\.csv: the column {column.lower()} may name several micrographs"):
            read_picks(path)
    path.write_text(f"x,y,{column}\n1,2,a\n3,4,a\n")
    with pytest.warns(UserWarning, match=f"passed over: {column.lower()}"):
        assert [len(picks) for picks in read_picks(path)] == [2]


def test_a_column_of_image_files_is_asked_about_whatever_it_is_called(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.csv: the column data may name several micrographs"):
        read(tmp_path / "a.csv", "data,x,y\nM/a.mrc,1,2\nM/b.tif,3,4\n")


@pytest.mark.filterwarnings("ignore:.*passed over")
@pytest.mark.parametrize("sides", ["w,h", "width,height", "x2,y2"])
def test_what_corners_of_boxes_have_beside_them_is_told(tmp_path: Path, sides: str) -> None:
    with pytest.warns(UserWarning, match=f"read as centres.*{sides.replace(',', ', ')}.*add half"):
        picks = read(tmp_path / "a.csv", f"x,y,{sides}\n1,2,30,30\n")
    np.testing.assert_array_equal(picks.yx, [[2, 1]])


@pytest.mark.parametrize("column", ["micrograph", "Micrograph Name", "Micrographs Filename"])
def test_a_cryoppp_table_of_several_micrographs_is_kept_apart(tmp_path: Path, column: str) -> None:
    (tmp_path / "all.csv").write_text(f"X-Coordinate,Y-Coordinate,Diameter,{column}\n1,2,9,b\n3,4,8,a\n5,6,9,b\n")
    heights = {"a": 100, "b": 200}
    first, second = read_picks(tmp_path / "all.csv", frame_of=lambda name, _: Frame(name, (heights[name], 50)))
    assert (first.frame.micrograph, second.frame.micrograph) == ("b", "a")
    np.testing.assert_array_equal(first.yx, [[198, 1], [194, 5]])
    np.testing.assert_array_equal(second.yx, [[96, 3]])
    np.testing.assert_array_equal(second.diameter, [8])


def test_unknown_columns_are_named_once_and_in_few_words(tmp_path: Path) -> None:
    names = ["x", "y", "z", *(f"column{i}" for i in range(20)), "c" * 500]
    text = ",".join(names) + "\n" + ",".join("1" * len(names)) + "\n"
    with pytest.warns(UserWarning, match=r"a\.csv: .*passed over: z, column0.* and 16 more") as told:
        read(tmp_path / "a.csv", text)
    assert len(told) == 1
    assert len(str(told[0].message)) - len(str(tmp_path)) < 250


def test_a_last_line_without_an_end_is_told(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"a\.csv: the last line has no end"):
        assert len(read(tmp_path / "a.csv", "x,y\n1,2\n3,4")) == 2


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8-sig"])
def test_other_encodings_are_read_by_their_mark(tmp_path: Path, encoding: str) -> None:
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    (tmp_path / "a.csv").write_bytes(f"{mark}x,y,source\n1,2,\u00e9t\u00e9\n".encode(encoding))
    (picks,) = read_picks(tmp_path / "a.csv")
    assert picks.source.tolist() == ["\u00e9t\u00e9"]
    (tmp_path / "b.csv").write_bytes(f"{mark}x,y\n1,2\n".encode(encoding)[:-1])
    with contextlib.suppress(UserError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read_picks(tmp_path / "b.csv")


def test_letters_that_are_not_utf8_come_back_as_they_were(tmp_path: Path) -> None:
    data = b"x,y,diameter,score,label,source,class,psi\n1.0,2.0,,,particle,\xe9t\xe9,0,0.0\n"
    (tmp_path / "a.csv").write_bytes(data)
    (picks,) = read_picks(tmp_path / "a.csv")
    assert write_picks(picks, tmp_path / "b.csv").read_bytes() == data


def test_one_long_word_does_not_make_a_wide_column(tmp_path: Path) -> None:
    text = "x,y,source\n" + "1,2,a\n" * 20_000 + f"1,2,{'b' * 100_000}\n"
    with pytest.raises(UserError, match=r"a\.csv: a word of 100000 signs"):
        read(tmp_path / "a.csv", text)
