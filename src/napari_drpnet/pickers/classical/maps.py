"""What the pickers without a network share: the image they see, and candidates with a probability from a map.

A height of a map means more on a micrograph whose map is flat otherwise. How high the map and its other peaks are goes
into the probability, as it does for networks (`pickers/context.py`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_drpnet import candidates
from napari_drpnet.data import Candidates, FloatArray, ImageArray, Micrograph
from napari_drpnet.pickers.network import calibrated, check_size, network_image
from napari_drpnet.settings import PickerSettings

# Pixels that a particle spans on the image they see: more show no more of it at the usual noise.
ACROSS = 24.0
# Least distance of candidates in particle diameters, and of those between them.
SPACING, CLOSEST = 0.6, 0.4
_FLOOR = 0.01
_HIGH = 95  # percentile
_STEP = 2  # maps are smooth

IndexArray = npt.NDArray[np.int64]


def seen(micrograph: Micrograph, settings: PickerSettings) -> Micrograph:
    """The micrograph with particles of `ACROSS` px, dark, illumination evened out; mean 0, standard deviation 1.

    Raises
    ------
    UserError
        When the diameter does not fit the image, the pixel size is unknown, or the image is constant.
    """
    check_size(micrograph, settings.diameter)
    prepared = network_image(micrograph, settings.diameter, ACROSS, settings.invert)
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
    margin = int(ACROSS / 2)
    inner = values[margin:-margin, margin:-margin] if 2 * margin < min(values.shape) else values
    usual = np.percentile(inner[::_STEP, ::_STEP], _HIGH), np.median(peak[level > 1]) if len(peak) else 1.0
    return [np.log(peak), *(np.full(len(peak), np.log(max(float(height), _FLOOR))) for height in usual)]


def map_candidates(
    values: ImageArray, prepared: Micrograph, calibration: tuple[float, ...]
) -> tuple[Candidates, IndexArray]:
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
        ``(n, 2)`` the map pixel that each lies in.
    """
    yx, peak, level = candidates.spaced_peaks(values, SPACING * ACROSS, CLOSEST * ACROSS, _FLOOR)
    at = np.clip(np.rint(yx).astype(np.int64), 0, np.array(values.shape) - 1)
    if prepared.valid is not None:
        good = prepared.valid[at[:, 0], at[:, 1]]
        yx, peak, level, at = yx[good], peak[good], level[good], at[good]
    probability = calibrated(calibration, *terms(peak, level, values))
    return Candidates(prepared.frame.to_micrograph(yx), peak, level, probability), at
