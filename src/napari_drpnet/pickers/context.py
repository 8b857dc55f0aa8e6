"""What a micrograph says about its own candidates.

The same height of the detector's map means more on a faint, crowded micrograph than on a clear, empty one. How high the
map lies as a whole tells which it is; that goes into the calibration, so that a probability means the same on every
data set.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from scipy.special import expit, logit

from napari_drpnet.data import FloatArray, ImageArray

LOGIT_LIMIT = 7.0
PERCENTILES = (50, 95)
_STEP = 4  # the map is smooth: every fourth pixel tells as much


def bounded_logit(p: FloatArray | ImageArray) -> FloatArray:
    """Logit of map values, finite also at 0 and 1 and beyond."""
    bound = expit(LOGIT_LIMIT)
    return np.asarray(logit(np.clip(p, 1 - bound, bound, dtype=np.float64)), np.float64)


def context(values: ImageArray, margin: int) -> tuple[float, ...]:
    """How high a detector's map lies: the percentiles of `PERCENTILES`, in logits.

    Parameters
    ----------
    values
        ``(h, w)`` map.
    margin
        Width of the border to leave out, in map pixels; ignored where it would leave nothing.
    """
    inner = middle(values, margin)
    return tuple(float(q) for q in np.percentile(bounded_logit(inner[::_STEP, ::_STEP]), PERCENTILES))


def middle(values: ImageArray, margin: int) -> ImageArray:
    """A map without a border of ``margin`` pixels; all of it where that would leave nothing."""
    return values[margin:-margin, margin:-margin] if 0 < 2 * margin < min(values.shape) else values


def detector_terms(peak: FloatArray, about: tuple[float, ...]) -> list[FloatArray]:
    """What the detector contributes to the probability of each candidate, ``(n,)`` each: its peak and the context."""
    return [bounded_logit(peak), *(np.full(len(peak), value) for value in about)]


def calibrated(calibration: tuple[float, ...], *terms: FloatArray) -> FloatArray:
    """Probability from scores: ``expit(slopes . terms + offset)``, the slopes and the offset in this order."""
    return np.asarray(expit(margin(calibration, *terms)), np.float64)


def margin(calibration: tuple[float, ...], *terms: FloatArray) -> FloatArray:
    """The logit of `calibrated`."""
    *slopes, offset = calibration
    return cast(FloatArray, sum(slope * term for slope, term in zip(slopes, terms, strict=True)) + offset)
