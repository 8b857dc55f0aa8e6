"""Contaminated regions of a micrograph: fewer pixels than the micrograph has, and the same outer edges."""

from __future__ import annotations

import numpy as np

from napari_drpnet.data import FloatArray, Frame, MaskArray
from napari_drpnet.errors import UserError

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
