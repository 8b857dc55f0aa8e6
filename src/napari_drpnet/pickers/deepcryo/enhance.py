"""Make particles stand out before the pixels of a micrograph are clustered.

The steps are those of AutoCryoPicker (Al-Azzawi et al., BMC Bioinformatics 20:326, 2019), which DeepCryoPicker takes
over (figure 10): contrast, histogram equalisation, Wiener filter, adaptive equalisation, guided filter, morphology.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage, signal
from skimage import exposure
from skimage.morphology import closing, disk, opening

from napari_drpnet.data import ImageArray

# Sizes in particle diameters: windows of the Wiener and guided filters, the tiles of the adaptive equalisation, and
# the disc of the morphology.
_WIENER, _GUIDED, _TILE, _DISC = 0.25, 0.3, 4.0, 0.12
# Variance (of grey levels 0..1) below which the guided filter smooths; the paper gives none.
_EDGE = 0.02


def enhance(image: ImageArray, diameter: float) -> ImageArray:
    """The image with its particles dark, even and with clear edges, grey levels 0..1.

    Parameters
    ----------
    image
        ``(h, w)`` with even illumination and particles dark, in grey levels 0..1.
    diameter
        Of a particle, in pixels of the image.
    """
    equal = exposure.equalize_hist(image)
    restored = np.clip(signal.wiener(equal, _odd(_WIENER * diameter)), 0, 1)
    tile = np.minimum(round(_TILE * diameter), restored.shape)
    local = exposure.equalize_adapthist(restored, kernel_size=tile, clip_limit=0.01)
    guided = guided_filter(local, local, _odd(_GUIDED * diameter), _EDGE)
    return np.asarray(_reshaped(guided, _DISC * diameter), np.float32)


def guided_filter(image: ImageArray, guide: ImageArray, window: int, edge: float) -> ImageArray:
    """Smooth an image where its guide is even, and keep what the guide shows as an edge.

    In every window the result is the line ``a guide + b`` that fits the image best (He, Sun, Tang, IEEE TPAMI 35:1397,
    2013, equations 5 to 8).

    Parameters
    ----------
    image, guide
        ``(h, w)``; the same for a filter that keeps the image's own edges.
    window
        Side of the square windows, odd, in pixels.
    edge
        Variance of the guide from which on it counts as an edge.
    """

    def mean(values: ImageArray) -> ImageArray:
        result: ImageArray = ndimage.uniform_filter(values, window, mode="reflect")
        return result

    of_guide, of_image = mean(guide), mean(image)
    variance = mean(guide * guide) - of_guide**2
    slope = (mean(guide * image) - of_guide * of_image) / (variance + edge)
    return mean(slope) * guide + mean(of_image - slope * of_guide)


def _reshaped(image: ImageArray, radius: float) -> ImageArray:
    """Specks smaller than a disc of ``radius`` pixels taken away, bright ones first."""
    footprint = disk(max(1, round(radius)))
    result: ImageArray = closing(opening(image, footprint), footprint)
    return result


def _odd(size: float) -> int:
    """The nearest odd number of pixels, at least 3."""
    return max(3, 2 * round((size - 1) / 2) + 1)
