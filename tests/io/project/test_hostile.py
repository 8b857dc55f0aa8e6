"""Files of a project that name places outside it, or say what cannot be: nothing is written there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from discs import write_discs
from napari_drpnet import jobs
from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io import Project
from napari_drpnet.io.project.files import Layout
from napari_drpnet.steps import drive

ESCAPES = ["../../../ESCAPED", "/tmp/ESCAPED", "..", "x/../../ESCAPED", "..\\ESCAPED", "a\\nb", "a\\tb", "a" * 201, ""]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder deep enough that a way out would be seen in ``tmp_path``, with a closed project in it."""
    inner = tmp_path / "1" / "2"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    write_discs("m/a.mrc")
    with Project.create("p", inputs=("m",), diameter=40.0, picker="dark-discs") as made:
        made.write_picks("a", Picks(Frame("a.mrc"), np.array([[10.0, 20.0]]), 0.5, source="discs"))
    return inner / "p"


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def with_name(index: Path, name: str) -> None:
    """The index again, with a record of another name at its end, as current as the others."""
    lines = index.read_text().splitlines()
    index.write_text("\n".join([*lines, "\t".join([name, *lines[-1].split("\t")[1:]])]) + "\n")


@pytest.mark.parametrize("name", ESCAPES)
def test_a_name_in_the_index_never_leaves_the_project(project: Path, tmp_path: Path, name: str):
    with_name(project / "index.tsv", name)
    before = files(tmp_path)
    with Project.open(project) as opened:
        assert [entry.name for entry in opened.micrographs] == ["a"], "the index is made anew"
        report = drive(jobs.pick_project(opened), lambda step: None)
    assert len(report.results) == 1
    written = {
        str((project / made).relative_to(tmp_path)) for made in ("evidence.yaml", "report.html", "candidates/a.npz")
    }
    assert files(tmp_path) - written <= before
    assert name not in (project / "index.tsv").read_text().split("\t") or not name


@pytest.mark.parametrize(
    "cells",
    [
        {3: "inf"},
        {3: "-1"},
        {3: "nan"},
        {4: "-1"},
        {4: "1e400"},
        {5: "9" * 5000},
        {9: "inf"},
        {9: "x"},
        {1: "a\0"},
        {10: ""},
    ],
)
def test_a_record_that_cannot_be_makes_the_index_anew(project: Path, cells: dict[int, str]):
    index = project / "index.tsv"
    with Project.open(project) as opened:
        rows = opened.rows()
    lines = index.read_text().splitlines()
    last = lines[-1].split("\t")
    for column, text in cells.items():
        last[column] = text
    index.write_text("\n".join([*lines[:-1], "\t".join(last)]) + "\n")
    with Project.open(project) as opened:
        assert opened.rows() == rows


def test_odd_files_of_a_folder_are_no_micrographs(project: Path):
    (project / "labels" / "new\nline.star").write_text((project / "picks" / "a_autopick.star").read_text())
    with Project.open(project) as opened:
        assert [entry.name for entry in opened.micrographs] == ["a"]


@pytest.mark.parametrize("name", ["../../ESCAPED", "", "a\nb"])
def test_no_file_of_a_project_is_asked_for_by_such_a_name(project: Path, name: str):
    for file in (Layout(project).picks, Layout(project).labels, Layout(project).region):
        with pytest.raises(UserError, match=r"^The name .* Choose a plain name"):
            file(name)
    with Project.open(project) as opened, pytest.raises(UserError, match="Choose a plain name"):
        opened.patch_set(name)
