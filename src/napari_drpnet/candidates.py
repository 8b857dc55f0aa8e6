"""From a detector's map to candidates: spaced peaks, extended maxima, non-maximum suppression, patches."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from napari_drpnet.data import FloatArray, ImageArray, MaskArray
from napari_drpnet.stages import stage

IndexArray = npt.NDArray[np.int64]

_EIGHT = np.ones((3, 3), dtype=bool)
# Differences in a map that are less than this part of its values are rounding.
_ROUNDING = 1e-6


def flat(image: ImageArray) -> bool:
    """Whether a map has no maxima: it is the same everywhere but for rounding, or holds what is no number."""
    lowest, highest = float(image.min()), float(image.max())
    # What is no number is never larger.
    return not highest - lowest > _ROUNDING * max(abs(lowest), abs(highest))


def extended_maxima(image: ImageArray, height: float) -> tuple[npt.NDArray[np.int32], int]:
    """Regions of maxima that stand at least ``height`` above the saddle to any higher ground.

    Grey reconstruction by dilation of ``I - h`` under ``I``, then its regional maxima with 8-connectivity
    (Soille, Morphological Image Analysis, 2003, section 6.3.4) — MATLAB's ``imextendedmax``, which the DRPnet
    authors used.

    Parameters
    ----------
    image
        ``(h, w)`` float32; a `flat` one has no maxima.
    height
        Above 0, in units of the image.

    Returns
    -------
    labels
        ``(h, w)`` int32, 0 outside the regions, 1..n inside.
    n
        Number of regions.
    """
    if flat(image):
        return np.zeros(image.shape, np.int32), 0
    from skimage.morphology import reconstruction  # slow to load

    seed = image - np.float32(height)
    plateau = reconstruction(seed, image, method="dilation", footprint=_EIGHT).astype(np.float32)
    # A plateau of the reconstruction is a regional maximum exactly where no neighbour of the plateau is higher.
    regions, n = ndimage.label(_regional_maxima(plateau), structure=_EIGHT)
    return regions, int(n)


def _regional_maxima(image: ImageArray) -> npt.NDArray[np.bool_]:
    """Connected plateaus of equal value without a higher neighbour, 8-connected."""
    from skimage.morphology import local_maxima  # slow to load

    maxima: npt.NDArray[np.bool_] = local_maxima(image, connectivity=2)
    return maxima


def centroids(regions: npt.NDArray[np.int32], n: int) -> FloatArray:
    """Centre of mass of every labelled region, ``(n, 2)`` in (y, x)."""
    found = np.flatnonzero(regions)
    label = regions.ravel()[found]
    y, x = np.unravel_index(found, regions.shape)
    size = np.bincount(label, minlength=n + 1)[1:]
    return np.stack([np.bincount(label, weights=axis, minlength=n + 1)[1:] / size for axis in (y, x)], axis=1)


@stage("candidates")
def peaks(image: ImageArray, spacing: float, floor: float) -> tuple[FloatArray, FloatArray]:
    """The highest point of a map, then the highest at least ``spacing`` from it, and so on, best first.

    Unlike a maximum, a peak may be the shoulder of a higher one: where faint particles stand side by side, their hills
    melt into one ridge.

    Parameters
    ----------
    image
        ``(h, w)`` float32; a `flat` one has no peaks.
    spacing
        Least distance of two peaks in pixels.
    floor
        Only points higher than this are peaks.

    Returns
    -------
    yx
        ``(n, 2)`` to a fraction of a pixel.
    peak
        ``(n,)`` value of the highest pixel.
    """
    reach = int(np.ceil(spacing))
    around = np.arange(-reach, reach + 1)
    return uncovered(image, np.hypot(around[:, None], around) < spacing, floor)


def uncovered(image: ImageArray, footprint: MaskArray, floor: float) -> tuple[FloatArray, FloatArray]:
    """The highest point of a map, then the highest that no footprint around an earlier one covers, and so on.

    Parameters
    ----------
    image, floor
        See `peaks`.
    footprint
        ``(2 r + 1, 2 r + 1)``, its centre covered.

    Returns
    -------
    yx, peak
        See `peaks`.
    """
    reach = footprint.shape[0] // 2
    width = image.shape[1] + 2 * reach
    high = np.flatnonzero(image > (np.inf if flat(image) else floor))
    high = high[np.argsort(-image.ravel()[high], kind="stable")]
    y, x = np.divmod(high, image.shape[1])
    around = np.arange(-reach, reach + 1)
    covered = (around[:, None] * width + around)[footprint]
    # One look at each pixel in turn is quickest on plain bytes, which numpy writes a footprint into at once.
    taken = bytearray((image.shape[0] + 2 * reach) * width)
    written = np.frombuffer(taken, np.uint8)
    keep = []
    for i, place in enumerate(((y + reach) * width + x + reach).tolist()):
        if not taken[place]:
            keep.append(i)
            written[place + covered] = 1
    y, x = y[keep], x[keep]
    return _refined(image, y, x), image[y, x].astype(np.float64)


def _refined(image: ImageArray, y: IndexArray, x: IndexArray) -> FloatArray:
    """Tops of the parabolas through each pixel and its neighbours, at most half a pixel away; ``(n, 2)``."""
    padded = np.pad(image, 1, mode="edge").astype(np.float64)
    y, x = y + 1, x + 1
    here = padded[y, x]
    yx = np.stack([y, x], axis=1).astype(np.float64) - 1
    for axis, (before, after) in enumerate(
        ((padded[y - 1, x], padded[y + 1, x]), (padded[y, x - 1], padded[y, x + 1]))
    ):
        bend = before + after - 2 * here
        shift = 0.5 * (before - after) / np.where(bend < 0, bend, -np.inf)
        yx[:, axis] += np.clip(shift, -0.5, 0.5)
    return yx


@stage("candidates")
def grid_maxima(image: ImageArray, cell: int, reach: int, floor: float) -> tuple[FloatArray, FloatArray]:
    """Local maxima that are climbed to from the highest pixel of every cell of a grid, best first.

    The grid-based local-maximum method of the PIXER paper (Zhang et al., 2019), all climbers at once: each moves to the
    highest pixel around it until none is higher. Those that meet are one.

    Parameters
    ----------
    image
        ``(h, w)`` float32; a `flat` one has no maxima.
    cell
        Side of a cell in pixels.
    reach
        A climber sees so many pixels to each side; every result is the highest pixel among those.
    floor
        Climbers start from higher pixels only.

    Returns
    -------
    yx
        ``(n, 2)`` to a fraction of a pixel.
    peak
        ``(n,)`` value of the highest pixel.
    """
    y, x = _cell_maxima(image, cell)
    high = image[y, x] > (np.inf if flat(image) else floor)
    y, x, side = y[high], x[high], 2 * reach + 1
    padded = np.pad(image, reach, constant_values=-np.inf)
    around = np.lib.stride_tricks.sliding_window_view(padded, (side, side))
    while True:
        seen = around[y, x].reshape(len(y), side * side)
        step = np.where(seen.max(1, initial=-np.inf) > image[y, x], seen.argmax(1), side * side // 2)
        if (step == side * side // 2).all():
            break
        y, x = y + step // side - reach, x + step % side - reach
    y, x = np.divmod(np.unique(y * image.shape[1] + x), image.shape[1])
    best = np.argsort(-image[y, x], kind="stable")
    y, x = y[best], x[best]
    return _refined(image, y, x), image[y, x].astype(np.float64)


def _cell_maxima(image: ImageArray, cell: int) -> tuple[IndexArray, IndexArray]:
    """Row and column of the highest pixel of every square cell, row by row; the last cells may be narrower."""
    h, w = image.shape
    padded = np.pad(image, ((0, -h % cell), (0, -w % cell)), constant_values=-np.inf)
    rows, columns = padded.shape[0] // cell, padded.shape[1] // cell
    best = padded.reshape(rows, cell, columns, cell).swapaxes(1, 2).reshape(rows, columns, -1).argmax(2)
    y = np.arange(rows)[:, None] * cell + best // cell
    return y.ravel(), (np.arange(columns) * cell + best % cell).ravel()


@stage("candidates")
def spaced_peaks(
    image: ImageArray, spacing: float, closer: float, floor: float
) -> tuple[FloatArray, FloatArray, IndexArray]:
    """Peaks at a spacing, and those between them that a closer spacing would add.

    Parameters
    ----------
    image, floor
        See `peaks`.
    spacing, closer
        Pixels.

    Returns
    -------
    yx, peak
        See `peaks`.
    level
        ``(n,)`` 2 for the peaks at ``spacing``, 1 for those between.
    """
    return and_between(*peaks(image, spacing, floor), *peaks(image, closer, floor), closer)


def and_between(
    yx: FloatArray, peak: FloatArray, between: FloatArray, lower: FloatArray, closer: float
) -> tuple[FloatArray, FloatArray, IndexArray]:
    """Peaks, and those of a closer set that are at least ``closer`` from all of them; see `spaced_peaks`."""
    if len(yx):
        free = cKDTree(yx).query(between)[0] >= closer
        between, lower = between[free], lower[free]
    level = np.repeat(np.array([2, 1]), [len(yx), len(between)])
    return np.concatenate([yx, between]), np.concatenate([peak, lower]), level


def tops(image: ImageArray, height: float) -> tuple[FloatArray, FloatArray, IndexArray]:
    """Extended maxima of a map: where they are and how high.

    Parameters
    ----------
    image
        ``(h, w)`` detector map, smoothed.
    height
        Least height above the saddle to higher ground.

    Returns
    -------
    yx
        ``(n, 2)`` centroids of the regions, in map pixels.
    peak
        ``(n,)`` highest value of each region.
    at
        ``(n, 2)`` the pixel that has it.
    """
    regions, n = extended_maxima(image, height)
    if n == 0:
        return np.empty((0, 2)), np.empty(0), np.empty((0, 2), np.int64)
    at = np.array(ndimage.maximum_position(image, regions, np.arange(1, n + 1)), np.int64)
    return centroids(regions, n), image[tuple(at.T)].astype(np.float64), at


@stage("candidates")
def find(image: ImageArray, height: float) -> tuple[FloatArray, FloatArray, IndexArray]:
    """Candidates of a map at three levels of confidence.

    Parameters
    ----------
    image
        ``(h, w)`` detector map, smoothed.
    height
        Unit ``T``: extended maxima at heights 1, 2 and 3 T are low, normal and high confidence.

    Returns
    -------
    yx
        ``(n, 2)`` centroids of the low-confidence regions, in map pixels.
    peak
        ``(n,)`` highest value of each region.
    level
        ``(n,)`` 1, 2 or 3: the highest level at which the region is still the top of an extended maximum.
    """
    yx, peak, at = tops(image, height)
    return yx, peak, levels(image, peak, at, height)


def levels(image: ImageArray, peak: FloatArray, at: IndexArray, height: float) -> IndexArray:
    """Confidence of the extended maxima that `tops` gives, 1 to 3; see `find`."""
    level = np.ones(len(peak), np.int64)
    for k in (2, 3):
        level[standing(image, peak, at, k * height)] = k
    return level


def standing(image: ImageArray, peak: FloatArray, at: IndexArray, height: float) -> MaskArray:
    """``(n,)`` which of the extended maxima that `tops` gives are still the top of one at a greater height."""
    regions, n = extended_maxima(image, height)
    region = regions[tuple(at.T)]
    highest = np.full(n + 1, -np.inf)
    np.maximum.at(highest, region, peak)
    return np.asarray((region > 0) & (peak >= highest[region]))


@stage("candidates")
def suppress(yx: FloatArray, score: FloatArray, distance: float) -> IndexArray:
    """Indices of the picks that stay, best first, when no two may be nearer than ``distance``.

    Greedy non-maximum suppression: a pick goes if a better one that stays is nearer.

    Parameters
    ----------
    yx
        ``(n, 2)`` positions.
    score
        ``(n,)``; of equal scores the earlier stays.
    distance
        In the unit of ``yx``; 0 keeps all.
    """
    order = np.argsort(-score, kind="stable")
    if distance <= 0 or len(yx) < 2:
        return order
    pairs = cKDTree(yx).query_pairs(distance * (1 - 1e-9), output_type="ndarray")
    rank = np.empty(len(yx), np.int64)
    rank[order] = np.arange(len(yx))
    better, worse = np.sort(rank[pairs], axis=1).T
    by_worse = np.argsort(worse, kind="stable")
    better, worse = better[by_worse], worse[by_worse]
    keep = np.ones(len(yx), bool)
    starts = np.searchsorted(worse, np.arange(len(yx) + 1))
    for i in np.unique(worse):
        keep[i] = not keep[better[starts[i] : starts[i + 1]]].any()
    return order[keep]


def suppressors(yx: FloatArray, kept: IndexArray, distance: float) -> IndexArray:
    """``(n,)`` for whom each pick gave way: itself where it stayed, -1 where nobody that stayed is near.

    Parameters
    ----------
    yx
        ``(n, 2)`` positions.
    kept
        ``(k,)`` indices of those that stay, best first, as `suppress` gives them.
    distance
        As `suppress` was told.
    """
    by = np.full(len(yx), -1, np.int64)
    if len(kept) and len(yx):
        near = cKDTree(yx[kept]).query_ball_point(yx, max(distance, 0.0) * (1 - 1e-9))
        by = np.array([kept[min(some)] if some else -1 for some in near], np.int64)
    by[kept] = kept
    return by


def inside(yx: FloatArray, shape: tuple[int, int], border: float) -> npt.NDArray[np.bool_]:
    """Which positions are at least ``border`` pixels inside an image of ``shape``."""
    limit = np.asarray(shape) - 1 - border
    return np.asarray(((yx >= border) & (yx <= limit)).all(axis=1), np.bool_)


def crop(image: ImageArray, yx: FloatArray, side: int) -> ImageArray:
    """Patches centred on positions rounded to the nearest pixel; beyond the border the image is reflected.

    Parameters
    ----------
    image
        ``(h, w)`` float32.
    yx
        ``(n, 2)`` centres in pixels of the image.
    side
        Even; the centre lands on index ``side // 2``.

    Returns
    -------
    numpy.ndarray
        ``(n, side, side)`` float32.
    """
    half = side // 2
    padded = np.pad(image, half, mode="symmetric")
    corner = np.rint(yx).astype(np.int64)
    corner = np.clip(corner, 0, np.array(image.shape) - 1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side))
    return np.ascontiguousarray(windows[corner[:, 0], corner[:, 1]])
