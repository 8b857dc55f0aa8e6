"""Every parameter once: its type, default, bounds, unit and help text.

Forms, tooltips, command-line help and the file that records a run all read these models.
The unit of a length is in ``json_schema_extra["unit"]``; an unknown name in a settings file is an error.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Device = Literal["auto", "cpu", "cuda", "mps"]


def _unit(unit: str) -> dict[str, Any]:
    return {"unit": unit}


class Settings(BaseModel):
    """Frozen, and strict about names: a misspelt key is an error, not a silent default."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PreprocessSettings(Settings):
    """What `preprocess.prepare` does, in the order of its fields."""

    rescale: float = Field(
        1.0, gt=0, le=1, description="Size of the result relative to the input: 0.25 makes it four times smaller."
    )
    illumination: float = Field(
        0.0,
        ge=0,
        description="Sigma of the wide Gaussian whose brightness is evened out (eq. 1 of the DRPnet paper); 0 leaves it.",
        json_schema_extra=_unit("A"),
    )
    smoothing: float = Field(
        0.0,
        ge=0,
        description="Sigma of the Gaussian smoothing; 0 leaves the image as sharp as it is.",
        json_schema_extra=_unit("A"),
    )
    stretch: bool = Field(True, description="Stretch grey levels between the two percentiles below to 0..1.")
    low: float = Field(1.0, ge=0, lt=50, description="Percentile that becomes 0.", json_schema_extra=_unit("%"))
    high: float = Field(99.0, gt=50, le=100, description="Percentile that becomes 1.", json_schema_extra=_unit("%"))
    invert: bool = Field(False, description="Turn bright particles dark (negative stain, or already inverted images).")


class PickerSettings(Settings):
    """What every picker is told."""

    diameter: float = Field(
        gt=0, description="Diameter of the particle, its longest extent.", json_schema_extra=_unit("A")
    )
    threshold: float = Field(
        0.5, ge=0, le=1, description="Keep picks whose probability of being a particle is at least this."
    )
    min_distance: float | None = Field(
        None,
        ge=0,
        description="Of two picks nearer than this, the better one stays. Default: 0.6 of the diameter.",
        json_schema_extra=_unit("A"),
    )
    border: float | None = Field(
        None,
        ge=0,
        description="Drop picks nearer to the border than this. Default: half a diameter.",
        json_schema_extra=_unit("A"),
    )
    invert: bool = Field(False, description="Particles are brighter than their background.")
    device: Device = Field("auto", description="Where networks run: auto takes a GPU when there is one.")
    memory: int = Field(
        600, ge=50, description="Memory a network pass may use; larger images run in tiles.", json_schema_extra=_unit("MB")
    )

    @property
    def spacing(self) -> float:
        """The minimum distance in force, in Angstrom."""
        return 0.6 * self.diameter if self.min_distance is None else self.min_distance

    @property
    def margin(self) -> float:
        """The border in force, in Angstrom."""
        return 0.5 * self.diameter if self.border is None else self.border


class CompatibleSettings(Settings):
    """The authors' own scale rule and detection levels, so that their published parameters can be used."""

    box: float = Field(gt=0, description="Box of the particle.", json_schema_extra=_unit("micrograph px"))
    sigma: float = Field(
        9.0, ge=0, description="Gaussian smoothing of the detector's map.", json_schema_extra=_unit("network px")
    )
    height: float = Field(
        5.0, gt=0, description="Unit T of the extended maxima; levels are 1, 2 and 3 T.", json_schema_extra=_unit("network px")
    )
    level: Literal[1, 2, 3] = Field(2, description="Keep candidates of this confidence or better: 1 low, 2 normal, 3 high.")


class DRPnetSettings(PickerSettings):
    """DRPnet: a regression network finds candidates, a classifier keeps or rejects them."""

    detector: str = Field("detector", description="Weights of stage 1: a name from the package, or a .safetensors file.")
    classifier: str | None = Field(
        "classifier", description="Weights of stage 2: a name from the package, a .safetensors file, or none."
    )
    compatible: CompatibleSettings | None = Field(None, description="Use the authors' scale rule and thresholds.")
