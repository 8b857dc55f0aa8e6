"""What the pickers without a network share: the image they see, and candidates with a probability from a map.

A height of a map means more on a micrograph whose map is flat otherwise. How high the map and its other peaks are goes
into the probability, as it does for networks (`pickers/context.py`).
"""

from __future__ import annotations

import numpy as np

from napari_drpnet.candidates import IndexArray, spaced_peaks
from napari_drpnet.data import Candidates, FloatArray, ImageArray, Micrograph
from napari_drpnet.pickers.context import calibrated, middle
from napari_drpnet.pickers.seen import check_size, nearest_pixels, network_image, on_good_pixels
from napari_drpnet.settings import PickerSettings

# Pixels that a particle spans on the image they see: more show no more of it at the usual noise.
ACROSS = 24.0
# Least distance of candidates in particle diameters, and of those between them.
SPACING, CLOSEST = 0.6, 0.4
_FLOOR = 0.01
_HIGH = 95  # percentile
_STEP = 2  # maps are smooth


def seen(micrograph: Micrograph, settings: PickerSettings) -> Micrograph:
    """The micrograph with particles of `ACROSS` px, dark, illumination evened out; mean 0, standard deviation 1.

    Raises
    ------
    UserError
        When the diameter does not fit the image, the pixel size is unknown, or the image is constant.
    """
    check_size(micrograph, settings.diameter)
    prepared = network_image(micrograph, settings.diameter, ACROSS, settings.invert, add_noise=False)
    image = prepared.image - prepared.image.mean()
    return Micrograph(image / image.std(), prepared.frame, prepared.valid, prepared.path)


def terms(peak: FloatArray, level: IndexArray, values: ImageArray) -> list[FloatArray]:
    """What the probability of each candidate is made of, ``(n,)`` each: logarithms of its height and of what is usual.

    Parameters
    ----------
    peak, level
        ``(n,)`` heights, above 0, and levels of the candidates of one micrograph.
    values
        ``(h, w)`` map; its 95th percentile and the median height at the usual distance tell what is usual.
    """
    inner = middle(values, int(ACROSS / 2))
    usual = np.percentile(inner[::_STEP, ::_STEP], _HIGH), np.median(peak[level > 1]) if len(peak) else 1.0
    return [np.log(peak), *(np.full(len(peak), np.log(max(float(height), _FLOOR))) for height in usual)]


def map_candidates(
    values: ImageArray, prepared: Micrograph, calibration: tuple[float, ...]
) -> tuple[Candidates, tuple[IndexArray, IndexArray]]:
    """Candidates of a map with their probability.

    Parameters
    ----------
    values
        ``(h, w)`` map.
    prepared
        The image it was made of; no candidate lies on its bad pixels.
    calibration
        Slopes of `terms`, and the offset.

    Returns
    -------
    candidates
        In micrograph pixels.
    at
        Row and column, ``(n,)`` each, of the map pixel that each lies in.
    """
    yx, peak, level = spaced_peaks(values, SPACING * ACROSS, CLOSEST * ACROSS, _FLOOR)
    good = on_good_pixels(yx, prepared.valid)
    yx, peak, level = yx[good], peak[good], level[good]
    probability = calibrated(calibration, *terms(peak, level, values))
    return Candidates(prepared.frame.to_micrograph(yx), peak, level, probability), nearest_pixels(yx, values.shape)
