"""The grey levels of the usual pixels of an image."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from math import frexp, gcd

import numpy as np

from napari_drpnet.data import ImageArray, MaskArray

# A pixel is bad this many times the range of the usual 90 % of pixels beyond that range: of noise, 15 standard
# deviations from its mean.
_BEYOND = 4.0
_USUAL, _DEVIATIONS = (5.0, 95.0), 3.29
_SAMPLE = 1 << 18  # pixels
# Powers of 2 beyond which sums and squares of grey levels leave single precision.
_EXTREME = 40
# Grey levels nearer to each other than this part of them are the rounding errors of one; where the middle half of the
# pixels are so near to each other compared with the usual ones, there is no noise to compare anything with.
_CONSTANT, _NOISE = 2e-6, 1e-3
# Where the usual 90 % have so many times the standard deviation that their middle half tells, they are not all usual;
# unless there is no noise, and the grey levels crowd at one end.
_MIXED = 6.0


@dataclass(frozen=True)
class Levels:
    """Bounds of the grey levels of good pixels, and the standard deviation of the usual ones.

    ``median`` and ``noise``, another standard deviation, hold with a quarter of bad pixels; ``noise`` may be 0.
    """

    bottom: float
    top: float
    deviation: float
    median: float
    noise: float

    def times(self, factor: float) -> Levels:
        """The same of an image whose grey levels are ``factor`` times these."""
        return Levels(*(value * factor for value in astuple(self)))


def usual_levels(image: ImageArray, good: MaskArray) -> Levels | None:
    """What the usual pixels tell, from a sample that meets every column; None of an image without noise."""
    step = max(1, image.size // _SAMPLE)
    while gcd(step, image.shape[1]) > 1:
        step += 1
    sample = image.ravel()[::step][good.ravel()[::step]]
    if not len(sample):
        return None
    low, high, median, *middle = (float(level) for level in np.percentile(sample, (*_USUAL, 50, 25, 75)))
    noise = 1.4826 * float(np.median(np.abs(sample - np.float32(median))))
    one_side = min(high - median, median - low)
    if noise > 0 and high - low > _MIXED * _DEVIATIONS * noise and one_side > _DEVIATIONS / 4 * noise:
        low, high = median - _DEVIATIONS / 2 * noise, median + _DEVIATIONS / 2 * noise
        middle = [median - noise, median + noise]
    if not high - low > _CONSTANT * max(abs(low), abs(high)) or middle[1] - middle[0] < _NOISE * (high - low):
        return None
    beyond = _BEYOND * (high - low)
    return Levels(low - beyond, high + beyond, (high - low) / _DEVIATIONS, median, noise)


def in_range(image: ImageArray, levels: Levels) -> tuple[ImageArray, Levels]:
    """Grey levels and their bounds as they are, or times a power of 2 where single precision would fail."""
    largest, smallest = frexp(max(abs(levels.bottom), abs(levels.top)))[1], frexp(levels.deviation)[1]
    if largest <= _EXTREME and smallest >= -_EXTREME:
        return image, levels
    with np.errstate(over="ignore"):  # what becomes infinite lies beyond the bounds
        return np.ldexp(image, -smallest), levels.times(2.0**-smallest)
