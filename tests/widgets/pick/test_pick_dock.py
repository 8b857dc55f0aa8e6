"""The Pick widget in a real window: what it shows is what the picker and the command line find."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.utils.notifications import ErrorNotification, notification_manager

from blobs import DIAMETER, PIXEL_SIZE, SHAPE, grid_of_blobs, write_mrc
from napari_drpnet import jobs
from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io import read_micrograph, read_picks
from napari_drpnet.layers import picks_of
from napari_drpnet.pickers import load_picker
from napari_drpnet.settings import PickRun

pytestmark = pytest.mark.gui
RUN_LIMIT = 120_000  # milliseconds; the first run imports torch


@pytest.fixture
def form(viewer: Any, micrograph_file: Path) -> Any:
    """The widget on an open micrograph, with the diameter set."""
    viewer.open(str(micrograph_file), plugin="napari-drpnet")
    _, widget = viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")
    widget.diameter.value = DIAMETER
    return widget


def press(form: Any) -> None:
    form.job.button.native.click()


def run(form: Any, qtbot: Any) -> None:
    """Press Run and wait until it has ended."""
    press(form)
    assert form.job.running
    qtbot.waitUntil(lambda: not form.job.running, timeout=RUN_LIMIT)


def points(form: Any) -> Any:
    assert form.result is not None
    return form.result.layer


def positions(picks: Picks) -> set[tuple[float, ...]]:
    """To a thousandth of a pixel: the last digits depend on how many threads a library takes."""
    return {tuple(yx) for yx in np.round(picks.yx, 3)}


def messages() -> list[str]:
    return [str(notice.message) for notice in notification_manager.records]


def test_the_window_finds_what_the_picker_and_the_command_line_find(
    form: Any, viewer: Any, micrograph_file: Path, qtbot: Any, tmp_path: Path
) -> None:
    run(form, qtbot)
    shown = picks_of(points(form))
    expected = load_picker("drpnet", diameter=DIAMETER).pick(read_micrograph(micrograph_file))
    assert positions(shown) == positions(expected)
    np.testing.assert_allclose(np.sort(shown.score), np.sort(expected.score), atol=1e-6)

    settings = PickRun(inputs=[str(micrograph_file)], out=tmp_path / "out", options={"diameter": DIAMETER})
    jobs.finish(jobs.pick(settings))
    written = read_picks(tmp_path / "out" / "blobs_autopick.star")[0]
    assert positions(written) == {tuple(np.floor(yx + 0.5)) for yx in shown.yx}


def test_picks_lie_on_the_particles_in_angstrom_also_when_saved_and_opened_again(
    form: Any, viewer: Any, qtbot: Any, tmp_path: Path
) -> None:
    run(form, qtbot)
    form.threshold.value = 0.0
    layer = points(form)
    assert [str(unit) for unit in layer.units] == ["angstrom", "angstrom"]
    assert set(layer.size) == {DIAMETER / PIXEL_SIZE}
    truth = grid_of_blobs()[1] * PIXEL_SIZE
    found = np.array([layer.data_to_world(yx) for yx in layer.data])
    nearest = np.linalg.norm(truth[:, None] - found[None], axis=2).min(axis=1)
    assert np.mean(nearest < 0.25 * DIAMETER) > 0.6

    world = {tuple(layer.data_to_world(np.floor(yx + 0.5))) for yx in layer.data}
    viewer.layers.selection = {layer}
    saved = viewer.layers.save(str(tmp_path / "picks.star"), selected=True, plugin="napari-drpnet")
    assert saved == [str(tmp_path / "picks.star")]
    [again] = viewer.open(saved[0], plugin="napari-drpnet")
    assert {tuple(again.data_to_world(yx)) for yx in again.data} == world
    assert again.units == layer.units
    np.testing.assert_allclose(again.size, layer.size)


def test_sliders_change_the_picks_at_once_without_a_run_and_edits_survive_them(form: Any, qtbot: Any) -> None:
    run(form, qtbot)
    result = form.result
    for threshold, min_distance in ((0.0, 0.0), (0.2, 30.0), (0.05, 200.0), (1.0, 72.0)):
        form.min_distance.value = min_distance
        start = time.process_time()  # not the wall clock: the machine may be busy
        form.threshold.value = threshold
        assert time.process_time() - start < 0.1
        expected = result.picker.picks_from(result.score_map, threshold, min_distance)
        assert positions(picks_of(points(form))) == positions(expected)
    assert form.result is result
    assert not form.job.running

    form.threshold.value = 0.0
    layer = points(form)
    assert len(layer.data) > 3
    removed = tuple(layer.data[1])
    layer.selected_data = {1}
    layer.remove_selected()
    layer.selected_data = {0}  # napari would give the new point the features of this one
    layer.add([[15.0, 15.0]])
    assert picks_of(layer).source[-1] == "manual"
    for threshold in (0.9, 0.3, 0.0):
        form.threshold.value = threshold
        now = picks_of(layer)
        assert (15.0, 15.0) in positions(now)
        assert removed not in positions(now)
    made = now.select((now.yx == 15.0).all(axis=1))
    assert (made.source[0], made.diameter[0]) == ("manual", DIAMETER / PIXEL_SIZE)


@pytest.mark.painted
def test_the_score_map_is_shown_in_its_place_and_running_again_fills_the_same_layers(
    form: Any, viewer: Any, qtbot: Any
) -> None:
    run(form, qtbot)
    form.show_scores.value = True
    layer, score_map = viewer.layers["blobs score map"], form.result.score_map
    assert [la.name for la in viewer.layers][-2:] == ["blobs score map", "blobs picks"]
    corner = score_map.frame.to_micrograph([[0, 0]])[0] * PIXEL_SIZE
    np.testing.assert_allclose(layer.data_to_world((0, 0)), corner)
    form.show_scores.value = False
    assert not layer.visible
    assert form.source.image.choices == (viewer.layers["blobs"],)  # it is no micrograph to pick

    form.show_scores.value = True
    qtbot.waitUntil(lambda: "low-pass" in viewer.layers)
    before = [layer.unique_id for layer in viewer.layers]
    form.diameter.value = 100
    run(form, qtbot)
    assert [layer.unique_id for layer in viewer.layers] == before
    assert set(points(form).size) <= {50.0}


def test_cancel_or_closing_the_form_stops_the_run_and_leaves_no_trace(form: Any, viewer: Any, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: "low-pass" in viewer.layers)  # for the eye, in a thread of its own
    before = [layer.name for layer in viewer.layers]
    press(form)
    assert form.job.button.text == "Cancel"
    press(form)
    qtbot.waitUntil(lambda: not form.job.running, timeout=RUN_LIMIT)
    assert form.result is None
    assert form.job.status.value == "Cancelled."
    assert (form.job.button.text, form.job.button.enabled) == ("Run", True)
    assert [layer.name for layer in viewer.layers] == before == ["blobs", "low-pass", "particle size"]

    press(form)
    worker = form.job._worker
    viewer.window.remove_dock_widget("all")
    qtbot.waitUntil(lambda: not worker.is_running, timeout=RUN_LIMIT)
    qtbot.waitUntil(lambda: "particle size" not in viewer.layers, timeout=5000)
    assert [layer.name for layer in viewer.layers] == ["blobs"]
    viewer.add_image(np.zeros((8, 8)))  # nobody listens any more


CLOSE_WHILE_RUNNING = """
import sys, napari
from qtpy.QtCore import QTimer

viewer = napari.Viewer()
viewer.open(sys.argv[1], plugin="napari-drpnet")
_, form = viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")
form.diameter.value = 120

def close():
    global worker
    form.job.button.native.click()
    worker = form.job._worker
    QTimer.singleShot(0, viewer.window._qt_window.close)

QTimer.singleShot(500, close)
napari.run()
print("stopped" if worker.abort_requested and not worker.is_running else "runs on")
"""


def test_closing_the_window_stops_the_run(micrograph_file: Path) -> None:
    # As a user does it, in a napari of its own: what goes wrong here shows while all of Qt is taken down.
    command = [sys.executable, "-c", CLOSE_WHILE_RUNNING, str(micrograph_file)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stdout.strip()) == (0, "stopped"), ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_result_for_an_image_that_changed_or_is_gone_is_dropped(form: Any, viewer: Any, qtbot: Any) -> None:
    press(form)
    viewer.layers["blobs"].data = [np.ones(SHAPE, np.float32)]
    qtbot.waitUntil(lambda: not form.job.running, timeout=RUN_LIMIT)
    assert "blobs picks" not in viewer.layers
    assert "dropped" in form.job.status.value

    press(form)
    viewer.layers.remove("blobs")
    qtbot.waitUntil(lambda: not form.job.running, timeout=RUN_LIMIT)
    assert "blobs picks" not in viewer.layers
    assert not form.job.button.enabled


def test_bad_input_gives_one_notification_and_pixels_that_are_no_numbers_a_warning(
    form: Any, viewer: Any, qtbot: Any
) -> None:
    viewer.layers["blobs"].data = [np.zeros(SHAPE, np.float32)]
    notification_manager.records.clear()
    run(form, qtbot)
    assert len(messages()) == 1
    assert messages()[0].split(": ")[0].endswith("blobs.mrc")
    assert "constant" in messages()[0]
    assert not isinstance(notification_manager.records[0], ErrorNotification)  # that one has a traceback
    assert form.job.button.enabled

    image = grid_of_blobs()[0]
    image[:50] = np.nan
    viewer.layers["blobs"].data = [image]
    notification_manager.records.clear()
    run(form, qtbot)
    assert len(messages()) == 1
    assert f"{50 * SHAPE[1]} pixels are not finite" in messages()[0]
    assert form.result is not None


def test_a_file_that_cannot_be_read_gives_one_notification(viewer: Any, tmp_path: Path) -> None:
    (tmp_path / "broken.mrc").write_bytes(b"nothing" * 500)
    notification_manager.records.clear()
    viewer.open(str(tmp_path / "broken.mrc"), plugin="napari-drpnet")
    assert len(messages()) == 1
    assert "broken.mrc" in messages()[0]
    assert not isinstance(notification_manager.records[0], ErrorNotification)
    assert len(viewer.layers) == 0


def test_run_is_off_with_a_reason_until_the_form_can_work(viewer: Any, tmp_path: Path) -> None:
    _, form = viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")

    def refused(part: str) -> bool:
        return not form.job.button.enabled and part in form.job.status.value

    assert refused("no image")
    viewer.open(str(write_mrc(tmp_path / "a.mrc", grid_of_blobs()[0], 0.0)), plugin="napari-drpnet")
    assert refused("pixel size is not known")
    form.source.pixel_size.value = PIXEL_SIZE
    form.diameter.value = 0
    assert refused("diameter")
    form.diameter.value = PIXEL_SIZE * max(SHAPE)
    assert refused("larger than the image")
    form.diameter.value = DIAMETER
    assert form.job.button.enabled
    assert form.job.status.value == ""
    viewer.layers.remove("a")
    assert refused("no image")


def test_a_pixel_size_given_by_hand_brings_all_layers_to_angstrom(viewer: Any, tmp_path: Path, qtbot: Any) -> None:
    viewer.open(str(write_mrc(tmp_path / "a.mrc", grid_of_blobs()[0], 0.0)), plugin="napari-drpnet")
    _, form = viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")
    form.diameter.value = DIAMETER
    zoom = viewer.scene.camera.zoom
    form.source.pixel_size.value = PIXEL_SIZE
    np.testing.assert_array_equal(viewer.layers["a"].scale, (2, 2))
    assert str(viewer.layers["a"].units[0]) == "angstrom"
    assert viewer.scene.camera.zoom == pytest.approx(zoom / PIXEL_SIZE)  # the view shows the same pixels
    run(form, qtbot)
    np.testing.assert_array_equal(points(form).scale, (2, 2))


@pytest.mark.painted
def test_the_ring_shows_the_diameter_where_one_looks(form: Any, viewer: Any, qtbot: Any) -> None:
    ring = viewer.layers["particle size"]
    assert form.in_pixels.value == "= 60.0 px"
    assert ring.size[0] * ring.scale[0] == DIAMETER
    np.testing.assert_allclose(ring.data_to_world(ring.data[0]), viewer.scene.camera.center[-2:])
    form.diameter.value = 90
    assert ring.size[0] == 45
    assert viewer.layers.selection == {viewer.layers["blobs"]}
    form.show_ring.value = False
    assert not ring.visible


def test_of_a_stack_the_frame_that_is_shown_is_picked(viewer: Any, tmp_path: Path, qtbot: Any) -> None:
    frames = np.stack([np.zeros(SHAPE, np.float32), grid_of_blobs(1)[0], grid_of_blobs(2)[0]])
    path = tmp_path / "s.mrcs"
    write_mrc(path, frames, PIXEL_SIZE)
    viewer.open(str(path), plugin="napari-drpnet")
    _, form = viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")
    form.diameter.value = DIAMETER
    for index in (1, 2):
        viewer.dims.set_current_step(0, index)
        run(form, qtbot)
        expected = load_picker("drpnet", diameter=DIAMETER).pick(read_micrograph(path, PIXEL_SIZE, index=index))
        assert positions(picks_of(points(form))) == positions(expected)
        assert set(points(form).data[:, 0]) <= {index}
    second = points(form)
    viewer.dims.set_current_step(0, 1)
    assert points(form) is not second


def test_picks_opened_before_their_micrograph_come_to_lie_on_it(viewer: Any, tmp_path: Path) -> None:
    (tmp_path / "picks").mkdir()
    (tmp_path / "picks" / "a_autopick.star").write_text(
        "data_\n\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n30 20\n"
    )
    [layer] = viewer.open(str(tmp_path / "picks" / "a_autopick.star"), plugin="napari-drpnet")
    assert str(layer.units[0]) == "pixel"
    viewer.open(str(write_mrc(tmp_path / "a.mrc", grid_of_blobs()[0], PIXEL_SIZE)), plugin="napari-drpnet")
    np.testing.assert_allclose(layer.data_to_world(layer.data[0]), (40, 60))
    assert str(layer.units[0]) == "angstrom"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (UserError("There is no GPU here.", "Choose the device cpu."), "There is no GPU here. Choose the device cpu."),
        (RuntimeError("a bug"), "a bug"),
    ],
)
def test_an_error_while_running_is_told_once(
    form: Any, monkeypatch: pytest.MonkeyPatch, qtbot: Any, error: Exception, told: str
) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise error

    monkeypatch.setattr("napari_drpnet.widgets.pick.run.load_picker", fail)
    notification_manager.records.clear()
    run(form, qtbot)
    assert messages() == [told]
    assert form.job.button.enabled


@pytest.mark.painted
def test_picks_are_coloured_by_their_score(form: Any, qtbot: Any) -> None:
    assert not form.tuning.colour_by.enabled
    form.tuning.colour_by.value = "score"
    run(form, qtbot)
    assert len(np.unique(points(form).border_color, axis=0)) > 3
    assert form.tuning.colour_by.enabled
    lowest = float(picks_of(points(form)).score.min())
    assert f"{lowest:.2f}" in form.tuning.legend.value
    form.threshold.value = lowest + 0.02
    assert f"{lowest:.2f}" not in form.tuning.legend.value
    assert f"{float(picks_of(points(form)).score.min()):.2f}" in form.tuning.legend.value
    form.tuning.colour_by.value = "nothing"
    assert len(np.unique(points(form).border_color, axis=0)) == 1
    assert not form.tuning.legend.visible
