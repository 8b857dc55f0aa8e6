"""What a micrograph says about its own candidates.

The same height of the detector's map means more on a faint, crowded micrograph than on a clear, empty one. Two things
tell which it is: how high the best candidates of this micrograph are, and how high the detector's map gets on pure
noise of this micrograph's own spectrum, which a copy with random phases provides. Both are terms of the calibration, so
that a probability means the same on every data set.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from napari_drpnet import candidates
from napari_drpnet.data import FloatArray, ImageArray

Context = tuple[float, float, float]
IndexArray = npt.NDArray[np.intp]

LOGIT_LIMIT = 7.0
# Particles are taken to be at least this many diameters apart.
SPACING = 0.6
_HEXAGONAL = 2 / 3**0.5  # discs of diameter 1 on a unit of area, packed as close as can be
# Ranks at which candidates are compared with noise, as parts of what fits on the micrograph side by side.
_FEW, _SOME, _MANY = 0.1, 0.2, 0.4


def bounded_logit(p: FloatArray) -> FloatArray:
    """Logit of a map value, finite also at 0 and 1."""
    bound = expit(LOGIT_LIMIT)
    return np.asarray(logit(np.clip(p, 1 - bound, bound)), np.float64)


def noise_like(image: ImageArray) -> ImageArray:
    """Noise with the power spectrum, mean and contrast of an image, within the same grey levels: its phases are random.

    The same image gives the same noise.

    Parameters
    ----------
    image
        ``(h, w)`` float32.
    """
    rng = np.random.default_rng(0)
    spectrum = np.fft.rfft2(image)
    noise = np.fft.irfft2(np.abs(spectrum) * np.exp(2j * np.pi * rng.random(spectrum.shape)), s=image.shape)
    scaled = (noise - noise.mean()) * (image.std() / max(float(noise.std()), 1e-9)) + image.mean()
    return np.asarray(np.clip(scaled, image.min(), image.max()), np.float32)


def separate(yx: FloatArray, peak: FloatArray, shape: tuple[int, int], diameter: float, border: float) -> IndexArray:
    """Indices of the candidates that could all be particles: apart from each other, and not at the border.

    Parameters
    ----------
    yx
        ``(n, 2)`` in pixels of the image, as are ``diameter`` and ``border``.
    peak
        ``(n,)``; of two that are too near the higher stays.
    shape
        ``(h, w)`` of the image.
    """
    keep = candidates.suppress(yx, peak, SPACING * diameter)
    return keep[candidates.inside(yx[keep], shape, max(border, diameter / 2))]


def context(peak: FloatArray, noise_peak: FloatArray, shape: tuple[int, int], diameter: float) -> Context:
    """Three numbers about a micrograph that go into the probability of each of its candidates.

    Parameters
    ----------
    peak
        ``(n,)`` heights of its candidates, as `separate` leaves them.
    noise_peak
        ``(m,)`` the same on noise of its spectrum.
    shape
        ``(h, w)`` of the region they come from.
    diameter
        In pixels of that region.

    Returns
    -------
    tuple of float
        By how much, in logits, its best candidates exceed those of noise, at two ranks; and how high noise gets.
    """
    room = shape[0] * shape[1] / diameter**2 * _HEXAGONAL
    found, noise = np.sort(bounded_logit(peak))[::-1], np.sort(bounded_logit(noise_peak))[::-1]

    def at(heights: FloatArray, part: float) -> float:
        rank = int(room * part)
        return float(heights[rank]) if rank < len(heights) else -LOGIT_LIMIT

    return at(found, _FEW) - at(noise, _FEW), at(found, _MANY) - at(noise, _MANY), at(noise, _SOME)
