"""Settings in YAML: what is read is text, numbers, lists and maps; everything else is one short line."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_drpnet.errors import UserError
from napari_drpnet.io.fields import dump, parse, read_fields

LAUGHS = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5", 0.5),
        ("010", 8),
        ("yes", True),
        ("~", None),
        (".inf", float("inf")),
        ("0x_", "0x_"),
        ("2021-99-99", "2021-99-99"),
        ("2021-01-01", "2021-01-01"),
        ("10:30:00", "10:30:00"),
        ("1e400", "1e400"),
        ("9" * 5000, "9" * 5000),
        ("{box: 180, b: [a.mrc, =]}", {"box": 180, "b": ["a.mrc", "="]}),
    ],
)
def test_a_value_is_what_it_looks_like(text: str, value: Any):
    assert parse(text) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{1: 2}", "line 1: a name is not text"),
        ("? [a]\n: 1", "line 1: a name is not text"),
        ("a: 1\nb: 2\na: 3", "line 3: 'a' is there twice"),
        (LAUGHS, "line 2: a reference to another place"),
        ("x: " + "[" * 500, "line 1: nested too deeply"),
        ("[" * 100_000, "line 1: nested too deeply"),
        ("x: " + "{a: " * 500, "line 1: nested too deeply"),
        ("a: !!python/object/apply:os.system [x]", "line 1: the tag 'tag:yaml.org,2002:python/object/apply:os.system'"),
        (f"a: !<{'x' * 5000}> 1", "the tag 'xxx"),
        ("a: !!timestamp 2021-99-99", "line 1: the tag"),
        ("a: [1", "did not find expected"),
        ("a\0", "signs that no text has"),
    ],
)
def test_all_else_is_refused_in_one_line(tmp_path: Path, text: str, reason: str):
    with pytest.raises(ValueError, match=reason.replace("[", "\\[")):
        parse(text)
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match="is not a YAML file of settings") as error:
        read_fields(path, "Correct it.")
    assert len(str(error.value).replace(str(path), path.name)) <= 300
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"- a", b"text", b"\xff\xfe", b"a: \x80"])
def test_what_holds_no_settings_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.yaml (does not hold settings|is not a YAML file)"):
        read_fields(path, "Correct it.")


def test_a_file_without_end_is_not_read_whole(tmp_path: Path):
    path = tmp_path / "a.yaml"
    with path.open("wb") as file:
        file.truncate(10**10)  # takes no disk
    with pytest.raises(UserError, match=r"a\.yaml is too long for settings"):
        read_fields(path, "Correct it.")


@given(st.dictionaries(st.text(max_size=4), VALUES, max_size=3))
def test_what_is_written_is_read(fields: dict[str, Any]):
    assert parse(dump(fields)) == fields
    shared = [fields, fields]  # no reference is written
    assert parse(dump({"a": shared, "b": shared})) == {"a": shared, "b": shared}
