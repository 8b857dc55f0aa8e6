"""Non-maximum suppression of the boxes of a score map, by how much they overlap."""

from __future__ import annotations

import numpy as np

from napari_drpnet.candidates import IndexArray, and_between, peaks, uncovered
from napari_drpnet.data import FloatArray, ImageArray


def overlap(offset: FloatArray, side: float) -> FloatArray:
    """Intersection over union of two boxes of one ``side`` whose centres are ``offset`` ``(..., 2)`` apart."""
    common = np.clip(side - np.abs(offset), 0, None).prod(axis=-1)
    return np.asarray(common / (2 * side**2 - common))


def best_boxes(
    image: ImageArray, side: float, most: float, closer: float, floor: float
) -> tuple[FloatArray, FloatArray, IndexArray]:
    """The best box of a score map, the best that overlaps none before it by more than ``most``, and so on.

    Parameters
    ----------
    image
        ``(h, w)`` score of the box around every pixel.
    side
        Of a box in pixels.
    most
        Intersection over union.
    closer
        Spacing in pixels at which others are added between them, for a user who wants picks that near.
    floor
        Least score.

    Returns
    -------
    yx, peak, level
        As from `candidates.spaced_peaks`.
    """
    reach = int(np.ceil(side))
    around = np.arange(-reach, reach + 1, dtype=np.float64)
    offset = np.stack(np.meshgrid(around, around, indexing="ij"), axis=-1)
    best = uncovered(image, overlap(offset, side) > most, floor)
    return and_between(*best, *peaks(image, closer, floor), closer)
