"""Cluster the pixels of an enhanced micrograph; the darkest cluster is particles, and what looks like them."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.cluster.vq import kmeans2
from skimage.morphology import isotropic_opening
from skimage.segmentation import slic

from napari_drpnet.data import FloatArray, ImageArray, MaskArray

_BINS, _ROUNDS = 256, 100
# Super-pixels across a particle, and how often they are formed anew; later rounds hardly move them.
_ACROSS, _SLIC_ROUNDS = 4.0, 4


def by_intensity(image: ImageArray, clusters: int) -> MaskArray:
    """Intensity-based clustering: the pixels of the darkest of so many clusters.

    Cluster centres begin evenly spaced over the grey levels, and each becomes the mean of what is nearest to it until
    nothing changes (Al-Azzawi et al. 2019). Pixels of one grey level belong together, so it is done on the histogram.

    Parameters
    ----------
    image
        ``(h, w)``, particles dark.
    clusters
        At least 2.
    """
    count, edges = np.histogram(image, _BINS)
    level = (edges[1:] + edges[:-1]) / 2
    centre = np.linspace(edges[0], edges[-1], 2 * clusters + 1)[1::2]
    for _ in range(_ROUNDS):
        nearest = np.abs(level[:, None] - centre).argmin(1)
        weight = np.bincount(nearest, count, clusters)
        mean = np.bincount(nearest, count * level, clusters) / np.maximum(weight, 1)
        moved = np.where(weight > 0, mean, centre)
        if np.array_equal(moved, centre):
            break
        centre = moved
    return np.asarray(image < centre[:2].mean(), np.bool_)


def by_superpixels(image: ImageArray, diameter: float, clusters: int, seed: int) -> MaskArray:
    """Super-pixels (SLIC), their mean grey levels clustered by k-means: the pixels of the darkest cluster.

    SuperCryoPicker (Al-Azzawi et al., Genes 10:666, 2019).

    Parameters
    ----------
    image
        ``(h, w)``, particles dark, grey levels 0..1.
    diameter
        Of a particle in pixels.
    clusters
        At least 2.
    seed
        Of k-means.
    """
    number = max(clusters, round(image.size * (_ACROSS / diameter) ** 2))
    regions = slic(image, number, compactness=0.1, max_num_iter=_SLIC_ROUNDS, channel_axis=None, start_label=0)
    mean = np.asarray(ndimage.mean(image, regions, np.arange(regions.max() + 1)), np.float64)
    start: FloatArray = np.linspace(mean.min(), mean.max(), 2 * clusters + 1)[1::2]
    centre, label = kmeans2(mean[:, None], start[:, None], minit="matrix", seed=seed)
    dark: MaskArray = (label == centre[:, 0].argmin())[regions]
    return dark


def cleaned(mask: MaskArray, diameter: float) -> MaskArray:
    """Specks and bridges narrower than a third of the particle's ``diameter`` (in pixels) removed, holes filled."""
    filled = ndimage.binary_fill_holes(isotropic_opening(mask, diameter / 8))
    return np.asarray(isotropic_opening(filled, diameter / 6), np.bool_)
