"""Where the particles of a micrograph lie: the outlines of a map, projected as a refinement says they are turned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage

from napari_drpnet.data import FloatArray
from napari_drpnet.errors import UserError
from napari_drpnet.simulation.orientations import rotation
from napari_drpnet.simulation.projection import project
from napari_drpnet.simulation.scene import OUTLINE, LabelArray
from napari_drpnet.simulation.structures import Volume, VolumeArray, contour

# Of what is bright in a map: low, since the outline of a projection is cut at a level again.
_LEVEL = 0.15
# The solid part spans so many voxels at most, which is finer than a network sees.
_ACROSS = 96
# Parts of a map that are smaller than this, of the largest, are noise.
_SPECK = 0.1
_BATCH = 64


def solid(
    values: VolumeArray, voxel: float, pixel_size: float, path: Path, level: float | None = None
) -> tuple[Volume, float]:
    """The inside of a map about the middle of its box, and the level that it is above.

    Parameters
    ----------
    values, voxel
        ``(n, n, n)`` map of a refinement, and Angstrom per voxel.
    pixel_size
        Of the micrographs, in Angstrom: a finer map is made as coarse.
    path
        Where the map was read, for what is said of it.
    level
        Voxels above it are the particle; None: see `structures.contour`.

    Returns
    -------
    Volume, float
        The middle of the box, which RELION's angles turn about, is at ``n // 2``.

    Raises
    ------
    UserError
        When the map is no cube, or nothing or more than half of it is above the level.
    """
    if len(set(values.shape)) > 1:
        raise UserError(f"{path}: the map is no cube.", "Give the map that the refinement wrote, not cropped.")
    level = contour(values, path, _LEVEL) if level is None else level
    inside = values > level
    if not 0 < inside.mean() < 0.5:
        part = "nothing" if not inside.any() else "more than half of the map"
        raise UserError(f"{path}: {part} is above the level {level:g}.", f"Its values end at {values.max():g}.")
    kept = np.where(_without_specks(inside), values, 0).astype(np.float32)
    return _coarser(kept, voxel, pixel_size), level


def _without_specks(inside: np.ndarray) -> np.ndarray:
    parts, _ = ndimage.label(inside)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    large: np.ndarray = (sizes >= _SPECK * sizes.max())[parts]
    return large


def _coarser(values: VolumeArray, voxel: float, pixel_size: float) -> Volume:
    """What is not 0, cut out about the middle of the box, at no finer a voxel than is of use."""
    middle = len(values) // 2
    reach = float(np.sqrt(((np.argwhere(values) - middle) ** 2).sum(axis=1).max()))
    zoom = max(1.0, pixel_size / voxel, 2 * reach / _ACROSS)
    if zoom > 1:
        values = ndimage.gaussian_filter(values, 0.5 * zoom)
    half = int(np.ceil(reach / zoom)) + 2
    matrix = np.full(3, zoom)
    small = ndimage.affine_transform(values, matrix, middle - matrix * half, (2 * half,) * 3, order=1)
    return Volume(small, voxel * zoom, 2 * reach * voxel)


def outlines(
    volume: Volume, yx: FloatArray, angles: FloatArray, shape: tuple[int, int], pixel_size: float
) -> LabelArray:
    """``(h, w)`` 1 inside the projections of the particles of a micrograph, 0 elsewhere.

    A projection's inside is what the simulation takes for it: where it is more than a fifth of its maximum.

    Parameters
    ----------
    volume
        From `solid`.
    yx
        ``(n, 2)`` where the middle of the map's box lies, in micrograph pixels.
    angles
        ``(n, 3)`` rot, tilt, psi in degrees.
    shape
        Of the micrograph.
    pixel_size
        Of the micrograph, in Angstrom.
    """
    mask = np.zeros(shape, np.uint8)
    zoom, n = pixel_size / volume.voxel, len(volume.density)
    box = int(np.ceil(n / zoom)) + 3
    for start in range(0, len(yx), _BATCH):
        batch = slice(start, start + _BATCH)
        for image, centre in zip(project(volume, rotation(*angles[batch].T)), yx[batch], strict=True):
            corner = np.floor(centre).astype(int) - box // 2
            offset = n // 2 - zoom * (centre - corner)
            part = ndimage.affine_transform(image, np.full(2, zoom), offset, (box, box), order=1)
            _lay(mask, part > OUTLINE * part.max(), int(corner[0]), int(corner[1]))
    return mask


def _lay(mask: LabelArray, part: np.ndarray, y: int, x: int) -> None:
    """Set a mask to 1 where a part is true whose first pixel is at (y, x); what lies outside is cut off."""
    top, left = max(0, y), max(0, x)
    target = mask[top : max(top, y + part.shape[0]), left : max(left, x + part.shape[1])]
    h, w = target.shape
    target |= part[top - y : top - y + h, left - x : left - x + w]
