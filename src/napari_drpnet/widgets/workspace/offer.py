"""A folder or a list that was dropped on the window: open the project that it is, or offer to make one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer

from napari_drpnet import jobs
from napari_drpnet.widgets.session.session import Session

if TYPE_CHECKING:
    from napari.viewer import Viewer


def offer_project(viewer: Viewer, path: Path) -> None:
    """Show the Workspace with a project, as soon as napari has finished with what was dropped.

    Parameters
    ----------
    viewer
        Its window.
    path
        A project; or a folder or a STAR file of micrographs, to make one of.
    """
    QTimer.singleShot(0, lambda: _offer(viewer, path))


def _offer(viewer: Viewer, path: Path) -> None:
    _, workspace = viewer.window.add_plugin_dock_widget("napari-drpnet", "Workspace")
    form = workspace.show_tab("Micrographs").open_form
    Session.of(viewer).close()  # one at a time; it is on the first page again
    if jobs.is_project(path):
        form.open(path)
    else:
        form.offer(path)
