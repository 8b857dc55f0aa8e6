"""Open every dock and every tab in a real window, and print what does not fit.

``python layouts.py FOLDER dark 1280x800 1600x1000``
Run as a program of its own, since Qt takes the scale of the screen from the environment when it begins.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import napari
from qtpy.QtCore import QPoint, QRect
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QApplication,
    QCheckBox,
    QComboBox,
    QLabel,
    QScrollBar,
    QTabWidget,
    QWidget,
)

from blobs import DIAMETER, PIXEL_SIZE, grid_of_blobs, write_mrc
from napari_drpnet import jobs
from napari_drpnet.io.project.project import Project
from napari_drpnet.widgets.kit.job import JobBar
from napari_drpnet.widgets.session.session import Session
from napari_drpnet.widgets.workspace.dock import TABS
from projects import some_picks

LONG = "20261129_grid3_FoilHole_21766342_Data_21768957_21768958_20260101" + 5 * "_patch" + "_aligned_dose_weighted_sum"
DOCKS = (
    "Preprocess",
    "Simulate",
    "Harvest",
    "Micrographs",
    "Pick",
    "2D averages",
    "Gallery",
    "Retrain",
    "Compare",
    "Export",
    "Assess",
)
SLACK = 2  # pixels


def main(folder: Path, theme: str, sizes: list[tuple[int, int]]) -> None:
    """Print a line for each thing that is cut off."""
    project = _project(folder, tuple(f"{LONG}_{number:03}" for number in range(4)))
    viewer = napari.Viewer(show=True)
    window = _resized(viewer, sizes[0])
    window.setUpdatesEnabled(False)  # where things lie is all that matters, and drawing takes most of the time
    session = Session.of(viewer)
    session.open(project)
    looked = 0
    viewer.theme = theme
    for name in ("Workspace", *DOCKS):
        dock, form = viewer.window.add_plugin_dock_widget("napari-drpnet", name)
        for size in sizes:
            _resized(viewer, size)
            for place in _places(dock, form, name):
                where = f"{size[0]}x{size[1]} {theme} {place}"
                _tell_growth(window, size, where)
                for fault in faults(dock):
                    print(f"{where}: {fault}")
                looked += 1
        viewer.window.remove_dock_widget(dock)
    _resized(viewer, sizes[0])
    for name in DOCKS:  # as somebody does who follows the tutorial
        viewer.window.add_plugin_dock_widget("napari-drpnet", name)
        _settle()
        _tell_growth(window, sizes[0], f"all docks up to {name}")
    print(f"looked at {looked}")
    gc.freeze()  # napari looks for garbage in all there is whenever a layer goes
    session.close()
    viewer.close()


def _places(dock: Any, form: Any, name: str) -> Iterator[str]:
    """Every page of a dock, shown one after the other."""
    for tab in TABS if name == "Workspace" else [""]:
        if tab:
            form.show_tab(tab)
        _tell_at_length(dock)
        for inner in _inner_tabs(dock):
            _settle()
            yield " ".join(filter(None, (name, tab, inner)))


def _tell_growth(window: Any, size: tuple[int, int], where: str) -> None:
    if (window.width(), window.height()) != size:
        print(f"{where}: the window is {window.width()} x {window.height()}")


def _project(folder: Path, names: tuple[str, ...]) -> Project:
    folder.mkdir(parents=True)
    for name in names:
        write_mrc(folder / f"{name}.mrc", grid_of_blobs()[0], PIXEL_SIZE)
    project = jobs.open_project(folder / "project", [str(folder)], diameter=DIAMETER)
    for name in names:
        project.write_picks(name, some_picks(name))
    return project


def faults(dock: Any) -> Iterator[str]:
    """What of a dock is cut off, as far as nobody can scroll to it."""
    for widget in dock.findChildren(QWidget):
        if not widget.isVisible() or isinstance(widget, QScrollBar) or _is_of_view(widget):
            continue
        text = widget.text() if isinstance(widget, QAbstractButton | QLabel) else ""
        called = f"{type(widget).__name__} {text!r}"[:80]
        if isinstance(widget, QAbstractButton | QLabel) and _needs(widget) > widget.width() + SLACK:
            yield f"{called} is {widget.width()} wide and needs {_needs(widget)}"
        if isinstance(widget, QLabel) and widget.wordWrap() and widget.text():
            needed = widget.heightForWidth(widget.width())
            if needed > widget.height() + SLACK:
                yield f"{called} is {widget.height()} high and needs {needed}"
        yield from (f"{called} {how}" for how in _outside(widget, dock))


def _outside(widget: QWidget, dock: QWidget) -> Iterator[str]:
    """How a widget sticks out of what holds it."""
    place = QRect(widget.mapTo(dock, QPoint(0, 0)), widget.size())
    parent = widget.parentWidget()
    while parent is not None and parent is not dock:
        area = parent.parentWidget()
        if isinstance(area, QAbstractScrollArea) and parent is area.viewport():
            sideways = area.horizontalScrollBar().isVisible()
            if not sideways and place.right() > _right_of(parent, dock) + SLACK:
                yield f"sticks out to the right by {place.right() - _right_of(parent, dock)}, and nothing scrolls"
            return  # whether it can be scrolled to downwards is up to Qt, which scrolls as far as there is something
        parent = parent.parentWidget()
    if place.right() > dock.width() + SLACK or place.bottom() > dock.height() + SLACK:
        yield f"sticks out of the dock: {place.right()}, {place.bottom()} of {dock.width()}, {dock.height()}"


def _right_of(parent: QWidget, dock: QWidget) -> int:
    return parent.mapTo(dock, QPoint(parent.width() - 1, 0)).x()


def _needs(widget: QWidget) -> int:
    """Pixels of the width without which text is cut."""
    if isinstance(widget, QLabel) and (widget.wordWrap() or not widget.text()):
        return 0
    if isinstance(widget, QCheckBox | QLabel):
        return widget.minimumSizeHint().width()
    text = widget.text() if isinstance(widget, QAbstractButton) else ""
    return widget.fontMetrics().horizontalAdvance(text.replace("&", ""))


def _is_of_view(widget: QWidget) -> bool:
    """Whether it is inside a table or a box, which cut what they show with dots."""
    parent = widget.parentWidget()
    while parent is not None:
        if isinstance(parent, QAbstractItemView | QComboBox):
            return True
        parent = parent.parentWidget()
    return False


def _inner_tabs(dock: Any) -> Iterator[str]:
    """Each of the tabs inside of a form, shown; once where there are none."""
    tabs = [one for one in dock.findChildren(QTabWidget) if one.isVisible()]
    if not tabs:
        yield ""
    for one in tabs:
        for number in range(one.count()):
            one.setCurrentIndex(number)
            yield one.tabText(number)


def _tell_at_length(dock: Any) -> None:
    """A job that is at a micrograph with a long name, and says so."""
    for bar in [getattr(widget, "_magic_widget", None) for widget in dock.findChildren(QWidget)]:
        if isinstance(bar, JobBar):
            bar.say(f"83 of 500 · {LONG}: measuring what averages prove")
            bar.progress.show()


def _resized(viewer: Any, size: tuple[int, int]) -> Any:
    window = viewer.window._qt_window
    window.resize(*size)
    _settle()
    return window


def _settle() -> None:
    for _ in range(4):
        QApplication.processEvents()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], [(int(w), int(h)) for w, h in (one.split("x") for one in sys.argv[3:])])
