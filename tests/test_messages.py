"""What people read: options of the command line stay in brackets, where a window can leave them out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import napari_drpnet
from napari_drpnet.errors import UserError, without_options

PACKAGE = Path(napari_drpnet.__file__).parent
# What only the command line runs, and pages with styles.
ELSEWHERE = (
    "cli", "ccpem", "training", "drawing", "jobs/cluster", "jobs/run_page", "jobs/compare/report", "jobs/training.py",
    "jobs/collecting.py", "jobs/watching.py", "jobs/resume.py", "jobs/relion.py", "jobs/run_file.py", "jobs/masks.py",
    "jobs/growth.py", "doctor", "__main__.py",
)  # fmt: skip
OPTION = re.compile(r"--[a-z]")
FILES = sorted(f for f in PACKAGE.rglob("*.py") if not f.relative_to(PACKAGE).as_posix().startswith(ELSEWHERE))


def texts(code: str) -> Iterator[str]:
    """All texts of a module but those that explain it."""
    tree = ast.parse(code)
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    explained = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside | explained:
            yield node.value


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_options_are_named_in_brackets_only(file: Path) -> None:
    assert [text for text in texts(file.read_text()) if OPTION.search(without_options(text))] == []


@pytest.mark.parametrize("code", ['raise UserError("No.", "Give --diameter.")', 'warn(f"{x}: or --to {y}")'])
def test_an_option_outside_of_brackets_would_be_found(code: str) -> None:
    assert any(OPTION.search(without_options(text)) for text in texts(code))


def test_a_window_leaves_options_out() -> None:
    error = UserError("The size (2 px) is odd.", "Give it in Angstrom (--diameter), or leave it (--size 2).")
    assert error.plain == "The size (2 px) is odd. Give it in Angstrom, or leave it."
    assert "(--diameter)" in str(error)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Give the list (--micrographs), or the size (--size).", "Give the list, or the size (--size)."),
        ("Give it (--size, --micrographs).", "Give it (--size)."),
        ("Twice as large (--scale 2 changes that).", "Twice as large."),
        ("Project it (napari-drpnet templates --map).", "Project it (napari-drpnet templates --map)."),
    ],
)
def test_a_command_names_no_options_of_others(text: str, said: str) -> None:
    assert without_options(text, {"--size", "--out"}) == said


@pytest.mark.parametrize("file", sorted((PACKAGE / "widgets").rglob("*.py")), ids=lambda file: file.stem)
def test_docks_say_errors_without_options(file: Path) -> None:
    assert not re.search(r"(?<!without_options\()\bstr\(error\)", file.read_text()), "use error.plain"
