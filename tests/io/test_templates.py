"""Stacks of templates: rows as in the file, and none that fill the memory."""

import os
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from napari_drpnet import UserError
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.io.templates import read_templates

STACK = np.random.default_rng(0).normal(size=(3, 20, 20)).astype(np.float32)


def test_templates_are_read_with_their_pixel_size(tmp_path: Path) -> None:
    found = read_templates(write_mrc(STACK, tmp_path / "a.mrcs", 2.5))
    np.testing.assert_array_equal(found.images, STACK)
    assert (found.images.dtype, found.pixel_size, found.extent) == (np.float32, 2.5, 50.0)


def test_a_single_picture_is_a_stack_of_one(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_templates(write_mrc(STACK[0], tmp_path / "a.mrc"), 2.5).images, STACK[:1])


def test_a_movie_is_no_stack_of_templates(tmp_path: Path) -> None:
    """Eighty gigabytes, nearly all of them a hole."""
    path = write_mrc(STACK, tmp_path / "a.mrcs", 2.5)
    with mrcfile.open(path, mode="r+", header_only=True) as file:
        file.header.nx = file.header.ny = file.header.mx = file.header.my = 2**14
        file.header.nz = 80
    os.truncate(path, 1024 + 80 * 4 * 2**28)
    with pytest.raises(UserError, match=r"a\.mrcs: 80 pictures of 16384 x 16384 px are no templates"):
        read_templates(path)
