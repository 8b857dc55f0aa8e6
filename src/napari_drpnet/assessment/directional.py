"""Fourier shell correlation by direction: of what lies within a cone, for cones all around.

As 3DFSC (Tan et al., Nat. Methods 14 (2017) 793) has it: where one direction is resolved worse than others, views that
would show it are missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import ConvexHull

from napari_drpnet.assessment.shells import GOLD_STANDARD, VolumeArray, check_halves, transformed
from napari_drpnet.assessment.sphere import IndexArray, centres, pixel_count
from napari_drpnet.data import FloatArray, MaskArray

# Directions of the cones: 96, 15 degrees apart. Opposite ones are one.
_SIDE = 4
# Shells with fewer elements of the transform within a cone, the innermost ones, tell nothing.
_FEWEST = 10


@dataclass(frozen=True, eq=False)
class DirectionalCorrelation:
    """How two half maps agree in each direction.

    Attributes
    ----------
    directions
        ``(m, 3)`` unit vectors (x, y, z); each stands for its opposite, too.
    frequency
        ``(n,)`` of each shell in 1/Angstrom.
    curves
        ``(m, n)`` correlation within each cone.
    resolution
        ``(m,)`` Angstrom where each falls below the threshold; that of Nyquist where it does not.
    sphericity
        Of the surface on which the correlations fall below the threshold, in the frequencies: surface of a ball of its
        volume by its own, 1 for a ball.
    """

    directions: FloatArray
    frequency: FloatArray
    curves: FloatArray
    resolution: FloatArray
    sphericity: float


def directional_correlation(
    first: VolumeArray,
    second: VolumeArray,
    pixel_size: float,
    cone: float = 20.0,
    threshold: float = GOLD_STANDARD,
) -> DirectionalCorrelation:
    """Conical Fourier shell correlation of two half maps.

    Parameters
    ----------
    first, second
        ``(n, n, n)`` half maps in z, y, x, masked already where they are to be.
    pixel_size
        Angstrom.
    cone
        Half of the angle at the tip of each cone, in degrees.
    threshold
        Where the resolution is read off.

    Raises
    ------
    UserError
        When these are no two half maps.
    """
    check_halves(first, second)
    axes = [np.fft.fftfreq(side) for side in first.shape[:2]] + [np.fft.rfftfreq(first.shape[2])]
    z, y, x = np.meshgrid(*(axis.astype(np.float32) for axis in axes), indexing="ij")
    length = np.sqrt(x**2 + y**2 + z**2)
    shells = max(first.shape) // 2 + 1
    shell = np.rint(length * max(first.shape)).astype(np.int64)
    inside = (shell > 0) & (shell < shells)
    unit = np.stack([x[inside], y[inside], z[inside]], axis=1) / length[inside][:, None]
    one, two = transformed(first)[inside], transformed(second)[inside]
    parts = np.stack([(one * two.conj()).real, np.abs(one) ** 2, np.abs(two) ** 2])
    directions = centres(_SIDE)[: pixel_count(_SIDE) // 2]
    near = np.cos(np.deg2rad(cone))
    rings = shell[inside]
    curves = np.stack([_curve(parts, rings, np.abs(unit @ way) >= near, shells) for way in directions])
    frequency = np.arange(shells) / (max(first.shape) * pixel_size)
    ends = _crossings(frequency, curves, threshold)
    return DirectionalCorrelation(directions, frequency, curves, 1 / ends, _sphericity(directions, ends))


def _curve(parts: FloatArray, rings: IndexArray, chosen: MaskArray, shells: int) -> FloatArray:
    """``(shells,)`` correlation of what is chosen; 1 where that is too little to tell."""
    cross, one, two = (np.bincount(rings[chosen], part[chosen], shells) for part in parts)
    norm = np.sqrt(one * two)
    told = (norm > 0) & (np.bincount(rings[chosen], minlength=shells) >= _FEWEST)
    found: FloatArray = np.divide(cross, norm, out=np.ones(shells), where=told)
    return found


def _crossings(frequency: FloatArray, curves: FloatArray, threshold: float) -> FloatArray:
    """``(m,)`` the frequency where each curve first falls below the threshold, on the line between two shells."""
    below = curves[:, 1:] < threshold
    after = np.where(below.any(axis=1), below.argmax(axis=1) + 1, curves.shape[1] - 1)
    rows = np.arange(len(curves))
    high, low = curves[rows, after - 1], curves[rows, after]
    part = np.where(low < threshold, (high - threshold) / np.where(high > low, high - low, 1), 1)
    return np.asarray(frequency[after - 1] + part * (frequency[after] - frequency[after - 1]), np.float64)


def _sphericity(directions: FloatArray, ends: FloatArray) -> float:
    """Of the surface through the ends of the directions; what a ball of as many corners lacks is made good."""
    both = np.concatenate([directions, -directions])
    sides = ConvexHull(both).simplices
    found = [_of_surface(both * np.tile(far, 2)[:, None], sides) for far in (ends, np.ones(len(ends)))]
    return min(found[0] / found[1], 1.0)


def _of_surface(corners: FloatArray, sides: FloatArray) -> float:
    a, b, c = (corners[sides[:, i]] for i in range(3))
    surface = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2
    volume = np.abs(np.einsum("ij,ij->i", a, np.cross(b, c))).sum() / 6
    return float(np.pi ** (1 / 3) * (6 * volume) ** (2 / 3) / surface)
