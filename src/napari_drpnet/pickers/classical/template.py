"""Template matching: the normalised cross-correlation with templates at all in-plane rotations.

Roseman, Ultramicroscopy 94 (2003) 225. See `pickers/classical/matching.py`.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import ImageArray, Micrograph, ScoreMap
from napari_drpnet.errors import UserError
from napari_drpnet.io.templates import read_templates
from napari_drpnet.pickers.classical.arrays import arrays_on, out_of_memory
from napari_drpnet.pickers.classical.maps import map_candidates, seen
from napari_drpnet.pickers.classical.matching import Matches, disc
from napari_drpnet.pickers.classical.turns import ball, turns
from napari_drpnet.settings import TemplateSettings

# Of the terms of `maps.terms`: python training/calibrate.py template
CALIBRATION = (2.44514, -1.35582, 0.84111, 2.52386)


class Template:
    """The correlation with templates, each candidate with the probability of being a particle. Needs no training.

    Parameters
    ----------
    settings
        Diameter, templates and rotations. The templates are read here.

    Raises
    ------
    UserError
        When the device is not there, or the templates cannot be used.
    """

    name: ClassVar[str] = "template"
    many_at_once: ClassVar[bool] = True
    settings_class: ClassVar[type[TemplateSettings]] = TemplateSettings

    def __init__(self, settings: TemplateSettings) -> None:
        self.settings = settings
        self.arrays = arrays_on(settings.device)
        path = settings.templates
        self.templates = ball(settings.diameter) if path is None else read_templates(path, settings.template_pixel_size)
        self.turns = turns(self.templates, settings)

    def score_steps(self, micrograph: Micrograph) -> Generator[float, None, ScoreMap]:
        """The correlation with the best template around each pixel, and every candidate; yields the fraction done.

        Raises
        ------
        UserError
            When the diameter or a template does not fit the image, the pixel size is unknown, the image is constant,
            or the graphics card has too little memory.
        """
        self._check_fit(micrograph)
        prepared = seen(micrograph, self.settings)
        yield 0.02
        try:
            values, index = yield from self._match(prepared.image)
        except RuntimeError as error:
            raise out_of_memory(error) or error from None
        every, at = map_candidates(values, prepared, CALIBRATION)
        best = index[at]
        every = replace(every, class_number=self.turns.class_number[best], psi=self.turns.psi[best])
        return ScoreMap(values, prepared.frame, every)

    def _match(self, image: ImageArray) -> Generator[float, None, tuple[ImageArray, npt.NDArray[np.int32]]]:
        """The best correlation around each pixel, and which of the turned templates it is."""
        images = self.arrays.put(self.turns.images)
        matches = Matches(image, disc(images.shape[1], self.turns.mask), self.arrays, self.settings.memory)
        for index, template in enumerate(images):
            for _ in matches.compare(template, index):
                yield 0.02 + 0.98 * index / len(images)
        return matches.best()

    def _check_fit(self, micrograph: Micrograph) -> None:
        frame, extent = micrograph.frame, self.templates.extent
        side = min(micrograph.image.shape)
        if self.settings.templates is not None and frame.working_pixels(extent) > side:
            raise UserError(
                f"{frame.micrograph}: the templates show {extent:.0f} A, more than the micrograph.",
                "Check the pixel sizes of the micrograph and of the templates.",
            )
