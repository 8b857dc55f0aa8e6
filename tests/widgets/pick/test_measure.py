"""Particles measured with the mouse on the micrograph, in the Pick form and in a project."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.utils._proxies import ReadOnlyWrapper
from napari.utils.interactions import mouse_move_callbacks, mouse_press_callbacks, mouse_release_callbacks
from qtpy.QtCore import Qt

from blobs import PIXEL_SIZE, grid_of_blobs
from napari_drpnet.widgets.session.session import Session
from projects import make_project

pytestmark = pytest.mark.gui


def drag(viewer: Any, *places: tuple[float, float], button: int = 1) -> bool:
    """Press, move and release the mouse at places of the world, as napari tells of it; whether the view stays."""
    real = getattr(viewer, "__wrapped__", viewer)
    active = real.layers.selection.active
    handled = False
    for number, place in enumerate((*places, places[-1])):
        last = number == len(places)
        kind, tell = (
            ("mouse_press", mouse_press_callbacks)
            if number == 0
            else ("mouse_release", mouse_release_callbacks)
            if last
            else ("mouse_move", mouse_move_callbacks)
        )
        event = SimpleNamespace(
            type=kind,
            button=button,
            is_dragging=True,
            handled=False,
            position=place,
            pos=np.array(place),
            modifiers=(),
            view_direction=None,
            dims_displayed=[0, 1],
            dims_point=[0, 0],
        )
        told = ReadOnlyWrapper(event, exceptions=("handled",))
        tell(real, told)
        handled = handled or event.handled
        if active is not None:
            tell(active, told)
    return handled


@pytest.fixture
def form(viewer: Any, micrograph_file: Any) -> Any:
    viewer.open(str(micrograph_file), plugin="napari-drpnet")
    return viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")[1]


def rings(viewer: Any) -> list[Any]:
    return [layer for layer in viewer.layers if layer.metadata.get("role") == "ring" and layer.visible]


def test_the_diameter_follows_the_drag_and_is_the_mean_of_all(form: Any, viewer: Any) -> None:
    form.show_ring.value = False
    form.size.row.button.native.click()
    assert "edge to edge" in form.in_pixels.value
    told: list[float] = []
    form.diameter.changed.connect(told.append)
    assert drag(viewer, (100.0, 100.0), (100.0, 150.0), (100.0, 240.0))
    assert form.diameter.value == 140
    assert told == [140], "only when the button is released"
    assert form.size.told
    drag(viewer, (300.0, 300.0), (420.0, 300.0))
    drag(viewer, (300.0, 300.0), (302.0, 300.0))  # a click
    drag(viewer, (300.0, 300.0), (400.0, 300.0), button=2)
    assert form.diameter.value == 130
    pixels = 130 / PIXEL_SIZE
    assert form.in_pixels.value == f"2 particles: 130 ± 14 Å = {pixels:.1f} px"
    (ring,) = rings(viewer)
    np.testing.assert_allclose(ring.data * PIXEL_SIZE, [[100, 170], [360, 300]])
    np.testing.assert_allclose(ring.size * PIXEL_SIZE, [140, 120])
    form.size.row.button.native.click()
    assert not rings(viewer)
    assert form.in_pixels.value == f"= {pixels:.1f} px"
    assert not drag(viewer, (0.0, 0.0), (300.0, 300.0))
    assert form.diameter.value == 130


def test_picks_stay_where_they_are_while_somebody_measures(form: Any, viewer: Any) -> None:
    points = viewer.add_points([[40.0, 40.0], [60.0, 60.0]], size=30)
    viewer.layers.selection = {points}
    for mode in ("add", "select"):
        points.mode = mode
        form.size.row.measure.switch(True)
        drag(viewer, (40.0, 40.0), (40.0, 90.0))
        np.testing.assert_array_equal(points.data, [[40, 40], [60, 60]])
        assert points.mode == mode
        form.size.row.measure.switch(False)


@pytest.mark.parametrize("factor", [1, 2])
def test_on_a_scaled_and_moved_image_lengths_are_those_of_the_world(viewer: Any, factor: int) -> None:
    image = grid_of_blobs()[0][::factor, ::factor]
    scale = (3.0 * factor, 3.0 * factor)
    viewer.add_image(image, scale=scale, translate=(50, 20), rotate=30, units=("angstrom", "angstrom"))
    form = viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")[1]
    form.size.row.measure.switch(True)
    drag(viewer, (100.0, 100.0), (160.0, 180.0))
    assert form.diameter.value == 100
    (ring,) = rings(viewer)
    np.testing.assert_allclose(ring.data_to_world(ring.data[0]), [130, 140])


def test_without_a_pixel_size_it_says_so(viewer: Any) -> None:
    viewer.add_image(grid_of_blobs()[0])
    form = viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")[1]
    before = form.diameter.value
    form.size.row.measure.switch(True)
    drag(viewer, (10.0, 10.0), (10.0, 30.0))
    assert form.in_pixels.value == "1 particle: 20 px. Give the pixel size to have it in Å."
    assert form.diameter.value == before


@pytest.mark.painted
def test_escape_ends_it_wherever_the_keyboard_is_and_so_does_another_tab(
    viewer: Any, tmp_path: Any, qtbot: Any
) -> None:
    work = viewer.window.add_plugin_dock_widget("napari-drpnet", "Workspace")[1]
    session = Session.of(viewer)
    session.open(make_project(tmp_path))
    form = work.show_tab("Micrographs")
    form.settings.open(True)
    row = form.settings.measured
    qtbot.waitUntil(row.native.isVisible)
    canvas = getattr(viewer, "__wrapped__", viewer).window._qt_viewer.canvas.native
    for focus in (canvas, form.table, row.button.native):
        row.button.native.click()
        assert row.measure.on
        qtbot.keyClick(focus, Qt.Key.Key_Escape)
        assert not row.measure.on
        assert not row.button.native.isChecked()
    row.button.native.click()
    work.show_tab("Pick")
    assert not row.measure.on
    session.close()


def test_the_micrographs_of_a_project_are_measured_together(viewer: Any, tmp_path: Any) -> None:
    project = make_project(tmp_path)
    dock = viewer.window.add_plugin_dock_widget("napari-drpnet", "Micrographs")[1]
    session = Session.of(viewer)
    session.open(project)
    row = dock.settings.measured
    row.button.native.click()
    drag(viewer, (100.0, 100.0), (100.0, 200.0))
    assert project.settings.diameter == 100
    session.next()
    assert not rings(viewer), "rings of another micrograph are not seen"
    drag(viewer, (100.0, 100.0), (100.0, 220.0))
    assert project.settings.diameter == 110
    assert row.said.value.startswith("2 particles: 110 ± 14 Å")
    names = {layer.name for layer in viewer.layers}
    row.measure.switch(False)
    assert names - {layer.name for layer in viewer.layers} == {"particle size"}
    session.close()
