"""A 3D volume is shown, but nothing is picked on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest

from blobs import PIXEL_SIZE, grid_of_blobs, write_mrc

pytestmark = pytest.mark.gui


def test_a_volume_is_no_micrograph(viewer: Any, tmp_path: Path) -> None:
    with mrcfile.new(tmp_path / "map.mrc") as file:
        file.set_data(np.zeros((32, 32, 32), np.float32))
    _, form = viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")
    viewer.open(str(tmp_path / "map.mrc"), plugin="napari-drpnet")
    viewer.add_image(np.zeros((8, 8, 8)), name="of another reader")
    assert form.source.layer is None
    assert not form.job.button.enabled
    assert form.job.status.value == "map is a 3D volume, not a micrograph. Open a micrograph first."
    viewer.open(str(write_mrc(tmp_path / "a.mrc", grid_of_blobs()[0], PIXEL_SIZE)), plugin="napari-drpnet")
    assert form.source.layer.name == "a"
    assert form.job.button.enabled
