"""The gallery in a real window, on a project of a few small micrographs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from blobs import DIAMETER, PIXEL_SIZE, grid_of_blobs, write_mrc
from napari_drpnet.data import MANUAL, Frame, Picks
from napari_drpnet.io.project.project import Project
from napari_drpnet.labels import added
from napari_drpnet.widgets.gallery.form import EVERYWHERE
from napari_drpnet.widgets.kit.parts import NO_PROJECT

pytestmark = pytest.mark.gui
LIMIT = 20_000  # milliseconds
NAMES = ("m0", "m1", "m2")
KEYS = Qt.Key
NONE, SHIFT, CTRL = (getattr(Qt.KeyboardModifier, name) for name in ("NoModifier", "ShiftModifier", "ControlModifier"))


def some_picks(name: str, seed: int) -> Picks:
    """Picks of the blobs with scores of all heights, no two alike."""
    image, centres = grid_of_blobs(seed)
    order = np.random.default_rng(seed).permutation(len(centres))
    scores = np.round((order + 0.1 * seed + 0.05) / len(centres), 6)
    frame = Frame(f"{name}.mrc", image.shape, PIXEL_SIZE)
    return Picks(frame, np.rint(centres), score=scores, diameter=np.array(60.0), source=np.array("drpnet"))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for seed, name in enumerate(NAMES):
        write_mrc(tmp_path / f"{name}.mrc", grid_of_blobs(seed)[0], PIXEL_SIZE)
    project = Project.create(tmp_path / "project", inputs=(str(tmp_path),), diameter=DIAMETER)
    for seed, name in enumerate(NAMES):
        project.write_picks(name, some_picks(name, seed))
    return project


@pytest.fixture
def gallery(viewer: Any, session: Any) -> Any:
    _, widget = viewer.window.add_plugin_dock_widget("napari-drpnet", "Gallery")
    return widget


@pytest.fixture
def whole(gallery: Any, qtbot: Any) -> Any:
    """The gallery of all micrographs."""
    gallery.scope.value = EVERYWHERE
    qtbot.waitUntil(lambda: not gallery.job.running, timeout=LIMIT)
    return gallery


def scores(gallery: Any) -> np.ndarray:
    return gallery.catalogue.score[gallery.catalogue.shown]


def click(gallery: Any, position: int, modifiers: Any = NONE) -> None:
    centre = gallery.grid.place(position).center()
    QTest.mouseClick(gallery.grid.viewport(), Qt.MouseButton.LeftButton, modifiers, centre)


def press(gallery: Any, key: Any, modifiers: Any = NONE) -> None:
    QTest.keyClick(gallery.grid, key, modifiers)


def chosen(gallery: Any) -> list[int]:
    """Selected positions."""
    return np.flatnonzero(gallery.catalogue.selected[gallery.catalogue.shown]).tolist()


def keys(gallery: Any) -> list[Any]:
    return [gallery.catalogue.particle(at).key for at in range(len(gallery.catalogue.shown))]


def test_it_shows_the_particles_of_the_micrograph_on_screen_best_first(gallery: Any, session: Any) -> None:
    picks = session.picks("m0")
    assert len(gallery.catalogue) == len(picks) == 30
    np.testing.assert_array_equal(scores(gallery), np.sort(picks.score)[::-1])
    session.next()
    np.testing.assert_array_equal(scores(gallery), np.sort(session.picks("m1").score)[::-1])


def test_it_says_why_there_is_nothing(gallery: Any, session: Any) -> None:
    gallery.filter.value = "background"
    assert "kind" in gallery.grid.hint
    session.change("m0", session.picks("m0").select(np.zeros(30, bool)))
    gallery.reload()
    assert "Press Pick all" in gallery.grid.hint
    session.close()
    assert gallery.grid.hint == NO_PROJECT


def test_orders(whole: Any, qtbot: Any) -> None:
    assert len(whole.catalogue) == 90
    assert (np.diff(scores(whole)) <= 0).all()
    whole.backwards.value = True
    assert (np.diff(scores(whole)) >= 0).all()
    whole.backwards.value = False
    whole.order.value = "uncertainty"
    assert (np.diff(abs(scores(whole) - 0.5)) >= 0).all()
    whole.order.value = "deviation"
    qtbot.waitUntil(lambda: not whole.job.running, timeout=LIMIT)
    values = [whole.catalogue.deviations[key] for key in keys(whole)]
    assert len(values) == 90
    assert (np.diff(values) <= 0).all()
    whole.order.value = "score"
    whole.order.value = "deviation"
    assert not whole.job.running  # they are known


@pytest.mark.painted
def test_only_what_is_in_sight_and_near_it_is_cut_out(whole: Any, qtbot: Any) -> None:
    whole.size.value = 256
    qtbot.waitUntil(lambda: whole.thumbnails.idle and whole.thumbnails.get(keys(whole)[0]) is not None, timeout=LIMIT)
    assert whole.thumbnails.get(keys(whole)[-1]) is None
    press(whole, KEYS.Key_End)
    qtbot.waitUntil(lambda: whole.thumbnails.get(keys(whole)[-1]) is not None, timeout=LIMIT)


@pytest.mark.painted
def test_a_click_goes_to_the_particle(whole: Any, session: Any, viewer: Any) -> None:
    position = next(at for at, key in enumerate(keys(whole)) if key[0] == "m2")
    _, y, x = keys(whole)[position]
    click(whole, position)
    assert session.current == "m2"
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], np.array([y, x]) * PIXEL_SIZE, atol=PIXEL_SIZE)
    assert chosen(whole) == [position]


@pytest.mark.painted
def test_ranges(gallery: Any) -> None:
    click(gallery, 1)
    click(gallery, 4, SHIFT)
    assert chosen(gallery) == [1, 2, 3, 4]
    click(gallery, 2, CTRL)
    click(gallery, 6, CTRL)
    assert chosen(gallery) == [1, 3, 4, 6]
    click(gallery, 8, CTRL | SHIFT)
    assert chosen(gallery) == [1, 3, 4, 6, 7, 8]
    press(gallery, KEYS.Key_Home)
    press(gallery, KEYS.Key_Right, SHIFT)
    assert chosen(gallery) == [0, 1]
    press(gallery, KEYS.Key_A, CTRL)
    assert len(chosen(gallery)) == 30
    press(gallery, KEYS.Key_Escape)
    assert chosen(gallery) == []
    menu = gallery.menu(10)
    next(action for action in menu.actions() if action.text().startswith("Select all of m0")).trigger()
    assert len(chosen(gallery)) == 30


@pytest.mark.painted
def test_accepting_filters_and_sizes(gallery: Any, session: Any, qtbot: Any) -> None:
    click(gallery, 0)
    press(gallery, KEYS.Key_G)
    picks = session.picks("m0")
    assert (picks.by_hand & (picks.label == "particle")).sum() == 1
    for which, count in (("particles", 1), ("picks", 29), ("background", 0), ("all", 30)):
        gallery.filter.value = which
        assert len(keys(gallery)) == count
    picks = session.picks("m0")
    session.change("m0", added(picks, [[320.0, 400.0]]))  # as the canvas does
    qtbot.waitUntil(lambda: len(keys(gallery)) == 31, timeout=LIMIT)
    assert keys(gallery)[-1] == ("m0", 320.0, 400.0)  # it has no score
    columns = gallery.grid.columns
    gallery.size.value = 40
    assert gallery.grid.columns > columns
    last = gallery.grid.place(gallery.grid.columns - 1)
    assert 0 <= gallery.grid.viewport().width() - last.right() - 1 < gallery.grid.columns  # a row fills the width


def test_rejected_ones_stay_where_they_are_and_undo_takes_one_step(gallery: Any, session: Any) -> None:
    before, order = session.picks("m0"), keys(gallery)
    click(gallery, 2)
    click(gallery, 4, SHIFT)
    press(gallery, KEYS.Key_B)
    assert keys(gallery) == order
    rejected = session.picks("m0")
    assert (rejected.label == "background").sum() == 3
    assert (rejected.source[rejected.label == "background"] == MANUAL).all()
    np.testing.assert_array_equal(rejected.score, before.score)
    assert [gallery.catalogue.particle(at).background for at in range(6)] == [False, False, True, True, True, False]
    session.undo()
    assert (session.picks("m0").label == "particle").all()


def test_everything_after_one_is_rejected_over_the_data_set_and_taken_back(whole: Any, session: Any) -> None:
    before = {name: session.picks(name) for name in NAMES}
    whole.grid.select_all(False)
    click(whole, 5)
    whole.reject_rest.native.click()
    session.slices.finish()
    after = {name: session.picks(name) for name in NAMES}
    kept = sorted((p.score[p.label == "particle"].tolist() for p in after.values()), key=len)
    assert sum(map(len, kept)) == 6
    np.testing.assert_array_equal(np.sort(np.concatenate(kept))[::-1], scores(whole)[:6])
    press(whole, KEYS.Key_Z, CTRL)
    session.slices.finish()
    for name in NAMES:
        now = session.picks(name)
        np.testing.assert_array_equal(now.label, before[name].label)
        np.testing.assert_array_equal(now.source, before[name].source)


def test_a_change_elsewhere_leaves_what_is_in_sight(whole: Any, session: Any, qtbot: Any) -> None:
    whole.size.value = 256
    press(whole, KEYS.Key_PageDown)
    press(whole, KEYS.Key_PageDown)
    first = keys(whole)[whole.grid.first]
    better = next(key for key in keys(whole) if key[0] != first[0])
    picks = session.picks(better[0])
    session.change(better[0], picks.select((picks.yx != better[1:]).any(axis=1)))
    qtbot.waitUntil(lambda: len(whole.catalogue) == 89, timeout=LIMIT)
    columns = whole.grid.columns
    assert keys(whole).index(first) // columns == whole.grid.first // columns
    assert better not in keys(whole)
    whole.size.value = 100
    assert keys(whole).index(first) in whole.grid.in_sight


def test_what_a_job_wrote_is_read_and_a_project_in_use_elsewhere_is_only_looked_at(
    whole: Any, session: Any, project: Project, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_drpnet.widgets.gallery.dock._MANY", 1)
    for seed, name in enumerate(NAMES):
        project.write_picks(name, some_picks(name, seed).select(np.arange(20)))
    session.reload()
    qtbot.waitUntil(lambda: len(whole.catalogue) == 60 and not whole.job.running, timeout=LIMIT)
    assert (np.diff(scores(whole)) <= 0).all()
    project.read_only = "another window has it open"
    whole.grid.select_all()
    press(whole, KEYS.Key_B)
    assert not any((session.picks(name).label == "background").any() for name in NAMES)
    assert "another window" in str(notification_manager.records[-1].message)


@pytest.mark.painted
def test_a_micrograph_that_vanishes_stops_nothing_and_the_dock_leaves_nothing_behind(
    whole: Any, project: Project, viewer: Any, session: Any, qtbot: Any
) -> None:
    project.entry("m1").path.unlink()
    whole.thumbnails.use(whole._opener())
    whole.grid.refresh()
    whole.order.value = "deviation"
    qtbot.waitUntil(lambda: not whole.job.running, timeout=LIMIT)
    assert len(whole.catalogue.deviations) == 60
    assert "m1.mrc" in whole.job.status.value
    press(whole, KEYS.Key_End)
    qtbot.waitUntil(lambda: "m1.mrc" in whole.thumbnails.failure("m1"), timeout=LIMIT)
    assert not whole.thumbnails.failure("m0")
    viewer.window.remove_dock_widget(whole.native)
    session.next()  # nobody listens, nothing fails
    assert not whole.thumbnails._thread.is_alive()


def test_without_a_project(viewer: Any) -> None:
    _, widget = viewer.window.add_plugin_dock_widget("napari-drpnet", "Gallery")
    assert len(widget.catalogue) == 0
    assert "Open a project" in widget.job.status.value
    press(widget, KEYS.Key_B)
    press(widget, KEYS.Key_Down)
