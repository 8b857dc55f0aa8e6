"""Pickers of dark discs that ask more of a form than DRPnet: settings of their own, no diameter, to learn."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field
from scipy import ndimage

from discs import DarkDiscs
from napari_drpnet.data import Candidates, Micrograph, Picks, ScoreMap
from napari_drpnet.settings import PickerSettings, Settings
from napari_drpnet.settings.base import unit


class InnerSettings(Settings):
    """A model for a field of another one."""

    box: float = Field(10.0, description="A number.")


class ChoosySettings(PickerSettings):
    """One setting of each kind that a form can show, and one of a kind that it cannot."""

    threshold: float = Field(0.3, ge=0, le=1, description="Keep picks of this score.")
    smoothing: float = Field(0.25, gt=0, le=1, description="Sigma of the Gaussian in diameters.")
    rate: float = Field(1e-3, gt=0, description="A small number.")
    most: int | None = Field(None, ge=0, description="Keep so many picks. Default: all.")
    margin_below: float | None = Field(None, gt=0, description="Width of a band.", json_schema_extra=unit("A"))
    order: Literal["best", "first"] = Field("best", description="Which picks are kept.")
    upside_down: bool = Field(False, description="Turn the picks upside down.")
    weights: Path | None = Field(None, description="A file.")
    note: str | None = Field(None, description="Free text.")
    inner: InnerSettings | None = Field(None, description="A model in a model.")


class ChoosyDiscs(DarkDiscs):
    """Finds discs with many settings; has no score map.

    This is its second paragraph.
    """

    name: ClassVar[str] = "choosy"
    settings_class: ClassVar[type[PickerSettings]] = ChoosySettings
    settings: ChoosySettings
    seen: ClassVar[list[ChoosySettings]] = []

    def pick(self, micrograph: Micrograph) -> Picks:
        self.seen.append(self.settings)
        picks = super().pick(micrograph)
        return picks.select(np.argsort(-picks.score)[: self.settings.most])


class SizingSettings(PickerSettings):
    """A diameter is not needed."""

    diameter: float = Field(0.0, ge=0, description="Of the particle; 0: found out.", json_schema_extra=unit("A"))


class SizingDiscs:
    """Finds out how large discs are, and says that they are wider than high; needs neither diameter nor pixel size."""

    name: ClassVar[str] = "sizing"
    settings_class: ClassVar[type[PickerSettings]] = SizingSettings

    def __init__(self, settings: SizingSettings) -> None:
        self.settings = settings

    def score_steps(self, micrograph: Micrograph) -> Generator[float, None, ScoreMap]:
        """Each dark area is a disc; the larger, the more probable."""
        yield 0.5
        smooth = ndimage.gaussian_filter(micrograph.image, 2)
        areas, count = ndimage.label(smooth < 0.5 * smooth.min())
        numbers = range(1, count + 1)
        yx = np.array(ndimage.center_of_mass(areas > 0, areas, numbers)).reshape(-1, 2)
        diameter = 2 * np.sqrt(ndimage.sum(areas > 0, areas, numbers) / np.pi)
        probability = np.clip(diameter / (2 * max(np.median(diameter), 1.0)) + 0.2, 0, 1)
        box = diameter[:, None] * (0.9, 1.1)
        found = Candidates(yx, probability, np.full(count, 2), probability, diameter, box=box)
        return ScoreMap(np.clip(-smooth, 0, None).astype(np.float32), micrograph.frame, found)
