"""Correcting picks in a real window, and that no edit is ever lost."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtWidgets import QLabel

from blobs import PIXEL_SIZE, SHAPE
from napari_drpnet.errors import UserError
from napari_drpnet.io.project.project import Project
from napari_drpnet.labels import added, labels_of
from napari_drpnet.layers import BACKGROUND_COLOUR, LABELLED_COLOUR, PICK_COLOUR
from projects import drag, make_project, press, some_picks

pytestmark = pytest.mark.gui
LIMIT, STEPS = 10_000, 10  # milliseconds; changes of one micrograph


@pytest.fixture
def dock(viewer: Any, tmp_path: Path) -> Any:
    """The dock with a project in it."""
    _, dock = viewer.window.add_plugin_dock_widget("napari-drpnet", "Micrographs")
    project = make_project(tmp_path)
    dock.session.open(project)
    yield dock
    project.close()


@pytest.fixture
def session(dock: Any) -> Any:
    return dock.session


def kinds(session: Any, rows: Any = slice(None)) -> list[tuple[str, bool]]:
    picks = session.picks(session.current)
    return list(zip(picks.label[rows].tolist(), picks.by_hand[rows].tolist(), strict=True))


def on_disk(session: Any) -> Any:
    """What another program would read now."""
    return Project.open(session.project.folder, read_only=True).read_picks(session.current)


def colour_of(layer: Any, row: int) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in layer.border_color[row][:3])


def test_keys_label_the_selected_picks_and_the_three_kinds_look_different(session: Any, viewer: Any) -> None:
    layer = session.points
    for key, rows, kind in (
        ("G", {0, 1}, ("particle", True)),
        ("B", {2}, ("background", True)),
        ("T", {2}, ("particle", True)),
        ("T", {3}, ("background", True)),
    ):
        layer.selected_data = rows
        press(viewer, key)
        assert set(kinds(session, list(rows))) == {kind}
        assert not layer.selected_data
    assert kinds(session, slice(4, None)) == [("particle", False)] * (len(layer.data) - 4)
    np.testing.assert_allclose(session.picks("a1").score, some_picks("a1").score, atol=1e-6)
    assert [colour_of(layer, row) for row in (0, 3, 4)] == [LABELLED_COLOUR, BACKGROUND_COLOUR, PICK_COLOUR]
    assert [str(layer.symbol[row]) for row in (0, 3, 4)] == ["disc", "square", "disc"]
    assert layer.border_width[0] > layer.border_width[4]


def test_done_asks_once_what_unreviewed_picks_are_and_the_project_remembers(
    dock: Any, session: Any, viewer: Any
) -> None:
    picks, project = len(session.points.data), session.project
    press(viewer, "D")
    question = dock.panel.question
    assert project.row("a1").state == "picked"  # nothing happens until it is answered
    question.reject()
    assert dock.panel.said.text() == "Not marked as done."
    session.points.selected_data = {0}
    press(viewer, "B")
    press(viewer, "D")
    assert any(
        f"{picks - 1} picks are not reviewed" in label.text() for label in dock.panel.question.findChildren(QLabel)
    )
    dock.panel.question.buttons["particles"].click()
    session.flush()
    assert project.row("a1").judged
    assert (project.row("a1").particles, project.row("a1").background) == (picks - 1, 1)
    assert dock.panel.done.box.currentText() == "particles"
    session.undo()
    assert len(labels_of(session.picks("a1"))) == 1
    former = dock.panel.question

    session.next()
    press(viewer, "D")
    assert dock.panel.question is former
    session.flush()
    assert project.row("a2").judged
    assert Project.open(project.folder, read_only=True).settings.unreviewed == "particles"


def test_the_answer_can_be_changed_and_picks_left_out_stay_as_they_are(dock: Any, session: Any, viewer: Any) -> None:
    dock.panel.done.box.setCurrentText("left out")
    dock.panel.done.box.activated.emit(dock.panel.done.box.currentIndex())
    before = kinds(session)
    press(viewer, "D")
    assert session.project.row("a1").state == "done"
    assert not session.project.row("a1").judged
    assert kinds(session) == before
    assert "unreviewed picks are left out" in dock.panel.said.text()


def test_an_answer_that_cannot_be_kept_is_not_shown(dock: Any, session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: Any) -> None:
        raise UserError("The disk is full.")

    monkeypatch.setattr(session.project, "update", full)
    box = dock.panel.done.box
    box.setCurrentText("left out")
    box.activated.emit(box.currentIndex())
    assert box.currentText() == "ask me"
    assert "The disk is full." in notification_manager.records[-1].message


def test_an_answer_that_is_not_to_be_remembered_is_asked_again(dock: Any, session: Any, viewer: Any) -> None:
    press(viewer, "D")
    dock.panel.question.remember.setChecked(False)
    dock.panel.question.buttons["background"].click()
    assert {label for label, _ in kinds(session)} == {"background"}
    assert session.project.settings.unreviewed == "ask"
    session.next()
    press(viewer, "D")
    assert session.project.row("a2").state == "picked"
    dock.panel.question.reject()


def test_a_key_labels_the_pick_under_the_cursor_and_points_added_by_hand_are_particles(
    session: Any, viewer: Any
) -> None:
    place = session.points.data[7]
    viewer.cursor.position = tuple(session.points.data_to_world(place + 5))
    press(viewer, "B")
    assert kinds(session, [7]) == [("background", True)]
    viewer.cursor.position = (0.0, 0.0)
    press(viewer, "B")
    assert len(labels_of(session.picks("a1"))) == 1

    layer = session.points
    layer.selected_data = {0}  # napari would give the new one the features of this one
    layer.add([[15.0, 20.0]])
    picks = session.picks("a1")
    assert (picks.yx[-1] == (15, 20)).all()
    assert kinds(session, [-1]) == [("particle", True)]
    assert np.isnan(picks.score[-1])
    assert picks.diameter[-1] == picks.diameter[0]
    assert colour_of(layer, -1) == LABELLED_COLOUR


@pytest.mark.painted
def test_a_click_adds_a_drag_moves_a_deleted_pick_becomes_background_and_one_by_hand_is_gone(
    session: Any, viewer: Any
) -> None:
    layer = session.points
    count = len(layer.data)
    layer.mode = "add"
    place = np.array([60.0, 30.0])
    drag(viewer, [layer.data_to_world(place)])
    assert len(session.picks("a1")) == count + 1
    np.testing.assert_allclose(session.picks("a1").yx[-1], place, atol=3)
    layer.mode = "select"
    start = np.array(layer.data[4])
    drag(viewer, [layer.data_to_world(start + step * np.array([1, 2])) for step in range(0, 21, 4)])
    moved = session.picks("a1")
    np.testing.assert_allclose(moved.yx[4], start + np.array([20, 40]), atol=4)
    assert kinds(session, [4]) == [("particle", True)]
    assert moved.score[4] == pytest.approx(some_picks("a1").score[4], abs=1e-6)
    session.undo()
    np.testing.assert_array_equal(layer.data[4], start)
    session.undo()
    assert len(layer.data) == count

    layer.add([[15.0, 20.0]])
    count = len(layer.data)
    layer.selected_data = {1, count - 1}
    layer.remove_selected()  # as napari's own button does
    assert len(session.picks("a1")) == count - 1
    assert kinds(session, [1]) == [("background", True)]
    layer.selected_data = {1}
    press(viewer, "Delete")
    assert len(session.picks("a1")) == count - 2


def test_undo_and_redo_go_back_many_steps_across_a_move(session: Any, viewer: Any) -> None:
    layer, count = session.points, len(some_picks("a1"))
    for step in range(STEPS):
        session.change("a1", added(session.picks("a1"), [[10.0 + step, 20.0]]))
    layer.add([[5.0, 20.0]])
    session.next()
    session.points.add([[5.0, 5.0]])
    session.previous()
    press(viewer, "Control-Z")
    assert len(layer.data) == count + STEPS
    for _ in range(STEPS):
        session.undo()
    assert len(layer.data) == count
    session.undo()  # there is nothing more to undo
    for _ in range(STEPS):
        session.redo()
    press(viewer, "Control-Shift-Z")
    assert len(layer.data) == count + STEPS + 1
    assert len(session.picks("a2")) == len(some_picks("a2")) + 1


def test_ranges_select_what_they_say_and_uncertain_picks_come_first(dock: Any, session: Any, viewer: Any) -> None:
    picks = session.picks("a1")
    dock.panel.low.setValue(0.3)
    dock.panel.high.setValue(0.45)
    dock.panel.by_score.click()
    assert session.points.selected_data == set(np.flatnonzero(picks.score <= 0.45).tolist())
    dock.panel.distance.setValue(200)
    dock.panel.by_edge.click()
    near = (picks.yx < 100).any(axis=1) | (np.array(SHAPE) - picks.yx < 100).any(axis=1)
    assert session.points.selected_data == set(np.flatnonzero(near).tolist())
    dock.panel.labels["delete"].click()
    assert {kinds(session, [row])[0] for row in np.flatnonzero(near)} == {("background", True)}
    session.undo()
    assert not session.picks("a1").by_hand.any()

    order = np.argsort(abs(picks.score - 0.5))
    for row in order[:3]:
        press(viewer, "U")
        assert session.points.selected_data == {row}
        centre = np.array(viewer.scene.camera.center[-2:])
        np.testing.assert_allclose(centre, picks.yx[row] * PIXEL_SIZE)
    press(viewer, "B")
    press(viewer, "U")
    assert session.points.selected_data == {order[3]}
    press(viewer, "Shift-U")
    assert session.points.selected_data == {order[1]}  # the third is labelled now


@pytest.mark.painted
def test_the_lasso_selects_what_is_inside_and_moves_no_view(dock: Any, session: Any, viewer: Any) -> None:
    layer, camera = session.points, viewer.scene.camera
    before = tuple(camera.center), camera.zoom
    press(viewer, "L")
    assert dock.panel.by_lasso.isChecked()
    corners = np.array([(40, 20), (40, 300), (330, 300), (330, 20)], float)
    line = np.concatenate([np.linspace(a, b, 6) for a, b in zip(corners, np.roll(corners, -1, 0), strict=True)])
    drag(viewer, line * PIXEL_SIZE)
    inside = ((layer.data > (40, 20)) & (layer.data < (330, 300))).all(axis=1)
    assert inside.sum() > 3
    assert layer.selected_data == set(np.flatnonzero(inside).tolist())
    assert not dock.panel.by_lasso.isChecked()
    assert (tuple(camera.center), camera.zoom) == before
    assert viewer.layers.selection == {layer}
    assert layer.mouse_pan


@pytest.mark.painted
def test_painted_regions_hide_their_picks_and_are_kept(dock: Any, session: Any, viewer: Any) -> None:
    dock.panel.paint.click()
    regions, layer = session.regions, session.points
    assert regions.mode == "paint"
    half = regions.data.shape[1] // 2
    height = regions.data.shape[0]
    regions.data_setitem(tuple(at.ravel() for at in np.mgrid[:height, :half]), 1)
    session.flush()
    left = layer.data[:, 1] < SHAPE[1] / 2
    np.testing.assert_array_equal(layer.shown, ~left)
    np.testing.assert_array_equal(layer.size > 0, ~left)
    layer.selected_data = set(np.flatnonzero(left).tolist())
    layer.remove_selected()
    assert not session.picks("a1").by_hand.any()
    assert f"{left.sum()} hidden" in dock.panel.legend.text().replace("&nbsp;", " ")
    assert len(session.picks("a1")) == len(left)
    session.next()
    assert layer.shown.all()
    assert not regions.data.any()
    session.previous()
    np.testing.assert_array_equal(layer.shown, ~left)
    assert session.project.row("a1").picks == (~left).sum()
    regions.data_setitem((np.array([0]), np.array([0])), 0)
    viewer.layers.selection = {regions}
    press(viewer, "Control-Z")
    assert regions.data[0, 0]
    assert session.region("a1")[0, 0]
    dock.panel.paint.click()
    assert viewer.layers.selection == {layer}


def test_edits_are_on_disk_within_a_second_without_a_word(session: Any, qtbot: Any) -> None:
    path = session.project.folder / "labels" / "a1.star"
    start = time.time()
    session.points.add([[15.0, 20.0]])
    qtbot.waitUntil(path.exists, timeout=LIMIT)
    assert path.stat().st_mtime - start < 1.0
    assert len(labels_of(on_disk(session))) == 1
    assert session.unsaved == ""


KILLED = """
import sys, napari
from qtpy.QtCore import QTimer
from napari_drpnet.io.project.project import Project
from napari_drpnet.widgets.session.session import Session

viewer = napari.Viewer()
session = Session.of(viewer)
session.open(Project.open(sys.argv[1]))
added = 0

def edit():
    global added
    session.points.add([[10.0 + added, 20.0]])
    added += 1
    print(added, flush=True)

timer = QTimer()
timer.timeout.connect(edit)
QTimer.singleShot(300, lambda: session.go("b1"))
QTimer.singleShot(500, lambda: timer.start(50))
napari.run()
"""


def test_a_killed_window_loses_less_than_a_second(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    project.close()
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(project.folder)], stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdout is not None
    told = []  # when each edit was made
    while len(told) < 30:
        assert process.stdout.readline()
        told.append(time.monotonic())
    killed = time.monotonic()
    process.send_signal(signal.SIGKILL)
    process.wait()
    with Project.open(project.folder) as again:
        assert again.read_only == ""
        assert again.settings.current == "b1"
        kept = len(again.read_picks("b1"))
        assert kept >= sum(moment < killed - 1.0 for moment in told)
        assert kept > 0
        assert len(again.read_picks("a1")) == len(some_picks("a1"))


def test_a_disk_that_cannot_be_written_is_told_and_edits_are_kept(
    dock: Any, session: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_drpnet.widgets.session.autosave.AGAIN", 200)
    labels = session.project.folder / "labels"
    labels.rmdir()
    labels.write_text("in the way")
    notification_manager.records.clear()
    session.points.add([[15.0, 20.0]])
    qtbot.waitUntil(lambda: session.unsaved != "", timeout=LIMIT)
    assert "cannot be written" in dock.notice.text()
    session.next()
    session.previous()
    assert len(session.points.data) == len(some_picks("a1")) + 1
    assert len(notification_manager.records) == 1
    session.close()  # asked once, it keeps the edits
    assert session.project is not None
    labels.unlink()
    qtbot.waitUntil(lambda: session.unsaved == "", timeout=LIMIT)
    assert "saved" in str(notification_manager.records[-1].message)
    assert not dock.notice.isVisible()
    assert len(on_disk(session)) == len(some_picks("a1")) + 1


def test_a_damaged_file_of_picks_is_told_and_left_as_it_is(session: Any, dock: Any) -> None:
    path = session.project.folder / "picks" / "a2_autopick.star"
    whole = path.read_text()
    path.write_text(whole.replace("_rlnCoordinateX", "_rlnSomethingElse"))
    damaged = path.read_text()
    session.next()
    assert "a2_autopick.star" in dock.notice.text()
    assert len(session.points.data) == 0
    assert not session.points.editable
    dock.curation.next_uncertain()
    session.next()
    assert path.read_text() == damaged
    path.write_text(whole)
    session.previous()
    assert session.trouble == ""
    assert len(session.points.data) == len(some_picks("a2"))


def test_the_pick_form_tunes_the_project_and_leaves_labels_alone(session: Any, viewer: Any, qtbot: Any) -> None:
    _, form = viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")
    assert form.diameter.value == session.project.settings.diameter
    form.picker.value = "drpnet"
    layer = session.points
    layer.selected_data = {0}
    press(viewer, "B")
    before = session.picks("a1").yx
    form.job.button.native.click()
    session.next()  # the result still belongs to the micrograph it was made of
    qtbot.waitUntil(lambda: not form.job.running, timeout=60_000)
    assert form.result is None
    session.previous()
    assert form.result is not None
    qtbot.waitUntil(lambda: len(viewer.layers) == 4, timeout=LIMIT)  # with the one for the eye
    counts = []
    for threshold in (0.99, 0.5, 0.001):
        form.threshold.value = threshold
        now = session.picks("a1")
        np.testing.assert_array_equal(labels_of(now).yx, some_picks("a1").yx[:1])
        assert set(now.source) <= {"drpnet", "manual"}
        counts.append(len(now))
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]
    layer.add([[15.0, 20.0]])
    form.threshold.value = 0.3
    assert (session.picks("a1").yx == 15).any()
    at_threshold = len(session.picks("a1"))
    session.undo()  # what was added by hand; the threshold is no step
    assert len(session.picks("a1")) == at_threshold - 1 <= counts[-1]
    session.undo()  # the run
    np.testing.assert_array_equal(session.picks("a1").yx, before)
    qtbot.waitUntil(lambda: session.project.settings.threshold == pytest.approx(0.3), timeout=LIMIT)
    form.show_scores.value = True
    session.next()
    assert not viewer.layers[-1].visible or "score map" not in viewer.layers[-1].name
    assert not any("score map" in la.name and la.visible for la in viewer.layers)
