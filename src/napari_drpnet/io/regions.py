"""Contaminated regions of a micrograph, painted by a person: a small 8-bit PNG, 0 clean, 255 contaminated.

A region has fewer pixels than its micrograph and the same outer edges.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from napari_drpnet.data import FloatArray, Frame, MaskArray
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import atomic_write, reading

# Pixels of the longer side; a painted edge is never surer than this.
LONGEST = 1024


def coarse_shape(shape: tuple[int, int]) -> tuple[int, int]:
    """``(h, w)`` of the region of a micrograph of this shape: its own, or so much smaller that it is stored."""
    step = max(1.0, max(shape) / LONGEST)
    return max(1, round(shape[0] / step)), max(1, round(shape[1] / step))


def covered(yx: FloatArray, frame: Frame, region: MaskArray) -> MaskArray:
    """Which points ``(n, 2)``, in micrograph pixels, lie in a region.

    Raises
    ------
    UserError
        When the micrograph's shape is not known.
    """
    if frame.shape is None:
        raise UserError(f"{frame.micrograph}: its size is not known, so its region has no place.", "Read it first.")
    factor = np.array(region.shape) / np.array(frame.shape)
    at = np.floor((yx + 0.5) * factor).astype(np.int64)
    at = np.clip(at, 0, np.array(region.shape) - 1)
    return np.asarray(region[at[:, 0], at[:, 1]], dtype=np.bool_)


def read_region(path: Path) -> MaskArray:
    """``(h, w)`` bool, True where contaminated.

    Raises
    ------
    UserError
        When the file is missing or no picture.
    """
    try:
        with reading(path), Image.open(path) as picture:
            return np.asarray(picture.convert("L")) > 127
    except (ValueError, SyntaxError) as error:
        raise UserError(f"{path} is no readable picture.", "Delete it, and paint the region anew.") from error


def write_region(mask: npt.ArrayLike, path: Path) -> Path:
    """Write ``(h, w)`` bool, made smaller where its longer side is above `LONGEST` (nearest pixel)."""
    region = np.asarray(mask, dtype=np.bool_)
    height, width = coarse_shape((region.shape[0], region.shape[1]))
    rows = (np.arange(height) * region.shape[0] + region.shape[0] // 2) // height
    columns = (np.arange(width) * region.shape[1] + region.shape[1] // 2) // width
    small = region[np.ix_(rows, columns)].astype(np.uint8) * np.uint8(255)
    with atomic_write(path) as temporary:
        Image.fromarray(small).save(temporary, format="PNG")
    return path
