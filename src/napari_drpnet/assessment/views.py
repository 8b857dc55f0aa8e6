"""From how many sides particles are seen, and how often from each: counts of views on a HEALPix sphere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from napari_drpnet.assessment.orientations import copies, unique_views
from napari_drpnet.assessment.sphere import IndexArray, centres, pixel_count, pixels
from napari_drpnet.data import FloatArray

SIDE = 32


@dataclass(frozen=True, eq=False)
class ViewCounts:
    """How many particles are seen from each side.

    Attributes
    ----------
    counts
        ``(12 * side**2,)`` particles in each pixel of the whole sphere, in the order of `sphere.centres`. With a
        symmetry each particle counts once in each of the views that look alike.
    different
        Views with a particle; those that look alike are one.
    possible
        How many there are.
    expected
        How many different ones as many particles would have that lie anyhow.
    particles
        Their number.
    """

    counts: IndexArray
    different: int
    possible: int
    expected: float
    particles: int


def count_views(views: FloatArray, group: Rotation, side: int = SIDE, mirrored: bool = False) -> ViewCounts:
    """Count views.

    Parameters
    ----------
    views
        ``(n, 3)`` unit vectors towards the viewer, in the particle's frame.
    group
        The particle's point group.
    side
        Pixels along a side of the faces of the sphere.
    mirrored
        Whether opposite views are one. They are mirror images of each other, so that they tell the same of the
        structure: both have one slice of its transform. But they look different, and pickers find them apart.
    """
    every = copies(views, group)
    if mirrored:
        every = np.concatenate([every, -every])
    counts = np.bincount(pixels(every.reshape(-1, 3), side), minlength=pixel_count(side))
    of_pixels = _names(centres(side), group, side, mirrored)
    # Once more: a pixel that only reaches into the part of the sphere may have its middle elsewhere.
    of_pixels = of_pixels[of_pixels]
    seen = np.unique(of_pixels[_names(views, group, side, mirrored)])
    area = np.bincount(of_pixels) / len(of_pixels)
    chance = -np.expm1(len(views) * np.log1p(-np.minimum(area[area > 0], 1 - 1e-12)))
    return ViewCounts(counts, len(seen), int((area > 0).sum()), float(chance.sum()), len(views))


def _names(views: FloatArray, group: Rotation, side: int, mirrored: bool) -> IndexArray:
    """``(n,)`` one pixel for all views that are one with each, but for rounding where parts of the sphere meet."""
    one = unique_views(views, group)
    if mirrored:
        other = unique_views(-views, group)
        # Which of the two does not matter, as long as it is the same for both.
        first = one @ np.array([0.47, 0.11, 0.88]) >= other @ np.array([0.47, 0.11, 0.88])
        one = np.where(first[:, None], one, other)
    return pixels(one, side)
