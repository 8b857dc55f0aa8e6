"""Projections of a structure as templates for picking."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.simulation import orientations
from napari_drpnet.simulation.projection import project
from napari_drpnet.simulation.structures import density, read_structure
from napari_drpnet.simulation.views import fitted


def even_views(count: int) -> tuple[FloatArray, FloatArray]:
    """``(count,)`` rot and tilt in degrees, evenly over the whole sphere: opposite views are mirror images."""
    index = np.arange(count) + 0.5
    tilt = np.asarray(np.rad2deg(np.arccos(1 - 2 * index / count)), np.float64)
    rot = (180 * (1 + 5**0.5) * index + 180) % 360 - 180
    return np.asarray(rot, np.float64), tilt


def projections(
    path: Path, count: int, across: float, side: int, diameter: float | None = None
) -> tuple[ImageArray, float]:
    """Views of a structure, dark as on a micrograph.

    Parameters
    ----------
    path
        Density map or atomic model; see `structures.read_structure`.
    count
        Of views.
    across
        Pixels that the diameter spans.
    side
        Of the pictures, in pixels.
    diameter
        In Angstrom; None: the longest extent of the structure.

    Returns
    -------
    images
        ``(count, side, side)`` float32, the centre of mass on pixel ``side // 2``.
    pixel_size
        Angstrom.

    Raises
    ------
    UserError
        When the structure cannot be read.
    """
    particle = read_structure(path)
    voxel = (particle.diameter if diameter is None else diameter) / across
    rot, tilt = even_views(count)
    # Half a pixel of blur: finer detail would only alias.
    images = -project(density(particle, voxel, blur=0.5 * voxel), orientations.rotation(rot, tilt, np.zeros(count)))
    return fitted(images, side), voxel
