"""The surface of a map that was assessed, coloured by its local resolution."""

from __future__ import annotations

from napari_drpnet.assessment.surface import Surface, resolved_surface
from napari_drpnet.errors import UserError
from napari_drpnet.io.half_maps import read_half_maps
from napari_drpnet.jobs.assess_maps import MapAssessment


def map_surface(found: MapAssessment) -> Surface:
    """The surface of the mean of both half maps, which are read once more.

    Raises
    ------
    UserError
        When local resolution was not measured, a file is no longer there, or there is no surface.
    """
    if found.local is None:
        raise UserError("The local resolution was not measured.")
    maps = read_half_maps(found.paths, found.pixel_size)
    resolution = found.correlation.resolution()
    return resolved_surface(maps.first, maps.second, found.local.values, maps.pixel_size, resolution)
