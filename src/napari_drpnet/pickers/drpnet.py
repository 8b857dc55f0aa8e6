"""DRPnet: a regression network finds candidates, and on demand a classifier tells particles from the rest.

Nguyen, Ersoy, Gotberg, Bunyak, White, "DRPnet: automated particle picking in cryo-electron micrographs using deep
regression", BMC Bioinformatics 22:55 (2021).
"""

from __future__ import annotations

import math
from collections.abc import Generator
from pathlib import Path
from typing import ClassVar, cast

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from scipy.special import expit
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from napari_drpnet import candidates, tiling
from napari_drpnet.data import Candidates, FloatArray, Frame, ImageArray, MaskArray, Micrograph, Picks, ScoreMap
from napari_drpnet.errors import UserError
from napari_drpnet.io.weights import WeightsCard, read_weights
from napari_drpnet.networks import Classifier, build, channels_last
from napari_drpnet.pickers.context import context, detector_terms
from napari_drpnet.preprocess import prepare
from napari_drpnet.settings import USUAL_DISTANCE, DRPnetSettings, PreprocessSettings
from napari_drpnet.steps import drained, translate

# Smoothing of the map, in particle diameters.
SMOOTHING = 0.03
# Least distance of candidates in particle diameters, a map pixel more than that of picks, and of those between them,
# which only a smaller minimum distance lets through.
SPACING, CLOSEST = 0.6, 0.4
# Lower points of the map, which is 1 at the centre of a clear particle, are no candidates.
FLOOR = 0.01
# Smoothing of the micrograph, in particle diameters: at 32 px the authors' sigma of 2.
BLUR = 0.05
# Wide Gaussian of the illumination correction, in particle diameters.
ILLUMINATION = 3.0
# Candidates a square diameter that fit at the closest distance, packed hexagonally; what is beyond, where the authors'
# rules find maxima at any distance, is the noise of an empty image.
_PACKING = 2 / 3**0.5 / CLOSEST**2
_BATCH = 128


def network_image(micrograph: Micrograph, diameter: float, network_diameter: float, invert: bool) -> Micrograph:
    """The micrograph as every network of DRPnet sees it, in training as in picking.

    Rescaled so that a particle of ``diameter`` Angstrom spans ``network_diameter`` working pixels, illumination
    evened out, fine noise smoothed, grey levels between the 1st and 99th percentile brought to -0.5..0.5, particles
    dark.
    """
    scale = network_diameter / micrograph.frame.working_pixels(diameter)
    steps = PreprocessSettings(
        rescale=scale, illumination=ILLUMINATION * diameter, smoothing=BLUR * diameter, invert=invert
    )
    prepared = prepare(micrograph, steps)
    return Micrograph(prepared.image - np.float32(0.5), prepared.frame, prepared.valid, prepared.path)


def found(values: ImageArray, diameter: float) -> tuple[FloatArray, FloatArray, npt.NDArray[np.int64]]:
    """Candidates of a smoothed map, as `candidates.spaced_peaks` gives them; ``diameter`` in map pixels."""
    return candidates.spaced_peaks(values, SPACING * diameter, CLOSEST * diameter, FLOOR)


def author_scale(box: float, shape: tuple[int, int]) -> tuple[int, int]:
    """The reduction factors of the authors' implementation, for a box in micrograph pixels.

    The radius is compared with 32 px (48 when it is above 144), and an image still longer than 1800 px is reduced
    again. Where the particle's radius still reaches 32 px, the network sees the image at half that size, and its map
    is enlarged back.

    Returns
    -------
    factor
        The image is this many times smaller than the micrograph.
    again
        1, or 2 where the network sees it at half that size.
    """
    radius = box / 2
    ratio = radius / (48 if radius > 144 else 32)
    factor = math.ceil(ratio) if ratio > 2 else 2 if ratio > 1 else 1
    longer = max(shape) / factor
    factor *= math.ceil(longer / 1800) if longer > 1800 else 1
    return factor, 2 if radius / factor >= 32 else 1


def fold(network: nn.Module) -> nn.Module:
    """The same function with every batch norm folded into the convolution before it."""
    for child in network.children():
        fold(child)
    if isinstance(network, nn.Sequential):
        for i, (a, b) in enumerate(zip(list(network), list(network)[1:], strict=False)):
            if isinstance(a, nn.Conv2d) and isinstance(b, nn.BatchNorm2d):
                network[i], network[i + 1] = fuse_conv_bn_eval(a, b), nn.Identity()
    return network


def load_network(name: str, role: str, device: torch.device) -> tuple[WeightsCard, nn.Module]:
    """A trained network, ready to run on ``device``.

    Raises
    ------
    UserError
        When the weights are missing, damaged, or of the other stage.
    """
    card, tensors = read_weights(name)
    if card.role != role:
        raise UserError(f"The weights {name!r} are a {card.role}, not a {role}.", f"Choose a {role}.")
    network = build(card.network)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise UserError(f"The weights {name!r} do not fit the network {card.network}.", "Train them anew.") from error
    return card, channels_last(fold(network.eval())).to(device)


@torch.inference_mode()
def classify(network: nn.Module, patches: ImageArray, device: torch.device) -> FloatArray:
    """Logits of ``(n, 64, 64)`` patches, ``(n,)``."""
    batch = torch.from_numpy(patches)[:, None].to(device, memory_format=torch.channels_last)
    return np.asarray(network(batch).float().cpu(), np.float64)


def calibrated(calibration: tuple[float, ...], *terms: FloatArray) -> FloatArray:
    """Probability from scores: ``expit(slopes . terms + offset)``, the slopes and the offset in this order."""
    *slopes, offset = calibration
    return cast(FloatArray, expit(sum(slope * term for slope, term in zip(slopes, terms, strict=True)) + offset))


class DRPnet:
    """The default picker.

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
    settings_class: ClassVar[type[DRPnetSettings]] = DRPnetSettings

    def __init__(self, settings: DRPnetSettings) -> None:
        self.settings = settings
        self.device = tiling.choose_device(settings.device)
        self.detector_card, detector = load_network(settings.stage1, "detector", self.device)
        self.detector = cast(tiling.FullyConvolutional, detector)
        self.classifier: nn.Module | None = None
        self.calibration = self.detector_card.calibration
        if settings.stage2 is not None:
            card, self.classifier = load_network(settings.stage2, "classifier", self.device)
            self.classifier_card, self.calibration = card, card.calibration
            self._check_pair()

    def pick(self, micrograph: Micrograph) -> Picks:
        """Particles of one micrograph, at the threshold of the settings."""
        return self.picks_from(self.score(micrograph))

    def score(self, micrograph: Micrograph) -> ScoreMap:
        """The detector's map of one micrograph and every candidate with its probability.

        Raises
        ------
        UserError
            When the diameter does not fit the image, the pixel size is unknown, or the image is constant.
        """
        return drained(self.score_steps(micrograph))

    def score_steps(self, micrograph: Micrograph) -> Generator[float, None, ScoreMap]:
        """`score`, yielding the fraction done."""
        self._check(micrograph)
        target, sigma = self._scale(micrograph)
        prepared = network_image(micrograph, self.settings.diameter, target, self.settings.invert)
        yield 0.1
        values = yield from self._detect(prepared.image, sigma)
        frame = prepared.frame.rescaled(1 / self.detector.stride)
        yx, peak, level = self._candidates(values)
        usable = self._usable(yx, peak, frame, prepared.valid)
        yx, peak, level = frame.to_micrograph(yx[usable]), peak[usable], level[usable]
        yield 0.7
        logits = None if self.classifier is None else (yield from self._classify(micrograph, prepared, yx))
        if self.settings.compatible is not None:
            probability = np.ones(len(yx)) if logits is None else np.asarray(expit(logits))
        else:
            margin = int(self.detector_card.diameter / 2 / self.detector.stride)
            terms = detector_terms(peak, context(values, margin))
            probability = calibrated(self.calibration, *([] if logits is None else [logits]), *terms)
        return ScoreMap(values, frame, Candidates(yx, peak, level, probability))

    def picks_from(
        self, score_map: ScoreMap, threshold: float | None = None, min_distance: float | None = None
    ) -> Picks:
        """Picks at a probability ``threshold`` and a ``min_distance`` in Angstrom; None: as in the settings.

        With `CompatibleSettings` the authors' confidence level and class cut-off decide instead of ``threshold``.
        """
        frame, every = score_map.frame.unbinned, score_map.candidates
        threshold = self.settings.threshold if threshold is None else threshold
        distance = self.settings.spacing if min_distance is None else min_distance
        compatible = self.settings.compatible
        if compatible is None:
            keep = every.probability >= threshold
            if distance >= 0.999 * USUAL_DISTANCE * self.settings.diameter:
                keep &= every.level > 1
        else:
            keep = (every.level >= compatible.level) & (1 - every.probability <= compatible.class_cutoff)
        if frame.shape is not None:
            keep &= candidates.inside(every.yx, frame.shape, frame.micrograph_pixels(self.settings.margin))
        yx, score = every.yx[keep], every.probability[keep]
        best = candidates.suppress(yx, score, frame.micrograph_pixels(distance))
        diameter = frame.micrograph_pixels(self.settings.diameter)
        return Picks(frame, yx[best], score[best], np.array(diameter), source=np.array(self.name))

    def _check_pair(self) -> None:
        """A probability of both stages was calibrated for one detector; a fine-tuned one has a scale of its own."""
        name = Path(self.settings.stage1).stem
        if self.settings.compatible is None and self.detector_card.start and self.classifier_card.detector != name:
            raise UserError(
                f"The classifier {self.settings.stage2} was not trained for the detector {name}.",
                f"Leave it out, or train one: napari-drpnet train-classifier --detector {self.settings.stage1}.",
            )

    def _check(self, micrograph: Micrograph) -> None:
        frame, diameter = micrograph.frame, self.settings.diameter
        side = min(micrograph.image.shape)
        wanted = frame.working_pixels(diameter)
        if wanted > side:
            raise UserError(
                f"{frame.micrograph}: a particle of {diameter:g} A is {wanted:.0f} px, more than the image's "
                f"{side} px.",
                "Check the diameter and the pixel size.",
            )
        if wanted < 4:
            raise UserError(
                f"{frame.micrograph}: a particle of {diameter:g} A is only {wanted:.1f} px.",
                "Check the diameter and the pixel size.",
            )

    def _scale(self, micrograph: Micrograph) -> tuple[float, float]:
        """Diameter of a particle on the detector's image, and sigma of the smoothing of its map, in its pixels."""
        compatible = self.settings.compatible
        if compatible is None:
            return self.detector_card.diameter, SMOOTHING * self.detector_card.diameter
        h, w = micrograph.image.shape
        factor, again = author_scale(compatible.box, (h, w))
        particle = micrograph.frame.working_pixels(self.settings.diameter)
        return particle / (factor * again), compatible.sigma / again

    def _detect(self, image: ImageArray, sigma: float) -> Generator[float, None, ImageArray]:
        """The detector's map of a network image, smoothed by ``sigma`` pixels of that image."""
        steps = tiling.score_steps(self.detector, image, self.device, self.settings.memory)
        values = yield from translate(steps, lambda fraction: 0.1 + 0.5 * fraction)
        smoothed: ImageArray = ndimage.gaussian_filter(values, sigma / self.detector.stride, truncate=3.0)
        return smoothed

    def _candidates(self, values: ImageArray) -> tuple[FloatArray, FloatArray, npt.NDArray[np.int64]]:
        """Places ``(n, 2)`` in map pixels, heights and levels."""
        compatible = self.settings.compatible
        if compatible is None:
            return found(values, self.detector_card.diameter / self.detector.stride)
        # The authors' T counts pixels of distance; 1 on our map is half a diameter.
        return candidates.find(values, compatible.height / (self.detector_card.diameter / 2))

    def _usable(self, yx: FloatArray, peak: FloatArray, frame: Frame, valid: MaskArray | None) -> npt.NDArray[np.intp]:
        """Indices of candidates on good pixels; of too many, the highest."""
        index = np.arange(len(yx))
        if valid is not None:
            at = np.rint((yx + 0.5) * self.detector.stride - 0.5).astype(int)
            at = np.minimum(at, np.array(valid.shape) - 1)
            index = index[valid[at[:, 0], at[:, 1]]]
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
        if not math.isclose(prepared.frame.working_pixels(diameter), target):
            prepared = network_image(micrograph, diameter, target, self.settings.invert)
        at = prepared.frame.from_micrograph(yx)
        scores = [np.empty(0)]
        for start in range(0, len(at), _BATCH):
            patches = candidates.crop(prepared.image, at[start : start + _BATCH], Classifier.patch)
            scores.append(classify(self.classifier, patches, self.device))
            yield 0.7 + 0.3 * (start / len(at))
        return np.concatenate(scores)
