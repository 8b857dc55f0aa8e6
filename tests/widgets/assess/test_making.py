"""A map of the project's picks is made in the Assess dock, and is then a refinement on its list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from napari.utils.notifications import notification_manager

from lopsided_files import DIAMETER, write_lopsided
from napari_drpnet import Picks, jobs, read_picks
from napari_drpnet.widgets.session.session import Session

pytestmark = pytest.mark.gui
LIMIT = 60_000  # milliseconds


def test_a_map_is_made_of_the_picks_of_the_project(form: Any, viewer: Any, tmp_path: Path, qtbot: Any) -> None:
    maker, job = form.maker, form.maker.job
    assert not job.button.enabled
    assert job.status.value == "Open a project in the Micrographs dock."
    made = write_lopsided(tmp_path, noise=0.5)
    project = jobs.open_project(tmp_path / "project", [str(made.micrographs)], diameter=DIAMETER)
    for row in project.rows():
        (picks,) = read_picks(made.picks / f"{Path(row.name).stem}.star")
        project.write_picks(row.name, Picks(project.read_micrograph(row.name).frame, picks.yx))
    Session.of(viewer).open(project)
    assert "Choose a reference" in job.status.value
    maker.reference.value = made.micrographs
    job.button.native.click()
    qtbot.waitUntil(lambda: not job.running, timeout=LIMIT)
    assert "is no MRC file" in job.status.value
    assert not (project.folder / "maps").exists()
    maker.reference.value = made.reference
    form.settings["symmetry"].value = "Q7"
    assert job.status.value.startswith("There is no point group 'Q7'")
    form.settings["symmetry"].value = "C1"
    maker.settings["box"].value, maker.settings["rounds"].value, maker.settings["step"].value = 32, 1, 15
    with notification_manager:
        job.button.native.click()
        qtbot.waitUntil(lambda: not form.busy, timeout=LIMIT)
    assert "A map of 200 particles" in job.status.value
    assert "beyond the 30 A of the reference" in job.status.value
    assert [one.name for one in form.refinements.refinements] == ["map1"]
    assert form.picks.given["map1"].path == project.folder
    job.button.native.click()
    job.cancel()
    qtbot.waitUntil(lambda: not job.running, timeout=LIMIT)
    assert not (project.folder / "maps" / "map2").exists()
