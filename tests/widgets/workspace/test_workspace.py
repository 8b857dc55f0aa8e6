"""The Workspace: from a dropped folder to files for the next program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

from blobs import PIXEL_SIZE, grid_of_blobs, write_mrc
from napari_drpnet.io import read_picks
from napari_drpnet.io.project.project import Project
from napari_drpnet.io.star_lists import write_coordinate_list
from napari_drpnet.widgets.kit.recent import recent_projects
from napari_drpnet.widgets.workspace.dock import TABS
from projects import make_project

pytestmark = pytest.mark.gui
LIMIT = 30_000  # milliseconds


@pytest.fixture
def workspace(viewer: Any) -> Any:
    return viewer.window.add_plugin_dock_widget("napari-drpnet", "Workspace")[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two micrographs."""
    there = tmp_path / "micrographs"
    there.mkdir()
    for name in ("m1", "m2"):
        write_mrc(there / f"{name}.mrc", grid_of_blobs()[0], PIXEL_SIZE)
    return there


def drop(workspace: Any, path: Path) -> None:
    """What Qt does when somebody drops a file on the picture."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    widgets = workspace.window().findChildren(QWidget)
    (target,) = [widget for widget in widgets if widget.acceptDrops() and type(widget).__name__ == "QtViewer"]
    how = (Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(target, QDragEnterEvent(QPoint(9, 9), *how))
    QApplication.sendEvent(target, QDropEvent(QPointF(9, 9), *how))
    QApplication.processEvents()


@pytest.mark.painted
def test_from_a_dropped_folder_to_files_for_relion(workspace: Any, folder: Path, qtbot: Any) -> None:
    workspace.show_tab("Gallery")
    drop(workspace, folder)  # 1
    dock = workspace.tab("Micrographs")
    form = dock.open_form
    assert workspace.tabs.current == "Micrographs"
    assert "Make a project of micrographs?" in form.job.status.value
    QTest.keyClicks(form.diameter.native, "120")  # 2; the field has the focus, and what is in it is selected
    with qtbot.waitSignal(dock.session.opened, timeout=LIMIT):
        QTest.keyClick(form.diameter.native, Qt.Key.Key_Return)
    assert dock.session.project.folder == folder / "picking"
    assert dock.session.project.settings.diameter == 120
    dock.session.configure(picker="dark-discs")
    with qtbot.waitSignal(dock.job.ended, timeout=LIMIT):
        dock.job.button.native.click()  # 3
    shown = len(dock.session.points.data)  # 4: look
    export = workspace.show_tab("Export")
    with qtbot.waitSignal(export.job.ended, timeout=LIMIT):
        export.job.button.native.click()  # 5
    (picks, _) = read_picks(folder / "picking" / "export" / "star" / "autopick.star")
    assert len(picks) == shown > 0
    assert f"{dock.session.project.rows()[0].picks + dock.session.project.rows()[1].picks} picks of 2" in (
        export.job.status.value
    )


@pytest.mark.painted
def test_what_was_open_is_offered_again(workspace: Any, folder: Path, qtbot: Any, tmp_path: Path) -> None:
    make_project(tmp_path / "first").close()
    drop(workspace, tmp_path / "first" / "project")  # a project opens at once
    dock = workspace.tab("Micrographs")
    qtbot.waitUntil(lambda: dock.session.project is not None, timeout=LIMIT)
    assert recent_projects() == [tmp_path / "first" / "project"]
    dock.close_button.click()
    dock.open_form.open(recent_projects()[0])
    qtbot.waitUntil(lambda: dock.session.project is not None, timeout=LIMIT)
    drop(workspace, folder)  # another one
    assert dock.session.project is None
    assert dock.open_form.inputs.text == str(folder)
    assert recent_projects() == [tmp_path / "first" / "project"]


def test_a_list_of_relion_is_offered_as_a_project_in_relions_own(workspace: Any, folder: Path, viewer: Any) -> None:
    (folder.parent / "default_pipeline.star").write_text("data_\n")
    listed = folder / "job003" / "micrographs.star"
    listed.parent.mkdir()
    rows = "\n".join(f"micrographs/{name}.mrc" for name in ("m1", "m2"))
    listed.write_text(f"data_\n\nloop_\n_rlnMicrographName #1\n{rows}\n")
    viewer.open(str(listed), plugin="napari-drpnet")
    QApplication.processEvents()
    form = workspace.tab("Micrographs").open_form
    assert (form.folder.text, form.inputs.text) == (str(folder.parent / "picking"), str(listed))
    assert list(viewer.layers) == []


def test_a_list_of_coordinates_of_an_open_micrograph_is_shown_on_it(workspace: Any, folder: Path, viewer: Any) -> None:
    for name in ("m1", "m2"):
        columns = "_rlnCoordinateX #1\n_rlnCoordinateY #2"
        (folder / f"{name}_autopick.star").write_text(f"data_\n\nloop_\n{columns}\n30 40\n")
    pairs = [(str(folder / f"{name}.mrc"), str(folder / f"{name}_autopick.star")) for name in ("m1", "m2")]
    write_coordinate_list(pairs, folder / "autopick.star")
    viewer.open(str(folder / "m1.mrc"), plugin="napari-drpnet")
    viewer.open(str(folder / "autopick.star"), plugin="napari-drpnet")
    QApplication.processEvents()
    assert any(
        np.array_equal(layer.data[:, ::-1], [[30, 40]]) for layer in viewer.layers if hasattr(layer, "border_width")
    )


def test_the_tab_follows_the_work(workspace: Any, folder: Path, viewer: Any, tmp_path: Path) -> None:
    assert workspace.tabs.current == "Micrographs"
    viewer.open(str(folder / "m1.mrc"), plugin="napari-drpnet")
    assert workspace.tabs.current == "Pick"  # a single micrograph
    project = make_project(tmp_path / "other")
    workspace.tab("Pick").session.open(project)
    assert workspace.tabs.current == "Micrographs"  # a project
    workspace.tab("Pick").session.close()


def test_every_tab_is_there_by_key_and_goes_with_the_dock(workspace: Any, viewer: Any, qtbot: Any) -> None:
    for number, name in enumerate(TABS, 1):
        workspace.tabs.buttons[name].click()
        assert workspace.tabs.current == name
        assert workspace.tabs.buttons[name].shortcut().toString() == f"Alt+{number}"
    pick = workspace.tab("Pick")
    viewer.window.remove_dock_widget(workspace)
    assert not pick._heard._made  # it was told that it is gone
    viewer.add_image(np.zeros((64, 64)))  # nothing listens any more


def test_nothing_to_export_is_said(workspace: Any, tmp_path: Path, qtbot: Any) -> None:
    export = workspace.show_tab("Export")
    assert not export.job.button.enabled
    project: Project = make_project(tmp_path)
    export.session.open(project)
    export.only_done.value = True
    with qtbot.waitSignal(export.job.ended, timeout=LIMIT), qtbot.capture_exceptions():
        export.job.button.native.click()
    assert "No micrograph is marked as done" in export.job.status.value
    export.session.mark_done("a1", True)
    with qtbot.waitSignal(export.job.ended, timeout=LIMIT):
        export.job.button.native.click()
    assert "picks of 1 micrographs" in export.job.status.value
    export.session.close()


@pytest.mark.painted
def test_particles_have_all_the_height_of_the_gallery(workspace: Any, qtbot: Any) -> None:
    gallery = workspace.show_tab("Gallery")
    qtbot.waitUntil(lambda: gallery.form.height() >= gallery.native.viewport().height(), timeout=2000)
