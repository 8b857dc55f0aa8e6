"""A name that comes from a file never leaves the folder that something is written to."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from napari_drpnet.errors import UserError
from napari_drpnet.io.safe_names import LONGEST, safe_name

BAD = ["", ".", "..", "../a", "a/b", "/etc", "a\\b", "..\\a", "a\nb", "a\tb", "a\0", "a\x7f", "a\u2028", "a\x85"]


@pytest.mark.parametrize("name", [*BAD, "a" * (LONGEST + 1), "ä" * (LONGEST // 2 + 1)])
def test_a_bad_name_is_one_short_line(name: str):
    with pytest.raises(UserError, match=r"^The name .* Choose a plain name, without a folder\.$") as error:
        safe_name(name)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("name", ["a", "a b", "it's", "50%", "-a", "[1]", "Ä.b", "a..b", "\udcff", "a" * LONGEST])
def test_a_good_name_is_itself(name: str):
    assert safe_name(name) == name


@given(st.text())
@example("C:a")
def test_what_is_good_lies_in_the_folder(name: str):
    try:
        good = safe_name(name)
    except UserError:
        return
    folder = Path("/project/picks")
    assert (folder / good).resolve().parent == folder
    assert good.splitlines() == [good]
