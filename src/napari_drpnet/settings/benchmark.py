"""Labelled sets of micrographs, and how picks are scored on them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from napari_drpnet.settings.base import DiameterIfKnown, Invert, PixelSize, RunsOn, Settings
from napari_drpnet.settings.comparison import EdgeBand, PickerOptions, RadiusFraction


class LabelledSetSettings(Settings):
    """What is known of a labelled set: its ``set.yaml``. Paths in it start at its folder."""

    name: str = Field("", max_length=100, description="Name of the set. Default: that of its folder.")
    protein: str = Field("", max_length=200, description="What the particles are.")
    source: str = Field("", max_length=500, description="Where the micrographs are from, such as an EMPIAR entry.")
    labelled_by: str = Field("", max_length=500, description="What the labels are: who made them, and how.")
    complete: bool | None = Field(
        None,
        description="Whether every particle is labelled; where not, some picks are right that count as false. "
        "Default: not known.",
    )
    diameter: DiameterIfKnown = None
    pixel_size: PixelSize = None
    edge: EdgeBand = None
    invert: Invert = False
    micrographs: Path | None = Field(None, description="The micrographs: a folder, or a list. Default: the set's own.")
    labels: Path | None = Field(
        None,
        description="The labels: a file of picks, or a folder with some. Default: in the folder of the micrographs, or "
        "in folders below it.",
    )


class CountingSettings(Settings):
    """When a pick is right."""

    match: Literal["distance", "overlap"] = Field(
        "distance",
        description="What makes a pick right: the distance of its centre from that of a particle, or the overlap of "
        "two boxes, by intersection over union.",
    )
    radius_fraction: RadiusFraction = 0.5
    least_overlap: float = Field(
        0.5, gt=0, le=1, description="Least intersection over union of two boxes of the same particle."
    )
    boxes: Literal["same", "own"] = Field(
        "same",
        description="Boxes whose overlap counts: squares of the set's diameter for all, or those that picks and labels "
        "have themselves, where they have some.",
    )


class BenchmarkSettings(CountingSettings):
    """One benchmark: who is scored, and how."""

    pickers: dict[str, str] = Field(default_factory=dict, description="Pickers by the name of their entry.")
    picks: dict[str, Path] = Field(default_factory=dict, description="Files or folders of picks by that name.")
    options: PickerOptions = Field(default_factory=dict)
    at: float | None = Field(
        None,
        description="A score at which figures are given beside those at the threshold in force. Default: 0.5 for "
        "pickers, none for files.",
    )
    average: Literal["micro", "macro"] = Field(
        "micro",
        description="What tables show: ratios of counts that are summed over the micrographs, or the mean of the "
        "micrographs' own ratios. Both are in the files.",
    )
    device: RunsOn = "auto"
    out: Path = Field(Path("benchmark"), description="Folder for the results, the page and the table.")
