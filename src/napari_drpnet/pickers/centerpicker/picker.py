"""CenterPicker: a network that says where the centres of particles are and how large the particles are.

Ouyang, Wang, Wang, Liu, "CenterPicker: An Automated Cryo-EM Single-Particle Picking Method Based on Center Point
Detection", Journal of Cyber Security 4(2), 2022.
"""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import ClassVar, cast

import numpy as np

from napari_drpnet import devices, tiling
from napari_drpnet.data import Candidates, ImageArray, Micrograph, ScoreMap
from napari_drpnet.pickers.centerpicker.centres import (
    LARGEST,
    SMALLEST,
    Centres,
    centre_steps,
    of_one_structure,
    seen,
    sureness,
    usual_diameter,
)
from napari_drpnet.pickers.context import bounded_logit, calibrated
from napari_drpnet.pickers.network import load_network
from napari_drpnet.pickers.seen import check_size, on_good_pixels
from napari_drpnet.settings import CenterPickerSettings
from napari_drpnet.steps import translate

# Longer sides, in network pixels, of the images on which the size of the particles is found out. A larger image is
# brought to them, a smaller one stays as it is. Particles of 1.4 to 18 % of it are of a size the network has learnt.
OVERVIEWS = (1024, 512)


class CenterPicker:
    """A network finds the centres of particles and their sizes; it needs to be told neither size nor pixel size.

    Parameters
    ----------
    settings
        Thresholds, device and which weights, which are loaded here; a diameter where it is known.

    Raises
    ------
    UserError
        When the device is not there, or the weights cannot be used.
    """

    name: ClassVar[str] = "centerpicker"
    many_at_once: ClassVar[bool] = True
    settings_class: ClassVar[type[CenterPickerSettings]] = CenterPickerSettings

    def __init__(self, settings: CenterPickerSettings) -> None:
        self.settings = settings
        self.device = devices.choose(settings.device)
        self.card, network = load_network(settings.weights, "centre detector", self.device)
        self.network = cast(tiling.FullyConvolutional, network)

    def score_steps(self, micrograph: Micrograph) -> Generator[float, None, ScoreMap]:
        """The heat of one micrograph and every candidate with probability and box; yields the fraction done.

        Raises
        ------
        UserError
            When the image is constant; with a diameter, when it does not fit the image or the pixel size is unknown.
        """
        pixels = yield from translate(self._size_steps(micrograph), lambda fraction: 0.4 * fraction)
        prepared = seen(micrograph, pixels, self.card.diameter, self.settings.invert, self.card.grey)
        heat, centres = yield from translate(self._centre_steps(prepared), lambda fraction: 0.4 + 0.6 * fraction)
        on_image = (centres.yx + 0.5) * self.network.stride - 0.5
        centres = centres.select(on_good_pixels(on_image, prepared.valid))
        centres = of_one_structure(centres, self.settings.outlines)
        frame = prepared.frame.rescaled(1 / self.network.stride)
        candidates = Candidates(
            frame.to_micrograph(centres.yx),
            centres.peak,
            np.full(len(centres), 2),
            calibrated(self.card.calibration, bounded_logit(centres.peak)),
            diameter=centres.diameter / frame.scale,
            box=centres.box / frame.scale,
        )
        return ScoreMap(heat, frame, candidates)

    def _size_steps(self, micrograph: Micrograph) -> Generator[float, None, float]:
        """Diameter of the particles in micrograph pixels: as the settings say, or as the surest overview shows."""
        if self.settings.diameter:
            check_size(micrograph, self.settings.diameter)
            return micrograph.frame.unbinned.micrograph_pixels(self.settings.diameter)
        longer, found = max(micrograph.image.shape), []
        reductions = sorted({min(1.0, side / longer) for side in OVERVIEWS})
        for i, reduction in enumerate(reductions):
            looking = self._overview_steps(micrograph, micrograph.frame.scale * reduction)
            found.append((yield from translate(looking, partial(_share, i, len(reductions)))))
        return max(found)[1]

    def _overview_steps(self, micrograph: Micrograph, scale: float) -> Generator[float, None, tuple[float, float]]:
        """How sure the network is of an image at ``scale``, and the diameter of the particles in micrograph pixels."""
        nominal = self.card.diameter / scale
        overview = seen(micrograph, nominal, self.card.diameter, self.settings.invert, self.card.grey)
        # The size is the scale of what follows: rounded, it would be another on each kind of device.
        _, centres = yield from self._centre_steps(overview, exact=True)
        found = usual_diameter(centres)
        pixels = nominal if found is None else float(np.clip(found * self.network.stride, SMALLEST, LARGEST)) / scale
        return sureness(centres), pixels

    def _centre_steps(
        self, prepared: Micrograph, exact: bool = False
    ) -> Generator[float, None, tuple[ImageArray, Centres]]:
        return centre_steps(self.network, prepared.image, self.device, self.settings.memory, exact)


def _share(part: int, parts: int, fraction: float) -> float:
    return (part + fraction) / parts
