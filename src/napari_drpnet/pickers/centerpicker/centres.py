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
from napari_drpnet.pickers.seen import network_image
from napari_drpnet.settings import Grey

IndexArray = npt.NDArray[np.int64]

# Smallest and largest particle that the network learns, in its pixels.
SMALLEST, LARGEST = 14.0, 90.0
# Cells less likely to hold a centre are not looked at.
FLOOR = 0.01
# The paper's top K: more particles than this are on no micrograph.
MOST = 4000
# How far the logarithms of a single particle's size and shape go from the micrograph's usual size and from a square, in
# parts of what the network says: slopes of the truth on it, on simulated validation proteins. Sizes are mostly noise.
OWN_SIZE, OWN_SHAPE = 0.2, 1.2
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
    diameter
        ``(n,)`` longest extent of the structure, in pixels of the map.
    """

    yx: FloatArray
    peak: FloatArray
    box: FloatArray
    diameter: FloatArray

    def __len__(self) -> int:
        return len(self.yx)

    def select(self, which: npt.ArrayLike) -> Centres:
        """Those at a boolean mask or an index array."""
        index = np.asarray(which)
        return Centres(self.yx[index], self.peak[index], self.box[index], self.diameter[index])


def seen(
    micrograph: Micrograph, pixels: float, network_diameter: float, invert: bool, grey: Grey = "percentiles"
) -> Micrograph:
    """`network_image` for a particle of ``pixels`` micrograph pixels; the pixel size need not be known."""
    frame = micrograph.frame
    counted = replace(micrograph, frame=replace(frame, pixel_size=1.0))
    image = network_image(counted, pixels, network_diameter, invert, grey)
    return replace(image, frame=replace(image.frame, pixel_size=frame.pixel_size))


def decode(output: ImageArray) -> Centres:
    """Centres of a network's map: peaks of the heat, moved by the offset, with their size (paper, section 4.3).

    A peak is a cell that none of its eight neighbours exceeds, as a 3x3 max-pool finds it. Its height and width are the
    means of what the nine say, each by its heat; its diameter is what it says itself, since those beside say more.

    Parameters
    ----------
    output
        ``(6, h, w)``, see `CenterNet.forward`; a `flat` heat has no peaks.
    """
    heat = output[0]
    floor = np.inf if candidates.flat(heat) else FLOOR
    y, x = np.nonzero((heat >= floor) & (heat == ndimage.maximum_filter(heat, 3)))
    best = np.argsort(-heat[y, x], kind="stable")[:MOST]
    y, x = y[best], x[best]
    peak, *offset = output[:3, y, x].astype(np.float64)
    diameter = np.exp(output[5, y, x].astype(np.float64))
    return Centres(np.stack([y, x], 1) + np.transpose(offset), peak, np.exp(_log_boxes(output, y, x)), diameter)


def _log_boxes(output: ImageArray, y: IndexArray, x: IndexArray) -> FloatArray:
    """``(n, 2)`` logarithms of height and width at cells, the means of 3x3 around them by heat."""
    padded = np.pad(output[[0, 3, 4]].astype(np.float64), ((0, 0), (1, 1), (1, 1)))
    cells = np.stack([padded[:, y + dy, x + dx] for dy in range(3) for dx in range(3)])
    heat, sizes = cells[:, :1], cells[:, 1:]
    return np.asarray(((heat * sizes).sum(axis=0) / heat.sum(axis=0)).T)


def alone(centres: Centres) -> Centres:
    """The centres without those nearer to a better one than `CLOSEST` of the usual diameter."""
    if not len(centres):
        return centres
    return centres.select(candidates.suppress(centres.yx, centres.peak, CLOSEST * float(np.median(centres.diameter))))


def of_one_structure(centres: Centres, outlines: bool) -> Centres:
    """The centres with boxes as on a micrograph of one structure: sizes differ by noise, shapes by pose.

    Parameters
    ----------
    centres
        Of one micrograph.
    outlines
        Boxes are nearly as large as particles seem, and diameters their mean sides. Else the mean side of every box is
        the usual diameter.
    """
    if not len(centres):
        return centres
    size, shape = np.log(centres.box).mean(axis=1), OWN_SHAPE * (np.log(centres.box) @ [0.5, -0.5])
    usual, diameter = (_median(each, centres.peak**3) for each in (size, centres.diameter))
    # The mean of both sides is the size times the hyperbolic cosine of the shape.
    whole = np.log(diameter / np.cosh(shape))
    size = OWN_SIZE * size + (1 - OWN_SIZE) * usual if outlines else whole
    box = np.exp(np.stack([size + shape, size - shape], axis=1))
    return replace(centres, box=box, diameter=box.mean(axis=1))


def usual_diameter(centres: Centres) -> float | None:
    """Median diameter, in map pixels, in which a centre counts by the area it covers and by its peak, squared.

    Noise looks like many small particles: by number alone these would decide. None without a centre.
    """
    if not len(centres):
        return None
    return _median(centres.diameter, (centres.peak * centres.diameter) ** 2)


def _median(values: FloatArray, weight: FloatArray) -> float:
    order = np.argsort(values)
    reached = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(reached, reached[-1] / 2)])


def sureness(centres: Centres) -> float:
    """Mean peak, in which each counts by its height; 0 without a centre."""
    return float((centres.peak**2).sum() / max(centres.peak.sum(), FLOOR))


def centre_steps(
    network: tiling.FullyConvolutional, image: ImageArray, device: torch.device, memory: int, exact: bool = False
) -> Generator[float, None, tuple[ImageArray, Centres]]:
    """The network's map of the heat of a network-scale image, and its centres; ``exact`` as in `channel_steps`."""
    output = yield from tiling.channel_steps(network, image, device, memory, exact)
    return output[0], alone(decode(output))
