"""Where the threshold stands: the histogram, counts with edits by hand, and one threshold for a whole project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QSlider

from blobs import DIAMETER, PIXEL_SIZE, grid_of_blobs, write_mrc
from napari_drpnet import jobs
from napari_drpnet.errors import UserError
from napari_drpnet.io.project.project import Project
from napari_drpnet.labels import added, labelled, labels_of, proposals_of
from napari_drpnet.widgets.session.session import Session

pytestmark = pytest.mark.gui
LIMIT = 60_000  # milliseconds


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Three micrographs that another window has picked."""
    for seed, name in enumerate(("a", "b", "c")):
        write_mrc(tmp_path / "m" / f"{name}.mrc", grid_of_blobs(seed)[0], PIXEL_SIZE)
    made = jobs.open_project(tmp_path / "p", [str(tmp_path / "m")], diameter=DIAMETER, picker="log", threshold=0.1)
    jobs.finish(jobs.pick_project(made))
    made.close()
    return Project.open(tmp_path / "p")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()


@pytest.fixture
def form(viewer: Any) -> Any:
    return viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")[1]


def settled(form: Any, qtbot: Any) -> None:
    """The form's values are in the project, and all micrographs have its threshold."""
    form.project_side.keep()
    qtbot.waitUntil(lambda: not form.session.threshold.working[1], timeout=LIMIT)
    form.session.flush()


def test_what_is_added_and_deleted_by_hand_is_counted_at_once(
    viewer: Any, form: Any, micrograph_file: Path, qtbot: Any
) -> None:
    viewer.open(str(micrograph_file), plugin="napari-drpnet")
    form.diameter.value, form.picker.value = DIAMETER, "log"
    form.job.button.native.click()
    qtbot.waitUntil(lambda: not form.job.running, timeout=LIMIT)
    form.threshold.value = 0.1
    count, layer = len(form.result.shown), form.result.layer
    assert form.tuning.summary.value == f"{count} picks"
    layer.selected_data = {0, 1}
    layer.remove_selected()
    layer.add([[30.0, 30.0]])
    qtbot.waitUntil(lambda: "hand" in form.tuning.summary.value, timeout=1000)
    assert form.tuning.summary.value == f"{count - 1} picks (2 deleted, 1 added by hand)"
    form.threshold.value = 1.0
    assert form.tuning.summary.value == "1 pick (2 deleted, 1 added by hand)"


@pytest.mark.painted
def test_the_histogram_lies_at_the_slider_and_its_line_is_dragged(
    viewer: Any, form: Any, micrograph_file: Path, qtbot: Any
) -> None:
    viewer.open(str(micrograph_file), plugin="napari-drpnet")
    form.diameter.value, form.picker.value = DIAMETER, "log"
    form.job.button.native.click()
    qtbot.waitUntil(lambda: not form.job.running, timeout=LIMIT)
    plot = form.tuning.outlook.plot
    form.threshold.value = 0.1
    assert plot.counts.sum() == len(form.result.scores) > len(form.result.shown) > 0
    plot.grab()
    slider = form.threshold.native.findChild(QSlider)
    for value, end in ((0.0, plot.area.left()), (1.0, plot.area.right())):
        form.threshold.value = value
        at = plot.mapFromGlobal(slider.mapToGlobal(QPoint(0, 0))).x() + (slider.width() if value else 0)
        assert abs(end - at) < 12
    assert "above all" in form.tuning.outlook.hint.value
    middle = QPoint(round(plot.area.left() + 0.1 * plot.area.width()), 30)
    QTest.mouseClick(plot, Qt.MouseButton.LeftButton, pos=middle)
    assert form.threshold.value == pytest.approx(0.1, abs=0.02)
    assert len(form.result.shown) == (form.result.scores >= form.threshold.value).sum()
    assert form.tuning.outlook.hint.value == ""


def test_the_slider_is_that_of_all_micrographs_of_a_project(
    viewer: Any, form: Any, project: Project, qtbot: Any
) -> None:
    session = Session.of(viewer)
    session.open(project)
    session.go("a")
    picks = session.picks("b")
    session.change("b", added(labelled(picks, [0], "background"), [[30.0, 30.0]]))
    labels = labels_of(session.picks("b"))
    session.flush()
    before = project.total().picks
    assert form.tuning.total.value == f"{before} picks on 3 micrographs at this threshold."
    form.threshold.value = 0.02
    now = project.total(0.02).picks
    assert now > before
    assert form.tuning.total.value.startswith(f"{now} picks on 3 micrographs at this threshold.")
    assert len(session.picks("a")) == len(form.session.points.data) > 0
    assert int(form.tuning.summary.value.split()[0]) == len(session.picks("a"))
    settled(form, qtbot)
    assert project.settings.threshold == 0.02
    assert sum(row.picks for row in project.rows()) == now
    assert proposals_of(session.picks("b")).score.min() < 0.1
    kept = labels_of(session.picks("b"))
    np.testing.assert_allclose(kept.yx, labels.yx, atol=0.01)
    assert kept.label.tolist() == labels.label.tolist()
    session.close()


def test_undo_takes_back_edits_and_leaves_the_threshold(viewer: Any, form: Any, project: Project, qtbot: Any) -> None:
    session = Session.of(viewer)
    session.open(project)
    session.go("a")
    picks = session.picks("a")
    session.change("a", labelled(picks, [0], "background"))
    form.threshold.value = 0.02
    settled(form, qtbot)
    low = len(session.picks("a"))
    assert low > len(picks)
    session.undo()
    assert len(labels_of(session.picks("a"))) == 0
    assert len(session.picks("a")) == low
    session.redo()
    assert labels_of(session.picks("a")).label.tolist() == ["background"]
    assert len(session.picks("a")) == low
    session.close()


def test_what_a_person_took_out_comes_back_at_no_threshold_but_by_undo(
    viewer: Any, form: Any, project: Project, qtbot: Any
) -> None:
    session = Session.of(viewer)
    session.open(project)
    session.go("a")
    picks = session.picks("a")
    session.change("a", picks.select(np.arange(3, len(picks))))  # as a rejected class is
    for threshold in (0.9, 0.02):
        form.threshold.value = threshold
        settled(form, qtbot)
    places = session.picks("a").yx
    assert len(places) > len(picks) - 3
    assert min(np.linalg.norm(places - yx, axis=1).min() for yx in picks.yx[:3]) > 1
    session.undo()
    places = session.picks("a").yx
    assert max(np.linalg.norm(places - yx, axis=1).min() for yx in picks.yx) < 1
    session.close()


def moved_elsewhere(project: Project, threshold: float) -> int:
    """A project whose threshold was moved, and which was closed before its picks followed; how many there should be."""
    project.update(threshold=threshold)
    assert len(project.behind(threshold)) == 3
    return project.total(threshold).picks


def test_micrographs_that_did_not_get_to_their_threshold_do_when_the_project_is_opened(
    viewer: Any, project: Project, qtbot: Any
) -> None:
    wanted = moved_elsewhere(project, 0.02)
    session = Session.of(viewer)
    session.open(project)
    qtbot.waitUntil(lambda: project.total().picks == wanted and not session.shared, timeout=LIMIT)
    assert len(session.picks("b")) == project.row("b").picks
    assert not project.behind(0.02)
    session.close()


def test_the_others_get_to_the_threshold_when_one_was_picked_alone(viewer: Any, project: Project, qtbot: Any) -> None:
    dock = viewer.window.add_plugin_dock_widget("napari-drpnet", "Micrographs")[1]
    session = dock.session
    session.open(project)
    session.go("a")
    session.configure(threshold=0.02)
    dock.pick_current()
    qtbot.waitUntil(lambda: not dock.job.running, timeout=LIMIT)
    qtbot.waitUntil(lambda: not project.behind(0.02) and not session.shared, timeout=LIMIT)
    session.close()


def test_a_threshold_that_cannot_be_brought_to_all_micrographs_is_told(
    viewer: Any, project: Project, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved_elsewhere(project, 0.02)

    def full(*_: Any) -> bool:
        raise UserError("The disk is full.")

    monkeypatch.setattr(project, "bring", full)
    session = Session.of(viewer)
    session.open(project)
    qtbot.waitUntil(lambda: any("disk is full" in note.message for note in notification_manager.records), timeout=LIMIT)
    session.close()


def test_a_threshold_that_could_not_be_kept_is_when_edits_are_saved_again(
    viewer: Any, form: Any, project: Project, qtbot: Any
) -> None:
    session = Session.of(viewer)
    session.open(project)
    away = project.folder.with_name("away")
    project.folder.rename(away)
    form.threshold.value = 0.02
    form.project_side.keep()
    session.flush()
    assert "is gone" in session.unsaved
    assert project.settings.threshold == 0.1
    away.rename(project.folder)
    session.flush()
    qtbot.waitUntil(lambda: project.settings.threshold == 0.02 and not project.behind(0.02), timeout=LIMIT)
    qtbot.waitUntil(lambda: not session.shared, timeout=LIMIT)
    session.close()


def test_the_slider_is_off_where_the_project_can_only_be_read(viewer: Any, form: Any, project: Project) -> None:
    session = Session.of(viewer)
    with project:  # as in another window
        session.open(Project.open(project.folder))
        assert session.read_only
        assert not form.threshold.enabled
        session.close()
    session.open(Project.open(project.folder))
    assert form.threshold.enabled
    session.close()


def test_picks_and_regions_of_a_project_are_seen_on_each_micrograph(viewer: Any, form: Any, project: Project) -> None:
    session = Session.of(viewer)
    session.open(project)
    for name in ("b", "c", "a"):
        session.go(name)
        assert [layer.visible for layer in (session.image, session.points, session.regions)] == [True] * 3
    session.close()
