"""Readers leave what is of the whole process alone: others read in other threads meanwhile."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.transform import Rotation

from napari_drpnet.io.alignments import read_alignments
from napari_drpnet.io.picks.cryosparc_table import read_table
from napari_drpnet.io.pictures import open_picture

Alone: TypeAlias = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Alone:
    """A block that may neither warn nor touch the filters of warnings, which are of the whole process."""

    @contextmanager
    def block() -> Iterator[None]:
        touched = list[object]()
        with monkeypatch.context() as patched, warnings.catch_warnings():
            warnings.simplefilter("error")
            patched.setattr(warnings.catch_warnings, "__enter__", touched.append)
            patched.setattr(warnings.catch_warnings, "__exit__", lambda *_: None)
            patched.setattr(warnings, "simplefilter", lambda *_: None)
            yield
            patched.undo()
        assert not touched

    return block


def test_a_picture_of_ninety_million_pixels_is_read(tmp_path: Path, alone: Alone):
    Image.new("L", (9_500, 9_500), 7).save(tmp_path / "large.png", compress_level=1)
    with alone():
        image = open_picture(tmp_path / "large.png")
    assert image.shape == (9_500, 9_500)
    assert image[5000, 5000] == 7


def test_a_table_of_python_2_is_read(tmp_path: Path, alone: Alone):
    header = (
        b"{'descr': [('uid', '<u8'), ('alignments3D/pose', '<f4', (3L,))], 'fortran_order': False, 'shape': (1L,), }"
    )
    row = struct.pack("<Q3f", 5, 1, 2, 3)
    (tmp_path / "old.cs").write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + row)
    with alone():
        table = read_table(tmp_path / "old.cs", lambda _: True)
    assert table.numbers("alignments3D/pose", 3).tolist() == [[1, 2, 3]]


def test_angles_of_cryosparc_turn_as_its_poses_do(tmp_path: Path, alone: Alone):
    """Also where the particle is not tilted, or turned over: rot and psi are then about one axis."""
    odd = [[0, 0, 0], [0, 0, 2], [0, np.pi, 0], [np.pi, 0, 0], [2.0, -2.0, 0], [0, 1e-9, 3], [0, 0, -np.pi]]
    poses = np.vstack([odd, Rotation.random(200, random_state=1).as_rotvec()])
    rows = np.zeros(len(poses), [("uid", "<u8"), ("alignments3D/pose", "<f8", (3,))])
    rows["alignments3D/pose"] = poses
    with (tmp_path / "particles.cs").open("wb") as file:
        np.save(file, rows)
    with alone():
        found = read_alignments(tmp_path / "particles.cs")
    turned = Rotation.from_euler("ZYZ", np.column_stack([found.rot, found.tilt, found.psi]), degrees=True)
    assert (turned * Rotation.from_rotvec(poses).inv()).magnitude().max() < 1e-6
    assert found.tilt.min() >= 0
    assert found.tilt.max() <= 180
    assert np.abs([found.rot, found.psi]).max() <= 180
    assert found.psi[:3].tolist() == [0, 0, 0]
