"""How the template picker compares templates with a micrograph."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from napari_drpnet.settings.base import Invert, Settings, unit
from napari_drpnet.settings.picking import PickerSettings

# The name of the picker that uses templates.
TEMPLATE_PICKER = "template"
# Of the mask within which a template is compared, where nobody chose it, in diameters of the particle.
_USUAL_MASK = 1.5

Contrast = Literal["auto", "dark", "bright"]


class TemplateSettings(PickerSettings):
    """Template matching: normalised cross-correlation with templates at all in-plane rotations."""

    templates: Path | None = Field(
        None,
        description="MRC stack of templates: class averages, or what `napari-drpnet templates` makes of picks or of a "
        "map. Default: one soft ball of the particle's diameter.",
    )
    template_pixel_size: float | None = Field(
        None,
        gt=0,
        description="Pixel size of the templates. Default: what their header says.",
        json_schema_extra=unit("A"),
    )
    template_contrast: Contrast = Field(
        "auto",
        description="Whether particles in the templates are dark, as on a micrograph, or bright, as in RELION's class "
        "averages; auto looks.",
    )
    angle_step: float = Field(
        10.0,
        gt=0,
        le=360,
        description="Step of the in-plane rotations; 360 is none. A round template is not turned.",
        json_schema_extra=unit("degrees"),
    )
    mask_diameter: float | None = Field(
        None,
        gt=0,
        description="Diameter of the disc within which a template is compared; it should show some background. "
        "Default: 1.5 of the particle's diameter, or as much as the templates show.",
        json_schema_extra=unit("A"),
    )

    @property
    def mask(self) -> float:
        """The diameter of the mask in force, in Angstrom."""
        return _USUAL_MASK * self.diameter if self.mask_diameter is None else self.mask_diameter


class TemplateSetSettings(Settings):
    """How templates are made of picked particles or of a structure."""

    diameter: float | None = Field(
        None,
        gt=0,
        description="Diameter of the particle, its longest extent. Default: that of the map.",
        json_schema_extra=unit("A"),
    )
    count: int = Field(8, ge=1, le=500, description="Templates to make: views of the map, or classes of the picks.")
    invert: Invert = False
    most: int = Field(2000, ge=10, description="Of more picks than this, so many are averaged, chosen at random.")
    seed: int = Field(0, ge=0, description="The same seed gives the same averages.")
