"""One threshold for all micrographs of a project, changed after picking without a picker."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from discs import write_discs
from napari_drpnet import jobs
from napari_drpnet.data import Picks
from napari_drpnet.io.project.candidates import LEVELS, read_measured
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs.project_threshold import bring_there
from napari_drpnet.labels import added, labelled, labels_of

THRESHOLDS = (0.02, 0.2, 0.37, 0.6, 0.95, 1.0)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Three micrographs that a picker with many scores has picked; one has labels, one a painted region."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("a", "b", "c")):
        write_discs(f"m/{name}.mrc", seed=seed)
    project = jobs.open_project("p", ["m"], diameter=40, picker="log", threshold=0.3)
    pick(project)
    picks = project.read_picks("a")
    project.write_picks("a", added(labelled(picks, [0], "background"), [[80.0, 100.0]]))
    mask = np.zeros((16, 20), bool)
    mask[:8] = True
    project.write_region("b", mask)
    return project


def pick(project: Project, again: bool = True) -> jobs.PickReport:
    return jobs.finish(jobs.pick_project(project, again=again))


def places(picks: Picks) -> list[tuple[float, ...]]:
    labels = picks.label == "particle"
    return sorted((*np.round(yx), float(label)) for yx, label in zip(picks.yx, labels, strict=True))


def everything(project: Project) -> dict[str, list[tuple[float, ...]]]:
    return {entry.name: places(project.read_picks(entry.name)) for entry in project.micrographs}


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_brought_to_a_threshold_picks_are_those_of_a_run_at_it(project: Project, threshold: float):
    labels = labels_of(project.read_picks("a"))
    told = project.total(threshold)
    project.update(threshold=threshold)
    jobs.finish(bring_there(project))
    brought = everything(project)
    assert told.picks == sum(row.picks for row in project.rows()) == project.total().picks
    assert (told.micrographs, told.fixed) == (3, 0)
    assert not {"a", "c"} & set(project.behind(threshold))
    pick(project)
    assert everything(project) == brought
    assert places(labels_of(project.read_picks("a"))) == places(labels)


def test_another_threshold_is_no_reason_to_pick_again(project: Project):
    for threshold in (0.6, 0.1):
        project.update(threshold=threshold)
        assert [result.earlier for result in pick(project, again=False).results] == [True] * 3
        assert not {"a", "c"} & set(project.behind(threshold))
    project.update(min_distance=30.0)
    assert not any(result.earlier for result in pick(project, again=False).results)


def test_picks_without_candidates_stay_and_are_to_be_picked_again(project: Project):
    shutil.rmtree("p/candidates")
    project.close()
    Path("p/index.tsv").unlink()
    project = Project.open("p")
    before = everything(project)
    project.update(threshold=0.9)
    assert project.total(0.9).picks == project.total().picks
    assert project.total().fixed == 3
    assert jobs.finish(bring_there(project)) == []
    assert everything(project) == before
    assert not any(result.earlier for result in pick(project, again=False).results)
    assert project.total().fixed == 0


def test_the_index_can_be_made_anew_from_the_files(project: Project):
    rows, totals = project.rows(), [project.total(at / 100).picks for at in range(LEVELS)]
    assert len(set(totals)) > 5
    project.close()
    Path("p/index.tsv").unlink()
    again = Project.open("p")
    assert again.rows() == rows
    assert [again.total(at / 100).picks for at in range(LEVELS)] == totals


@pytest.mark.parametrize("damage", [b"", b"PK\3\4nothing", b"x" * 300])
def test_damaged_candidates_are_none(project: Project, damage: bytes):
    file = Path("p/candidates/a.npz")
    file.write_bytes(damage or file.read_bytes()[:200])
    assert project.measured("a") is None
    assert read_measured(file, project.read_picks("a").frame) is None
    before = places(project.read_picks("a"))
    project.bring("a", 0.9)
    assert places(project.read_picks("a")) == before


def test_a_damaged_file_keeps_its_own_micrograph_alone_from_a_threshold(project: Project):
    file = Path("p/labels/a.star")
    file.write_bytes(b"nothing")
    before = Path("p/picks/a_autopick.star").read_bytes()
    project.update(threshold=0.05)
    assert jobs.finish(bring_there(project)) == ["b", "c"]
    assert [result.micrograph for result in pick(project, again=False).failed] == []
    assert jobs.finish(jobs.export_picks(project, Path("out"), "star")).picks > 0
    assert (file.read_bytes(), Path("p/picks/a_autopick.star").read_bytes()) == (b"nothing", before)


def test_what_is_at_its_threshold_is_not_written_again(project: Project):
    files = [Path(f"p/picks/{name}_autopick.star") for name in "abc"]
    before = [file.stat().st_mtime_ns for file in files]
    assert jobs.finish(bring_there(project)) == []
    assert [file.stat().st_mtime_ns for file in files] == before


@pytest.mark.parametrize("opened", [False, True])
def test_picks_that_another_program_took_out_come_back_at_no_threshold(project: Project, opened: bool):
    file = Path("p/picks/c_autopick.star")
    gone = project.read_picks("c").yx[0]
    if not opened:
        project.close()
    lines = file.read_text().splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if line.strip()[:1].isdigit())
    file.write_text("".join(lines[:first] + lines[first + 1 :]))
    project = project if opened else Project.open("p")
    for threshold in (0.9, 0.05):
        project.update(threshold=threshold)
        jobs.finish(bring_there(project))
    left = project.read_picks("c").yx
    assert len(left) > 4
    assert np.linalg.norm(left - gone, axis=1).min() > 1


def test_picks_that_another_program_brought_stay(project: Project):
    project.close()
    file = Path("p/picks/c_autopick.star")
    row = file.read_text().rstrip("\n").splitlines()[-1].split()
    file.write_text(file.read_text().rstrip("\n") + "\n" + " ".join(["11.0", "13.0", *row[2:]]) + "\n")
    project = Project.open("p")
    before = places(project.read_picks("c"))
    assert (13.0, 11.0, 1.0) in before
    project.update(threshold=0.9)
    assert "c" not in jobs.finish(bring_there(project))
    assert places(project.read_picks("c")) == before
    assert project.total().fixed == 1
