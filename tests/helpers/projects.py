"""Small projects, and what tests do to a window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import Qt

from blobs import DIAMETER, PIXEL_SIZE, SHAPE, grid_of_blobs, write_mrc
from napari_drpnet import jobs
from napari_drpnet.data import Frame, Picks
from napari_drpnet.io.project.project import Project

NAMES = ("a1", "a2", "b1", "b2")


def make_project(folder: Path, names: tuple[str, ...] = NAMES) -> Project:
    """A project of micrographs with blobs; the first two are picked, with rising scores."""
    images = folder / "micrographs"
    images.mkdir(parents=True)
    for seed, name in enumerate(names):
        write_mrc(images / f"{name}.mrc", grid_of_blobs(seed)[0], PIXEL_SIZE)
    settings = {"diameter": DIAMETER, "picker": "dark-discs"}
    project = jobs.open_project(folder / "project", [str(images)], **settings)
    for seed, name in enumerate(names[:2]):
        project.write_picks(name, some_picks(name, seed))
    return project


def some_picks(name: str, seed: int = 0) -> Picks:
    """The centres of the blobs as a picker's picks, with scores from 0.3 to 0.9."""
    centres = np.rint(grid_of_blobs(seed)[1])
    frame = Frame(f"{name}.mrc", SHAPE, PIXEL_SIZE)
    score = np.linspace(0.3, 0.9, len(centres))
    return Picks(frame, centres, score, np.array(DIAMETER / PIXEL_SIZE), source=np.array("discs"))


def press(viewer: Any, key: str) -> None:
    """Press a key in the canvas, as ``Shift-N``."""
    *modifiers, name = key.split("-")
    special = {"Delete": Qt.Key.Key_Delete, "Escape": Qt.Key.Key_Escape}
    code = special[name] if name in special else getattr(Qt.Key, f"Key_{name}")
    state = Qt.KeyboardModifier.NoModifier
    for modifier in modifiers:
        state |= getattr(Qt.KeyboardModifier, f"{modifier}Modifier")
    from qtpy.QtTest import QTest

    QTest.keyClick(_canvas(viewer), code, state)


def drag(viewer: Any, yx: Any) -> None:
    """Drag the left button along a line through places in world coordinates, (y, x)."""
    from qtpy.QtCore import QPoint
    from qtpy.QtTest import QTest

    canvas = _canvas(viewer)
    camera = viewer.scene.camera
    middle = np.array([canvas.height(), canvas.width()]) / 2
    places = (np.asarray(yx, float) - np.asarray(camera.center[-2:])) * camera.zoom + middle
    points = [QPoint(round(x), round(y)) for y, x in places]
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QTest.mouseMove(canvas, points[0])
    QTest.mousePress(canvas, left, none, points[0])
    for point in points:
        _move(canvas, point)
    QTest.mouseRelease(canvas, left, none, points[-1])


def _move(canvas: Any, point: Any) -> None:
    """A move with the button down, which QTest does not make; those that come too soon after another are dropped."""
    from qtpy.QtTest import QTest

    QTest.qWait(15)
    from qtpy.QtCore import QEvent, QPointF
    from qtpy.QtGui import QMouseEvent
    from qtpy.QtWidgets import QApplication

    left = Qt.MouseButton.LeftButton
    at, everywhere = QPointF(point), QPointF(canvas.mapToGlobal(point))
    move = QMouseEvent(
        QEvent.Type.MouseMove, at, everywhere, Qt.MouseButton.NoButton, left, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(canvas, move)


def _canvas(viewer: Any) -> Any:
    return viewer.__wrapped__.window._qt_viewer.canvas.native
