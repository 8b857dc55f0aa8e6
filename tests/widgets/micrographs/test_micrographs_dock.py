"""The Micrographs dock in a real window: open, list, go, pick."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import Qt
from qtpy.QtGui import QResizeEvent

from blobs import PIXEL_SIZE, grid_of_blobs, write_mrc
from napari_drpnet.io import write_picks
from napari_drpnet.io.project.project import Project, Row
from napari_drpnet.io.star_lists import write_coordinate_list
from napari_drpnet.labels import labelled, labels_of
from napari_drpnet.widgets.micrographs.dock import LAG
from napari_drpnet.widgets.micrographs.table import MicrographModel
from napari_drpnet.widgets.pick.dock import PickWidget
from napari_drpnet.widgets.session.session import Session
from projects import NAMES, make_project, press, some_picks

pytestmark = pytest.mark.gui
LIMIT = 30_000  # milliseconds


@pytest.fixture
def dock(viewer: Any) -> Any:
    return viewer.window.add_plugin_dock_widget("napari-drpnet", "Micrographs")[1]


@pytest.fixture
def opened(dock: Any, tmp_path: Path) -> Any:
    """The dock with a project in it."""
    project = make_project(tmp_path)
    dock.session.open(project)
    yield dock
    project.close()


def names(dock: Any) -> list[str]:
    return dock.model.names


def cells(dock: Any, place: int) -> list[str]:
    return [dock.model.data(dock.model.index(place, column)) for column in range(5)]


def test_a_folder_of_micrographs_becomes_a_project_that_opens_where_it_was_left(
    dock: Any, viewer: Any, tmp_path: Path, qtbot: Any
) -> None:
    for name in ("m10", "m9"):
        write_mrc(tmp_path / f"{name}.mrc", grid_of_blobs()[0], PIXEL_SIZE)
    form = dock.open_form
    assert not form.job.button.enabled
    form.folder.edit.setText(str(tmp_path / "project"))
    assert not form.job.button.enabled
    form.inputs.edit.setText(str(tmp_path / "nix"))
    form.diameter.value = 120
    form.job.button.native.click()
    qtbot.waitUntil(lambda: "no such file or folder" in form.job.status.value, timeout=LIMIT)
    assert form.job.button.text == "Create"
    form.inputs.edit.setText(str(tmp_path))
    form.job.button.native.click()
    qtbot.waitUntil(lambda: dock.session.project is not None, timeout=LIMIT)
    assert not form.inputs.isVisibleTo(form.native)  # which only a new project wants
    assert names(dock) == ["m9", "m10"]
    assert dock.session.current == "m9"
    qtbot.waitUntil(lambda: "low-pass" in viewer.layers, timeout=LIMIT)
    assert [layer.name for layer in viewer.layers] == ["m9", "low-pass", "contaminated", "picks"]
    dock.session.next()
    dock.session.close()
    assert len(viewer.layers) == 0
    assert form.job.button.text == "Open"
    form.job.button.native.click()
    qtbot.waitUntil(lambda: dock.session.project is not None, timeout=LIMIT)
    assert dock.session.current == "m10"
    assert dock.session.project.settings.diameter == 120
    dock.session.close()


def test_an_import_that_is_cancelled_goes_on_when_the_project_is_opened_again(
    dock: Any, tmp_path: Path, qtbot: Any
) -> None:
    count = 5
    write_mrc(tmp_path / "m0.mrc", grid_of_blobs()[0], PIXEL_SIZE)
    for number in range(1, count):
        (tmp_path / f"m{number}.mrc").hardlink_to(tmp_path / "m0.mrc")
    write_picks(some_picks("m0"), tmp_path / "c.star")
    pairs = [(f"{tmp_path}/m{number}.mrc", f"{tmp_path}/c.star") for number in range(count)]
    write_coordinate_list(pairs, tmp_path / "autopick.star")
    form = dock.open_form
    form.folder.edit.setText(str(tmp_path / "project"))
    form.inputs.edit.setText(str(tmp_path / "autopick.star"))
    steps = form._steps(form.folder.path, (form.inputs.text,), {})
    told = [next(steps).message for _ in range(2)]
    assert told[1] == "m0"
    assert Project.open(form.folder.path).read_only
    form.job.ended.emit()  # as cancelling does, and nobody goes on with the steps
    form.job.button.native.click()
    qtbot.waitUntil(lambda: dock.session.project is not None, timeout=LIMIT)
    assert not dock.session.read_only
    assert {row.picks for row in dock.session.project.rows()} == {len(some_picks("m0"))}
    dock.session.close()


def test_the_table_shows_what_the_project_knows_and_done_is_kept(opened: Any, viewer: Any, qtbot: Any) -> None:
    picks = len(some_picks("a1"))
    assert cells(opened, 0) == ["a1", str(picks), "", "picked", "0.60"]
    assert cells(opened, 2) == ["b1", "", "", "new", ""]

    opened.session.configure(unreviewed="leave out")
    press(viewer, "D")
    qtbot.waitUntil(lambda: cells(opened, 0)[3] == "done", timeout=LIMIT)
    assert opened.done_button.isChecked()
    assert opened.session.project.settings.done == ("a1",)
    opened.done_button.click()
    assert opened.session.project.settings.done == ()


def test_keys_and_rows_go_through_the_micrographs_in_the_same_layers(opened: Any, viewer: Any, qtbot: Any) -> None:
    session = opened.session
    qtbot.waitUntil(lambda: "low-pass" in viewer.layers, timeout=LIMIT)  # for the eye, in a thread of its own
    before = [layer.unique_id for layer in viewer.layers]
    for key, name in (("N", "a2"), ("N", "b1"), ("Shift-N", "a2")):
        press(viewer, key)
        assert session.current == name
        assert opened.table.currentIndex().row() == NAMES.index(name)
    np.testing.assert_array_equal(session.image.data[0], session.micrograph("a2").image)
    assert viewer.layers[0].name == "a2"
    np.testing.assert_array_equal(session.points.data, some_picks("a2", 1).yx)
    opened.table.setCurrentIndex(opened.model.index(3, 0))
    assert session.current == "b2"
    press(viewer, "N")
    assert session.current == "b2"
    assert [layer.unique_id for layer in viewer.layers] == before


def test_next_follows_the_table_as_it_is_sorted_and_filtered(opened: Any, qtbot: Any) -> None:
    session = opened.session
    opened.name_filter.setText("b")
    qtbot.waitUntil(lambda: names(opened) == ["b1", "b2"], timeout=LIMIT)
    session.next()
    assert session.current == "b1"
    opened.table.sortByColumn(0, Qt.SortOrder.DescendingOrder)
    assert names(opened) == ["b2", "b1"]
    session.previous()
    assert session.current == "b2"
    opened.name_filter.setText("")
    opened.state_filter.setCurrentText("picked")
    assert names(opened) == ["a2", "a1"]
    opened.table.sortByColumn(1, Qt.SortOrder.AscendingOrder)
    opened.state_filter.setCurrentText("all")
    assert set(names(opened)[:2]) == {"b1", "b2"}


def test_pick_all_keeps_labels_picks_what_is_new_and_on_demand_all_again(opened: Any, qtbot: Any) -> None:
    session = opened.session
    picks = session.picks("a1")
    chosen = np.arange(len(picks)) < 2
    session.change("a1", labelled(picks, chosen, "background"))
    opened.job.button.native.click()
    qtbot.waitUntil(lambda: not opened.job.running, timeout=LIMIT)
    now = session.picks("a1")
    np.testing.assert_array_equal(labels_of(now).yx, picks.yx[:2])
    assert set(now.source) == {"manual", "dark-discs"}
    assert len(session.points.data) == len(now)
    qtbot.waitUntil(lambda: all(cells(opened, place)[1] for place in range(4)), timeout=LIMIT)
    assert "4 picked" in opened.job.status.value
    session.undo()
    assert set(session.picks("a1").source) == {"manual", "discs"}

    def said() -> str:
        opened.job.button.native.click()
        qtbot.waitUntil(lambda: not opened.job.running, timeout=LIMIT)
        return str(opened.job.status.value)

    assert "0 picked" in said()
    assert "4 had been picked with these settings" in opened.job.status.value
    opened.again.setChecked(True)
    assert "4 picked" in said()


def test_why_picking_failed_stays_to_be_read(opened: Any, qtbot: Any) -> None:
    opened.session.project.folder.rename(opened.session.project.folder.with_name("away"))
    opened.job.button.native.click()
    qtbot.waitUntil(lambda: not opened.job.running, timeout=LIMIT)
    assert "is gone" in opened.job.status.value


def test_pick_this_picks_one(opened: Any, qtbot: Any) -> None:
    opened.session.go("b1")
    opened.pick_this.click()
    qtbot.waitUntil(lambda: not opened.job.running, timeout=LIMIT)
    assert set(opened.session.picks("b1").source) == {"dark-discs"}
    assert len(opened.session.picks("b2")) == 0


def test_another_project_that_is_opened_while_one_is_picked_has_nothing_of_that(
    opened: Any, tmp_path: Path, qtbot: Any
) -> None:
    other = make_project(tmp_path / "other", ("x", "y"))
    opened.again.setChecked(True)
    opened.job.button.native.click()
    opened.session.open(other)
    opened.session.share(True)  # a job of its own
    with qtbot.capture_exceptions() as raised:
        qtbot.waitUntil(lambda: not opened.job.running, timeout=LIMIT)
        qtbot.wait(2 * LAG)
    assert not raised
    assert names(opened) == ["x", "y"]
    assert opened.session.shared
    other.close()


def test_what_was_edited_in_a_project_is_not_looked_for_in_the_next(opened: Any, tmp_path: Path, qtbot: Any) -> None:
    other = make_project(tmp_path / "other", ("x", "y"))
    opened.session.points.add([[10.0, 10.0]])
    opened.session.open(other)
    with qtbot.capture_exceptions() as raised:
        qtbot.wait(2 * LAG)
    assert not raised
    other.close()


def test_a_dock_that_goes_while_it_picks_leaves_the_project_to_others(opened: Any, viewer: Any) -> None:
    opened.job.button.native.click()
    assert opened.session.shared
    viewer.window.remove_dock_widget("all")
    assert not opened.session.shared


def test_a_label_made_while_a_job_picks_goes_among_its_picks(opened: Any, tmp_path: Path) -> None:
    session = opened.session
    session.share(True)
    picks = session.picks("a1")
    session.change("a1", labelled(picks, np.arange(len(picks)) == 0, "background"))
    found = some_picks("a1", 5)  # what the job writes meanwhile
    session.project.write_picks("a1", found)
    session.flush()
    now = session.project.read_picks("a1")
    assert len(labels_of(now)) == 1
    assert {tuple(yx) for yx in now.yx} >= {tuple(yx) for yx in found.yx[1:]}


@pytest.mark.painted
def test_a_micrograph_that_is_gone_or_broken_is_told_and_the_others_go_on(
    opened: Any, viewer: Any, tmp_path: Path
) -> None:
    (tmp_path / "micrographs" / "a2.mrc").unlink()
    (tmp_path / "micrographs" / "b1.mrc").write_bytes(b"still being written")
    session = opened.session
    notification_manager.records.clear()
    for name in ("a2", "b1"):
        session.go(name)
        assert name in session.trouble
        assert name in opened.notice.text()
        assert not np.any(session.image.data[0])
    assert len(notification_manager.records) == 2
    session.go("b2")
    assert session.trouble == ""
    assert not opened.notice.isVisible()
    write_mrc(tmp_path / "micrographs" / "a2.mrc", grid_of_blobs(7)[0], PIXEL_SIZE)
    session.go("a2")
    np.testing.assert_array_equal(session.image.data[0], grid_of_blobs(7)[0])
    assert len(session.points.data) == len(some_picks("a2"))


@pytest.mark.painted
def test_micrographs_of_different_sizes_lie_in_their_places(dock: Any, tmp_path: Path, viewer: Any) -> None:
    rng = np.random.default_rng(0)
    for number, shape in enumerate([(2200, 1300), (300, 500), (2048, 2048)]):
        write_mrc(tmp_path / f"m{number}.mrc", rng.normal(0, 1, shape).astype(np.float32), 1.5)
    with Project.create(tmp_path / "project", inputs=[str(tmp_path)]) as project:
        dock.session.open(project)
        for number, shape in ((1, (300, 500)), (2, (2048, 2048)), (0, (2200, 1300))):
            dock.session.go(f"m{number}")
            low, high = dock.session.image.extent.world
            np.testing.assert_allclose(high - low, np.array(shape) * 1.5, rtol=0.01)
            np.testing.assert_allclose(dock.session.regions.extent.world, [low, high], atol=3)
            np.testing.assert_allclose(viewer.scene.camera.center[-2:], (low + high) / 2, atol=3)
            viewer.screenshot(canvas_only=True, flash=False)
        dock.session.close()


def test_a_second_window_may_look_only(dock: Any, tmp_path: Path, viewer: Any) -> None:
    first = make_project(tmp_path)
    second = Project.open(first.folder)
    dock.session.open(second)
    assert "another window" in dock.notice.text()
    assert not dock.job.button.enabled
    before = dock.session.picks("a1")
    dock.session.points.add([[10.0, 10.0]])
    assert len(dock.session.points.data) == len(before)
    press(viewer, "N")
    assert dock.session.current == "a2"
    dock.session.close()
    assert len(first.read_picks("a1")) == len(before)
    first.close()


def test_layers_that_somebody_deletes_come_back(opened: Any, viewer: Any, qtbot: Any) -> None:
    session = opened.session
    session.points.add([[10.0, 10.0]])
    viewer.layers.clear()
    assert session.points is None
    session.next()
    qtbot.waitUntil(lambda: len(viewer.layers) == 4, timeout=LIMIT)
    session.previous()
    assert (session.points.data[-1] == 10).all()
    press(viewer, "N")  # its keys are there again
    assert session.current == "a2"


def test_the_dock_closed_and_opened_again_shows_the_project(opened: Any, viewer: Any, qtbot: Any) -> None:
    session = opened.session
    viewer.window.remove_dock_widget("all")
    qtbot.wait(50)
    assert session.points.keymap.keys() - {"Ctrl+V"} == set() or "N" not in map(str, session.points.keymap)
    session.points.add([[10.0, 10.0]])
    _, again = viewer.window.add_plugin_dock_widget("napari-drpnet", "Micrographs")
    assert again.session is session
    assert names(again) == list(NAMES)
    press(viewer, "N")
    assert session.current == "a2"
    assert len(session.project.read_picks("a1")) == len(some_picks("a1")) + 1


def test_closing_the_window_saves_and_lets_others_open(dock: Any, viewer: Any, tmp_path: Path) -> None:
    project = make_project(tmp_path)
    dock.session.open(project)
    dock.session.points.add([[10.0, 10.0]])
    viewer.close()
    with Project.open(project.folder) as again:
        assert len(again.read_picks("a1")) == len(some_picks("a1")) + 1
        assert "another" not in again.read_only or project.read_only


@pytest.mark.parametrize("width", [240, 900])
def test_names_stay_to_be_read_beside_all_numbers(opened: Any, width: int) -> None:
    table = opened.table
    table.hide_columns(set())
    table.resize(width, 300)
    table.resizeEvent(QResizeEvent(table.size(), table.size()))
    assert table.columnWidth(0) >= table.sizeHintForColumn(0)
    if width > 800:
        assert table.horizontalHeader().length() == table.viewport().width()


def test_ten_thousand_rows_sort_and_filter_at_once(qtbot: Any) -> None:
    rng = np.random.default_rng(0)
    model = MicrographModel()
    states = ("new", "picked", "edited", "done")
    rows = [
        Row(f"FoilHole_{number:05d}", int(rng.integers(900)), 3, 1, states[number % 4], float(rng.uniform()))
        for number in range(10_000)
    ]
    start = time.process_time()
    model.fill(rows)
    for column in range(5):
        model.sort(column, Qt.SortOrder.DescendingOrder)
    model.filter("_00", "done")
    model.put(Row("FoilHole_00003", 1, 0, 0, "new", 0.5))
    assert time.process_time() - start < 1.0
    assert model.rowCount() == 250
    assert model.data(model.index(model.place("FoilHole_00003"), 3)) == "new"


def test_two_forms_of_one_viewer_share_a_session(viewer: Any, dock: Any) -> None:
    _, pick = viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")
    assert pick.session is dock.session is Session.of(viewer)


def test_micrographs_are_low_passed_for_the_eye_and_for_nobody_else(opened: Any, viewer: Any, qtbot: Any) -> None:
    session = opened.session
    qtbot.waitUntil(lambda: "low-pass" in viewer.layers, timeout=LIMIT)
    raw, filtered = session.image, viewer.layers["low-pass"]
    assert list(viewer.layers).index(filtered) == list(viewer.layers).index(raw) + 1
    np.testing.assert_allclose(filtered.extent.world, raw.extent.world, atol=2 * PIXEL_SIZE)
    fine, finer = (np.diff(np.asarray(layer.data[0]), axis=0).std() for layer in (filtered, raw))
    assert fine < 0.5 * finer
    pick = PickWidget(viewer)
    assert filtered not in pick.source.image.choices
    shown = np.asarray(filtered.data[0])
    session.next()
    qtbot.waitUntil(lambda: not np.array_equal(np.asarray(filtered.data[0]), shown), timeout=LIMIT)
    assert viewer.layers["low-pass"].unique_id == filtered.unique_id
    opened.eye.on.native.click()
    assert "low-pass" not in viewer.layers
    session.next()
    opened.eye.on.native.click()
    qtbot.waitUntil(lambda: "low-pass" in viewer.layers, timeout=LIMIT)
    session.close()
    assert "low-pass" not in viewer.layers
