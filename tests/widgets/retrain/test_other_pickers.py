"""Retrain in a real window, in projects that pick with other pickers than the default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtTest import QTest

from fields import DIAMETER, PIXELS, labels, places, write_field
from napari_drpnet import jobs
from napari_drpnet.data import Picks
from napari_drpnet.evaluation.counting import paired
from napari_drpnet.io.project.project import Project
from napari_drpnet.pickers.protocol.correction import write_correction

pytestmark = [pytest.mark.gui, pytest.mark.slow]


@pytest.fixture(params=["pixer", "log"])  # of all without a window: jobs/retrain/test_every_picker.py
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Project:
    """Two micrographs, and a calibration in use that is too strict; 50 particles of the first are labelled."""
    for seed in range(2):
        write_field(tmp_path / "m" / f"f{seed}.mrc", seed)
    project = Project.create(
        tmp_path / "p", inputs=(str(tmp_path / "m"),), diameter=DIAMETER, threshold=0.5, picker=request.param
    )
    settings = jobs.project_picker(project, device="cpu").settings
    write_correction(project.folder / "networks" / "strict.safetensors", (1.0, -6.0), request.param, settings)
    project.update(options={"calibration": "strict"})
    jobs.finish(jobs.pick_project(project, device="cpu"))
    project.write_picks("f0", labels(np.random.default_rng(0).permutation(places(0))[:50]))
    return project


def score(project: Project) -> float:
    """F1 of the picks of the micrograph that nobody labelled; 0 without any."""
    picks = project.read_picks("f1")
    return paired(picks, Picks(picks.frame, places(1)), PIXELS / 2).counts.f1 if len(picks) else 0.0


def press(job: Any, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: job.button.enabled, timeout=10_000)
    job.button.native.click()
    qtbot.waitUntil(lambda: not job.running, timeout=60_000)


def test_its_own_picker_is_retrained_and_use_it_changes_the_picks(
    viewer: Any, session: Any, project: Project, qtbot: Any
) -> None:
    _, micrographs = viewer.window.add_plugin_dock_widget("napari-drpnet", "Micrographs")
    _, retrain = viewer.window.add_plugin_dock_widget("napari-drpnet", "Retrain")
    QTest.qWait(20)
    training, before = retrain.training, score(project)
    press(training.job, qtbot)
    report = training.report
    assert (report.picker, report.role) == (project.settings.picker, "calibration"), training.result.value
    assert score(project) == before, "nothing is used before somebody says so"

    training.use_button.click()
    assert project.settings.options == {"calibration": report.name}
    press(micrographs.job, qtbot)
    assert score(project) > max(before + 0.2, 0.5)

    training.back_button.click()
    assert project.settings.options == {"calibration": "strict"}
    press(micrographs.job, qtbot)
    assert score(project) == before
