"""The surface of a map, with the local resolution at each of its points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_drpnet.assessment.masking import low_passed
from napari_drpnet.assessment.shells import VolumeArray
from napari_drpnet.data import FloatArray
from napari_drpnet.errors import UserError

# Of the brightest within the mask; of the noise outside of it, whichever is more.
_OF_BRIGHTEST, _OF_NOISE = 0.25, 3.0
_LARGEST = 256  # pixels a side, beyond which each other voxel is left out
_LEAST_PIXELS = 2.0


@dataclass(frozen=True, eq=False)
class Surface:
    """Triangles.

    Attributes
    ----------
    points
        ``(n, 3)`` z, y, x in voxels.
    triangles
        ``(m, 3)`` numbers of points.
    resolution
        ``(n,)`` Angstrom.
    """

    points: FloatArray
    triangles: npt.NDArray[np.int64]
    resolution: FloatArray


def resolved_surface(
    first: VolumeArray, second: VolumeArray, local: VolumeArray, pixel_size: float, resolution: float
) -> Surface:
    """The surface of the mean of two half maps, where local resolution is known.

    It lies at a quarter of what is brightest (the 99.9th percentile within the mask), and at least at three times the
    noise outside of the mask.

    Parameters
    ----------
    first, second
        ``(z, y, x)`` each, particle bright.
    local
        ``(z, y, x)`` local resolution in Angstrom, 0 outside of the mask.
    pixel_size
        Angstrom.
    resolution
        Angstrom to which the map is low-passed, since finer detail is noise.

    Raises
    ------
    UserError
        When nothing is that bright.
    """
    from skimage.measure import marching_cubes  # slow to load

    period = max(resolution / pixel_size, _LEAST_PIXELS) if np.isfinite(resolution) else _LEAST_PIXELS
    mean = low_passed(np.float32(0.5) * (first + second), period)
    inside = local > 0
    level = _OF_BRIGHTEST * float(np.quantile(mean[inside], 0.999))
    if not inside.all():
        level = max(level, _OF_NOISE * float(mean[~inside].std()))
    if not mean[inside].min() < level < mean[inside].max():
        raise UserError("The map has no surface: nothing in the mask is brighter than its noise.")
    step = -(-max(mean.shape) // _LARGEST)
    found = marching_cubes(mean, level, mask=inside, step_size=step)  # type: ignore[no-untyped-call]  # of scikit-image
    points, triangles = found[:2]
    nearest = ndimage.map_coordinates(_filled(local), points.T, order=0, mode="nearest")
    return Surface(np.asarray(points, np.float64), np.asarray(triangles, np.int64), np.asarray(nearest, np.float64))


def _filled(local: VolumeArray) -> VolumeArray:
    """With a voxel more around the mask, since the surface may touch one there."""
    return np.asarray(np.where(local > 0, local, ndimage.maximum_filter(local, 3)), np.float32)
