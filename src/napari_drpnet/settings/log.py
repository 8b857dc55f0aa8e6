"""How the Laplacian-of-Gaussian picker looks for blobs."""

from __future__ import annotations

from pydantic import Field, model_validator

from napari_drpnet.settings.base import unit
from napari_drpnet.settings.picking import PickerSettings

# Of the range of diameters, where nobody chose it, in diameters of the particle.
_USUAL_SMALLEST = 0.9


class LoGSettings(PickerSettings):
    """Laplacian of Gaussian: dark blobs whose size lies in a range, as RELION's --LoG finds them. Needs no training."""

    min_diameter: float | None = Field(
        None,
        gt=0,
        description="Smallest blob to look for. Default: 0.9 of the diameter.",
        json_schema_extra=unit("A"),
    )
    max_diameter: float | None = Field(
        None, gt=0, description="Largest blob to look for. Default: the diameter.", json_schema_extra=unit("A")
    )

    @property
    def smallest(self) -> float:
        """The least diameter in force, in Angstrom."""
        usual = min(_USUAL_SMALLEST * self.diameter, self.max_diameter or self.diameter)
        return usual if self.min_diameter is None else self.min_diameter

    @property
    def largest(self) -> float:
        """The greatest diameter in force, in Angstrom."""
        return max(self.diameter, self.smallest) if self.max_diameter is None else self.max_diameter

    @model_validator(mode="after")
    def _in_order(self) -> LoGSettings:
        if self.smallest > self.largest:
            raise ValueError(f"min_diameter {self.smallest:g} A is above max_diameter {self.largest:g} A")
        return self
