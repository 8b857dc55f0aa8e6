"""The Simulate widget: what it shows is what the simulation makes, and what it writes is what it shows."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.utils.notifications import ErrorNotification, notification_manager

from blobs import write_mrc
from napari_drpnet.io import read_micrograph, read_picks
from napari_drpnet.layers import frame_of, picks_of, pixels
from napari_drpnet.settings import SimulationSettings
from napari_drpnet.widgets.kit.forms import filled

pytestmark = pytest.mark.gui
RUN_LIMIT = 120_000  # milliseconds; the first run imports torch
SMALL: dict[str, Any] = {"size": 384, "pixel_size": 3.0, "views": 20, "coverage": (0.2, 0.3), "empty": 0.0}
SMALL["broken"] = (0.0, 0.0)  # those take longest


@pytest.fixture
def form(viewer: Any) -> Any:
    _, widget = viewer.window.add_plugin_dock_widget("napari-drpnet", "Simulate")
    fill(widget, **SMALL)
    return widget


def fill(form: Any, **values: Any) -> None:
    for name, value in values.items():
        form.settings[name].value = value


def values(form: Any) -> SimulationSettings:
    return filled(SimulationSettings, form.settings.values())


def press(form: Any) -> None:
    form.job.button.native.click()


def run(form: Any, qtbot: Any) -> None:
    press(form)
    qtbot.waitUntil(lambda: not form.job.running, timeout=RUN_LIMIT)


def messages() -> list[str]:
    return [str(notice.message) for notice in notification_manager.records]


def test_the_form_as_it_opens_is_the_default_settings(viewer: Any) -> None:
    _, form = viewer.window.add_plugin_dock_widget("napari-drpnet", "Simulate")
    assert values(form) == SimulationSettings()
    for name, widget in form.settings.items():
        assert widget.tooltip == SimulationSettings.model_fields[name].description


def test_the_layers_are_what_the_simulation_makes(form: Any, viewer: Any, qtbot: Any) -> None:
    from napari_drpnet.simulation import simulate_one

    fill(form, defocus=(1.0, 1.5), dose=(50.0, 60.0), seed=6)
    run(form, qtbot)
    settings = SimulationSettings(**SMALL, defocus=(1.0, 1.5), dose=(50.0, 60.0), seed=6)
    made = simulate_one(settings, 0)
    micrograph, truth = made.micrograph, made.truth
    image, points = viewer.layers
    np.testing.assert_array_equal(pixels(image), micrograph.image)
    assert frame_of(image) == micrograph.frame
    assert len(truth) > 0
    np.testing.assert_array_equal(picks_of(points).yx, truth.yx)
    np.testing.assert_array_equal(points.size, truth.diameter)
    np.testing.assert_array_equal(points.scale, (3.0, 3.0))
    assert [str(unit) for unit in points.units] == ["angstrom", "angstrom"]
    assert f"{len(truth)} particles" in form.job.status.value


def test_files_and_layers_agree(form: Any, viewer: Any, qtbot: Any, tmp_path: Path) -> None:
    out = tmp_path / "simulated"
    fill(form, count=2)
    form.folder.value = out
    run(form, qtbot)
    written = sorted(out.glob("*.mrc"))
    images, truths = viewer.layers[::2], viewer.layers[1::2]
    assert sorted(layer.name for layer in images) == [path.stem for path in written]
    for image, points in zip(images, truths, strict=True):
        file = read_micrograph(out / f"{image.name}.mrc")
        np.testing.assert_array_equal(pixels(image), file.image)
        assert frame_of(image).pixel_size == pytest.approx(3.0)
        [truth] = read_picks(out / f"{image.name}.star")
        np.testing.assert_array_equal(picks_of(points).yx, truth.yx)
        np.testing.assert_array_equal(points.size, truth.diameter)
        np.testing.assert_allclose(points.scale, image.scale)
    assert (out / "simulation.yaml").is_file()
    assert str(out) in form.job.status.value


def test_of_several_micrographs_the_first_of_the_last_run_is_visible(form: Any, viewer: Any, qtbot: Any) -> None:
    fill(form, count=2)
    run(form, qtbot)
    assert [layer.visible for layer in viewer.layers] == [True, True, False, False]
    fill(form, count=1, seed=1)
    run(form, qtbot)
    assert [layer.visible for layer in viewer.layers] == [False] * 4 + [True] * 2


def test_a_structure_is_chosen_by_its_file(form: Any, viewer: Any, qtbot: Any, tmp_path: Path) -> None:
    y, x, z = np.mgrid[-20:20, -20:20, -20:20]
    ball = np.exp(-(x**2 + y**2 + z**2) / 120).astype(np.float32)
    fill(form, structures=(write_mrc(tmp_path / "ball.mrc", ball, 4.0),))
    run(form, qtbot)
    assert viewer.layers[0].name.startswith("ball")


def test_a_micrograph_without_particles_has_a_truth_layer_in_its_place(form: Any, viewer: Any, qtbot: Any) -> None:
    fill(form, empty=1.0)
    run(form, qtbot)
    image, points = viewer.layers
    assert len(points.data) == 0
    assert points.units == image.units
    np.testing.assert_array_equal(points.scale, image.scale)


def test_a_structure_that_cannot_be_read_gives_one_notification(form: Any, viewer: Any, qtbot: Any) -> None:
    fill(form, structures=(Path("missing.pdb"),))
    notification_manager.records.clear()
    run(form, qtbot)
    assert len(messages()) == 1
    assert "missing.pdb" in messages()[0]
    assert not isinstance(notification_manager.records[0], ErrorNotification)  # that one has a traceback
    assert (form.job.button.text, form.job.button.enabled) == ("Run", True)
    assert len(viewer.layers) == 0


def test_run_is_off_with_a_reason_until_the_form_can_work(form: Any, tmp_path: Path) -> None:
    def refused(part: str) -> bool:
        return not form.job.button.enabled and part in form.job.status.value

    assert form.job.button.enabled
    fill(form, defocus=(3.0, 1.0))
    assert refused("defocus")
    fill(form, defocus=(1.0, 3.0), pixel_size=0.0)
    assert refused("The pixel size must be more than 0.")
    fill(form, pixel_size=3.0, count=11)
    assert refused("Choose a folder")
    form.folder.value = tmp_path
    assert form.job.button.enabled
    assert form.job.status.value == ""


def test_cancel_acts_while_a_micrograph_is_being_made(form: Any, viewer: Any, qtbot: Any) -> None:
    fill(form, size=3000, pixel_size=1.0, count=3)  # takes seconds each
    press(form)
    qtbot.waitUntil(lambda: form.job.status.value == "Micrograph 1 of 3", timeout=RUN_LIMIT)
    start = time.monotonic()
    press(form)
    qtbot.waitUntil(lambda: not form.job.running, timeout=RUN_LIMIT)
    assert time.monotonic() - start < 3
    assert form.job.status.value == "Cancelled."
    assert (form.job.button.text, form.job.button.enabled) == ("Run", True)
    assert len(viewer.layers) == 0


def test_closing_the_form_stops_the_run(form: Any, viewer: Any, qtbot: Any) -> None:
    fill(form, count=10)
    press(form)
    worker = form.job._worker
    viewer.window.remove_dock_widget("all")
    qtbot.waitUntil(lambda: not worker.is_running, timeout=RUN_LIMIT)
    assert len(viewer.layers) == 0


@pytest.mark.painted
def test_what_few_people_need_is_folded_away(form: Any) -> None:
    few, many = form.settings["ice"].native, form.settings["defocus"].native
    assert (few.isVisible(), many.isVisible()) == (False, True)
    form.advanced.button.native.click()
    assert (few.isVisible(), many.isVisible()) == (True, True)
    form.advanced.button.native.click()
    assert not few.isVisible()
