"""The low-pass filter for the eye, and the power spectrum, of single images and in a project."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QFileDialog

from blobs import PIXEL_SIZE, grid_of_blobs, write_mrc
from napari_drpnet.data import Frame, Micrograph
from napari_drpnet.layers import EyeImage, Filter
from napari_drpnet.widgets.kit.eye import Eye
from napari_drpnet.widgets.kit.spectrum_window import SpectrumWindow
from napari_drpnet.widgets.session.session import Session
from projects import make_project

LIMIT = 20_000  # milliseconds


@pytest.mark.parametrize("shape", [(600, 700), (2100, 2051)])
def test_a_wave_of_the_resolution_is_left_by_half_and_stays_in_its_place(shape: tuple[int, int]) -> None:
    resolution, pixel_size = 60.0, 2.0
    x = np.arange(shape[1]) * pixel_size
    image = np.sin(2 * np.pi * x / resolution) + np.random.default_rng(0).normal(0, 1, shape)
    micrograph = Micrograph(image.astype(np.float32), Frame("a", shape, pixel_size))
    data, attributes, _ = EyeImage(micrograph).layer(Filter(resolution, 4000.0))
    seen = np.asarray(data[0] if attributes["multiscale"] else data)
    across = seen.mean(axis=0) - seen.mean()
    places = attributes["translate"][1] + attributes["scale"][1] * np.arange(len(across))
    periods = int((x[-1] - 400) / resolution)
    inner = (places > 200) & (places < 200 + periods * resolution)
    phase = np.exp(-2j * np.pi * places[inner] / resolution)
    found = 2 * np.mean(across[inner] * phase)
    assert abs(found) == pytest.approx(0.5, abs=0.06)
    assert np.angle(found * 1j) == pytest.approx(0, abs=0.05)


def test_grey_levels_are_those_of_what_is_left_of_a_faint_micrograph() -> None:
    rng = np.random.default_rng(0)
    yy, xx = np.mgrid[:512, :512]
    discs = -1.0 * (np.hypot((yy % 64) - 32, (xx % 64) - 32) < 12)
    image = (discs + rng.normal(0, 6, discs.shape)).astype(np.float32)
    image[:8] = 500  # a broken edge
    frame = Frame("a", (512, 512), 4.0)
    _, raw, _ = EyeImage(Micrograph(image, frame)).layer(Filter(1.0, 1600.0))
    _, seen, _ = EyeImage(Micrograph(image, frame)).layer(Filter(24.0, 1600.0))
    spans = [high - low for low, high in (raw["contrast_limits"], seen["contrast_limits"])]
    assert spans[1] < 0.5 * spans[0]


def test_what_nobody_knows_of_a_micrograph_is_grey() -> None:
    image = np.random.default_rng(0).normal(0, 1, (400, 400)).astype(np.float32)
    image[100:180, 200:280] = np.nan
    data, _, _ = EyeImage(Micrograph.from_array(image, 2.0)).layer(Filter(20.0, 800.0))
    seen = np.asarray(data[0])
    assert len(np.unique(seen[120:160, 220:260])) == 1
    assert np.median(seen) == pytest.approx(seen[140, 240], abs=0.01 * float(seen.std()))


@pytest.fixture
def form(viewer: Any, tmp_path: Path) -> Any:
    for name in ("one", "two"):
        viewer.open(str(write_mrc(tmp_path / f"{name}.mrc", grid_of_blobs()[0], PIXEL_SIZE)), plugin="napari-drpnet")
    return viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")[1]


def filtered(viewer: Any) -> list[Any]:
    return [layer for layer in viewer.layers if layer.metadata.get("role") == "smoothed"]


def here(viewer: Any) -> Any:
    (layer,) = filtered(viewer)
    return layer


@pytest.mark.gui
def test_it_is_there_as_soon_as_the_diameter_is_given_and_goes_with_its_image(
    form: Any, viewer: Any, qtbot: Any
) -> None:
    assert not filtered(viewer)
    assert not form.eye.on.value
    form.diameter.value = 120
    qtbot.waitUntil(lambda: bool(filtered(viewer)), timeout=LIMIT)
    assert form.eye.on.value
    assert form.eye.resolution.value == 30
    layer = here(viewer)
    assert viewer.layers.index(layer) == viewer.layers.index("two") + 1
    assert layer not in form.source.image.choices
    one = viewer.layers["one"]
    viewer.layers.selection.active = one
    qtbot.waitUntil(lambda: layer.visible and viewer.layers.index(layer) == 1, timeout=LIMIT)
    assert [shown.name for shown in viewer.layers if shown.visible and shown.name != "particle size"] == [
        "one",
        "low-pass",
    ]
    viewer.layers.remove(one)
    viewer.layers.remove(viewer.layers["two"])
    assert not filtered(viewer)


@pytest.mark.gui
def test_the_slider_filters_and_who_moved_it_keeps_his_resolution(form: Any, viewer: Any, qtbot: Any) -> None:
    form.eye.resolution.value = 20
    qtbot.waitUntil(lambda: bool(filtered(viewer)), timeout=LIMIT)

    def roughness() -> float:
        return float(np.diff(np.asarray(here(viewer).data[0]), axis=1).std() / here(viewer).scale[1])

    fine = roughness()
    form.eye.resolution.value = 45
    qtbot.waitUntil(lambda: roughness() < 0.5 * fine, timeout=LIMIT)
    form.diameter.value = 300
    assert form.eye.resolution.value == 45
    form.eye.on.value = False
    assert not filtered(viewer)
    form.eye.on.value = True
    qtbot.waitUntil(lambda: bool(filtered(viewer)), timeout=LIMIT)
    viewer.layers.remove(here(viewer))
    qtbot.waitUntil(lambda: not form.eye.on.value, timeout=LIMIT)


@pytest.mark.gui
def test_all_docks_have_one_filter_and_it_goes_with_the_last_of_them(form: Any, viewer: Any, qtbot: Any) -> None:
    dock, compare = viewer.window.add_plugin_dock_widget("napari-drpnet", "Compare")
    form.eye.resolution.value = 33
    assert compare.eye.resolution.value == 33
    qtbot.waitUntil(lambda: bool(filtered(viewer)), timeout=LIMIT)
    viewer.window.remove_dock_widget(dock)
    assert filtered(viewer)
    viewer.window.remove_dock_widget(form.native)
    assert not filtered(viewer)


@pytest.mark.gui
def test_the_cells_of_a_comparison_show_what_the_eye_sees(form: Any, viewer: Any, qtbot: Any) -> None:
    compare = viewer.window.add_plugin_dock_widget("napari-drpnet", "Compare")[1]
    scale, units = (PIXEL_SIZE, PIXEL_SIZE), ("angstrom", "angstrom")
    compare.add_points(viewer.add_points([[50.0, 50.0]], name="mine", size=30, scale=scale, units=units))
    compare.view.value = "side by side"

    def cell() -> Any:
        return np.asarray(next(layer for layer in viewer.layers if layer.metadata.get("role") == "twin").data[0])

    assert np.array_equal(cell(), viewer.layers["two"].data[0])
    compare.eye.resolution.value = 40
    qtbot.waitUntil(lambda: bool(filtered(viewer)) and np.array_equal(cell(), here(viewer).data[0]), timeout=LIMIT)
    compare.eye.on.value = False
    assert np.array_equal(cell(), viewer.layers["two"].data[0])


@pytest.mark.gui
def test_pickers_see_the_image_as_it_is(form: Any, viewer: Any, qtbot: Any) -> None:
    before = form.source.source()
    form.eye.on.value = True
    qtbot.waitUntil(lambda: bool(filtered(viewer)), timeout=LIMIT)
    after = form.source.source()
    assert after.array is before.array
    assert after.key == before.key


@pytest.mark.gui
def test_without_a_pixel_size_there_is_none_until_it_is_given(viewer: Any, qtbot: Any) -> None:
    viewer.add_image(grid_of_blobs()[0])
    form = viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")[1]
    form.eye.on.value = True
    qtbot.waitUntil(lambda: not Eye.of(viewer).background.busy, timeout=LIMIT)
    assert not filtered(viewer)
    form.source.pixel_size.value = 2.0
    qtbot.waitUntil(lambda: bool(filtered(viewer)), timeout=LIMIT)
    np.testing.assert_allclose(here(viewer).extent.world, viewer.layers[0].extent.world, atol=8)


@pytest.mark.gui
def test_the_scale_bar_is_on_until_somebody_hides_it(viewer: Any, tmp_path: Path) -> None:
    bar = viewer.canvas.overlays.scale_bar
    assert not bar.visible
    viewer.open(str(write_mrc(tmp_path / "one.mrc", grid_of_blobs()[0], PIXEL_SIZE)), plugin="napari-drpnet")
    assert bar.visible
    bar.visible = False
    viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")
    assert not bar.visible


@pytest.mark.gui
@pytest.mark.slow
def test_sliding_over_a_large_micrograph_does_not_block_the_window(
    viewer: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = np.random.default_rng(0).normal(0, 1, (4096, 4096)).astype(np.float32)
    viewer.add_image(image, scale=(1.0, 1.0), units=("angstrom", "angstrom"))
    form = viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")[1]
    form.diameter.value = 120
    qtbot.waitUntil(lambda: bool(filtered(viewer)), timeout=LIMIT)
    eye = Eye.of(viewer)
    put, times = eye._put, []

    def timed(*arguments: Any) -> None:
        begun = time.thread_time()
        put(*arguments)
        times.append(time.thread_time() - begun)

    monkeypatch.setattr(eye, "_put", timed)
    for resolution in (60, 40, 25, 15, 8):
        start = time.thread_time()
        form.eye.resolution.value = resolution
        times.append(time.thread_time() - start)
        qtbot.waitUntil(lambda: not eye.background.busy, timeout=LIMIT)
    assert len(times) == 10
    assert max(times) < 0.1


CTFFIND = """# Output from CTFFind version 4.1.14
# Input file: {name}.mrc ; Number of micrographs: 1
# Pixel size: 2.0 Angstroms ; acceleration voltage: 300.0 keV ; spherical aberration: 2.70 mm ; amplitude contrast: 0.10
# Columns: #1 - micrograph number; #2 - defocus 1 [Angstroms]; #3 - defocus 2; #4 - azimuth; #5 - phase shift; #6; #7
1.000000 {u} {v} 10.0 0.0 0.1 5.0
"""


@pytest.mark.gui
def test_the_power_spectrum_follows_the_image_and_tells_resolution_and_ctf(
    form: Any, viewer: Any, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "two.txt").write_text(CTFFIND.format(name="two", u=15200, v=14800))
    form.eye.spectrum.native.click()
    window = SpectrumWindow.of(viewer)
    qtbot.waitUntil(lambda: "1.50 µm" in window.said.text(), timeout=LIMIT)
    assert window.dialog.windowTitle() == "Power spectrum of two.mrc"
    assert window.half.isEnabled()
    picture = window.picture
    picture.resize(512, 512)
    qtbot.mouseMove(picture, QPoint(256 + 128, 256))
    qtbot.waitUntil(lambda: window.pointed.text().endswith("Å"))
    assert float(window.pointed.text()[:-2]) == pytest.approx(4 * PIXEL_SIZE, rel=0.02)
    plain = picture.grab().toImage()
    window.half.click()
    assert picture.grab().toImage() != plain

    viewer.layers.selection.active = viewer.layers["one"]
    qtbot.waitUntil(lambda: "not known" in window.said.text(), timeout=LIMIT)
    assert not window.half.isEnabled()
    (tmp_path / "other").mkdir()
    told = tmp_path / "other" / "one.txt"
    told.write_text(CTFFIND.format(name="one", u=22000, v=22000))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(told), ""))
    window.choose.click()
    qtbot.waitUntil(lambda: "2.20 µm" in window.said.text(), timeout=LIMIT)
    window.dialog.close()


@pytest.mark.gui
def test_in_a_project_the_spectrum_is_that_of_its_micrograph(viewer: Any, qtbot: Any, tmp_path: Path) -> None:
    dock = viewer.window.add_plugin_dock_widget("napari-drpnet", "Micrographs")[1]
    session = Session.of(viewer)
    session.open(make_project(tmp_path))
    dock.eye.spectrum.native.click()
    window = SpectrumWindow.of(viewer)
    qtbot.waitUntil(lambda: session.current in window.dialog.windowTitle(), timeout=LIMIT)
    session.next()
    qtbot.waitUntil(lambda: session.current in window.dialog.windowTitle(), timeout=LIMIT)
    session.close()
    assert "Open a micrograph" in window.said.text()
    window.dialog.close()
