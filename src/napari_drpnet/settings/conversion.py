"""How picks are converted from one format to another."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from napari_drpnet.settings.base import PixelSize, Settings, unit

FormatName = Literal["star", "particles", "csv", "box", "json", "cbox", "topaz", "cryosparc", "cryoppp"]


class ConversionSettings(Settings):
    """What to write, and what the files do not say."""

    to: FormatName | None = Field(
        None,
        description="Format to write: star (RELION), particles (one RELION STAR file for all), csv, box (EMAN), json "
        "(EMAN2), cbox (crYOLO), topaz, cryosparc or cryoppp; if not given, the one that OUT's suffix stands for.",
    )
    pixel_size: PixelSize = None
    scale: float | None = Field(
        None,
        gt=0,
        le=1000,
        allow_inf_nan=False,
        description="Pixels of the micrograph for one of IN, whose picks are of a binned image: coordinates and "
        "diameters are multiplied by it. Default: what the pixel sizes say, where both are known.",
    )
    threshold: float | None = Field(
        None, allow_inf_nan=False, description="Keep picks whose score is at least this, whatever the scores mean."
    )
    flip_y: bool = Field(
        False, description="The rows of IN run the other way than its format has them: turn them, and mirror angles."
    )
    box_size: float | None = Field(
        None,
        gt=0,
        description="Diameter of picks that have none, the side of their box, in pixels of the micrograph.",
        json_schema_extra=unit("px"),
    )
