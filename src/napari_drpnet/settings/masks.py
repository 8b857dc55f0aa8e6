"""How masks of real particles are made."""

from __future__ import annotations

from pydantic import Field

from napari_drpnet.settings.base import Settings, unit


class MaskSettings(Settings):
    """Masks of the particles of micrographs, from their refined angles and the map."""

    level: float | None = Field(
        None,
        description="Voxels of the map above this are the particle, as when you look at its surface. Default: 0.15 of "
        "the 99.9th percentile of what is positive; what it came to is told.",
    )
    map_pixel_size: float | None = Field(
        None,
        gt=0,
        description="Voxel size of the map. Default: what its header says.",
        json_schema_extra=unit("A"),
    )
    pixel_size: float | None = Field(
        None,
        gt=0,
        description="Pixel size of the micrographs. Default: what their headers or the STAR file say.",
        json_schema_extra=unit("A"),
    )
