"""Every picker is retrained from labels: label, retrain, use it, pick again; and what it cannot do is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from discs import DISCS, write_discs
from fields import DIAMETER, PIXELS, labels, places, write_field
from napari_drpnet import jobs
from napari_drpnet.cli import main
from napari_drpnet.data import MANUAL, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.evaluation.counting import paired
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs.project import learn_project
from napari_drpnet.pickers.protocol.correction import write_correction
from napari_drpnet.settings import RetrainSettings

# What makes the one that learns without labels quick enough for a test, on micrographs that are clear enough for that.
QUICK = {"deepcryopicker": {"window": 67, "width": 0.1, "steps": 80, "batch": 16, "examples": 400, "micrographs": 1}}
NOISE = {"deepcryopicker": 0.15}
BUILT_IN = ("drpnet", "pixer", "centerpicker", "deepcryopicker", "log", "template")


def project_of(folder: Path, picker: str) -> Project:
    """Two micrographs of discs."""
    for seed in range(2):
        write_field(folder / "m" / f"f{seed}.mrc", seed, NOISE.get(picker, 0.8))
    options = QUICK.get(picker, {})
    told = {
        "diameter": DIAMETER,
        "picker": picker,
        "options": options,
        "threshold": 0.5,
    }  # auto mends calibrations, too
    return Project.create(folder / "p", inputs=(str(folder / "m"),), **told)


def make_strict(project: Project, offset: float) -> None:
    """Put a calibration to use that is too strict; the picker learns first, if it is one that does."""
    jobs.finish(learn_project(project, jobs.project_picker(project, device="cpu")))
    settings = jobs.project_picker(project, device="cpu").settings
    file = project.folder / "networks" / "strict.safetensors"
    write_correction(file, (1.0, offset), project.settings.picker, settings)
    project.update(options=project.settings.options | {"calibration": "strict"})


def score(project: Project, name: str) -> float:
    """F1 of the project's picks of a micrograph that nobody labelled."""
    picks = project.read_picks(name)
    truth = Picks(picks.frame, places(int(name[1:])))
    return paired(picks, truth, PIXELS / 2).counts.f1


@pytest.mark.slow
@pytest.mark.parametrize("name", BUILT_IN)
def test_labels_make_it_better_in_use(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]):
    with project_of(tmp_path, name) as project:
        make_strict(project, -6.0)
        jobs.finish(jobs.pick_project(project, device="cpu"))
        before = score(project, "f1")
        truth = places(0)
        project.write_picks("f0", labels(truth[np.random.default_rng(0).permutation(len(truth))[:50]]))
        report = jobs.finish(jobs.retrain_picker(project, RetrainSettings(what="calibration", device="cpu")))
        assert (report.picker, report.role, report.use) == (name, "calibration", {"calibration": "retrained-1"})
        assert report.after > report.before
        assert project.settings.options["calibration"] == "strict", "nothing is used before somebody says so"
    with pytest.raises(SystemExit) as end:
        main(["pick", "--project", str(project.folder), "--calibration", "retrained-1", "--device", "cpu"])
    assert end.value.code == 0
    with Project.open(project.folder) as again:
        assert again.settings.options["calibration"] == "retrained-1"
        after = score(again, "f1")
        assert len(again.read_picks("f1")) > 20
    assert np.isnan(before) or after > before + 0.2
    assert after > 0.5


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_it_cannot_retrain_is_said_in_a_sentence(tmp_path: Path, name: str):
    with project_of(tmp_path, name) as project:
        project.write_picks("f0", labels(places(0)))
        networks = [one.field for one in jobs.project_picker(project, device="cpu").learnable]
        assert networks == (["detector", "classifier"] if name == "drpnet" else [])
        with pytest.raises(UserError, match=f"The picker {name} has no sorter to retrain. It can retrain: calibration"):
            jobs.finish(jobs.retrain_picker(project, RetrainSettings(what="sorter", device="cpu")))


def test_one_of_another_package_that_can_only_pick_is_retrained_too(tmp_path: Path):
    for name in "ab":
        write_discs(tmp_path / "m" / f"{name}.mrc", seed=ord(name))
    inputs = (str(tmp_path / "m"),)
    with Project.create(tmp_path / "p", inputs=inputs, picker="dark-discs", diameter=40, threshold=0.7) as project:
        jobs.finish(jobs.pick_project(project))
        found = project.read_picks("a")
        for name in "ab":
            frame = project.read_picks(name).frame
            project.write_picks(name, Picks(frame, np.array(DISCS * 2, float), source=np.array(MANUAL)))
            project.mark_done(name, True)
        report = jobs.finish(jobs.retrain_picker(project, RetrainSettings(name="mine")))
        assert (report.picker, report.name) == ("dark-discs", "mine")
        assert len(found) <= 4


def test_a_calibration_holds_for_what_it_was_fitted_to_and_for_nothing_else(tmp_path: Path):
    with project_of(tmp_path, "log") as project:
        make_strict(project, -1.0)
        assert jobs.project_picker(project).correction == (1.0, -1.0)
        project.update(picker="template")
        with pytest.raises(UserError, match=r"'strict' was fitted to another picker, log"):
            jobs.project_picker(project)
        project.update(picker="drpnet")
        ready = jobs.project_picker(project, {"calibration": None}, device="cpu")
        write_correction(project.folder / "networks" / "mine.safetensors", (2.0, 0.5), "drpnet", ready.settings)
        project.update(options={"calibration": "mine"})
        assert jobs.project_picker(project, device="cpu").correction == (2.0, 0.5)
        with pytest.raises(UserError, match="'mine' was fitted to other networks"):
            jobs.project_picker(project, {"detector": "fcrn"}, device="cpu")


def test_f1_before_and_after_is_counted_where_only_the_picker_knows_the_diameter(tmp_path: Path) -> None:
    for seed in range(2):
        write_field(tmp_path / "m" / f"f{seed}.mrc", seed, 0.3)
    with Project.create(tmp_path / "p", inputs=(str(tmp_path / "m"),), picker="centerpicker", threshold=0.5) as project:
        project.write_picks("f1", labels(places(1)))
        project.mark_done("f1", True)
        found = jobs.finish(jobs.before_after(project, ["f1"], {}, {}))
        (change,) = found.changes
        assert change.f1_after > 0.3
        assert found.before == found.after
        assert found.after.f1 == pytest.approx(change.f1_after)
