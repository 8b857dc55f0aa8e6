"""Contaminated regions on disk: a small 8-bit PNG, 0 clean, 255 contaminated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from napari_drpnet.data import MaskArray
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import atomic_write
from napari_drpnet.io.pictures import open_picture
from napari_drpnet.regions import coarse_shape


def read_region(path: Path) -> MaskArray:
    """``(h, w)`` bool, True where contaminated.

    Raises
    ------
    UserError
        When the file is missing, no picture, or far larger than a region.
    """
    try:
        return open_picture(path) > 127
    except UserError as error:
        raise UserError(error.message, f"Delete {path.name}, and paint the region anew.") from error


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
