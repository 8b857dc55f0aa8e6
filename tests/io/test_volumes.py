"""A 3D volume is no micrograph, and no stack of them."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest

from napari_drpnet.errors import UserError
from napari_drpnet.io.images import open_image, read_single


def write(path: Path, shape: tuple[int, int, int], volume: bool) -> Path:
    with mrcfile.new(path) as file:
        file.set_data(np.zeros(shape, np.int8))
        if volume:
            file.set_volume()
        else:
            file.set_image_stack()
        file.voxel_size = 2.0
    return path


@pytest.mark.parametrize(
    ("name", "shape", "says_volume", "expected"),
    [
        ("cube.mrc", (32, 32, 32), False, True),
        ("tomogram.mrc", (12, 40, 60), True, True),
        ("tomogram.rec", (6, 80, 80), False, True),
        ("density.map", (20, 24, 28), True, True),
        ("movie.mrc", (12, 40, 60), False, False),
        ("movie_by_a_program_that_says_volume.mrc", (3, 40, 60), True, False),
        ("particles.mrcs", (32, 32, 32), True, False),
        ("micrograph.mrc", (1, 40, 60), True, False),
    ],
)
def test_what_is_a_volume(
    name: str, shape: tuple[int, int, int], says_volume: bool, expected: bool, tmp_path: Path
) -> None:
    path = write(tmp_path / name, shape, says_volume)
    assert open_image(path).volume is expected
    if expected:
        with pytest.raises(UserError, match=r"is a 3D volume \(\d+ x \d+ x \d+\)\. Particles are picked on 2D"):
            read_single(path)
