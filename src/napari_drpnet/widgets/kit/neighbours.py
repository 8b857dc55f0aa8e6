"""Docks of ours lie on each other as tabs: below each other they would make the window higher than the screen."""

from __future__ import annotations

from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from napari_drpnet.widgets.kit.help import offer_help
from napari_drpnet.widgets.kit.key_list import listen

_OURS = "napari-drpnet"  # property of the docks that hold a form of ours


def join_neighbours(form: QWidget) -> None:
    """Put the dock that a form has just come into on those of ours that are there; later it stays where it is put."""
    dock = _dock_of(form)
    window = None if dock is None else dock.parentWidget()
    if dock is None or not isinstance(window, QMainWindow) or dock.property(_OURS):
        return
    dock.setProperty(_OURS, True)
    offer_help(dock)
    listen(window)
    area = window.dockWidgetArea(dock)
    others = [
        other
        for other in window.findChildren(QDockWidget)
        if other is not dock and other.property(_OURS) and not other.isHidden() and not other.isFloating()
    ]
    here = [other for other in others if window.dockWidgetArea(other) == area]
    if here and not dock.isFloating():
        window.tabifyDockWidget(here[-1], dock)
        dock.raise_()


def _dock_of(form: QWidget) -> QDockWidget | None:
    parent = form.parentWidget()
    while parent is not None and not isinstance(parent, QDockWidget):
        parent = parent.parentWidget()
    return parent
