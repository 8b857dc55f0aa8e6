"""What a user finds in the menus, and files of every kind in a real window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
import tifffile
from napari.utils.notifications import notification_manager

from blobs import grid_of_blobs
from napari_drpnet import _sample_data, devices
from napari_drpnet.data import Micrograph, Picks
from napari_drpnet.layers import picks_of, pixels
from napari_drpnet.settings import USUAL_DIAMETER, PickerSettings

pytestmark = [pytest.mark.gui, pytest.mark.painted]


def titles(menu: Any) -> dict[str, Any]:
    menu.aboutToShow.emit()
    return {action.text().replace("&", ""): action for action in menu.actions()}


def test_the_menus_have_the_forms_and_the_samples(viewer: Any) -> None:
    window = viewer.window.__wrapped__
    forms = titles(window.plugins_menu)["DRPnet"].menu()
    assert any("Pick" in title for title in titles(forms))
    assert any("Preprocess" in title for title in titles(forms))
    assert any("Simulate" in title for title in titles(forms))
    samples = titles(titles(window.file_menu)["Open Sample"].menu())["DRPnet"].menu()
    assert set(titles(samples)) == {"Simulated micrograph", "Simulated micrograph with its true centres"}


def test_the_sample_opens_with_its_truth_on_it(viewer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    image, centres = grid_of_blobs()
    micrograph = Micrograph.from_array(image, 2.0, "sample")
    monkeypatch.setattr(_sample_data, "_sample", lambda: (micrograph, Picks(micrograph.frame, centres)))
    picture, truth = viewer.open_sample("napari-drpnet", "sample_with_truth")
    np.testing.assert_array_equal(picks_of(truth).yx, centres)
    np.testing.assert_array_equal(truth.scale, picture.scale)
    assert truth.units == picture.units


def test_every_kind_of_pixel_can_be_drawn(viewer: Any, tmp_path: Path) -> None:
    notification_manager.records.clear()
    for dtype in ("int8", "int16", "uint16", "float32", "float16", ">f4", ">i2"):
        image = (grid_of_blobs()[0] * 20).clip(0, 100).astype(np.dtype(dtype).newbyteorder("="))
        path = tmp_path / f"{dtype.replace('>', 'big_')}.mrc"
        with mrcfile.new(path) as file:
            file.set_data(image.byteswap().view(dtype) if dtype[0] == ">" else image)
        [layer] = viewer.open(str(path), plugin="napari-drpnet")
        np.testing.assert_array_equal(np.asarray(pixels(layer), np.float32), image.astype(np.float32))
        viewer.screenshot(flash=False)
    assert notification_manager.records == []


def test_a_compressed_stack_can_be_browsed(viewer: Any, tmp_path: Path) -> None:
    stack = np.random.default_rng(0).normal(size=(4, 64, 80)).astype(np.float32)
    tifffile.imwrite(tmp_path / "s.tif", stack, compression="zlib", photometric="minisblack")
    [layer] = viewer.open(str(tmp_path / "s.tif"), plugin="napari-drpnet")
    viewer.dims.set_current_step(0, 2)
    viewer.screenshot(flash=False)
    assert layer.data.shape == stack.shape


def test_preferences_are_what_the_form_starts_with(viewer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from napari.settings import get_plugin_settings

    settings = get_plugin_settings("napari-drpnet").picking
    assert (settings.device, settings.memory, settings.diameter) == (
        PickerSettings.model_fields["device"].default,
        PickerSettings.model_fields["memory"].default,
        USUAL_DIAMETER,
    )
    monkeypatch.setattr(settings, "device", "cpu")
    monkeypatch.setattr(settings, "diameter", 123.0)
    _, form = viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")
    assert (form.device.value, form.diameter.value) == ("cpu", 123.0)


def test_the_form_offers_the_devices_that_are_here(viewer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from napari.settings import get_plugin_settings

    monkeypatch.setattr(get_plugin_settings("napari-drpnet").picking, "device", "cuda:99")
    _, form = viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")
    assert list(form.device.choices) == devices.offered()
    assert form.device.value == "auto"
