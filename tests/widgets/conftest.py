"""A real window and a small micrograph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from blobs import PIXEL_SIZE, grid_of_blobs, write_mrc


@pytest.fixture
def viewer(make_napari_viewer_proxy: Any) -> Any:
    return make_napari_viewer_proxy(show=True)


@pytest.fixture
def micrograph_file(tmp_path: Path) -> Path:
    return write_mrc(tmp_path / "blobs.mrc", grid_of_blobs()[0], PIXEL_SIZE)
