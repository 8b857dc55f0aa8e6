"""OpenGL: a layer that goes takes its buffers and programs along, in the context that is current."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakSet, ref

from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QMainWindow, QWidget

if TYPE_CHECKING:
    from napari.viewer import Viewer

_GUARDED: WeakSet[Any] = WeakSet()


def guard_context(viewer: Viewer) -> None:
    """Make the canvas the current context before a layer is removed, as long as one of our docks is there.

    napari 0.9 deletes what the layer had on the graphics card in whichever context is current then, or in none. When
    another layer is drawn later the driver meets what is gone, and the process ends in ``glDrawArrays``.
    """
    viewer = getattr(viewer, "__wrapped__", viewer)
    if viewer not in _GUARDED:
        _GUARDED.add(viewer)
        there = ref(viewer)
        viewer.layers.events.removing.connect(lambda _: _make_current(there()))


def _make_current(viewer: Any) -> None:
    window = getattr(viewer, "window", None)
    docks = {} if window is None else window.dock_widgets
    main = next(filter(None, map(_main_window, docks.values())), None)
    for canvas in [] if main is None else main.findChildren(QOpenGLWidget):
        canvas.makeCurrent()


def _main_window(widget: Any) -> QMainWindow | None:
    """The window that a dock's widget belongs to, also while the dock floats."""
    parent: QWidget | None = getattr(widget, "native", widget)
    while parent is not None and not isinstance(parent, QMainWindow):
        parent = parent.parentWidget()
    return parent
