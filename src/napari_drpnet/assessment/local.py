"""Local resolution: the correlation of two half maps within a soft sphere that is moved through them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from napari_drpnet.assessment.masking import falling
from napari_drpnet.assessment.shells import (
    GOLD_STANDARD,
    Shells,
    VolumeArray,
    check_halves,
    crossing,
    transformed,
    with_random_phases,
    without_mask,
)
from napari_drpnet.data import FloatArray, MaskArray
from napari_drpnet.errors import UserError

_LEAST_SIDE = 16


@dataclass(frozen=True)
class Sphere:
    """What is moved through the maps; all in Angstrom.

    Attributes
    ----------
    step
        From one place to the next.
    radius, edge
        Of the sphere, and the width of its soft edge beyond.
    randomised_from
        Resolution from which phases are random where the sphere's own part is measured.
    worst
        No resolution is worse than this.
    """

    step: float
    radius: float
    edge: float
    randomised_from: float
    worst: float


@dataclass(frozen=True, eq=False)
class LocalResolution:
    """Resolution at each voxel.

    Attributes
    ----------
    values
        ``(z, y, x)`` Angstrom, between the places of the sphere on straight lines of spatial frequency; 0 outside of
        the mask.
    places
        How many times the correlation was measured.
    """

    values: VolumeArray
    places: int

    def quantiles(self, *parts: float) -> FloatArray:
        """Resolution in Angstrom that these parts, 0 to 1, of the voxels within the mask are better than."""
        return np.asarray(np.quantile(self.values[self.values > 0], parts), np.float64)


def local_resolution(
    first: VolumeArray,
    second: VolumeArray,
    pixel_size: float,
    mask: VolumeArray,
    sphere: Sphere,
    threshold: float = GOLD_STANDARD,
    seed: int = 0,
) -> Generator[float, None, LocalResolution]:
    """Measure the resolution at places on a grid, and lay it between them; yields the part that is done.

    Parameters
    ----------
    first, second
        ``(z, y, x)`` each.
    pixel_size
        Angstrom.
    mask
        ``(z, y, x)``; resolution is told where it is above a half.
    sphere
        Its size and its steps.
    threshold
        Of the correlation.
    seed
        Of the random phases.

    Raises
    ------
    UserError
        When the maps are no two half maps, or the sphere does not fit into them.
    """
    check_halves(first, second)
    inside = mask > 0.5
    axes = [_places(side, max(1, round(sphere.step / pixel_size))) for side in first.shape]
    needed = _needed(inside, axes)
    yield 0.0
    probe = _Probe(sphere, pixel_size, first.shape, threshold)
    rng = np.random.default_rng(seed)
    start = max(1, round(max(first.shape) * pixel_size / sphere.randomised_from))
    maps = [first, second, *(with_random_phases(half, start, rng) for half in (first, second))]
    frequencies = np.zeros(needed.shape)
    places = np.argwhere(needed)
    for done, place in enumerate(places):
        centre = tuple(int(axis[at]) for axis, at in zip(axes, place, strict=True))
        frequencies[tuple(place)] = 1 / probe.resolution([_cut(volume, centre, probe.side) for volume in maps])
        yield (done + 1) / len(places)
    values = _between(frequencies, needed, axes, first.shape)
    return LocalResolution(np.divide(1, values, out=np.zeros_like(values), where=inside & (values > 0)), len(places))


class _Probe:
    """The sphere in a box as small as holds it: what is outside is 0 in any case."""

    def __init__(self, sphere: Sphere, pixel_size: float, shape: tuple[int, ...], threshold: float) -> None:
        reach = (sphere.radius + sphere.edge) / pixel_size
        if 2 * reach > max(shape):
            raise UserError(
                f"A sphere of {2 * (sphere.radius + sphere.edge):g} A is larger than the half maps.",
                "Give a smaller radius and edge.",
            )
        self.side = fft.next_fast_len(max(_LEAST_SIDE, int(np.ceil(2 * reach)) + 1), real=True)
        axis = (np.arange(self.side, dtype=np.float32) - self.side // 2) * pixel_size
        squares = axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2
        self._mask = falling(np.sqrt(squares), sphere.radius, sphere.edge)
        self._shells = Shells(self._mask.shape)
        self._frequency = np.arange(self._shells.count) / (self.side * pixel_size)
        self._start = max(1, round(self.side * pixel_size / sphere.randomised_from))
        self._worst, self._threshold = sphere.worst, threshold

    def resolution(self, cut: list[VolumeArray]) -> float:
        """Angstrom, from both half maps and both with random phases, ``(side, side, side)`` each."""
        one, other, random, other_random = (transformed(part * self._mask) for part in cut)
        masked = self._shells.correlation(one, other)
        corrected = without_mask(masked, self._shells.correlation(random, other_random), self._start)
        return min(self._worst, crossing(self._frequency, corrected, self._threshold))


def _places(side: int, step: int) -> np.ndarray[tuple[int, ...], np.dtype[np.intp]]:
    """Pixels along an axis at which the sphere is centred: every so many to both sides of the middle."""
    middle = side // 2
    return np.arange(middle % step, side, step)


def _needed(inside: MaskArray, axes: list[np.ndarray[tuple[int, ...], np.dtype[np.intp]]]) -> MaskArray:
    """The places from which some voxel inside the mask takes its value."""
    step = max(int(axis[1] - axis[0]) if len(axis) > 1 else max(inside.shape) for axis in axes)
    near = ndimage.maximum_filter(inside, size=2 * step - 1, mode="constant")
    needed: MaskArray = near[np.ix_(*axes)]
    if not needed.any():
        raise UserError("The mask leaves nothing to measure local resolution in.", "Give another mask.")
    return needed


def _cut(volume: VolumeArray, centre: tuple[int, ...], side: int) -> VolumeArray:
    """A cube around a voxel, which lies at ``side // 2``; 0 beyond the volume."""
    cube = np.zeros((side,) * 3, np.float32)
    starts = [at - side // 2 for at in centre]
    here = tuple(slice(max(0, s), min(n, s + side)) for s, n in zip(starts, volume.shape, strict=True))
    there = tuple(slice(part.start - s, part.stop - s) for part, s in zip(here, starts, strict=True))
    cube[there] = volume[here]
    return cube


def _between(
    values: FloatArray,
    known: MaskArray,
    axes: list[np.ndarray[tuple[int, ...], np.dtype[np.intp]]],
    shape: tuple[int, ...],
) -> VolumeArray:
    """Values at places as ``(z, y, x)`` voxels, linear between those that are known; 0 far from these."""
    total, weight = values.astype(np.float32), known.astype(np.float32)
    for number, (axis, side) in enumerate(zip(axes, shape, strict=True)):
        share = np.stack([np.interp(np.arange(side), axis, row) for row in np.eye(len(axis))], axis=1)
        total, weight = (
            np.moveaxis(np.tensordot(share.astype(np.float32), grid, (1, number)), 0, number)
            for grid in (total, weight)
        )
    return np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)
