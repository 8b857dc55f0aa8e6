"""The smallest picker that is of use, to start one's own from."""

from typing import ClassVar

import numpy as np
from pydantic import Field
from scipy.ndimage import gaussian_filter, maximum_filter

from napari_drpnet import Micrograph, Picks
from napari_drpnet.settings import PickerSettings


class MinimalSettings(PickerSettings):
    """What every picker is told, and one thing of its own."""

    clear: float = Field(2.0, gt=0, description="A blob this many times as strong as the noise has a score of 0.5.")


class MinimalPicker:
    """Dark blobs of the particle's size, by a difference of two Gaussians."""

    name: ClassVar[str] = "minimal"
    settings_class: ClassVar[type[PickerSettings]] = MinimalSettings

    def __init__(self, settings: MinimalSettings) -> None:
        self.settings = settings

    def pick(self, micrograph: Micrograph) -> Picks:
        """Particles of one micrograph, at the threshold of the settings."""
        frame, settings = micrograph.frame, self.settings
        diameter, spacing = (frame.working_pixels(length) for length in (settings.diameter, settings.spacing))
        density = micrograph.image if settings.invert else -micrograph.image
        blobs = gaussian_filter(density, diameter / 5) - gaussian_filter(density, diameter / 2)
        peaks = (blobs > 0) & (blobs == maximum_filter(blobs, round(2 * spacing) + 1))
        strength = blobs[peaks] / (settings.clear * 1.48 * np.median(np.abs(blobs)))
        yx = frame.to_micrograph(np.argwhere(peaks))
        picks = Picks(frame, yx, score=strength / (1 + strength), source=np.array(self.name))
        return picks.select(picks.score >= settings.least)
