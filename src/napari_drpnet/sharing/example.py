"""An image that a network can be tried on, and the map that it makes of it."""

from __future__ import annotations

import numpy as np
import torch

from napari_drpnet.data import ImageArray
from napari_drpnet.pickers.seen import network_image
from napari_drpnet.settings import SimulationSettings
from napari_drpnet.sharing.score_map import SharedMap
from napari_drpnet.simulation import simulate_one

# A made-up protein, so that nobody's licence is asked; with 32 px a particle the image has 546.
_MICROGRAPH = SimulationSettings(size=1024, diameter_px=(60, 60), visibility=(14, 16), empty=0, seed=1)
# What a program that takes percentiles adds to their distance, so that it divides by no 0.
EPSILON = 1e-6


def example(shared: SharedMap) -> tuple[ImageArray, ImageArray]:
    """A part of a simulated micrograph as the network sees it, and the map of it.

    Returns
    -------
    image
        ``(1, 1, h, w)`` float32, before the steps that `as_described` does.
    map
        ``(1, 1, h / stride, w / stride)`` float32.
    """
    made = simulate_one(_MICROGRAPH, 0)
    diameter = float(made.truth.diameter[0]) * made.micrograph.frame.known_pixel_size()
    seen = network_image(made.micrograph, diameter, shared.card.diameter, invert=False, grey=shared.card.grey).image
    side = max(shared.least, 256 // shared.multiple * shared.multiple)
    while min(seen.shape) < side:
        seen = np.pad(seen, [(0, size) for size in seen.shape], mode="symmetric")
    top, left = ((size - side) // 2 for size in seen.shape)
    image = np.ascontiguousarray(seen[None, None, top : top + side, left : left + side], np.float32)
    return image, shared.map_of(torch.from_numpy(as_described(shared, image))).numpy()


def as_described(shared: SharedMap, image: ImageArray) -> ImageArray:
    """The image after the steps that a package can tell other programs of: percentiles, where the network knows them.

    Parameters
    ----------
    shared
        The network.
    image
        ``(1, 1, h, w)``.
    """
    if shared.card.grey != "percentiles":
        return image
    bottom, top = np.percentile(image, (1, 99))
    return np.asarray(np.clip((image - bottom) / (top - bottom + EPSILON), 0, 1) - 0.5, np.float32)
