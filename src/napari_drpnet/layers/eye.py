"""Micrographs as people see particles in them: evenly lit, and without the noise finer than a resolution."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from napari_drpnet.data import ImageArray, Micrograph
from napari_drpnet.defects import repaired
from napari_drpnet.layers.images import image_layer, pyramid
from napari_drpnet.layers.placement import LayerTuple
from napari_drpnet.preprocess import flatten, smooth

ROLE, NAME = "smoothed", "low-pass"
# Parts of a particle's diameter: detail that tells a particle from noise, and sigma of the uneven light.
_DETAIL, _LIGHT = 0.25, 4.0
# A Gaussian of this sigma lets half of the amplitude of waves of length 1 through.
_SIGMA = math.sqrt(math.log(2) / 2) / math.pi
_SAMPLES = 2.5  # pixels that are enough for the finest detail shown
_KNOWN = 0.5  # of a pixel: where less is known it is grey


@dataclass(frozen=True)
class Filter:
    """How a micrograph is filtered for the eye.

    Attributes
    ----------
    resolution
        In Angstrom: of waves of this length half of the amplitude is left, of shorter ones less.
    light
        Sigma in Angstrom of the uneven light that is taken away.
    """

    resolution: float
    light: float

    @staticmethod
    def suited(diameter: float, resolution: float | None = None) -> Filter:
        """For particles of a ``diameter`` in Angstrom; None: the ``resolution`` that shows them well."""
        return Filter(round(_DETAIL * diameter) if resolution is None else resolution, _LIGHT * diameter)


class EyeImage:
    """A micrograph made ready for any filter: a filter works on a copy binned as far as its resolution allows.

    Only one thread may use it at a time.

    Parameters
    ----------
    micrograph
        Its pixel size is known.
    """

    def __init__(self, micrograph: Micrograph) -> None:
        self._micrograph = micrograph
        whole = repaired(micrograph)
        self._levels: list[ImageArray] = pyramid(whole.image)
        # Of what nobody knows, a part of one.
        self._known = None if whole.valid is None else pyramid(whole.valid.astype(np.float32))
        self._flat: dict[tuple[int, float], ImageArray] = {}

    def layer(self, wanted: Filter) -> LayerTuple:
        """The filtered micrograph, its grey levels by what is left in it.

        Raises
        ------
        UserError
            When the pixel size is not known.
        """
        pixel = self._micrograph.frame.known_pixel_size() / self._micrograph.frame.scale
        level = min(max(0, int(math.log2(max(wanted.resolution / _SAMPLES / pixel, 1.0)))), len(self._levels) - 1)
        pixel *= 2**level
        image = smooth(self._evened(level, wanted.light / pixel), _SIGMA * wanted.resolution / pixel)
        if self._known is not None:
            unknown = self._known[level] < _KNOWN
            image = np.where(unknown, np.median(image[~unknown]), image) if not unknown.all() else image
        frame = self._micrograph.frame.rescaled(0.5**level)
        return image_layer(image, frame, name=NAME, path=self._micrograph.path, role=ROLE)

    def _evened(self, level: int, sigma: float) -> ImageArray:
        """A level without its uneven light, of ``sigma`` in its pixels; kept as long as the light is the same."""
        if (level, sigma) not in self._flat:
            self._flat = {key: kept for key, kept in self._flat.items() if key[1] * 2 ** key[0] == sigma * 2**level}
            self._flat[level, sigma] = flatten(np.ascontiguousarray(self._levels[level]), sigma)
        return self._flat[level, sigma]
