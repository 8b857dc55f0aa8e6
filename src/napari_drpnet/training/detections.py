"""Candidates of a detector on labelled micrographs: what the classifier learns from and is calibrated on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from napari_drpnet import candidates, tiling
from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.pickers.context import context, detector_terms
from napari_drpnet.pickers.drpnet import SMOOTHING, spaced_candidates
from napari_drpnet.steps import drained
from napari_drpnet.training.calibration import hits
from napari_drpnet.training.sets import Example

# A pick counts as found within half a diameter, as in evaluation; below SURE it is surely the particle itself.
FOUND, SURE = 0.5, 0.3


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
        ``(n,)`` height of the detector's map.
    hit
        ``(n,)`` whether it is a particle: within half a diameter of a true centre no better candidate took.
    distance
        ``(n,)`` to the nearest true centre, in diameters.
    terms
        What the detector contributes to the probability of each candidate, ``(n,)`` each.
    """

    example: Example
    yx: FloatArray
    peak: FloatArray
    hit: npt.NDArray[np.bool_]
    distance: FloatArray
    terms: list[FloatArray]


@torch.inference_mode()
def detect(network: tiling.FullyConvolutional, image: ImageArray, diameter: float) -> ImageArray:
    """The smoothed map of a network-scale image, as the picker computes it."""
    values = drained(tiling.score_steps(network, image, torch.device("cpu"), memory=2000))
    smoothed: ImageArray = ndimage.gaussian_filter(values, SMOOTHING * diameter / network.stride, truncate=3.0)
    return smoothed


def detections(network: tiling.FullyConvolutional, example: Example, diameter: float) -> Detections:
    """Candidates of one example, without those in its unlabelled border; ``diameter`` in network pixels."""
    image = example.image.astype(np.float32)
    values = detect(network, image, diameter)
    yx, peak, level = spaced_candidates(values, diameter / network.stride)
    usual = level > 1
    return assessed(example, (yx[usual] + 0.5) * network.stride - 0.5, peak[usual], values, network.stride, diameter)


def assessed(
    example: Example, yx: FloatArray, peak: FloatArray, values: ImageArray, stride: int, diameter: float
) -> Detections:
    """Which candidates of an example are particles, and what their probability is made of.

    Parameters
    ----------
    example
        With the truth.
    yx, peak
        ``(n, 2)`` in network pixels and ``(n,)``; those too near to the border are left out.
    values
        ``(h, w)`` map they were found on, ``stride`` network pixels a pixel.
    diameter
        Of a particle, in network pixels.
    """
    margin = max(example.border, diameter / 2)
    keep = candidates.inside(yx, example.image.shape, margin)
    yx, peak = yx[keep], peak[keep]
    offsets = yx[:, None] - example.yx[None]
    distance = np.hypot(*np.moveaxis(offsets, -1, 0)).min(axis=1, initial=np.inf) / diameter
    hit = hits(yx, peak, example.yx, FOUND * diameter)
    about = context(values, int(margin / stride))
    return Detections(example, yx, peak, hit, distance, detector_terms(peak, about))


def best_f1(detected: list[Detections], scores: list[FloatArray]) -> float:
    """Pooled F1 at the best threshold of ``scores``, one array per harvest, which hold a candidate between them."""
    score = np.concatenate(scores)
    hit = np.concatenate([h.hit for h in detected])
    particles = sum(_labelled(h) for h in detected)
    order = np.argsort(-score)
    right = np.cumsum(hit[order])
    f1 = 2 * right / (np.arange(1, len(right) + 1) + particles)
    return float(f1.max())


def f1_at_half(detected: list[Detections], probability: FloatArray, hit: npt.NDArray[np.bool_]) -> float:
    """Pooled F1 of the candidates whose probability is at least 0.5."""
    chosen = probability >= 0.5
    return float(2 * (chosen & hit).sum() / max(int(chosen.sum()) + sum(_labelled(h) for h in detected), 1))


def _labelled(h: Detections) -> int:
    border = h.example.border
    return int(candidates.inside(h.example.yx, h.example.image.shape, border).sum())
