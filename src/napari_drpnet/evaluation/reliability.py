"""How honest probabilities are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray, MaskArray

_BINS = 10


def reliability(p: FloatArray, hit: MaskArray) -> tuple[FloatArray, FloatArray, npt.NDArray[np.int64]]:
    """Of each bin of probability that has candidates: mean probability, frequency of particles, and their number."""
    which = np.minimum((p * _BINS).astype(int), _BINS - 1)
    count = np.bincount(which, minlength=_BINS)
    full = count > 0
    number = np.maximum(count, 1)
    mean, frequency = (np.bincount(which, v, minlength=_BINS) / number for v in (p, hit.astype(float)))
    return mean[full], frequency[full], count[full]


def calibration_error(p: FloatArray, hit: MaskArray) -> float:
    """Expected calibration error: mean distance between probability and frequency over bins of probability."""
    if not len(p):
        return 0.0
    mean, frequency, count = reliability(p, hit)
    return float((count * np.abs(mean - frequency)).sum() / len(p))
