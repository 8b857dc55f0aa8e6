"""Patch sets whose list says what cannot be."""

from pathlib import Path

import pytest

from fuzz.targets import TARGETS
from napari_drpnet.errors import UserError
from napari_drpnet.io.patches import read_patches


@pytest.mark.parametrize(
    "place",
    [
        *("1@..", "1@../..", "1@/", "1@", "@particles.mrcs", "x@particles.mrcs", "²@particles.mrcs"),
        *("-1@particles.mrcs", "1" * 5000 + "@particles.mrcs", "1@" + "a" * 300, "1@a\\b", "0@particles.mrcs"),
        "3@particles.mrcs",
    ],
)
def test_a_place_in_a_stack_is_a_number_and_a_file_of_the_set(tmp_path: Path, place: str):
    star = TARGETS["patch set"].make(tmp_path)
    star.write_text(star.read_text().replace("000001@particles.mrcs", place))
    with pytest.raises(UserError, match=r"not the place of an image in a stack|has 2 patches") as error:
        read_patches(star.parent)
    assert len(str(error.value).replace(str(tmp_path), "")) <= 300


def test_words_that_would_take_all_memory_are_refused(tmp_path: Path):
    star = TARGETS["patch set"].make(tmp_path)
    star.write_text(star.read_text().replace("\na\t", "\n" + "a" * 20_000_000 + "\t", 1))
    with pytest.raises(UserError, match=r"patches\.star: a word of 20000000 signs, 'aaa") as error:
        read_patches(star.parent)
    assert len(str(error.value).replace(str(tmp_path), "")) <= 300
