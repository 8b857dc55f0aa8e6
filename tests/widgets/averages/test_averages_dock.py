"""The 2D averages in a real window, on a project of small micrographs and on a Points layer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog

from napari_drpnet.io.project.project import Project
from napari_drpnet.io.templates import read_templates
from napari_drpnet.jobs import Averages, Source
from napari_drpnet.labels import same_places
from napari_drpnet.layers import picks_of
from napari_drpnet.widgets.averages.form import HERE, LAYER, PROJECT
from napari_drpnet.widgets.averages.run import Found
from napari_drpnet.widgets.averages.target import ProjectTarget
from projects import press
from two_views import DIAMETER, PIXELS, kinds, picks_at, places

pytestmark = pytest.mark.gui
LIMIT = 60_000  # milliseconds
NAMES = ("v0", "v1", "v2", "v3")
KEYS = Qt.Key
NONE, SHIFT, CTRL = (getattr(Qt.KeyboardModifier, name) for name in ("NoModifier", "ShiftModifier", "ControlModifier"))
RING, NOTHING = 1, 2  # kinds of places: a particle seen from its end, and none


def click(dock: Any, place: int, modifiers: Any = NONE) -> None:
    QTest.mouseClick(dock.grid.viewport(), Qt.MouseButton.LeftButton, modifiers, dock.grid.place(place).center())


def key(dock: Any, code: Any, modifiers: Any = NONE) -> None:
    QTest.keyClick(dock.grid, code, modifiers)
    dock.session.slices.finish()  # picks of many micrographs change in parts


def kinds_in(averages: Averages, place: int) -> np.ndarray:
    """What is at the places of the members of a class."""
    parts = [kinds(seed)[one.picks.class_number == place + 1] for seed, one in enumerate(averages.members)]
    return np.concatenate(parts)


def class_of(averages: Averages, kind: int) -> int:
    """The place of the class that has most of a kind."""
    return int(np.argmax([(kinds_in(averages, place) == kind).sum() for place in range(len(averages.classes))]))


def members(averages: Averages, place: int, seed: int) -> np.ndarray:
    one = averages.members[seed]
    return one.picks.yx[one.of_class(place + 1)]


def chosen_on_screen(session: Any) -> np.ndarray:
    """Places of the selected points, in any order."""
    return session.picks(session.current).yx[sorted(session.points.selected_data)]


def in_order(yx: np.ndarray) -> np.ndarray:
    return yx[np.lexsort(yx.T)]


def kept(session: Any) -> dict[str, int]:
    return {name: len(session.picks(name)) for name in NAMES}


# ---------------------------------------------------------------- the run


@pytest.mark.painted
def test_a_run_of_a_project_shows_rough_averages_then_better_ones(dock: Any, session: Any, qtbot: Any) -> None:
    assert dock.where.value == PROJECT
    assert dock.diameter.value == DIAMETER
    dock.classes.value = 3
    dock.job.button.native.click()
    assert not dock.accept.isEnabled()
    qtbot.waitUntil(lambda: len(dock.classes_shown) > 0, timeout=LIMIT)
    rough = dock.classes_shown.averages
    assert dock.job.running
    assert "evidence to come" in dock.classes_shown.lines(0)
    click(dock, class_of(dock.classes_shown.averages, RING))
    [place] = dock.classes_shown.chosen
    assert class_of(dock.classes_shown.averages, RING) == place
    key(dock, KEYS.Key_B)
    assert "Wait until" in dock.said.text()
    assert kept(session) == dict.fromkeys(NAMES, 100)
    qtbot.waitUntil(lambda: not dock.job.running, timeout=LIMIT)
    found = dock.classes_shown.averages
    assert found is not rough
    assert [kinds_in(found, place).size for place in range(3)] == [one.picks for one in found.classes]
    assert dock.classes_shown.chosen == [class_of(found, RING)]  # though classes have other places now
    assert class_of(found, NOTHING) == 2  # it is worth least
    assert dock.told.text().startswith("Mean evidence of the picks: ")
    assert "Class 3 has none of its own" in dock.told.text()
    first = found.classes[0]
    lines = dock.classes_shown.lines(0)
    assert lines[0] == f"1:  {first.picks} picks"
    assert lines[1] == f"evidence {first.evidence:.1f} ± {first.error:.1f}"
    assert lines[3] == "100 % of micrographs"
    assert dock.accept.isEnabled()
    for place in (0, 1):
        same = np.bincount(kinds_in(found, place), minlength=3)
        assert same.max() > 0.9 * same.sum()


def test_cancel_keeps_the_last_averages_which_can_be_judged(dock: Any, session: Any, qtbot: Any) -> None:
    dock.classes.value = 3
    dock.run()
    qtbot.waitUntil(lambda: len(dock.classes_shown) > 0, timeout=LIMIT)
    dock.job.cancel()
    qtbot.waitUntil(lambda: not dock.job.running, timeout=5_000)
    assert len(dock.classes_shown) > 0
    assert "last ones" in dock.job.status.value
    assert "Evidence is not measured" in dock.told.text()
    count = dock.classes_shown.averages.classes[0].picks
    click(dock, 0)
    key(dock, KEYS.Key_B)
    assert sum(kept(session).values()) == 400 - count


def test_the_picks_of_a_points_layer(viewer: Any, micrographs: Path, qtbot: Any) -> None:
    viewer.open(str(micrographs / "v0.mrc"), plugin="napari-drpnet")
    points = viewer.add_points(places(0), scale=(4.0, 4.0), units="angstrom", name="by hand")
    _, dock = viewer.window.add_plugin_dock_widget("napari-drpnet", "2D averages")
    assert dock.where.value == LAYER
    assert dock.points.value is points.__wrapped__ or dock.points.value.name == "by hand"
    dock.diameter.value = DIAMETER
    dock.classes.value = 3
    dock.run()
    qtbot.waitUntil(lambda: not dock.job.running, timeout=LIMIT)
    averages = dock.classes_shown.averages
    assert averages.picks == 100
    assert dock.told.text().startswith("Mean evidence")  # between its two sides
    assert len(dock.classes_shown.lines(0)) == 3  # of one micrograph, its share of them says nothing
    junk = class_of(averages, NOTHING)
    gone = members(averages, junk, 0)
    click(dock, junk)
    assert len(points.selected_data) == len(gone)
    key(dock, KEYS.Key_N)
    centre = np.asarray(viewer.scene.camera.center[-2:])
    np.testing.assert_allclose(centre, gone[0] * 4.0, atol=0.1)
    key(dock, KEYS.Key_B)
    now = picks_of(viewer.layers["by hand"])
    assert len(now) == 100 - len(gone)
    assert (same_places(gone, now.yx) < 0).all()
    np.testing.assert_allclose(np.asarray(viewer.layers["by hand"].scale), (4.0, 4.0))  # seen where they were
    dock.rejected.value = "background"
    key(dock, KEYS.Key_Z, CTRL)
    assert len(picks_of(viewer.layers["by hand"])) == 100
    key(dock, KEYS.Key_B)
    assert (picks_of(viewer.layers["by hand"]).label == "background").sum() == len(gone)
    dock.look_through(0)
    assert "open one in the Micrographs dock" in dock.said.text()
    viewer.layers.remove("by hand")
    key(dock, KEYS.Key_Z, CTRL)
    assert "gone" in str(notification_manager.records[-1].message)


def test_one_micrograph_of_the_project_with_another_diameter(
    dock: Any, session: Any, project: Project, qtbot: Any
) -> None:
    dock.where.value = HERE
    dock.diameter.value = 120.0
    session.configure(threshold=0.4)
    assert dock.diameter.value == 120.0  # what was typed stays
    session.configure(diameter=130.0)
    assert dock.diameter.value == 130.0  # until the project has another one
    session.go("v1")
    dock.classes.value = 2
    dock.run()
    qtbot.waitUntil(lambda: not dock.job.running, timeout=LIMIT)
    [one] = dock.classes_shown.averages.members
    assert one.name == project.entry("v1").micrograph
    assert dock.classes_shown.averages.diameter == 130.0
    session.go("v2")
    path = project.entry("v1").path
    away = path.rename(path.with_suffix(".away"))
    try:
        session.go("v1")
        dock.run()
        qtbot.waitUntil(lambda: not dock.job.running, timeout=LIMIT)
        assert "None of the micrographs can be used" in str(notification_manager.records[-1].message)
        assert [one.name] == [kept.name for kept in dock.classes_shown.averages.members]  # what there was stays
    finally:
        away.rename(path)


def test_micrographs_that_were_left_out_are_named(dock: Any, session: Any, averages: Averages) -> None:
    failed = (("v9.mrc", "v9.mrc: there is no such file."), ("v8.mrc", "The image is constant."))
    found = Found(replace(averages, failed=failed), Source(()))
    dock.take(found, ProjectTarget(session, session.project))
    assert "Left out: v9.mrc: there is no such file. Left out: v8.mrc: The image" in dock.told.text()


def test_what_is_missing_is_said(viewer: Any, micrographs: Path, session: Any, project: Project, qtbot: Any) -> None:
    _, dock = viewer.window.add_plugin_dock_widget("napari-drpnet", "2D averages")
    dock.diameter.value = None
    assert "diameter" in dock.job.status.value
    dock.diameter.value = DIAMETER
    assert dock.job.button.enabled
    dock.threshold.value = 0.99
    dock.run()
    qtbot.waitUntil(lambda: not dock.job.running, timeout=LIMIT)
    assert "too few for an average" in str(notification_manager.records[-1].message)
    dock.threshold.value = 0.0
    for name in NAMES:
        project.write_picks(name, picks_at(0, f"{name}.mrc").select(np.zeros(0, int)))
    dock.run()
    qtbot.waitUntil(lambda: not dock.job.running, timeout=LIMIT)
    assert "Pick its micrographs first" in dock.job.status.value
    dock.where.value = LAYER
    dock.image.image.value = viewer.layers["v0"]
    dock.image.pixel_size.value = 0.0
    assert "pixel size is not known" in dock.job.status.value


def test_without_anything_open(viewer: Any) -> None:
    _, dock = viewer.window.add_plugin_dock_widget("napari-drpnet", "2D averages")
    assert "no image" in dock.job.status.value
    for code in (KEYS.Key_B, KEYS.Key_N, KEYS.Key_Down, KEYS.Key_Z):
        key(dock, code)
    assert not dock.save.isEnabled()


# ---------------------------------------------------------------- looking at a class


@pytest.mark.painted
def test_a_class_is_selected_in_the_view_and_gone_through_over_all_micrographs(
    filled: Any, averages: Averages, session: Any, viewer: Any
) -> None:
    click(filled, 1)
    np.testing.assert_array_equal(in_order(chosen_on_screen(session)), in_order(members(averages, 1, 0)))
    session.go("v2")
    assert session.points.selected_data == set() or session.current == "v2"
    filled._select_again()
    np.testing.assert_array_equal(in_order(chosen_on_screen(session)), in_order(members(averages, 1, 2)))
    key(filled, KEYS.Key_N)
    best = members(averages, 1, 2)[0]  # begins on the micrograph in view, with the best evidence
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], best * 4.0, atol=0.1)
    ring = viewer.layers["pick of a class"]
    np.testing.assert_array_equal(ring.data, [best])
    key(filled, KEYS.Key_N, SHIFT)
    assert session.current == "v1"
    np.testing.assert_array_equal(ring.data, [members(averages, 1, 1)[-1]])
    press(viewer, "N")  # in the canvas
    assert session.current == "v2"
    click(filled, 0, CTRL)
    assert filled.classes_shown.chosen == [0, 1]
    key(filled, KEYS.Key_Escape)
    assert session.points.selected_data == set()
    assert not ring.visible


def test_keys_of_the_canvas_are_given_back(filled: Any, session: Any, viewer: Any) -> None:
    viewer.window.add_plugin_dock_widget("napari-drpnet", "Micrographs")
    press(viewer, "N")
    assert session.current == "v1"
    click(filled, 0)
    press(viewer, "N")
    assert session.current == "v1"
    assert "Pick " in filled.said.text()
    press(viewer, "Escape")
    assert filled.classes_shown.chosen == []
    press(viewer, "N")
    assert session.current == "v2"


@pytest.mark.painted
def test_a_double_click_shows_the_members_in_the_gallery(
    filled: Any, averages: Averages, session: Any, viewer: Any, qtbot: Any
) -> None:
    centre = filled.grid.place(2).center()
    QTest.mouseDClick(filled.grid.viewport(), Qt.MouseButton.LeftButton, NONE, centre)
    _, gallery = viewer.window.add_plugin_dock_widget("napari-drpnet", "Gallery")
    count = averages.classes[2].picks
    qtbot.waitUntil(lambda: len(gallery.catalogue) == count and not gallery.job.running, timeout=LIMIT)
    assert gallery.scope.value == "Class 3 of the averages"
    np.testing.assert_array_equal(in_order(gallery.catalogue.places("v1")), in_order(members(averages, 2, 1)))
    filled.look_through(0)  # and another one
    qtbot.waitUntil(lambda: len(gallery.catalogue) == averages.classes[0].picks, timeout=LIMIT)
    click(filled, 0)
    key(filled, KEYS.Key_B)
    qtbot.waitUntil(lambda: len(gallery.catalogue) == 0, timeout=LIMIT)
    gallery.scope.value = "This micrograph"
    assert len(gallery.catalogue) == len(session.picks("v0"))
    session.close()
    assert gallery.scope.value == "This micrograph"
    assert len(filled.classes_shown) == 0


@pytest.mark.painted
def test_keyboard_and_mouse_choose_as_elsewhere_and_a_project_that_can_only_be_read_is_left_as_it_is(
    filled: Any, session: Any, project: Project
) -> None:
    chosen = filled.classes_shown
    click(filled, 0)
    click(filled, 2, SHIFT)
    assert chosen.chosen == [0, 1, 2]
    key(filled, KEYS.Key_Home)
    key(filled, KEYS.Key_Right)
    assert chosen.chosen == [1]
    key(filled, KEYS.Key_A, CTRL)
    assert chosen.chosen == [0, 1, 2]
    assert "300" not in filled.said.text()
    assert "400 picks" in filled.said.text()
    described = chosen.described(0)
    assert "of all evidence" in described
    assert "where noise has 0" in described

    project.read_only = "another window has it open"
    click(filled, 0)
    key(filled, KEYS.Key_B)
    assert kept(session) == dict.fromkeys(NAMES, 100)
    assert "another window" in str(notification_manager.records[-1].message)


# ---------------------------------------------------------------- verdicts


@pytest.mark.painted
def test_a_class_is_rejected_with_one_key_and_taken_back(
    filled: Any, averages: Averages, session: Any, project: Project
) -> None:
    before = {name: session.picks(name) for name in NAMES}
    click(filled, 2)
    key(filled, KEYS.Key_B)
    assert filled.classes_shown.judged("rejected") == [2]
    assert sum(kept(session).values()) == 400 - averages.classes[2].picks
    session.flush()
    assert sum(len(project.read_picks(name)) for name in NAMES) == 400 - averages.classes[2].picks
    key(filled, KEYS.Key_Z, CTRL)
    assert kept(session) == dict.fromkeys(NAMES, 100)
    np.testing.assert_array_equal(in_order(session.picks("v3").yx), in_order(before["v3"].yx))
    assert filled.classes_shown.judged("rejected") == []
    key(filled, KEYS.Key_Z, CTRL | SHIFT)
    assert filled.classes_shown.judged("rejected") == [2]
    for name in NAMES:  # the session's own undo, a micrograph after the other
        session.go(name)
        session.undo()
    assert kept(session) == dict.fromkeys(NAMES, 100)
    assert filled.classes_shown.judged("rejected") == []


def test_verdicts_become_labels_for_retraining(filled: Any, averages: Averages, session: Any) -> None:
    filled.accepted.value, filled.rejected.value = "particle", "background"
    click(filled, 0)
    filled.accept.click()
    click(filled, 2)
    filled.reject.click()
    session.slices.finish()
    labels = [session.picks(name).select(session.picks(name).by_hand) for name in NAMES]
    assert sum((one.label == "particle").sum() for one in labels) == averages.classes[0].picks
    assert sum((one.label == "background").sum() for one in labels) == averages.classes[2].picks
    assert filled.classes_shown.judged("accepted") == [0]
    assert "background labels" in filled.said.text()


# ---------------------------------------------------------------- files


def test_averages_become_the_templates_of_the_project(
    filled: Any, averages: Averages, session: Any, project: Project, viewer: Any, qtbot: Any
) -> None:
    _, pick = viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")
    click(filled, 1)
    key(filled, KEYS.Key_G)
    key(filled, KEYS.Key_Escape)
    filled.templates.click()
    path = project.folder / "templates" / "averages.mrcs"
    qtbot.waitUntil(lambda: project.settings.picker == "template", timeout=LIMIT)
    written = read_templates(path)
    np.testing.assert_allclose(written.images, averages.images[[1]])  # the accepted one
    assert written.pixel_size == pytest.approx(averages.pixel_size)
    assert project.settings.options["templates"] == str(path)
    assert pick.picker.value == "template"
    assert Path(pick.method.controls["templates"].value) == path
    assert str(path) in filled.said.text()


@pytest.mark.painted
def test_averages_are_saved_for_relion_and_the_dock_leaves_nothing_behind(
    filled: Any, viewer: Any, session: Any, tmp_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "out"))
    filled.save.click()
    qtbot.waitUntil(lambda: "Written to" in filled.said.text(), timeout=LIMIT)
    assert {"averages.mrcs", "run_model.star", "run_data.star", "classes.tsv", "averages.png"} <= {
        path.name for path in (tmp_path / "out").iterdir()
    }

    click(filled, 0)
    key(filled, KEYS.Key_N)
    viewer.window.remove_dock_widget(filled)
    assert "pick of a class" not in viewer.layers
    assert session.points.selected_data == set()
    session.next()  # nobody listens, nothing fails
    session.change(session.current, session.picks(session.current).select([0]))


@pytest.mark.painted
def test_the_averages_use_the_room_there_is(filled: Any, qtbot: Any) -> None:
    filled.window().resize(1500, 900)
    filled.parent().setFloating(True)
    for size, columns in (((380, 700), 3), ((1200, 330), 6)):
        filled.parent().resize(*size)
        qtbot.waitUntil(lambda width=size[0]: abs(filled.width() - width) < 60, timeout=LIMIT)
        grid = filled.grid
        assert grid.columns >= columns
        assert grid.place(0).width() >= PIXELS
        assert grid.visibleRegion().boundingRect().height() > 150
        assert grid.place(2).right() <= grid.viewport().width()
