"""How evenly the views of particles resolve a structure: the efficiency of Naydenova and Russo (Nat. Commun. 8:629).

A picture gives a slice through the transform of the structure, across the view. The transform of all slices together,
each weighted by ``exp(-B k**2 / 4)``, is what a point of the structure becomes. A slice is a rod in real space, along
the view, ``exp(-4 pi**2 r**2 / B)`` across it; it is as long as the particle, since slices are as thick as one over its
diameter. So the point spread function is a sum of rods, one a picture, which are not weighted by how many of them cover
a place of the transform. Its full width at half of its maximum is the resolution in a direction, and the efficiency is
``1 - 2 * (standard deviation) / mean`` of these over all directions: 1 where all are equal. It is 0 where it would be
less, as for a single view.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from napari_drpnet.assessment.orientations import copies
from napari_drpnet.assessment.sphere import IndexArray, centres, pixel_count, pixels
from napari_drpnet.assessment.views import SIDE
from napari_drpnet.data import FloatArray
from napari_drpnet.errors import UserError

# Directions in which the width is measured: 7 degrees apart. Opposite ones are equal.
_DIRECTIONS = 8
# Angles between a direction and a view are told apart by a quarter of a degree.
_BINS = 360
_RADII = 80
# Of the longest rod, where a width ends at the latest.
_BEYOND = 1.2
_FEWEST = 10


@dataclass(frozen=True, eq=False)
class Efficiency:
    """The efficiency of a distribution of views, and the widths of its point spread function.

    Attributes
    ----------
    value, error
        The efficiency, without what chance adds to the spread of a limited number of particles, and its standard error.
    mean, deviation
        Of the widths over all directions, in Angstrom.
    best, worst
        The smallest and the largest width, in Angstrom.
    widths
        ``(384,)`` in Angstrom, towards the northern half of `sphere.centres`.
    """

    value: float
    error: float
    mean: float
    deviation: float
    best: float
    worst: float
    widths: FloatArray


@dataclass(frozen=True, eq=False)
class _Rods:
    """What the widths are computed from.

    Attributes
    ----------
    bins
        ``(directions, pixels / 2)`` where each angle between a direction and a view is counted; opposite views are one.
    alike
        ``(g, pixels)`` the views that look like those in each pixel.
    widths, falls
        ``(radii,)`` in Angstrom, and ``(angles, radii)`` what a rod at an angle has at these.
    """

    bins: npt.NDArray[np.int32]
    alike: IndexArray
    widths: FloatArray
    falls: FloatArray

    def spread(self, counts: FloatArray) -> FloatArray:
        """``(directions,)`` widths in Angstrom, from ``(pixels,)`` numbers of particles."""
        every = np.bincount(self.alike.ravel(), np.tile(counts, len(self.alike)), self.bins.shape[1])
        seen = np.flatnonzero(every)
        directions = len(self.bins)
        cells = np.bincount(self.bins[:, seen].ravel(), np.tile(every[seen], directions), directions * _BINS)
        falls = cells.reshape(directions, _BINS) @ self.falls / every.sum()
        heights = np.log(2 * np.maximum(falls, 1e-300))
        at = np.clip((heights > 0).sum(axis=1), 1, _RADII - 1)
        rows = np.arange(directions)
        before, after = heights[rows, at - 1], heights[rows, at]
        part = np.clip(before / (before - after), 0, 1)
        logs = np.log(self.widths)
        return np.asarray(np.exp(logs[at - 1] + part * (logs[at] - logs[at - 1])), np.float64)


def efficiency(
    views: FloatArray, group: Rotation, diameter: float, b_factor: float, seed: int = 0, resamples: int = 40
) -> Efficiency:
    """How evenly views resolve a structure in all directions.

    It does not depend on the number of particles: chance makes the widths differ, and how much is measured by drawing
    as many particles again from those that are there, and taken off.

    Parameters
    ----------
    views
        ``(n, 3)`` unit vectors towards the viewer, in the particle's frame.
    group
        The particle's point group: its copies fill the transform, too.
    diameter
        Of the particle, in Angstrom.
    b_factor
        How fast the signal falls, in square Angstrom. All widths are as its root; the efficiency hardly changes.
    seed, resamples
        Of the draws that the error is measured by.

    Raises
    ------
    UserError
        For fewer than 10 particles.
    """
    if len(views) < _FEWEST:
        raise UserError(
            f"There are too few particles ({len(views)}) to tell how their views spread.", "Give all of them."
        )
    rods = _rods(group, diameter, b_factor)
    counts = np.bincount(pixels(views, SIDE), minlength=pixel_count(SIDE)).astype(np.float64)
    widths = rods.spread(counts)
    rng = np.random.default_rng(seed)
    drawn = [rods.spread(rng.multinomial(len(views), counts / len(views)).astype(np.float64)) for _ in range(resamples)]
    variances, means = np.var(drawn, axis=1), np.mean(drawn, axis=1)
    # A draw has the chance of the particles, and once more its own.
    chance = max(float(variances.mean() - widths.var()), 0.0)
    values = _value(variances - 2 * chance, means)
    deviation = float(np.sqrt(max(float(widths.var()) - chance, 0.0)))
    value = float(_value(np.array(deviation**2), widths.mean()))
    best, worst = float(widths.min()), float(widths.max())
    return Efficiency(value, float(np.std(values)), float(widths.mean()), deviation, best, worst, widths)


def _value(variance: FloatArray, mean: FloatArray) -> FloatArray:
    return np.maximum(1 - 2 * np.sqrt(np.maximum(variance, 0)) / mean, 0)


def _rods(group: Rotation, diameter: float, b_factor: float) -> _Rods:
    half = pixel_count(SIDE) // 2
    directions = centres(_DIRECTIONS)[: pixel_count(_DIRECTIONS) // 2]
    angles = np.arccos(np.clip(np.abs(directions @ centres(SIDE)[:half].T), 0, 1))
    bins = np.minimum(angles * (2 * _BINS / np.pi), _BINS - 1).astype(np.int32)
    bins += np.int32(_BINS) * np.arange(len(directions), dtype=np.int32)[:, None]
    every = copies(centres(SIDE), group)
    alike = np.minimum(*(pixels(side.reshape(-1, 3), SIDE).reshape(len(group), -1) for side in (every, -every)))
    across, along = 4 * np.pi**2 / b_factor, 4 / diameter**2
    radii = np.geomspace(0.3 / np.sqrt(across), _BEYOND * diameter / 2, _RADII)
    middles = (np.arange(_BINS) + 0.5) * np.pi / 2 / _BINS
    falls = np.exp(-np.outer(across * np.sin(middles) ** 2 + along * np.cos(middles) ** 2, radii**2))
    return _Rods(bins, alike, 2 * radii, falls)
