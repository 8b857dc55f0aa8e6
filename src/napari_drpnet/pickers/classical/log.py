"""Laplacian of Gaussian: dark blobs of the particle's size, by the recipe of RELION's ``relion_autopick --LoG``.

Gunn, "On the discrete representation of the Laplacian of Gaussian", Pattern Recognition 32 (1999) 1463; Zivanov et
al., "New tools for automated high-resolution cryo-EM structure determination in RELION-3", eLife 7 (2018) e42166.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import replace
from typing import ClassVar

import numpy as np
from scipy import fft

from napari_drpnet.data import FloatArray, ImageArray, Micrograph, ScoreMap
from napari_drpnet.pickers.classical.maps import ACROSS, map_candidates, seen
from napari_drpnet.settings import LoGSettings

# Blobs this many times smaller or larger than the range compete with those in it.
_BEYOND = (2, 3, 4, 5)
# Ratio of neighbouring diameters in the range, at most.
_RATIO = 1.1
# The image is reflected at its border this far, in particle diameters.
_PAD = 2
# Of the terms of `maps.terms`: python training/calibrate.py log
CALIBRATION = (0.86084, -1.00609, 0.89299, 0.66245)


def diameters(smallest: float, largest: float) -> tuple[FloatArray, FloatArray]:
    """Diameters of blobs to look for, at most 10 % apart, and those of blobs to tell them from; in any unit."""
    count = 1 + math.ceil(math.log(largest / smallest) / math.log(_RATIO) - 1e-9)
    others = [*(smallest / n for n in _BEYOND), *(largest * n for n in _BEYOND)]
    return np.geomspace(smallest, largest, count), np.array(others)


class Blobs:
    """The response of an image to dark blobs of a diameter, the same at every scale for blobs that differ only in size.

    Parameters
    ----------
    image
        ``(h, w)`` float32; reflected at its border.
    pad
        Pixels of the reflection.
    """

    def __init__(self, image: ImageArray, pad: int) -> None:
        padded = np.pad(image, pad, mode="symmetric")
        self._inside = slice(pad, pad + image.shape[0]), slice(pad, pad + image.shape[1])
        self._shape = tuple(fft.next_fast_len(side, real=True) for side in padded.shape)
        self._transform = fft.rfft2(padded, self._shape)
        y, x = fft.fftfreq(self._shape[0]), fft.rfftfreq(self._shape[1])
        self._squared = (y[:, None] ** 2 + x**2).astype(np.float32)

    def response(self, diameter: float) -> ImageArray:
        """``sigma^2`` times the Laplacian of the image under a Gaussian of sigma ``diameter / pi`` px, ``(h, w)``.

        In Fourier space ``-s exp(-s / 2)`` with ``s = (2 f diameter)^2`` and ``f`` in cycles a pixel: RELION's filter.
        Of flat discs, one 0.9 times as wide as the diameter answers best.
        """
        s = self._squared * np.float32(4 * diameter**2)
        result: ImageArray = -fft.irfft2(self._transform * (s * np.exp(-s / 2)), self._shape)[self._inside]
        return result


def best_blobs(
    image: ImageArray, smallest: float, largest: float
) -> Generator[float, None, tuple[ImageArray, ImageArray]]:
    """How well the best blob in a range of diameters fits around each pixel, yielding the fraction done.

    Parameters
    ----------
    image
        ``(h, w)`` float32, mean 0 and standard deviation 1, particles dark.
    smallest, largest
        Diameters in pixels.

    Returns
    -------
    fit
        ``(h, w)`` response of the best; 0 where a blob beyond the range, or a bright one, fits better.
    diameter
        ``(h, w)`` of the best in the range, in pixels.
    """
    wanted, others = diameters(smallest, largest)
    blobs = Blobs(image, int(_PAD * ACROSS))
    fit = np.full(image.shape, -np.inf, np.float32)
    size = np.empty_like(fit)
    for done, diameter in enumerate(wanted):
        response = blobs.response(diameter)
        better = response > fit
        fit[better], size[better] = response[better], diameter
        yield done / (len(wanted) + len(others))
    beyond = np.zeros_like(fit)
    for done, diameter in enumerate(others, start=len(wanted)):
        np.maximum(beyond, blobs.response(diameter), out=beyond)
        yield done / (len(wanted) + len(others))
    fit[fit <= beyond] = 0
    return fit, size


class LoG:
    """Dark blobs of a size, each with the probability of being a particle. Needs no training.

    Parameters
    ----------
    settings
        Diameter, and the range of sizes to look for.
    """

    name: ClassVar[str] = "log"
    many_at_once: ClassVar[bool] = True
    settings_class: ClassVar[type[LoGSettings]] = LoGSettings

    def __init__(self, settings: LoGSettings) -> None:
        self.settings = settings

    def score_steps(self, micrograph: Micrograph) -> Generator[float, None, ScoreMap]:
        """The fit of the best blob around each pixel, and every candidate; yields the fraction done.

        Raises
        ------
        UserError
            When the diameter does not fit the image, the pixel size is unknown, or the image is constant.
        """
        prepared = seen(micrograph, self.settings)
        frame = prepared.frame
        smallest, largest = (frame.working_pixels(length) for length in (self.settings.smallest, self.settings.largest))
        fit, size = yield from best_blobs(prepared.image, smallest, largest)
        every, at = map_candidates(fit, prepared, CALIBRATION)
        own = size[at] / np.float64(frame.scale)
        return ScoreMap(fit, frame, replace(every, diameter=own))
