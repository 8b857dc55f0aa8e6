"""Averages that are made once, and a project of their micrographs for each test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from napari_drpnet import jobs
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs import Averages
from napari_drpnet.settings import AveragingSettings
from napari_drpnet.widgets.averages.run import Found
from napari_drpnet.widgets.averages.target import ProjectTarget
from two_views import DIAMETER, project_of_views, write_all_views


@pytest.fixture(scope="session")
def micrographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_all_views(tmp_path_factory.mktemp("views") / "m")


@pytest.fixture(scope="session")
def averages(micrographs: Path) -> Averages:
    """Of three classes: a bar with a ball, a ring, nothing."""
    with project_of_views(micrographs.parent / "p", micrographs) as project:
        source = jobs.picked_in_project(project)
        return jobs.finish(jobs.average(source.micrographs, AveragingSettings(diameter=DIAMETER, classes=3)))


@pytest.fixture
def project(tmp_path: Path, micrographs: Path) -> Project:
    return project_of_views(tmp_path / "project", micrographs)


@pytest.fixture
def dock(viewer: Any, session: Any) -> Any:
    _, widget = viewer.window.add_plugin_dock_widget("napari-drpnet", "2D averages")
    return widget


@pytest.fixture
def filled(dock: Any, session: Any, averages: Averages) -> Any:
    """The dock with the averages of the project in it."""
    dock.take(Found(averages, jobs.picked_in_project(session.project)), ProjectTarget(session, session.project))
    return dock
