"""How sets of picks are compared, and joined to a consensus."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from napari_drpnet.settings.base import Diameter, Inputs, Invert, PixelSize, RunsOn, Settings, unit

RadiusFraction = Annotated[
    float,
    Field(
        gt=0, le=2, description="Largest distance of two picks that are the same particle, as a part of the diameter."
    ),
]
PickerOptions = Annotated[
    dict[str, dict[str, Any]],
    Field(
        description="A picker's own setting, as PICKER.NAME=VALUE, such as log.threshold=0.3; may be given several "
        "times."
    ),
]
EdgeBand = Annotated[
    float | None,
    Field(
        ge=0,
        description="Width of the band along the border that is not scored. Default: half a diameter, where our "
        "pickers make no picks.",
        json_schema_extra=unit("px"),
    ),
]


class MatchSettings(Settings):
    """When two picks are the same particle."""

    diameter: Diameter
    pixel_size: PixelSize = None
    radius_fraction: RadiusFraction = 0.5


class ComparisonSettings(MatchSettings):
    """One comparison: everything that is needed to repeat it."""

    inputs: Inputs = Field(min_length=1)
    pickers: tuple[str, ...] = Field((), description="Names of the pickers to run, with commas between them.")
    picks: dict[str, Path] = Field(
        default_factory=dict,
        description="Picks of another program, as NAME=PATH, a file or a folder with some; may be given several times.",
    )
    truth: str | None = Field(
        None,
        description="What the sets are judged by: a file of picks, a folder with some, or the name of one of the sets.",
    )
    options: PickerOptions = Field(default_factory=dict)
    edge: EdgeBand = None
    consensus: int | None = Field(
        None, ge=1, description="Add one more set: the particles that at least so many of the others have."
    )
    averages: bool = Field(
        True,
        description="Make class averages of each set, and measure by them how many picks are particles where no "
        "threshold is chosen by that anyway.",
    )
    overlays: int = Field(12, ge=0, le=100, description="Pictures of micrographs with everyone's picks, at most.")
    overlay_order: Literal["disputed", "first"] = Field(
        "disputed", description="Which micrographs are drawn: those on which the sets differ most, or the first."
    )
    invert: Invert = False
    device: RunsOn = "auto"
    out: Path = Field(Path("comparison"), description="Folder for the picks, the tables, the pictures and the page.")


class ConsensusSettings(MatchSettings):
    """One consensus of sets of picks."""

    at_least: int = Field(
        2, ge=1, description="Keep the particles that at least so many sets have; 1 is the union without duplicates."
    )
    weights: dict[str, float] = Field(
        default_factory=dict,
        description="How much a set's word counts, as NAME=NUMBER; 1 where not given; may be given several times.",
    )
