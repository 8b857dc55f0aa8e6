"""Local resolution: the correlation of two half maps within a soft sphere that is moved through them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import fft

from napari_drpnet.assessment.masking import falling
from napari_drpnet.assessment.shells import (
    GOLD_STANDARD,
    MIXED,
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
_ANY_EDGE = 50.0  # Angstrom
# Side of the box in which a correlation is measured, in diameters of the sphere: shells are as much finer.
_ROOM = 1.5


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
        ``(z, y, x)`` Angstrom; 0 outside of the mask.
    places
        How many times the correlation was measured.
    """

    values: VolumeArray
    places: int

    @property
    def inside(self) -> FloatArray:
        """``(n,)`` Angstrom, of the voxels within the mask."""
        return np.asarray(self.values[self.values > 0], np.float64)

    def quantiles(self, *parts: float) -> FloatArray:
        """Resolution in Angstrom that these parts, 0 to 1, of the voxels within the mask are better than."""
        return np.asarray(np.quantile(self.inside, parts), np.float64)


def local_resolution(
    first: VolumeArray,
    second: VolumeArray,
    pixel_size: float,
    mask: VolumeArray,
    sphere: Sphere,
    threshold: float = GOLD_STANDARD,
    seed: int = 0,
) -> Generator[float, None, LocalResolution]:
    """Measure the resolution at places on a grid; yields the part that is done.

    As in RELION, a voxel gets the mean spatial frequency of all spheres that it lies in, weighted by the sphere there.

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
        When the maps are no two half maps, the sphere is wider than the maps or finds no place in the mask,
        or the worst resolution is finer than the pixels.
    """
    check_halves(first, second)
    _check(sphere, pixel_size, max(first.shape) * pixel_size)
    inside = mask > 0.5
    probe = _Probe(sphere, pixel_size, first.shape, threshold)
    places = [place for place in _places(inside.shape, sphere, pixel_size) if probe.reaches(inside, place)]
    if not places:
        raise UserError(
            f"A sphere with a radius of {sphere.radius:g} A finds no place in the mask.",
            "Give a smaller radius, or another mask.",
        )
    yield 0.0
    rng = np.random.default_rng(seed)
    maps = [first, second, *(with_random_phases(half, probe.start, rng) for half in (first, second))]
    total, weight = np.zeros((2, *first.shape), np.float32)
    for done, place in enumerate(places):
        cut = [_cut(volume, place, probe.side) for volume in maps]
        here, there = _overlap(first.shape, place, probe.side)
        total[here] += probe.mask[there] / np.float32(probe.resolution(cut))
        weight[here] += probe.mask[there]
        yield (done + 1) / len(places)
    known = inside & (total > 0)
    return LocalResolution(np.divide(weight, total, out=np.zeros_like(total), where=known), len(places))


def _check(sphere: Sphere, pixel_size: float, extent: float) -> None:
    """Refuse a sphere that is wider than maps of this extent in Angstrom, and a worst resolution that is too good."""
    if sphere.radius > extent / 2 or sphere.edge > max(extent, _ANY_EDGE):
        raise UserError(
            f"A sphere with a radius of {sphere.radius:g} A and an edge of {sphere.edge:g} A is wider than the maps, "
            f"{extent:g} A.",
            "Give a smaller one (--local-radius, --local-edge).",
        )
    if sphere.worst < 2 * pixel_size:
        raise UserError(
            f"The pixels resolve nothing finer than {2 * pixel_size:g} A, and the worst local resolution is to be "
            f"{sphere.worst:g} A.",
            "Allow a worse one (--local-worst).",
        )


class _Probe:
    """The sphere in a box as small as holds it: what is outside is 0 in any case."""

    def __init__(self, sphere: Sphere, pixel_size: float, shape: tuple[int, ...], threshold: float) -> None:
        reach = (sphere.radius + sphere.edge) / pixel_size
        self.side = fft.next_fast_len(max(_LEAST_SIDE, int(np.ceil(_ROOM * 2 * reach))), real=True)
        axis = (np.arange(self.side, dtype=np.float32) - self.side // 2) * pixel_size
        squares = axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2
        self.mask = falling(np.sqrt(squares), sphere.radius, sphere.edge)
        extent = max(shape) * pixel_size
        self.start = max(1, int(extent / sphere.randomised_from))
        self._shells = Shells(self.mask.shape)
        self._frequency = np.arange(self._shells.count) / (self.side * pixel_size)
        self._corrected = self._frequency >= (self.start + MIXED) / extent
        self._worst, self._threshold = sphere.worst, threshold

    def reaches(self, inside: MaskArray, place: tuple[int, ...]) -> bool:
        """Whether any voxel inside the mask lies in the sphere at a place."""
        here, there = _overlap(inside.shape, place, self.side)
        return bool((inside[here] & (self.mask[there] > 0)).any())

    def resolution(self, cut: list[VolumeArray]) -> float:
        """Angstrom, from both half maps and both with random phases, ``(side, side, side)`` each."""
        one, other, random, other_random = (transformed(part * self.mask) for part in cut)
        masked = self._shells.correlation(one, other)
        corrected = without_mask(masked, self._shells.correlation(random, other_random), self._corrected)
        return min(self._worst, crossing(self._frequency, corrected, self._threshold))


def _places(shape: tuple[int, ...], sphere: Sphere, pixel_size: float) -> Iterator[tuple[int, ...]]:
    """Where the sphere is centred: every so many pixels from the middle.

    As in RELION, it touches the ball in the box at most: what lies in the corners of the box is no particle.
    """
    step = max(1, int(sphere.step / pixel_size + 0.5))
    most = min(shape) // 2 - int(sphere.radius / pixel_size + 0.5)
    for place in product(*(range(side // 2 % step, side, step) for side in shape)):
        if sum((at - side // 2) ** 2 for at, side in zip(place, shape, strict=True)) < most**2 and most > 0:
            yield place


def _cut(volume: VolumeArray, centre: tuple[int, ...], side: int) -> VolumeArray:
    """A cube around a voxel, which lies at ``side // 2``; 0 beyond the volume."""
    cube = np.zeros((side,) * 3, np.float32)
    here, there = _overlap(volume.shape, centre, side)
    cube[there] = volume[here]
    return cube


def _overlap(shape: tuple[int, ...], centre: tuple[int, ...], side: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """What a cube around a voxel and a volume have in common: in the volume, and in the cube."""
    starts = [at - side // 2 for at in centre]
    here = tuple(slice(max(0, s), min(n, s + side)) for s, n in zip(starts, shape, strict=True))
    return here, tuple(slice(part.start - s, part.stop - s) for part, s in zip(here, starts, strict=True))
