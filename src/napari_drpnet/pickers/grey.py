"""The grey levels that networks see: how those of a micrograph are brought to them.

Networks of the first generation see grey levels between two percentiles, cut off beyond. A particle that stands out
clearly is cut flat there, and a few percent of carbon or frost decide what the percentiles are. `robust` levels are
measured from the median in units of the spread of the middle half, so that no outlier moves them; a logarithm at both
ends keeps what is far from it.
"""

from __future__ import annotations

import numpy as np

from napari_drpnet.data import ImageArray, MaskArray
from napari_drpnet.errors import UserError

# A standard deviation of normal noise in units of its median absolute deviation.
_DEVIATION = 1.4826
# Grey level of one such deviation: 2 % of normal noise is beyond half a grey level, as between percentiles.
LEVEL = 0.25
_SAMPLE = 1 << 18
# Rounding errors of single precision, relative to the grey levels.
_CONSTANT = 2e-6
# Further from the median than this there are no logarithms: half precision ends there.
FURTHEST = 3000.0
_NOTHING_SEEN, _LEAVE_IT = "The image is constant: every pixel has the same value.", "Leave it out, or make it anew."


def robust(image: ImageArray, valid: MaskArray | None = None) -> ImageArray:
    """Grey levels ``0.25 asinh(z)``, with ``z`` the distance from the median in robust standard deviations.

    Scaling or shifting the image changes nothing, and inverting it changes the sign.

    Parameters
    ----------
    image
        ``(h, w)`` float32.
    valid
        ``(h, w)`` bool; bad pixels are not measured.

    Raises
    ------
    UserError
        When the image is constant: it holds no particles.
    """
    middle, spread = _middle_and_spread(image, valid)
    z = (image - np.float32(middle)) * np.float32(1 / spread)
    return np.asarray(LEVEL * np.arcsinh(np.clip(z, -FURTHEST, FURTHEST)), np.float32)


def standard(image: ImageArray, valid: MaskArray | None = None) -> ImageArray:
    """Grey levels of mean 0 and standard deviation 1, as networks of other programs know them.

    Parameters
    ----------
    image
        ``(h, w)`` float32.
    valid
        ``(h, w)`` bool; bad pixels are not measured.

    Raises
    ------
    UserError
        When the image is constant: it holds no particles.
    """
    measured = image[valid] if valid is not None and valid.any() else image
    middle, spread = float(measured.mean(dtype=np.float64)), float(measured.std(dtype=np.float64))
    if spread <= _CONSTANT * abs(middle):
        raise UserError(_NOTHING_SEEN, _LEAVE_IT)
    return np.asarray((image - np.float32(middle)) * np.float32(1 / spread), np.float32)


def _middle_and_spread(image: ImageArray, valid: MaskArray | None) -> tuple[float, float]:
    """Median and robust standard deviation, on a regular sample of at least 250,000 pixels."""
    step = max(1, int((image.size / _SAMPLE) ** 0.5))
    sample = image[::step, ::step]
    if valid is not None and valid[::step, ::step].any():
        sample = sample[valid[::step, ::step]]
    middle = float(np.median(sample))
    away = np.abs(sample - np.float32(middle))
    # Not the farthest: one hot pixel may lie a million deviations away.
    least = _CONSTANT * max(abs(middle), float(np.quantile(away, 0.9)))
    spread = float(np.median(away))
    if spread <= least:
        # More than half of the picture is one grey, as of an empty border: the rest tells.
        away = away[away > least]
        if not away.size:
            raise UserError(_NOTHING_SEEN, _LEAVE_IT)
        spread = float(np.median(away))
    return middle, _DEVIATION * spread
