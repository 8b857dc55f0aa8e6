"""A picker's module is all there is to it: jobs, windows and commands know pickers by the protocol alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import napari_drpnet

PACKAGE = Path(napari_drpnet.__file__).parent
ROOMS = sorted(
    file for place in ("jobs", "widgets", "cli", "settings") for file in (PACKAGE / place).rglob("*.py")
    if place != "settings" or file.name.startswith("project")
)  # fmt: skip
# As words of their own, "log" and "template" are ordinary English; as strings and classes they are pickers.
NAMED = re.compile(
    r"(?<!napari[-_])drpnet|pixer|centerpicker|deepcryo|(['\"])(log|template)\1|\b(?-i:LoG|Template)\b", re.IGNORECASE
)


@pytest.mark.parametrize("file", ROOMS, ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_no_picker_is_named(file: Path):
    assert [line for line in file.read_text().splitlines() if NAMED.search(line)] == []


@pytest.mark.parametrize("line", ["load_picker('drpnet')", "from a import Pixer", 'x = "log"', "Template(settings)"])
def test_a_name_would_be_found(line: str):
    assert NAMED.search(line)


@pytest.mark.parametrize("line", ["import napari_drpnet.io", "napari-drpnet pick", "log=True", "templates of a map"])
def test_other_words_are_free(line: str):
    assert not NAMED.search(line)
