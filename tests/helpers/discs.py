"""Micrographs of dark discs, and the smallest real picker that finds them, to test what surrounds a picker."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import numpy as np
from safetensors.numpy import load_file, save_file
from scipy import ndimage

from napari_drpnet.data import Candidates, Micrograph, Picks, ScoreMap
from napari_drpnet.errors import UserError
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.settings import PickerSettings

# Centres of the discs, (y, x).
DISCS = ((40, 50), (40, 150), (120, 60), (110, 160))


def write_discs(path: str | Path, pixel_size: float | None = 2.0, seed: int = 0) -> Path:
    """Write a micrograph with four dark discs of 20 px diameter in noise."""
    image = np.ones((160, 200), np.float32)
    image[tuple(np.transpose(DISCS))] = 0
    image = -np.float32(ndimage.distance_transform_edt(image) <= 10)
    image += np.random.default_rng(seed).normal(0, 0.1, image.shape).astype(np.float32)
    return write_mrc(image, path, pixel_size)


class DarkDiscs:
    """Picks minima of the smoothed image; has no score map."""

    name: ClassVar[str] = "dark-discs"
    settings_class: ClassVar[type[PickerSettings]] = PickerSettings

    def __init__(self, settings: PickerSettings) -> None:
        self.settings = settings

    def pick(self, micrograph: Micrograph) -> Picks:
        diameter = micrograph.frame.micrograph_pixels(self.settings.diameter)
        if diameter > min(micrograph.image.shape):
            raise UserError(f"{micrograph.frame.micrograph}: the particle is larger than the image.", "Check it.")
        smooth = -ndimage.gaussian_filter(micrograph.image, diameter / 4)
        peaks = (smooth == ndimage.maximum_filter(smooth, round(diameter))) & (smooth >= self.settings.least)
        yx = np.argwhere(peaks)
        score = np.clip(smooth[peaks], 0, 1)
        return Picks(micrograph.frame, yx, score, diameter, source=self.name)


class SlowScores(DarkDiscs):
    """The same in two steps, taking its time between them; the first micrograph is quick."""

    name: ClassVar[str] = "slow-scores"
    scored = 0
    wait = 1.5  # seconds

    def score_steps(self, micrograph: Micrograph):
        picks = self.pick(micrograph)
        yield 0.5
        if self.scored:
            time.sleep(self.wait)
        self.scored += 1
        level = np.full(len(picks), 2)
        return ScoreMap(micrograph.image, micrograph.frame, Candidates(picks.yx, picks.score, level, picks.score))


class LearningSettings(PickerSettings):
    """What was learnt, once it was."""

    weights: str | None = None


class LearningDiscs:
    """Learns from the micrographs how dark a disc is; a place half as dark has a score of a half."""

    name: ClassVar[str] = "learning-discs"
    settings_class: ClassVar[type[LearningSettings]] = LearningSettings
    times_learnt: ClassVar[int] = 0

    def __init__(self, settings: LearningSettings) -> None:
        self.settings = settings
        self.depth = float(load_file(settings.weights)["depth"]) if settings.weights else None

    @property
    def ready(self) -> bool:
        return self.depth is not None

    def learn_steps(self, micrographs):
        depths = []
        for done, read in enumerate(micrographs):
            yield done / len(micrographs), f"Learning from micrograph {done + 1}"
            with suppress(UserError):  # one that cannot be read teaches nothing
                depths.append(self._darkness(read()).max())
        self.depth = float(np.median(depths))
        type(self).times_learnt += 1

    def save(self, path: Path) -> Path:
        path.parent.mkdir(exist_ok=True, parents=True)
        save_file({"depth": np.array(self.depth)}, path)
        return path

    def _darkness(self, micrograph: Micrograph):
        return -ndimage.gaussian_filter(micrograph.image, micrograph.frame.working_pixels(self.settings.diameter) / 4)

    def score_steps(self, micrograph: Micrograph):
        yield 0.5
        values = self._darkness(micrograph) / self.depth
        yx = np.argwhere(values == ndimage.maximum_filter(values, 15))
        score = np.clip(values[tuple(yx.T)], 0, 1)
        return ScoreMap(values, micrograph.frame, Candidates(yx, score, np.full(len(yx), 2), score))
