"""A real window and a small micrograph."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
from napari.utils.notifications import notification_manager

from blobs import PIXEL_SIZE, grid_of_blobs, write_mrc


@pytest.fixture
def viewer(make_napari_viewer_proxy: Any) -> Any:
    # napari collects garbage whenever layers go: a second each time, if it looks at all that was there before.
    gc.freeze()
    return make_napari_viewer_proxy(show=True)


@pytest.fixture(autouse=True)
def no_notices() -> None:
    """What napari told during another test is forgotten."""
    notification_manager.records.clear()


@pytest.fixture
def micrograph_file(tmp_path: Path) -> Path:
    return write_mrc(tmp_path / "blobs.mrc", grid_of_blobs()[0], PIXEL_SIZE)
