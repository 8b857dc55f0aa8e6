"""What CenterPicker is told."""

from __future__ import annotations

from pydantic import Field

from napari_drpnet.settings.base import network, unit
from napari_drpnet.settings.picking import PickerSettings


class CenterPickerSettings(PickerSettings):
    """CenterPicker: a network that says where particle centres are and how large the particles are."""

    diameter: float = Field(
        0.0,
        ge=0,
        description="Diameter of the particle, its longest extent; 0: the network finds it out. Given, it saves the "
        "pass over the image that finds it out.",
        json_schema_extra=unit("A"),
    )
    weights: str = Field(
        "centerpicker",
        description="A name from the package, or a .safetensors file.",
        json_schema_extra=network("centre detector"),
    )
