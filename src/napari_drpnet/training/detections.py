"""Candidates of a detector on labelled micrographs: what the classifier learns from and is calibrated on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from napari_drpnet import candidates, tiling
from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.evaluation.counting import counted
from napari_drpnet.evaluation.curves import Sweep, sweep
from napari_drpnet.evaluation.matching import match
from napari_drpnet.pickers.context import context, detector_terms
from napari_drpnet.pickers.drpnet import SMOOTHING, spaced_candidates
from napari_drpnet.steps import drained
from napari_drpnet.training.calibration import greedy_hits
from napari_drpnet.training.example import Example

# A pick counts as found within half a diameter, as in evaluation; below SURE it is surely the particle itself.
FOUND, SURE = 0.5, 0.3
CPU = torch.device("cpu")


@dataclass(frozen=True, eq=False)
class Detections:
    """Candidates of one labelled micrograph.

    Attributes
    ----------
    example
        The micrograph.
    yx
        ``(n, 2)`` in network pixels.
    peak
        ``(n,)`` height of the network's map.
    hit
        ``(n,)`` whether it is a particle, for a calibration: within half a diameter of a true centre that no better
        candidate took.
    distance
        ``(n,)`` to the nearest true centre, in diameters.
    terms
        What its probability is made of, ``(n,)`` each.
    diameter
        Of a particle, in network pixels.
    """

    example: Example
    yx: FloatArray
    peak: FloatArray
    hit: npt.NDArray[np.bool_]
    distance: FloatArray
    terms: list[FloatArray]
    diameter: float

    def sweep(self, score: FloatArray) -> Sweep:
        """What the candidates with these scores, ``(n,)``, add to a curve, by the rules of `evaluation.evaluate`."""
        here = np.ones(len(self.yx), bool)
        labelled = candidates.inside(self.example.yx, self.example.image.shape, self.example.border)
        pairs = match(self.yx, self.example.yx, FOUND * self.diameter, here, labelled)
        picks, particles = counted(pairs, here, labelled)
        return sweep(self.yx[picks], score[picks], self.example.yx[particles], FOUND * self.diameter)


@torch.inference_mode()
def detect(network: tiling.FullyConvolutional, image: ImageArray, diameter: float, device: torch.device) -> ImageArray:
    """The smoothed map of a network-scale image, as the picker computes it on ``device``."""
    values = drained(tiling.score_steps(network, image, device, memory=2000))
    smoothed: ImageArray = ndimage.gaussian_filter(values, SMOOTHING * diameter / network.stride, truncate=3.0)
    return smoothed


def detections(
    network: tiling.FullyConvolutional, example: Example, diameter: float, device: torch.device = CPU
) -> Detections:
    """Candidates of one example, without those in its unlabelled border; ``diameter`` in network pixels."""
    image = example.image.astype(np.float32)
    values = detect(network, image, diameter, device)
    yx, peak, level = spaced_candidates(values, diameter / network.stride)
    usual = level > 1
    yx, peak = (yx[usual] + 0.5) * network.stride - 0.5, peak[usual]
    return assessed(example, yx, peak, map_terms(example, peak, values, network.stride, diameter), diameter)


def map_terms(example: Example, peak: FloatArray, values: ImageArray, stride: int, diameter: float) -> list[FloatArray]:
    """What the probability of candidates of a map is made of, ``(n,)`` each: their heights, and how high it lies.

    Parameters
    ----------
    example
        The micrograph.
    peak
        ``(n,)`` heights.
    values
        ``(h, w)`` map they were found on, ``stride`` network pixels a pixel.
    diameter
        Of a particle, in network pixels.
    """
    return detector_terms(peak, context(values, int(_margin(example, diameter) / stride)))


def assessed(
    example: Example, yx: FloatArray, peak: FloatArray, terms: list[FloatArray], diameter: float
) -> Detections:
    """Which candidates of an example are particles.

    Parameters
    ----------
    example
        With the truth.
    yx, peak
        ``(n, 2)`` in network pixels and ``(n,)``; those too near to the border are left out.
    terms
        What their probability is made of, ``(n,)`` each.
    diameter
        Of a particle, in network pixels.
    """
    keep = candidates.inside(yx, example.image.shape, _margin(example, diameter))
    yx, peak = yx[keep], peak[keep]
    offsets = yx[:, None] - example.yx[None]
    distance = np.hypot(*np.moveaxis(offsets, -1, 0)).min(axis=1, initial=np.inf) / diameter
    hit = greedy_hits(yx, peak, example.yx, FOUND * diameter)
    return Detections(example, yx, peak, hit, distance, [term[keep] for term in terms], diameter)


def _margin(example: Example, diameter: float) -> float:
    """Width of the band along the edges without candidates, in network pixels."""
    return max(example.border, diameter / 2)
