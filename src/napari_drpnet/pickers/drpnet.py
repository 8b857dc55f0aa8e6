"""DRPnet: a regression network finds candidates, and on demand a classifier tells particles from the rest.

Nguyen, Ersoy, Gotberg, Bunyak, White, "DRPnet: automated particle picking in cryo-electron micrographs using deep
regression", BMC Bioinformatics 22:55 (2021).
"""

from __future__ import annotations

import math
from collections.abc import Generator
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from torch import nn

from napari_drpnet import candidates, devices, tiling
from napari_drpnet.data import Candidates, FloatArray, Frame, ImageArray, MaskArray, Micrograph, ScoreMap
from napari_drpnet.errors import UserError
from napari_drpnet.io.weights import WeightsCard
from napari_drpnet.networks import Classifier
from napari_drpnet.pickers.context import calibrated, context, detector_terms
from napari_drpnet.pickers.detectors import load_detector
from napari_drpnet.pickers.network import classify_steps, load_network
from napari_drpnet.pickers.protocol.picker import Correction
from napari_drpnet.pickers.seen import check_size, network_image, on_good_pixels
from napari_drpnet.settings import DRPnetSettings
from napari_drpnet.steps import translate

# Smoothing of the map, in particle diameters.
SMOOTHING = 0.03
# Least distance of candidates in particle diameters, a map pixel more than that of picks, and of those between them,
# which only a smaller minimum distance lets through.
SPACING, CLOSEST = 0.6, 0.4
# Lower points of the map, which is 1 at the centre of a clear particle, are no candidates.
FLOOR = 0.01
# Candidates a square diameter that fit at the closest distance, packed hexagonally; what is beyond, where the authors'
# rules find maxima at any distance, is the noise of an empty image.
_PACKING = 2 / 3**0.5 / CLOSEST**2


def spaced_candidates(values: ImageArray, diameter: float) -> tuple[FloatArray, FloatArray, npt.NDArray[np.int64]]:
    """Candidates of a smoothed map, as `candidates.spaced_peaks` gives them; ``diameter`` in map pixels."""
    return candidates.spaced_peaks(values, SPACING * diameter, CLOSEST * diameter, FLOOR)


class DRPnet:
    """A regression network finds candidates; on demand a classifier rejects some of them. The default.

    Parameters
    ----------
    settings
        Diameter, thresholds, device and which weights. They are loaded here.

    Raises
    ------
    UserError
        When the device is not there, or the weights cannot be used.
    """

    name: ClassVar[str] = "drpnet"
    many_at_once: ClassVar[bool] = True
    settings_class: ClassVar[type[DRPnetSettings]] = DRPnetSettings

    def __init__(self, settings: DRPnetSettings) -> None:
        self.settings = settings
        self.device = devices.choose(settings.device)
        self.detector_card, self.detector = load_detector(
            settings.detector, settings.detector_diameter, settings.detector_grey, self.device
        )
        self.reliable = self.detector_card.calibrated
        self.classifier: nn.Module | None = None
        self.calibration = self.detector_card.calibration
        if settings.classifier is not None:
            card, self.classifier = load_network(settings.classifier, "classifier", self.device)
            self.classifier_card, self.calibration = card, card.calibration
            self._check_pair()

    def score_steps(self, micrograph: Micrograph) -> Generator[float, None, ScoreMap]:
        """The detector's map of one micrograph and every candidate with its probability; yields the fraction done.

        Raises
        ------
        UserError
            When the diameter does not fit the image, the pixel size is unknown, or the image is constant.
        """
        check_size(micrograph, self.settings.diameter)
        target, sigma = self._scale(micrograph)
        prepared = network_image(
            micrograph, self.settings.diameter, target, self.settings.invert, self.detector_card.grey
        )
        yield 0.1
        values = yield from self._detect(prepared.image, sigma)
        frame = prepared.frame.rescaled(1 / self.detector.stride)
        yx, peak, level = self._candidates(values)
        usable = self._usable(yx, peak, frame, prepared.valid)
        yx, peak, level = frame.to_micrograph(yx[usable]), peak[usable], level[usable]
        yield 0.7
        logits = None if self.classifier is None else (yield from self._classify(micrograph, prepared, yx))
        return ScoreMap(values, frame, Candidates(yx, peak, level, self._probability(values, peak, logits)))

    def second_stage(self, slope: float, correction: Correction, start: str) -> WeightsCard:
        """The card of a classifier for the candidates of this detector; see `RetrainablePicker.second_stage`."""
        a, b = correction
        *slopes, offset = self.detector_card.calibration
        numbers = (a * slope, *(a * s for s in slopes), a * offset + b)
        return WeightsCard(
            network="classifier",
            role="classifier",
            diameter=self.detector_card.diameter,
            calibration=tuple(round(float(c), 5) for c in numbers),
            detector=Path(self.settings.detector).stem,
            start=start,
        )

    def _check_pair(self) -> None:
        """A probability of both stages was calibrated for one detector; a fine-tuned one has a scale of its own."""
        name = Path(self.settings.detector).stem
        if self.detector_card.start and self.classifier_card.detector != name:
            raise UserError(
                f"The classifier {self.settings.classifier} was not trained for the detector {name}.",
                f"Leave it out, or train one (napari-drpnet train-classifier --detector {self.settings.detector}).",
            )

    def _scale(self, micrograph: Micrograph) -> tuple[float, float]:
        """Diameter of a particle on the detector's image, and sigma of the smoothing of its map, in its pixels."""
        return self.detector_card.diameter, SMOOTHING * self.detector_card.diameter

    def _detect(self, image: ImageArray, sigma: float) -> Generator[float, None, ImageArray]:
        """The detector's map of a network image, smoothed by ``sigma`` pixels of that image."""
        steps = tiling.score_steps(self.detector, image, self.device, self.settings.memory)
        values = yield from translate(steps, lambda fraction: 0.1 + 0.5 * fraction)
        smoothed: ImageArray = ndimage.gaussian_filter(values, sigma / self.detector.stride, truncate=3.0)
        return smoothed

    def _candidates(self, values: ImageArray) -> tuple[FloatArray, FloatArray, npt.NDArray[np.int64]]:
        """Places ``(n, 2)`` in map pixels, heights and levels."""
        return spaced_candidates(values, self.detector_card.diameter / self.detector.stride)

    def _probability(self, values: ImageArray, peak: FloatArray, logits: FloatArray | None) -> FloatArray:
        """``(n,)`` from the heights of candidates, what the map is around them, and the logits of a classifier."""
        margin = int(self.detector_card.diameter / 2 / self.detector.stride)
        terms = detector_terms(peak, context(values, margin))
        return calibrated(self.calibration, *([] if logits is None else [logits]), *terms)

    def _usable(self, yx: FloatArray, peak: FloatArray, frame: Frame, valid: MaskArray | None) -> npt.NDArray[np.intp]:
        """Indices of candidates on good pixels; of too many, the highest."""
        index = np.flatnonzero(on_good_pixels((yx + 0.5) * self.detector.stride - 0.5, valid))
        if frame.shape is not None:
            particle = frame.unbinned.micrograph_pixels(self.settings.diameter)
            most = int(_PACKING * frame.shape[0] * frame.shape[1] / particle**2) + 8
            index = index[np.argsort(-peak[index], kind="stable")[:most]]
        return index

    def _classify(
        self, micrograph: Micrograph, prepared: Micrograph, yx: FloatArray
    ) -> Generator[float, None, FloatArray]:
        """Logits of candidates at ``yx``, in micrograph pixels."""
        assert self.classifier is not None
        target, diameter = self.classifier_card.diameter, self.settings.diameter
        same = self.classifier_card.grey == self.detector_card.grey
        if not same or not math.isclose(prepared.frame.working_pixels(diameter), target):
            prepared = network_image(micrograph, diameter, target, self.settings.invert, self.classifier_card.grey)
        at = prepared.frame.from_micrograph(yx)
        steps = classify_steps(self.classifier, prepared.image, at, Classifier.patch, self.device)
        return (yield from translate(steps, lambda part: 0.7 + 0.3 * part))
