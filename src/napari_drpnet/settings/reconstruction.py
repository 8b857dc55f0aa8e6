"""How picks become a map."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from napari_drpnet.settings.base import DiameterIfKnown, Invert, PixelSize, Settings, unit


class ReconstructionSettings(Settings):
    """How picks are matched to a reference and put together in three dimensions."""

    diameter: DiameterIfKnown = None
    symmetry: str = Field(
        "C1", title="Symmetry", description="Point group of the particle and of the reference: C1, C4, D2, D7 or alike."
    )
    box: int = Field(
        64,
        ge=24,
        le=128,
        multiple_of=2,
        title="Box",
        description="Side of the pictures that are compared, and of the map. It spans one and a half diameters.",
        json_schema_extra=unit("px"),
    )
    lowpass: float = Field(
        30.0,
        gt=0,
        title="Detail of the reference",
        description="The reference is given to both halves without detail finer than this.",
        json_schema_extra=unit("A"),
    )
    step: float = Field(
        7.5,
        ge=5,
        le=30,
        title="Angular step",
        description="Of the search for orientations; what it finds is refined in steps down to a sixteenth of it.",
        json_schema_extra=unit("degrees"),
    )
    reach: float | None = Field(
        None,
        ge=0,
        title="Largest shift",
        description="How far a particle may lie from its pick. Default: a tenth of the diameter.",
        json_schema_extra=unit("A"),
    )
    rounds: int = Field(
        3,
        ge=1,
        le=10,
        title="Rounds",
        description="How often particles are matched and put together: first with the reference, then with the map of "
        "their own half.",
    )
    threshold: float | None = Field(
        None, allow_inf_nan=False, description="Take picks whose score is at least this. Default: all."
    )
    invert: Invert = False
    pixel_size: PixelSize = None
    map_pixel_size: float | None = Field(
        None,
        gt=0,
        description="Voxel size of the reference. Default: what its header says.",
        json_schema_extra=unit("A"),
    )

    @model_validator(mode="after")
    def _within_the_box(self) -> Self:
        if self.diameter is not None and self.reach is not None and self.reach > self.diameter / 4:
            raise ValueError("reach: must be at most a quarter of the diameter")
        return self
