"""What CenterPicker is told."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from napari_drpnet.settings.base import network, unit
from napari_drpnet.settings.picking import PickerSettings
from napari_drpnet.settings.training import TrainSettings


class CenterPickerSettings(PickerSettings):
    """CenterPicker: a network that says where particle centres are and how large the particles are."""

    diameter: float = Field(
        0.0,
        ge=0,
        title="Diameter",
        description="Diameter of the particle, its longest extent; 0: the network finds it out. Given, it saves the "
        "pass over the image that finds it out.",
        json_schema_extra=unit("A"),
    )
    outlines: bool = Field(
        False,
        title="Boxes as the particles lie",
        description="Boxes are the outlines of the particles as they lie, and diameters the mean sides of these; else "
        "boxes have the shape of the outline, and are as large as the diameter.",
    )
    weights: str = Field(
        "centerpicker",
        title="Finds particles",
        description="A name from the package, or a .safetensors file.",
        json_schema_extra=network("centre detector"),
    )


class CenterPickerTrainSettings(TrainSettings):
    """What a training run of CenterPicker's network is told; all three parts of the network are there by default."""

    learns: Literal["all", "sizes"] = Field(
        "all",
        description="sizes: only heights and widths are learnt, on weights to start from, whose centres stay as they "
        "are to the last digit; validation sets are not needed then.",
    )
    dilation: bool = Field(True, description="Convolutions on the way down are 2-dilated: each sees farther.")
    attention: bool = Field(True, description="Where levels are joined, channels and places are weighed.")
    triangle: bool = Field(
        True, description="Levels are joined in three rows that all have the finest; else by plain upsampling."
    )

    @property
    def left_out(self) -> dict[str, int]:
        """The parts that the network is to lack, as options of `networks.build`."""
        return {name: 0 for name in ("dilation", "attention", "triangle") if not getattr(self, name)}
