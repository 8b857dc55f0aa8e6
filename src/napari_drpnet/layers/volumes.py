"""3D maps as layers: to look at, never taken for micrographs; and local resolution in colours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_drpnet.assessment.surface import Surface
from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.layers.placement import LayerTuple

if TYPE_CHECKING:
    from napari.utils import Colormap

RESOLUTION_COLOURS = "viridis"
_BELOW = 0.01  # Angstrom: napari does not draw what is at the end of the colours, either
_NOTHING = (0.0, 0.0, 0.0, 0.0)


def volume_layer(volume: ImageArray, pixel_size: float | None, name: str, path: Path | None = None) -> LayerTuple:
    """An Image layer of a ``(z, y, x)`` map or tomogram.

    Parameters
    ----------
    volume
        The voxels.
    pixel_size
        Angstrom; None where it is not known.
    name
        Of the layer.
    path
        The file.
    """
    placed = {"scale": (pixel_size,) * 3, "units": ("angstrom",) * 3} if pixel_size else {}
    metadata = {"role": "volume", "path": None if path is None else str(path)}
    return volume, {"name": name, "axis_labels": ("z", "y", "x"), "metadata": metadata, **placed}, "image"


def resolution_layer(values: ImageArray, pixel_size: float, name: str, limits: tuple[float, float]) -> LayerTuple:
    """An Image layer of a map coloured by its local resolution: nothing is drawn where there is none.

    Parameters
    ----------
    values
        ``(z, y, x)`` Angstrom, 0 outside of the mask.
    pixel_size
        Angstrom.
    name
        Of the layer.
    limits
        Ends of the colours in Angstrom. Voxels below the first one are not drawn.
    """
    data, attributes, kind = volume_layer(values, pixel_size, name)
    # Between a voxel of the mask and the nothing beside it there is no resolution that could be drawn.
    looks = {"rendering": "translucent", "interpolation2d": "nearest", "interpolation3d": "nearest"}
    return data, {**attributes, **looks, "contrast_limits": limits, "colormap": resolution_colours()}, kind


def surface_layer(surface: Surface, pixel_size: float, name: str, limits: tuple[float, float]) -> LayerTuple:
    """A Surface layer of a map, coloured by its local resolution.

    Parameters
    ----------
    surface
        In voxels.
    pixel_size
        Angstrom.
    name
        Of the layer.
    limits
        Ends of the colours in Angstrom.
    """
    attributes = {
        "name": name,
        "scale": (pixel_size,) * 3,
        "units": ("angstrom",) * 3,
        "axis_labels": ("z", "y", "x"),
        "shading": "smooth",
        "contrast_limits": limits,
        "colormap": resolution_colours(),
    }
    return (surface.points, surface.triangles, surface.resolution), attributes, "surface"


def resolution_limits(values: FloatArray) -> tuple[float, float]:
    """Ends of the colours for ``(n,)`` resolutions in Angstrom: the best, and what two in a hundred are beyond."""
    low, high = float(values.min()), float(np.quantile(values, 0.98))
    return low - _BELOW, max(high, low)


def resolution_colours() -> Colormap:
    """From yellow, the best, to dark blue, the worst; nothing is drawn below the best."""
    from napari.utils import Colormap
    from napari.utils.colormaps import ensure_colormap

    return Colormap(ensure_colormap(RESOLUTION_COLOURS).colors[::-1], name="resolution", low_color=_NOTHING)
