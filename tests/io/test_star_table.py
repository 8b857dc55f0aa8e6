"""Plain lists are split without starfile; whatever it would read otherwise is left to it."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_drpnet.errors import UserError
from napari_drpnet.io import star_table
from napari_drpnet.io.files import write_text
from napari_drpnet.io.star_table import Table, parse_tables, read_tables

HERE = Path("a.star")
words = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=5)
odd = st.sampled_from(
    ["data_", "data_x", "loop_", "_a", "#", "nan", "<NA>", "'a b'", '""', "", " ", "\t", "1.5", "é", "%41"]
)
names = st.sampled_from(["rlnCoordinateX", "rlnCoordinateY", "x.y", "c"])
ends = st.sampled_from(["\n"] * 9 + [" \n", "\n\n", "\n# note\n", "\f\n", ""])


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Files with one loop, most of them plain, some with one thing or another that is not."""
    columns = draw(st.lists(names, min_size=1, max_size=3))
    cell = st.one_of(words, odd) if draw(st.booleans()) else st.sampled_from(["1", "-2.5", "a/b.mrc", "nan", "<NA>"])
    width = st.just(len(columns)) if draw(st.integers(0, 4)) else st.integers(0, 4)
    rows = draw(st.lists(width.flatmap(lambda n: st.lists(cell, min_size=n, max_size=n)), max_size=4))
    text = draw(st.sampled_from(["", "\n", "# note\n\n"])) + "data_" + draw(st.sampled_from(["", "b", "b#c"]))
    text += draw(ends) + "loop_" + draw(ends)
    text += "".join(f"_{name}{draw(st.sampled_from(['', ' #1', ' # 2', ' 3']))}{draw(ends)}" for name in columns)
    return text + "".join("\t".join(row) + draw(ends) for row in rows)


def outcome(text: str) -> list[Table] | str:
    try:
        return parse_tables(text, HERE)
    except UserError as error:
        return str(error)


@settings(max_examples=120)
@given(texts())
def test_it_is_what_starfile_reads(text: str) -> None:
    if star_table._simple(text, HERE) is None:
        return
    fast = outcome(text)
    with mock.patch.object(star_table, "_simple", return_value=None):
        assert fast == outcome(text)


def test_lists_of_picks_are_plain() -> None:
    text = star_table.format_table(
        {"rlnCoordinateX": ["1", "2.5"], "rlnMicrographName": ["a.mrc", "b/c.mrc"]}, "x", ["n"]
    )
    table = star_table._simple(text, HERE)
    assert table == Table(HERE, "x", ["rlnCoordinateX", "rlnMicrographName"], [["1", "a.mrc"], ["2.5", "b/c.mrc"]])


@pytest.mark.parametrize(
    "text",
    [
        "data_\n\nloop_\n_a\n'b c'\n",
        "data_\n\nloop_\n_a\nb # c\n",
        "data_\n\n_a b\n",
        "data_\n\nloop_\n_a\n1\n\ndata_b\n\nloop_\n_c\n2\n",
        "data_\n\nloop_\n_a\n_b\n1\n",
        "data_\n\nloop_\n_a\n_a\n1 2\n",
        "data_\n\nloop_\n_a\né\n",
    ],
)
def test_the_rest_is_left_to_starfile(text: str) -> None:
    assert star_table._simple(text, HERE) is None


SIGNS = ["", *"\"' \t\x0b\x0c\x1c\x85\u2028\r\n\0#%\\$;[?.é1\udcff\ud800"]
WORDS = ["%41", "_x", "data_", "loop_", "DATA_b", "save_", "nan", "<NA>", "a b", "it's"]
values = st.lists(st.sampled_from(SIGNS + WORDS) | st.text(max_size=3), max_size=5).map("".join)


@settings(max_examples=300)
@given(st.lists(st.tuples(values, values), min_size=1, max_size=4))
def test_any_value_comes_back_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    columns = {"rlnA": [a for a, _ in rows], "rlnB": [b for _, b in rows]}
    if any(_breaks(value) for row in rows for value in row):
        with pytest.raises(UserError, match="cannot be written into a STAR file"):
            star_table.format_table(columns)
        return
    path = write_text(star_table.format_table(columns, "x"), tmp_path_factory.getbasetemp() / "values.star")
    (table,) = read_tables(path)
    assert table.rows == [list(row) for row in rows]


def _breaks(value: str) -> bool:
    """Whether no STAR file can hold a value."""
    both = all(any(f"{mark}{blank}" in value for blank in " \t\x0b\x0c") for mark in "\"'")
    return both or any(sign in value for sign in "\n\r\ud800")


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "say \"a\" it's' b", "\ud800"])
def test_what_no_star_file_can_hold_is_refused_by_its_name(value: str) -> None:
    with pytest.raises(UserError, match="cannot be written into a STAR file"):
        star_table.star_row("1", value)
