"""How picks are converted from one format to another."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from napari_drpnet.settings.base import Settings, unit

FormatName = Literal["star", "csv", "box", "json", "cbox", "topaz", "cryosparc", "cryoppp"]


class ConversionSettings(Settings):
    """What to write, and what the files do not say."""

    to: FormatName | None = Field(
        None,
        description="Format to write: star (RELION), csv, box (EMAN), json (EMAN2), cbox (crYOLO), topaz, cryosparc or "
        "cryoppp; if not given, the one that OUT's suffix stands for.",
    )
    flip_y: bool = Field(False, description="The rows of IN run the other way than its format has them: turn them.")
    box_size: float | None = Field(
        None, gt=0, description="Diameter of picks that have none, the side of their box.", json_schema_extra=unit("px")
    )
