"""What a project remembers."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from napari_drpnet.settings.base import (
    AUTO,
    DEFAULT_PICKER,
    INPUTS,
    USUAL_DISTANCE,
    DiameterIfKnown,
    Inputs,
    Invert,
    KeepUnproved,
    MinDistance,
    PickerName,
    PixelSize,
    Settings,
    Threshold,
)

Unreviewed = Literal["ask", "particles", "background", "leave out"]
"""What picks that nobody labelled become when their micrograph is marked as done."""

SHARED = ("diameter", "invert", "threshold", "min_distance")
"""Settings of pickers that a project has as its own."""


class ProjectSettings(Settings):
    """What ``project.yaml`` holds: which micrographs a project is about, how they are picked, and how far one is."""

    version: int = Field(2, description="Version of the project's files.")
    inputs: Inputs = Field((), description=f"{INPUTS} An autopick.star brings its picks.")
    root: str = Field(
        "",
        description="Folder that the names in inputs and in autopick.star start from, relative to the project's own; "
        "RELION's project where there is one.",
    )
    pixel_size: PixelSize = None
    picker: PickerName = DEFAULT_PICKER
    diameter: DiameterIfKnown = None
    invert: Invert = False
    threshold: Threshold = AUTO
    min_distance: MinDistance = None
    keep_unproved: KeepUnproved = False
    options: dict[str, Any] = Field(
        default_factory=dict,
        description="Further settings of the picker, by name; networks by the names that the project has for them.",
    )
    current: str = Field("", description="The micrograph that was open last.")
    done: tuple[str, ...] = Field((), description="Micrographs that are finished.")
    unreviewed: Unreviewed = Field(
        "ask",
        description="What picks that nobody labelled become when their micrograph is marked as done: particles, "
        "background, or leave out, and then nothing is learnt from them. ask: the window asks.",
    )

    @property
    def spacing(self) -> float:
        """The minimum distance in force, in Angstrom; 0 where it is not known."""
        return USUAL_DISTANCE * (self.diameter or 0.0) if self.min_distance is None else self.min_distance
