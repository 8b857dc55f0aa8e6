"""A real window and a small micrograph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import QSettings

from blobs import PIXEL_SIZE, grid_of_blobs, write_mrc
from napari_drpnet.io.project.project import Project
from napari_drpnet.widgets.session.session import Session


@pytest.fixture
def viewer(make_napari_viewer_proxy: Any, request: pytest.FixtureRequest) -> Any:
    """A window. It is on the screen where a test is marked as ``painted``; that takes as long again."""
    return make_napari_viewer_proxy(show=request.node.get_closest_marker("painted") is not None)


@pytest.fixture(autouse=True)
def settings_of_nobody(tmp_path: Path) -> None:
    """What a window remembers for the next one is not kept in anybody's home."""
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path / "config"))


@pytest.fixture
def micrograph_file(tmp_path: Path) -> Path:
    return write_mrc(tmp_path / "blobs.mrc", grid_of_blobs()[0], PIXEL_SIZE)


@pytest.fixture
def session(viewer: Any, project: Project) -> Any:
    """A session with the project of the test's own module open."""
    session = Session.of(viewer)
    session.open(project)
    yield session
    session.close()
