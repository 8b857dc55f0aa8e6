"""Objects of a clustered micrograph, and the paper's rules for which of them are good to learn from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import ndimage
from skimage.measure import label, regionprops
from skimage.segmentation import clear_border
from skimage.transform import hough_circle

from napari_drpnet.data import FloatArray, ImageArray, MaskArray

Shape = Literal["round", "square", "irregular"]

# Smaller objects are specks, larger ones clumps, in parts of the disc of a particle's diameter.
_SMALLEST, _LARGEST = 0.25, 1.6
# Radii that the circular Hough transform tries, in diameters.
_RADII = np.linspace(0.22, 0.66, 12)
# An object that overlaps with no fitted circle or box by this much (intersection over union) is irregular.
_FITS = 0.75
# A shape that fewer of the objects have is none of the particle's.
_SHARE = 0.25
# Boxes whose sides are in this ratio or nearer to 1 are squares.
_SQUARE = 0.8
# Longest to shortest Feret diameter beyond which squares overlap; a square's own is 1.41.
_LONGEST = 1.6
# ... and so they do where the longest is so many times the median of all.
_LARGER = 1.25
# The mean of equal numbers may differ from them by this.
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class Blob:
    """One object of a binary mask, with what the rules ask about it.

    Attributes
    ----------
    yx
        Its centre in pixels: of the fitted circle or box, or of mass.
    area
        In parts of the disc of a particle's diameter.
    circularity
        ``P^2 / (4 pi A)`` (equation 5): 1 for a disc, more for anything else.
    feret
        Longest and shortest Feret diameter, in pixels.
    darkness
        How far its mean grey level lies below the image's.
    shape
        What fits it best.
    micrograph
        Number of the one it is on.
    """

    yx: FloatArray
    area: float
    circularity: float
    feret: tuple[float, float]
    darkness: float
    shape: Shape
    micrograph: int = 0


def blobs(mask: MaskArray, image: ImageArray, diameter: float) -> list[Blob]:
    """The objects of a mask that are no specks and do not touch the border.

    Parameters
    ----------
    mask
        ``(h, w)``, from clustering.
    image
        ``(h, w)``, particles dark.
    diameter
        Of a particle, in pixels.
    """
    disc, usual = np.pi * diameter**2 / 4, float(image.mean())
    found = regionprops(clear_border(label(mask)), image)
    return [_blob(region, diameter, disc, usual) for region in found if region.area > _SMALLEST * disc]


def _blob(region: Any, diameter: float, disc: float, usual: float) -> Blob:
    """What the rules ask about one of scikit-image's regions; ``usual`` is the image's grey level."""
    area, darkness = float(region.area / disc), float(usual - region.intensity_mean)
    circularity = float(region.perimeter_crofton**2 / (4 * np.pi * region.area))
    if area > _LARGEST:
        return Blob(np.array(region.centroid), area, circularity, (0.0, 0.0), darkness, "irregular")
    image = np.pad(region.image, 1)
    corner = np.array(region.bbox[:2], np.float64) - 1
    outline = image & ~ndimage.binary_erosion(image)
    circle, round_fit = _circle(image, outline, diameter)
    box, square_fit, feret = _box(image, outline)
    if max(round_fit, square_fit) < _FITS:
        return Blob(np.array(region.centroid), area, circularity, feret, darkness, "irregular")
    if round_fit >= square_fit:
        return Blob(circle + corner, area, circularity, feret, darkness, "round")
    return Blob(box + corner, area, circularity, feret, darkness, "square")


def distinct(found: Sequence[Blob]) -> list[Blob]:
    """No clumps, and those with as compact an outline as the mean of their shape and as dark as the mean of all.

    Noise gives the others; on faint micrographs they are many.
    """
    single = [one for one in found if one.area <= _LARGEST]
    compact = [one for shape in GOOD for one in _compact([one for one in single if one.shape == shape])]
    faint = _mean([one.darkness for one in compact])
    return [one for one in compact if one.darkness >= faint - _ROUNDING]


def _compact(found: Sequence[Blob]) -> list[Blob]:
    """Those at least as round as the mean (Algorithm 1)."""
    mean = _mean([one.circularity for one in found])
    return [one for one in found if one.circularity <= mean + _ROUNDING]


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0


def _circle(image: MaskArray, outline: MaskArray, diameter: float) -> tuple[FloatArray, float]:
    """Centre of the circle that a circular Hough transform finds in an object's outline, and how it overlaps."""
    radii = np.unique(np.rint(_RADII * diameter).astype(int))
    radii = radii[radii > 1]
    voted = hough_circle(outline, radii)
    best, y, x = np.unravel_index(voted.argmax(), voted.shape)
    rows, columns = np.indices(image.shape)
    disc = np.hypot(rows - y, columns - x) <= radii[best]
    return np.array([y, x], np.float64), _overlap(image, disc)


def _box(image: MaskArray, outline: MaskArray) -> tuple[FloatArray, float, tuple[float, float]]:
    """Centre of the narrowest box around an object, how much of it the object fills, and its Feret diameters."""
    points = _corners(outline)
    angle = np.deg2rad(np.arange(0, 180, 3))
    across = np.stack([np.cos(angle), np.sin(angle)])
    along = points @ across
    extent = np.ptp(along, axis=0)
    narrow = int(extent.argmin())
    other = (narrow + len(angle) // 2) % len(angle)
    filled = float(image.sum() / (extent[narrow] * extent[other]))
    middle = (along.max(axis=0) + along.min(axis=0)) / 2
    centre = middle[narrow] * across[:, narrow] + middle[other] * across[:, other]
    # A box is as good a fit as it is filled, and as its sides are alike.
    alike = min(1.0, float(extent[narrow] / extent[other]) / _SQUARE)
    return centre, filled * alike, (float(extent.max()), float(extent[narrow]))


def _corners(outline: MaskArray) -> FloatArray:
    """Corners of the outermost pixels, ``(n, 2)``."""
    pixels = np.argwhere(outline)
    around = np.array([[-0.5, -0.5], [-0.5, 0.5], [0.5, -0.5], [0.5, 0.5]])
    return np.asarray((pixels[:, None] + around).reshape(-1, 2))


def _overlap(one: MaskArray, other: MaskArray) -> float:
    return float((one & other).sum() / (one | other).sum())


def shapes_of(found: Sequence[Blob]) -> tuple[Shape, ...]:
    """The shapes that particles of a data set have: those of a good part of its distinct objects."""
    single = distinct(found)
    counts = {shape: sum(one.shape == shape for one in single) for shape in GOOD}
    return tuple(shape for shape, count in counts.items() if count and count >= _SHARE * len(single))


def good_round(found: Sequence[Blob]) -> list[Blob]:
    """Algorithm 1: those that a circle fits, at least as round as their mean."""
    return [one for one in distinct(found) if one.shape == "round"]


def good_square(found: Sequence[Blob]) -> list[Blob]:
    """Those whose Feret diameters are a square's; longer ones are several that overlap."""
    boxes = [one for one in distinct(found) if one.shape == "square" and one.feret[0] < _LONGEST * one.feret[1]]
    usual = float(np.median([one.feret[0] for one in boxes])) if boxes else 0.0
    return [one for one in boxes if one.feret[0] < _LARGER * usual]


def good_irregular(found: Sequence[Blob]) -> list[Blob]:
    """Algorithm 2: those of less than the mean area of all, clumps among them."""
    mean = _mean([one.area for one in found])
    return [one for one in distinct(found) if one.shape == "irregular" and one.area <= mean + _ROUNDING]


GOOD: dict[Shape, Callable[[Sequence[Blob]], list[Blob]]] = {
    "round": good_round,
    "square": good_square,
    "irregular": good_irregular,
}
