"""A layer of picks that is deleted by hand does not bring napari down."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from blobs import grid_of_blobs

pytestmark = [pytest.mark.gui, pytest.mark.slow]
SCRIPT = Path(__file__).parents[2] / "helpers" / "edit_delete_run.py"


def test_picks_are_edited_their_layer_is_deleted_and_run_is_pressed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path / "blobs.mrc")],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"XDG_CONFIG_HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == [str(len(grid_of_blobs()[1])), "picks"]
