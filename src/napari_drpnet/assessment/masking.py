"""Masks with a soft edge around the particle in two half maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from napari_drpnet.assessment.shells import VolumeArray
from napari_drpnet.data import MaskArray
from napari_drpnet.errors import UserError

# Finer detail than this, in Angstrom, is noise to a mask, and in pixels it cannot be finer than this.
_COARSE, _COARSE_PIXELS = 15.0, 4.0
# Of the 99.9th percentile of the coarse map; of its noise, whichever is more.
_OF_BRIGHTEST, _OF_NOISE = 0.15, 4.0
# Blobs smaller than this part of the largest are noise.
_BLOB = 0.05
# A mask with fewer values between 0 and 1 than this, of those that are not 0, has a hard edge.
_SOFT = 0.01
_OVERSHOOT = 1e-3
_LEAST = 27  # voxels


@dataclass(frozen=True, eq=False)
class MadeMask:
    """A mask made from half maps.

    Attributes
    ----------
    values
        ``(z, y, x)`` from 0 to 1.
    level
        Grey level of the coarse mean map that the particle is above.
    part
        Share of the box that the mask takes.
    """

    values: VolumeArray
    level: float
    part: float


def soft_mask(
    first: VolumeArray,
    second: VolumeArray,
    pixel_size: float,
    *,
    level: float | None = None,
    extend: float | None = None,
    edge: float | None = None,
) -> MadeMask:
    """A mask of what is bright in the mean of two half maps, low-passed to 15 A.

    Parameters
    ----------
    first, second
        ``(z, y, x)`` each, particle bright.
    pixel_size
        Angstrom.
    level
        Grey level that the particle is above. Default: 0.15 of the 99.9th percentile, but at least four times the
        noise, which the difference of the maps tells.
    extend
        Angstrom by which the mask grows before its edge begins. Default: 3 pixels.
    edge
        Width of the soft edge in Angstrom, half a period of a cosine. Default: 6 pixels.

    Raises
    ------
    UserError
        When nothing is above the level, or everything is.
    """
    resolution = max(_COARSE, _COARSE_PIXELS * pixel_size)
    coarse = low_passed(np.float32(0.5) * (first + second), resolution / pixel_size)
    if level is None:
        noise = float(low_passed(np.float32(0.5) * (first - second), resolution / pixel_size).std())
        level = max(_OF_BRIGHTEST * float(np.quantile(coarse, 0.999)), _OF_NOISE * noise)
    inside = _blobs(coarse > level)
    if not inside.any():
        raise UserError(
            f"No particle is seen above the level {level:.3g} in the half maps.",
            "Give a mask or a lower level, or do without a mask; the particle must be bright.",
        )
    if inside.all():
        raise UserError(f"All of the half maps is above the level {level:.3g}.", "Give a higher level, or a mask.")
    start = 3 * pixel_size if extend is None else extend
    values = _softened(inside, start, 6 * pixel_size if edge is None else edge, pixel_size)
    return MadeMask(values, level, float(values.mean()))


def _softened(inside: MaskArray, start: float, width: float, pixel_size: float) -> VolumeArray:
    """1 inside and up to a distance in Angstrom, then `falling`; distances take memory only where they count."""
    values = np.zeros(inside.shape, np.float32)
    margin = int(np.ceil((start + width) / pixel_size)) + 1
    (box,) = ndimage.find_objects(inside.view(np.uint8))
    near = tuple(slice(max(0, part.start - margin), part.stop + margin) for part in box)
    distance = ndimage.distance_transform_edt(~inside[near]).astype(np.float32) * np.float32(pixel_size)
    values[near] = falling(distance, start, width)
    return values


def falling(distance: VolumeArray, start: float, width: float) -> VolumeArray:
    """1 up to a distance, then down to 0 over a width, by half a period of a cosine."""
    if width <= 0:
        return (distance <= start).astype(np.float32)
    beyond = np.clip((distance - start) / width, 0, 1)
    return np.asarray(0.5 + 0.5 * np.cos(np.pi * beyond), np.float32)


def checked_mask(mask: VolumeArray, shape: tuple[int, ...], name: str) -> VolumeArray:
    """The mask, from 0 to 1, if it is one for maps of this shape.

    Parameters
    ----------
    mask
        Its values.
    shape
        ``(z, y, x)`` of the half maps.
    name
        What messages call it.

    Raises
    ------
    UserError
        When it has another size, values outside of 0 to 1, or is (nearly) empty.
    """
    if mask.shape != shape:
        sizes = [" x ".join(map(str, sides)) for sides in (mask.shape, shape)]
        raise UserError(f"{name} is {sizes[0]} px, the half maps {sizes[1]} px.", "Give a mask made for these maps.")
    if not np.isfinite(mask).all():
        raise UserError(f"{name} holds values that are no numbers.", "Make the mask anew.")
    low, high = float(mask.min()), float(mask.max())
    # Programs that resample or soften a mask overshoot a little.
    if low < -_OVERSHOOT or high > 1 + _OVERSHOOT:
        raise UserError(f"{name} has values from {low:.3g} to {high:.3g}.", "A mask has 0 for solvent, 1 for particle.")
    inside = int(np.count_nonzero(mask > _OVERSHOOT))
    if high < 0.5:
        raise UserError(f"{name} is empty.", "Make it with a lower threshold.")
    if inside < _LEAST:
        raise UserError(
            f"{name} is nearly empty: {inside} of its voxels are not 0.", "Make it as large as the particle."
        )
    return np.clip(mask, 0, 1)


def has_hard_edge(mask: VolumeArray) -> bool:
    """Whether hardly any value is between 0 and 1, which makes any two maps agree."""
    inside = int(np.count_nonzero(mask > _OVERSHOOT))
    between = int(np.count_nonzero((mask > _OVERSHOOT) & (mask < 1 - _OVERSHOOT)))
    return between < _SOFT * inside and inside < mask.size


def _blobs(inside: MaskArray) -> MaskArray:
    """What is connected to a large blob."""
    labels, count = ndimage.label(inside)
    if count == 0:
        return inside
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    kept: MaskArray = (sizes >= _BLOB * sizes.max()) & (sizes > 0)
    return np.asarray(kept[labels])


def low_passed(volume: VolumeArray, pixels: float) -> VolumeArray:
    """Without what is finer than a number of pixels, by a Gaussian that is at half height there."""
    values = fft.rfftn(volume)
    axes = [fft.fftfreq(side) for side in volume.shape[:-1]] + [fft.rfftfreq(volume.shape[-1])]
    for number, axis in enumerate(axes):
        gain = np.exp2(-np.square(axis * pixels)).astype(np.float32)
        values *= gain.reshape([-1 if number == other else 1 for other in range(3)])
    return np.asarray(fft.irfftn(values, volume.shape, overwrite_x=True), np.float32)
