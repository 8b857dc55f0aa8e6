"""DRPnet as the paper has it: the authors' scale rule, extended maxima and class cut-off, with published numbers.

Nguyen, Ersoy, Gotberg, Bunyak, White, "DRPnet: automated particle picking in cryo-electron micrographs using deep
regression", BMC Bioinformatics 22:55 (2021).
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.special import expit

from napari_drpnet import candidates
from napari_drpnet.data import FloatArray, Frame, ImageArray, MaskArray, Micrograph, ScoreMap
from napari_drpnet.errors import UserError
from napari_drpnet.pickers.drpnet import DRPnet
from napari_drpnet.settings import DRPnetPaperSettings

# The map's maximum in units of T: the authors write it as an image of 8 bits.
GREY_LEVELS = 255
# A box in diameters, where none is given: that of TRPV1 in the paper.
BOX = 1.5


def reduction(box: float, shape: tuple[int, int]) -> tuple[int, int]:
    """The reduction factors of the authors' implementation, for a box in micrograph pixels.

    The radius is compared with 32 px (48 when it is above 144), and an image still longer than 1800 px is reduced
    again. Where the particle's radius still reaches 32 px, the network sees the image at half that size, and its map
    is enlarged back.

    Returns
    -------
    factor
        The image is this many times smaller than the micrograph.
    again
        1, or 2 where the network sees it at half that size.
    """
    radius = box / 2
    ratio = radius / (48 if radius > 144 else 32)
    factor = math.ceil(ratio) if ratio > 2 else 2 if ratio > 1 else 1
    longer = max(shape) / factor
    factor *= math.ceil(longer / 1800) if longer > 1800 else 1
    return factor, 2 if radius / factor >= 32 else 1


class DRPnetPaper(DRPnet):
    """DRPnet by the paper: its networks and its rules, with the published numbers.

    Parameters
    ----------
    settings
        As for `DRPnet`, and the numbers of the rules.

    Raises
    ------
    UserError
        As for `DRPnet`.
    """

    name: ClassVar[str] = "drpnet-paper"
    settings_class: ClassVar[type[DRPnetPaperSettings]] = DRPnetPaperSettings
    settings: DRPnetPaperSettings

    def keep(self, score_map: ScoreMap) -> MaskArray:
        """``(n,)`` candidates of the confidence asked for that the classifier lets through, a box off the border."""
        every, frame = score_map.candidates, score_map.frame.unbinned
        kept = every.level >= self.settings.level
        if self.classifier is not None:
            kept = kept & (1 - every.probability <= self.settings.class_cutoff)
        if frame.shape is not None:
            kept = kept & self._inside(every.yx, frame)
        return kept

    def levels(self, score_map: ScoreMap) -> tuple[int, int, int]:
        """See `ConfidentPicker.levels`; without the classifier, a box off the border."""
        every, frame = score_map.candidates, score_map.frame.unbinned
        level = every.level if frame.shape is None else every.level[self._inside(every.yx, frame)]
        low, normal, high = (int((level >= k).sum()) for k in (1, 2, 3))
        return low, normal, high

    def maxima(self, score_map: ScoreMap, level: int, sigma: float | None, height: float | None) -> FloatArray:
        """See `ConfidentPicker.maxima`.

        Raises
        ------
        UserError
            When the map is smoother already.
        """
        assert score_map.values is not None, "it is made of a map"
        own = self.settings.sigma
        more = own if sigma is None else sigma
        if more < own:
            raise UserError(
                f"A sigma of {more:g} is asked for, and the map is smoothed by {own:g} already.",
                f"Give the picker a sigma of {more:g} (--option sigma={more:g}).",
            )
        # One Gaussian after another is a wider one.
        extra = (more**2 - own**2) ** 0.5 / self._reduction(score_map.frame)[1]
        values: ImageArray = ndimage.gaussian_filter(score_map.values, extra, truncate=3.0)
        wanted = level * self.settings.height if height is None else height
        yx, _, _ = candidates.tops(values, wanted * float(values.max()) / GREY_LEVELS)
        return score_map.frame.to_micrograph(yx)

    def _inside(self, yx: FloatArray, frame: Frame) -> MaskArray:
        assert frame.shape is not None
        return candidates.inside(yx, frame.shape, self._box(frame))

    def _reduction(self, frame: Frame) -> tuple[int, int]:
        unbinned = frame.unbinned
        assert unbinned.shape is not None, "it is that of an image"
        return reduction(self._box(unbinned), unbinned.shape)

    def _box(self, frame: Frame) -> float:
        """In micrograph pixels."""
        return self.settings.box or BOX * frame.unbinned.micrograph_pixels(self.settings.diameter)

    def _scale(self, micrograph: Micrograph) -> tuple[float, float]:
        factor, again = self._reduction(micrograph.frame)
        particle = micrograph.frame.working_pixels(self.settings.diameter)
        return particle / (factor * again), self.settings.sigma / again

    def _candidates(self, values: ImageArray) -> tuple[FloatArray, FloatArray, npt.NDArray[np.int64]]:
        """Extended maxima at 1, 2 and 3 T of the smoothed map."""
        return candidates.find(values, self.settings.height * float(values.max()) / GREY_LEVELS)

    def _probability(self, values: ImageArray, peak: FloatArray, logits: FloatArray | None) -> FloatArray:
        """``(n,)`` of the classifier, without calibration; that of stage 1 alone is its height over the maximum."""
        return np.asarray(peak / float(values.max()) if logits is None else expit(logits), np.float64)
