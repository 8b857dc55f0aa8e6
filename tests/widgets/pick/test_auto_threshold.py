"""The check box beside the threshold, and what is told: known from the data set, from this image, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_drpnet import jobs
from napari_drpnet.io import read_micrograph
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs.prospect import NOTHING_MEASURED
from napari_drpnet.layers import picks_of
from napari_drpnet.pickers import load_picker
from napari_drpnet.widgets.session.session import Session
from seen_particles import DIAMETER, PER_MICROGRAPH, write_data_set, write_seen

pytestmark = pytest.mark.gui
LIMIT = 120_000  # milliseconds; evidence is measured, on a machine that may be busy


@pytest.fixture
def viewer(make_napari_viewer_proxy: Any) -> Any:
    return make_napari_viewer_proxy(show=False)


def open_form(viewer: Any, picker: str) -> Any:
    _, form = viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")
    form.diameter.value = DIAMETER
    form.picker.value = picker
    return form


def run(form: Any, qtbot: Any) -> None:
    form.job.button.native.click()
    qtbot.waitUntil(lambda: not form.job.running, timeout=LIMIT)
    assert form.result is not None, form.job.status.value


def told(form: Any) -> str:
    return str(form.tuning.outlook.text.value)


def test_of_few_candidates_nothing_is_told_as_known(viewer: Any, micrograph_file: Path, qtbot: Any) -> None:
    viewer.open(str(micrograph_file), plugin="napari-drpnet")
    form = open_form(viewer, "dark-discs")
    assert form.tuning.auto.value
    assert told(form) == ""
    run(form, qtbot)
    assert told(form).startswith("How many of these are particles is not known. Too few candidates")
    assert "More micrographs" in told(form)
    assert form.tuning.outlook.plot.isVisibleTo(form.native)  # where candidates lie is known
    picker = load_picker("dark-discs", diameter=DIAMETER)
    expected = picker.picks_from(picker.score(read_micrograph(micrograph_file)))
    assert len(picks_of(form.result.layer)) == len(expected)


def test_candidates_of_each_confidence_are_told_of(viewer: Any, tmp_path: Path, qtbot: Any) -> None:
    viewer.open(str(write_seen(tmp_path / "seen.mrc", 0)), plugin="napari-drpnet")
    form = open_form(viewer, "drpnet-paper")
    run(form, qtbot)
    low, normal, high = form.result.picker.levels(form.result.score_map)
    assert low > 0
    assert f"of low confidence or better: {low:,}; of normal or better: {normal:,}; of high: {high:,}." in told(form)


def test_picks_are_there_before_it_is_known_what_averages_prove(viewer: Any, tmp_path: Path, qtbot: Any) -> None:
    viewer.open(str(write_seen(tmp_path / "seen.mrc", 3, count=225, side=1000)), plugin="napari-drpnet")
    form = open_form(viewer, "log")
    form.job.button.native.click()
    qtbot.waitUntil(lambda: form.result is not None, timeout=LIMIT)
    assert form.job.running
    layer, sooner = form.result.layer, picks_of(form.result.layer)
    assert len(sooner) > 0
    assert told(form).startswith("How many picks are particles is not measured yet.")
    qtbot.waitUntil(lambda: not form.job.running, timeout=LIMIT)
    assert told(form).startswith("About ")
    assert form.result.layer is layer
    assert not np.array_equal(picks_of(layer).score, sooner.score)


def test_picks_by_probability_and_those_by_evidence_are_one_step_of_undo(
    viewer: Any, tmp_path: Path, qtbot: Any
) -> None:
    images = write_data_set(tmp_path / "m", good=1, empty=0)
    jobs.open_project(tmp_path / "p", [str(images)], diameter=DIAMETER, picker="log").close()
    session = Session.of(viewer)
    session.open(Project.open(tmp_path / "p"))
    _, form = viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")
    session.go("good0")
    run(form, qtbot)
    assert len(session.picks("good0")) == len(form.result.shown) > 0
    session.undo()
    assert len(session.picks("good0")) == 0
    session.close()


def test_the_slider_switches_auto_off_and_the_box_switches_it_on_again(
    viewer: Any, micrograph_file: Path, qtbot: Any
) -> None:
    viewer.open(str(micrograph_file), plugin="napari-drpnet")
    form = open_form(viewer, "dark-discs")
    run(form, qtbot)
    chosen, count = form.threshold.value, len(form.result.shown)
    assert form.result.threshold == pytest.approx(chosen, abs=1e-6)
    form.threshold.value = 1.0
    assert not form.tuning.auto.value
    assert len(form.result.shown) == 0
    form.tuning.auto.value = True
    assert form.threshold.value == pytest.approx(chosen, abs=1e-6)
    assert len(form.result.shown) == count
    form.min_distance.value = 10.0  # changes nothing of who chooses
    assert form.tuning.auto.value
    form.tuning.auto.value = False  # the number stays where it is
    assert form.threshold.value == pytest.approx(form.result.threshold, abs=1e-6)
    run(form, qtbot)
    assert told(form) == NOTHING_MEASURED
    assert not form.tuning.auto.value


def test_one_image_with_particles_tells_what_is_expected_and_the_slider_changes_it(
    viewer: Any, tmp_path: Path, qtbot: Any
) -> None:
    viewer.open(str(write_seen(tmp_path / "seen.mrc", 3, count=225, side=1000)), plugin="napari-drpnet")
    form = open_form(viewer, "log")
    run(form, qtbot)
    assert told(form).startswith("About ")
    number = int(told(form).split()[1])
    assert abs(number - 225) < 75
    assert form.tuning.outlook.plot.isVisibleTo(form.native)
    assert form.tuning.outlook.plot.grab().width() > 0  # it is drawn
    decision = form.result.judgement.decision
    assert form.threshold.value == pytest.approx(decision.threshold, abs=1e-4)
    assert form.result.shown.score.min() >= decision.threshold
    before, middle = told(form), float(np.median(form.result.shown.score))
    form.threshold.value = middle
    assert told(form) != before
    assert told(form).startswith(f"About {number} ")  # how many there are does not depend on it
    assert form.result.shown.score.min() >= form.threshold.value > decision.threshold


def test_a_project_tells_what_was_decided_for_all_of_it(viewer: Any, tmp_path: Path, qtbot: Any) -> None:
    images = write_data_set(tmp_path / "m", good=4, empty=1)
    with jobs.open_project(tmp_path / "p", [str(images)], diameter=DIAMETER, picker="log") as project:
        decision = jobs.finish(jobs.pick_project(project)).decision
        picked = {name: len(project.read_picks(name)) for name in ("good0", "empty0")}
    assert decision is not None
    session = Session.of(viewer)
    session.open(Project.open(tmp_path / "p"))
    _, form = viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")
    session.go("good0")
    assert form.tuning.auto.value
    run(form, qtbot)
    assert form.threshold.value == pytest.approx(decision.threshold, abs=1e-4)
    assert abs(int(told(form).split()[1]) - PER_MICROGRAPH) < 15  # of this one, by what is known of all
    assert len(form.result.shown) == picked["good0"] > 0
    assert picked["empty0"] == 0
    _, comparison = viewer.window.add_plugin_dock_widget("napari-drpnet", "Compare")
    comparison.pickers.tick("log")
    comparison.job.button.native.click()
    qtbot.waitUntil(lambda: not comparison.busy, timeout=LIMIT)
    compared = comparison.model.named("log")
    assert (compared.threshold, compared.count) == (decision.threshold, picked["good0"])
    form.threshold.value = 0.8
    qtbot.waitUntil(lambda: session.project.settings.threshold == pytest.approx(0.8), timeout=LIMIT)
    form.tuning.auto.value = True
    qtbot.waitUntil(lambda: session.project.settings.threshold == "auto", timeout=LIMIT)
    table = viewer.window.add_plugin_dock_widget("napari-drpnet", "Micrographs")[1].model
    row = table.place("empty0")
    assert table.data(table.index(row, 3)) == "picked, no proof"
    assert "Nothing proves" in table.data(table.index(row, 3), 3)  # the tooltip
    assert np.isclose(decision.threshold, session.project.evidence.decision.threshold)
    session.close()
