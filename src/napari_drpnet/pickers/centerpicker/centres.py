"""CenterPicker's network and what is read off its map: centres with their sizes."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from napari_drpnet import candidates, tiling
from napari_drpnet.data import FloatArray, ImageArray, Micrograph
from napari_drpnet.pickers.network import network_image

# Smallest and largest particle that the network learns, in its pixels.
SMALLEST, LARGEST = 14.0, 90.0
# Cells less likely to hold a centre are not looked at.
FLOOR = 0.01
# The paper's top K: more particles than this are on no micrograph.
MOST = 4000
# Of two centres nearer than this part of their diameter the weaker is the same particle again.
CLOSEST = 0.4


@dataclass(frozen=True, eq=False)
class Centres:
    """Possible particles, the most likely first.

    Attributes
    ----------
    yx
        ``(n, 2)`` in pixels of the network's map.
    peak
        ``(n,)`` what the network gives for the probability of a centre.
    box
        ``(n, 2)`` height and width, in pixels of the map.
    """

    yx: FloatArray
    peak: FloatArray
    box: FloatArray

    def __len__(self) -> int:
        return len(self.yx)

    @property
    def diameter(self) -> FloatArray:
        """``(n,)`` mean of height and width."""
        return np.asarray(self.box.mean(axis=1))

    def select(self, which: npt.ArrayLike) -> Centres:
        """Those at a boolean mask or an index array."""
        index = np.asarray(which)
        return Centres(self.yx[index], self.peak[index], self.box[index])


def seen(micrograph: Micrograph, pixels: float, network_diameter: float, invert: bool) -> Micrograph:
    """`network_image` for a particle of ``pixels`` micrograph pixels; the pixel size need not be known."""
    frame = micrograph.frame
    counted = replace(micrograph, frame=replace(frame, pixel_size=1.0))
    image = network_image(counted, pixels, network_diameter, invert)
    return replace(image, frame=replace(image.frame, pixel_size=frame.pixel_size))


def decode(output: ImageArray) -> Centres:
    """Centres of a network's map: peaks of the heat, moved by the offset, with their size (paper, section 4.3).

    A peak is a cell that none of its eight neighbours exceeds, as a 3x3 max-pool finds it.

    Parameters
    ----------
    output
        ``(5, h, w)``, see `CenterNet.forward`.
    """
    heat = output[0]
    y, x = np.nonzero((heat >= FLOOR) & (heat == ndimage.maximum_filter(heat, 3)))
    best = np.argsort(-heat[y, x], kind="stable")[:MOST]
    y, x = y[best], x[best]
    values = output[:, y, x].astype(np.float64)
    return Centres(np.stack([y, x], 1) + values[1:3].T, values[0], np.exp(values[3:5]).T)


def alone(centres: Centres) -> Centres:
    """The centres without those nearer to a better one than `CLOSEST` of the usual diameter."""
    if not len(centres):
        return centres
    return centres.select(candidates.suppress(centres.yx, centres.peak, CLOSEST * float(np.median(centres.diameter))))


def usual_diameter(centres: Centres) -> float | None:
    """Median diameter, in map pixels, in which a centre counts by the area it covers and by its peak, squared.

    Noise looks like many small particles: by number alone these would decide. None without a centre.
    """
    if not len(centres):
        return None
    order = np.argsort(centres.diameter)
    weight = np.cumsum((centres.peak * centres.diameter)[order] ** 2)
    return float(centres.diameter[order][np.searchsorted(weight, weight[-1] / 2)])


def sureness(centres: Centres) -> float:
    """Mean peak, in which each counts by its height; 0 without a centre."""
    return float((centres.peak**2).sum() / max(centres.peak.sum(), FLOOR))


def centre_steps(
    network: tiling.FullyConvolutional, image: ImageArray, device: torch.device, memory: int, exact: bool = False
) -> Generator[float, None, tuple[ImageArray, Centres]]:
    """The network's map of the heat of a network-scale image, and its centres; ``exact`` as in `channel_steps`."""
    output = yield from tiling.channel_steps(network, image, device, memory, exact)
    return output[0], alone(decode(output))
