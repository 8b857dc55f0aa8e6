"""All of the loop by keys alone: open, pick, go from pick to pick, label, next, done, retrain, save."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDockWidget, QToolButton

from blobs import DIAMETER, PIXEL_SIZE, grid_of_blobs, write_mrc
from napari_drpnet.io.project.project import Project
from napari_drpnet.widgets.kit.help import HelpWindow
from napari_drpnet.widgets.kit.key_list import KeyList
from napari_drpnet.widgets.kit.recent import remember_project

pytestmark = [pytest.mark.gui, pytest.mark.painted, pytest.mark.slow]
KEY, MODIFIER = Qt.Key, Qt.KeyboardModifier
CTRL, ALT, SHIFT = MODIFIER.ControlModifier, MODIFIER.AltModifier, MODIFIER.ShiftModifier
LIMIT = 120_000  # milliseconds


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in "ab":
        write_mrc(tmp_path / f"{name}.mrc", grid_of_blobs()[0], PIXEL_SIZE)
    project = Project.create(
        tmp_path / "project", inputs=(str(tmp_path / "*.mrc"),), picker="dark-discs", diameter=DIAMETER
    )
    project.close()
    remember_project(project.folder)
    return project.folder


def press(key: Any, modifier: Any = MODIFIER.NoModifier) -> None:
    """A key, to whatever has the keyboard."""
    QTest.keyClick(QApplication.focusWidget() or QApplication.activeWindow(), key, modifier)
    QTest.qWait(20)


def activate(work: Any, qtbot: Any) -> None:
    """Give a window the keyboard."""
    work.window().activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is work.window() and QApplication.focusWidget() is not None)


def test_the_loop(viewer: Any, folder: Path, qtbot: Any) -> None:
    _, work = viewer.window.add_plugin_dock_widget("napari-drpnet", "Workspace")
    activate(work, qtbot)
    session, dock = work._session, work.tab("Micrographs")

    def wait(job: Any) -> None:
        qtbot.waitUntil(lambda: not job.running, timeout=LIMIT)

    press(KEY.Key_R, ALT)  # the last project
    qtbot.waitUntil(lambda: session.project is not None, timeout=LIMIT)
    first = session.current
    press(KEY.Key_R, SHIFT)  # pick all
    assert dock.job.running
    wait(dock.job)
    count = len(session.picks(first))
    assert count == len(grid_of_blobs()[1])

    for label in (KEY.Key_G, KEY.Key_B, KEY.Key_G):
        press(KEY.Key_Period)
        press(label)
    press(KEY.Key_Comma)  # the one in the middle
    press(KEY.Key_T)
    labels = session.picks(first)
    assert labels.label[labels.by_hand].tolist() == ["particle"] * 3
    press(KEY.Key_U)
    assert len(session.points.selected_data) == 1
    press(KEY.Key_G)

    press(KEY.Key_D)  # asks what the rest is
    qtbot.waitUntil(lambda: QApplication.activeWindow() is dock.panel.question)
    press(KEY.Key_Return)
    qtbot.waitUntil(lambda: session.project.row(first).state == "done")
    activate(work, qtbot)  # a window manager does that
    press(KEY.Key_N)
    assert session.current != first

    press(KEY.Key_5, ALT)
    qtbot.waitUntil(lambda: work.tabs.current == "Retrain")
    training = work.tab("Retrain").training
    press(KEY.Key_Return, CTRL)
    assert training.job.running, training.job.status.value
    wait(training.job)
    assert training.report is not None

    press(KEY.Key_7, ALT)
    qtbot.waitUntil(lambda: work.tabs.current == "Export")
    export = work.tab("Export")
    press(KEY.Key_Return, CTRL)
    wait(export.job)
    assert "picks of 2 micrographs are in" in export.job.status.value


def test_the_list_of_keys_and_the_help_of_a_dock(viewer: Any, qtbot: Any) -> None:
    _, work = viewer.window.add_plugin_dock_widget("napari-drpnet", "Workspace")
    window = work.window()
    dock = next(dock for dock in window.findChildren(QDockWidget) if dock.isAncestorOf(work))
    for _ in range(2):  # napari makes a new title each time
        qtbot.waitUntil(lambda: len(window.findChildren(QToolButton, "napari-drpnet help")) == 1)
        dock.setFloating(not dock.isFloating())
    work.show_tab("Export")
    window.findChildren(QToolButton, "napari-drpnet help")[0].click()
    (page,) = window.findChildren(HelpWindow)
    qtbot.waitUntil(lambda: page.text.textCursor().block().text() == "Export")
    page.close()
    activate(work, qtbot)
    work.tabs.buttons["Export"].setFocus()
    press(KEY.Key_Question)
    qtbot.waitUntil(lambda: bool(window.findChildren(KeyList)))
    shown = window.findChildren(KeyList)[0]
    shown.activateWindow()  # a window manager does that
    qtbot.waitUntil(lambda: QApplication.activeWindow() is shown)
    press(KEY.Key_Escape)
    qtbot.waitUntil(lambda: not window.findChildren(KeyList) or not shown.isVisible())
