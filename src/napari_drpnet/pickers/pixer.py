"""PIXER: a network segments the micrograph, local maxima of the map are candidates, a second network sorts them.

Zhang, Wang, Chen, Han, Liu, Sun, Zhang, "PIXER: an automated particle-selection method based on segmentation using a
deep neural network", BMC Bioinformatics 20:41 (2019).
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import ClassVar, cast

import numpy as np
from scipy import ndimage
from scipy.special import expit, logsumexp

from napari_drpnet import candidates, devices, tiling
from napari_drpnet.data import Candidates, FloatArray, ImageArray, Micrograph, ScoreMap
from napari_drpnet.errors import UserError
from napari_drpnet.networks import PixerSorter
from napari_drpnet.pickers.context import calibrated, context, detector_terms
from napari_drpnet.pickers.network import classify_steps, load_network
from napari_drpnet.pickers.seen import check_size, network_image, on_good_pixels
from napari_drpnet.settings import PixerSettings
from napari_drpnet.steps import translate

# Sigma of the Gaussian window, in particle diameters; the paper tells its size, one diameter, and not its sigma.
SIGMA = 0.125
# Side of a cell of the grid, in particle diameters (paper), and how far a climber sees to each side.
CELL, REACH = 0.5, 0.25
# Lower scores are no candidates.
FLOOR = 0.01
# Memory of a pass in MB that keeps a tile to a third of a second on one core, so that a caller can stop between tiles.
_TILE_MEMORY = 100


def grid_candidates(values: ImageArray, diameter: float) -> tuple[FloatArray, FloatArray]:
    """Candidates of a map of probabilities, best first.

    Parameters
    ----------
    values
        ``(h, w)`` float32 map.
    diameter
        Of a particle, in map pixels.

    Returns
    -------
    yx
        ``(n, 2)`` in map pixels.
    score
        ``(n,)`` mean of the map around it, weighted by a Gaussian window of one diameter.
    """
    score = ndimage.gaussian_filter(values, SIGMA * diameter, radius=round(diameter / 2))
    cell, reach = (max(1, round(part * diameter)) for part in (CELL, REACH))
    return candidates.grid_maxima(score, cell, reach, FLOOR)


def margins(logits: FloatArray) -> FloatArray:
    """Logits of being a particle and nothing else, ``(n,)``, from those of `PixerSorter.classes`, ``(n, 3)``."""
    return np.asarray(logits[:, 0] - logsumexp(logits[:, 1:], axis=1))


class Pixer:
    """A segmentation network finds candidates; a second one rejects contamination and background.

    Parameters
    ----------
    settings
        Diameter, thresholds, device and which weights. They are loaded here.

    Raises
    ------
    UserError
        When the device is not there, or the weights cannot be used or do not belong together.
    """

    name: ClassVar[str] = "pixer"
    many_at_once: ClassVar[bool] = True
    settings_class: ClassVar[type[PixerSettings]] = PixerSettings

    def __init__(self, settings: PixerSettings) -> None:
        self.settings = settings
        self.most = settings.most
        self.device = devices.choose(settings.device)
        self.card, segmenter = load_network(settings.segmenter, "segmenter", self.device)
        self.segmenter = cast(tiling.FullyConvolutional, segmenter)
        self.sorter_card, self.sorter = load_network(settings.sorter, "sorter", self.device)
        if self.sorter_card.detector != Path(settings.segmenter).stem:
            raise UserError(
                f"The sorter {settings.sorter} was trained with the segmenter {self.sorter_card.detector}, "
                f"not {Path(settings.segmenter).stem}.",
                "Choose the two files of one training.",
            )

    def score_steps(self, micrograph: Micrograph) -> Generator[float, None, ScoreMap]:
        """How probably each pixel belongs to a particle, and every candidate; yields the fraction done.

        Raises
        ------
        UserError
            When the diameter does not fit the image, the pixel size is unknown, or the image is constant.
        """
        check_size(micrograph, self.settings.diameter)
        target, stride = self.card.diameter, self.segmenter.stride
        prepared = network_image(
            micrograph, self.settings.diameter, target, self.settings.invert, self.card.grey, add_noise=False
        )
        yield 0.1
        memory = min(self.settings.memory, _TILE_MEMORY)
        steps = tiling.score_steps(self.segmenter, prepared.image, self.device, memory)
        values = yield from translate(steps, lambda fraction: 0.1 + 0.6 * fraction)
        yx, height = grid_candidates(values, target / stride)
        yx = (yx + 0.5) * stride - 0.5
        good = on_good_pixels(yx, prepared.valid)
        yx, height = yx[good], height[good]
        sorting = classify_steps(self.sorter, prepared.image, yx, PixerSorter.patch, self.device)
        logits = yield from translate(sorting, lambda part: 0.7 + 0.3 * part)
        kept = expit(margins(logits)) >= self.settings.bound
        terms = detector_terms(height, context(values, int(target / 2 / stride)))
        probability = calibrated(self.card.calibration, *terms)
        level = np.full(int(kept.sum()), 2)
        at = prepared.frame.to_micrograph(yx[kept])
        frame = prepared.frame.rescaled(1 / stride)
        return ScoreMap(values, frame, Candidates(at, height[kept], level, probability[kept]))
