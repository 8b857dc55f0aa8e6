"""The Preprocess widget: the result is a new layer in the place of the old one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blobs import PIXEL_SIZE, SHAPE, grid_of_blobs, write_mrc
from napari_drpnet.io import read_micrograph
from napari_drpnet.layers import frame_of
from napari_drpnet.preprocess import prepare
from napari_drpnet.settings import PreprocessSettings

pytestmark = pytest.mark.gui


@pytest.fixture
def form(viewer: Any, micrograph_file: Path) -> Any:
    viewer.open(str(micrograph_file), plugin="napari-drpnet")
    _, widget = viewer.window.add_plugin_dock_widget("napari-drpnet", "Preprocess")
    return widget


def run(form: Any, qtbot: Any) -> None:
    form.job.button.native.click()
    qtbot.waitUntil(lambda: not form.job.running, timeout=60_000)


def test_the_result_is_that_of_prepare_and_lies_in_its_place(
    form: Any, viewer: Any, micrograph_file: Path, qtbot: Any
) -> None:
    form.rescale.value = 0.25
    form.illumination.value = 300
    form.invert.value = True
    run(form, qtbot)
    settings = PreprocessSettings(rescale=0.25, illumination=300, invert=True)
    expected = prepare(read_micrograph(micrograph_file, name=str(micrograph_file)), settings)
    layer, original = viewer.layers["blobs preprocessed"], viewer.layers["blobs"]
    np.testing.assert_array_equal(layer.data[0], expected.image)
    assert layer.units == original.units
    edges = [[-0.5, -0.5], [side / 4 - 0.5 for side in SHAPE]]
    whole = [[-0.5, -0.5], [side - 0.5 for side in SHAPE]]
    for small, large in zip(edges, whole, strict=True):
        np.testing.assert_allclose(layer.data_to_world(small), original.data_to_world(large))
    assert frame_of(layer) == expected.frame  # so that picks on it are picks on the micrograph


def test_another_run_fills_the_same_layer(form: Any, viewer: Any, qtbot: Any) -> None:
    run(form, qtbot)
    form.rescale.value = 0.5
    run(form, qtbot)
    assert [layer.name for layer in viewer.layers] == ["blobs", "blobs preprocessed"]
    assert viewer.layers["blobs preprocessed"].data[0].shape == (SHAPE[0] // 2, SHAPE[1] // 2)


def test_run_is_off_with_a_reason_until_the_form_can_work(viewer: Any, tmp_path: Path) -> None:
    _, form = viewer.window.add_plugin_dock_widget("napari-drpnet", "Preprocess")
    assert (form.job.button.enabled, "no image" in form.job.status.value) == (False, True)
    viewer.open(str(write_mrc(tmp_path / "a.mrc", grid_of_blobs()[0], 0.0)), plugin="napari-drpnet")
    assert form.job.button.enabled
    form.smoothing.value = 10
    assert (form.job.button.enabled, "pixel size" in form.job.status.value) == (False, True)
    form.source.pixel_size.value = PIXEL_SIZE
    assert form.job.button.enabled
    form.rescale.value = 0
    assert (form.job.button.enabled, "The scale must be" in form.job.status.value) == (False, True)


def test_every_control_says_what_it_does(form: Any) -> None:
    for name in PreprocessSettings.model_fields:
        assert getattr(form, name).tooltip == PreprocessSettings.model_fields[name].description
