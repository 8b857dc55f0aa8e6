"""What the formats of plain text have in common: names of micrographs, cut ends, other letters, long values."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_drpnet import Picks, UserError, read_picks, write_picks


def read(path: Path, content: str | bytes) -> list[Picks]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_picks(path)


@pytest.mark.parametrize("name", ["micrograph", "Micrograph_Name", "image_name", "filename", "rlnMicrographName"])
def test_a_csv_of_several_micrographs_is_several_sets(tmp_path: Path, name: str):
    found = read(tmp_path / "all.csv", f"{name},x,y\nM/a.mrc,1,2\nb,3,4\nM/a.mrc,5,6\n")
    assert [(one.frame.micrograph, one.yx.tolist()) for one in found] == [
        ("M/a.mrc", [[2, 1], [6, 5]]),
        ("b", [[4, 3]]),
    ]


def test_columns_nobody_reads_are_named_once(tmp_path: Path):
    names = ",".join(f"extra{i}" for i in range(20))
    with pytest.warns(UserWarning, match="passed over: extra0, .*extra5 and 14 more") as told:
        read(tmp_path / "a.csv", f"x,y,{names}\n1,2{',0' * 20}\n3,4{',0' * 20}\n")
    assert len(told) == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "x,y,z\n1,2,3\n1,2,4\n"),
        ("a.txt", "image_name\tx_coord\ty_coord\tz_coord\na\t1\t2\t3\na\t1\t2\t4\n"),
        ("a_info.json", '{"boxes_3d": [[1, 2, 3, "manual"]]}'),
    ],
)
def test_picks_of_tomograms_are_refused(tmp_path: Path, name: str, content: str):
    with pytest.raises(UserError, match=r"tomogram|boxes_3d"):
        read(tmp_path / name, content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "x,y\n10,20\n30,123"),
        ("a.box", "1\t2\t30\t30\n1\t2\t30\t30"),
        ("a.txt", "image_name\tx_coord\ty_coord\na\t1\t2"),
    ],
)
def test_a_last_line_without_an_end_is_told(tmp_path: Path, name: str, content: str):
    with pytest.warns(UserWarning, match="the last line has no end"):
        read(tmp_path / name, content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_texts_of_other_systems_are_read(tmp_path: Path, encoding: str):
    text = "# from a spreadsheet\r\nx;y;source\r\n1;2;Müller\r\n\r\n3;4;Müller\r\n"
    (picks,) = read(tmp_path / "a.csv", text.encode(encoding))
    assert picks.yx.tolist() == [[2, 1], [4, 3]]
    assert picks.source.tolist() == ["Müller", "Müller"]


def test_letters_that_are_not_utf_8_come_back(tmp_path: Path):
    (picks,) = read(tmp_path / "a.csv", b"x,y,source\n1,2,M\xfcller\n")
    write_picks(picks, tmp_path / "b.csv")
    assert b"M\xfcller" in (tmp_path / "b.csv").read_bytes()


def test_a_column_of_long_texts_costs_no_memory(tmp_path: Path):
    long = "a" * 100_000
    rows = "1,2,\n" * 100_000
    with pytest.raises(UserError, match="over 256 letters") as error:
        read(tmp_path / "a.csv", f"x,y,source\n1,2,{long}\n{rows}")
    assert len(str(error.value)) < 300 + len(str(tmp_path))


def test_old_cbox_files_with_estimates(tmp_path: Path):
    (picks,) = read(tmp_path / "a.cbox", "10\t20\t100\t100\t0.95\t95\t95\n")
    assert (picks.yx.tolist(), picks.diameter.tolist(), picks.score.tolist()) == ([[70, 60]], [100], [0.95])


def test_boxes_with_a_line_of_names_and_comments(tmp_path: Path):
    (picks,) = read(tmp_path / "a.box", "# of EMAN\nx y w h\n10 20 30 30\n")
    assert picks.yx.tolist() == [[35, 25]]
