"""How class averages are made."""

from __future__ import annotations

from pydantic import Field

from napari_drpnet.settings.base import DiameterIfKnown, PixelSize, Seed, Settings, unit


class AveragingSettings(Settings):
    """How picks are sorted into classes and averaged."""

    diameter: DiameterIfKnown = None
    classes: int = Field(
        20, ge=1, le=200, title="Classes, at most", description="Classes to sort the picks into, at most."
    )
    pixel_size: PixelSize = None
    threshold: float | None = Field(
        None, allow_inf_nan=False, description="Take picks whose score is at least this. Default: all."
    )
    most: int = Field(
        3000,
        ge=50,
        description="Classes are found with so many picks at most, chosen at random; then all are sorted into them.",
    )
    seed: Seed = 0
    voltage: float | None = Field(
        None, gt=0, description="Voltage, for RELION, where no file tells it.", json_schema_extra=unit("kV")
    )
    cs: float | None = Field(
        None, description="Spherical aberration, for RELION, where no file tells it.", json_schema_extra=unit("mm")
    )
    amplitude_contrast: float | None = Field(
        None, ge=0, le=1, description="Amplitude contrast, for RELION, where no file tells it."
    )
