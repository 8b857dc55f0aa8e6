"""Templates for the template picker: averages of picked particles, or projections of a structure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_drpnet import candidates
from napari_drpnet.data import ImageArray
from napari_drpnet.errors import UserError
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.jobs.retrain.labelled import LabelledMicrograph
from napari_drpnet.pickers.classical.averages import class_averages
from napari_drpnet.pickers.classical.maps import ACROSS, seen
from napari_drpnet.settings import PickerSettings, TemplateSetSettings
from napari_drpnet.simulation.references import projections
from napari_drpnet.steps import Job, Progress, translate

# Sides of the pictures in particle diameters: the picker's mask is 1.5 wide.
_SHOWN = 1.6
# Fewer particles make no average.
_FEWEST = 10


@dataclass(frozen=True)
class TemplateReport:
    """The stack that was written, how many templates it has, and how many particles each shows; none of a structure."""

    path: Path
    count: int
    members: tuple[int, ...] = ()


def templates_of_structure(structure: Path, settings: TemplateSetSettings, out: Path) -> TemplateReport:
    """Write projections of a map or model in evenly spread directions.

    Raises
    ------
    UserError
        When the structure cannot be read, or the stack not be written.
    """
    across = 2 * ACROSS  # finer than the picker looks: it may be told another diameter
    images, pixel_size = projections(structure, settings.count, across, _even(_SHOWN * across), settings.diameter)
    return TemplateReport(write_mrc(images, out, pixel_size), len(images))


def templates_of_picks(
    fields: Sequence[LabelledMicrograph], settings: TemplateSetSettings, out: Path
) -> Job[TemplateReport]:
    """Write averages of the picked particles of some micrographs.

    Raises
    ------
    UserError
        When there are too few particles, a micrograph cannot be read, or the stack not be written.
    """
    particles: list[ImageArray] = []
    for done, field in enumerate(fields):
        count = sum(map(len, particles))
        yield Progress(done, len(fields), count, field.name)
        particles.append(_cut(field, settings))
    stack = np.concatenate(particles)
    if len(stack) < _FEWEST:
        raise UserError(
            f"There are {len(stack)} particles away from the borders, too few for an average.",
            f"Pick at least {_FEWEST}; fifty and more are better.",
        )
    if len(stack) > settings.most:
        chosen = np.random.default_rng(settings.seed).choice(len(stack), settings.most, replace=False)
        stack = stack[np.sort(chosen)]
    steps = class_averages(stack, min(settings.count, len(stack) // _FEWEST), ACROSS / 2 * 1.1, settings.seed)
    averages, members = yield from translate(
        steps, lambda part: Progress(len(fields), len(fields), len(stack), "averaging", part)
    )
    write_mrc(averages, out, _diameter(settings) / ACROSS)
    return TemplateReport(out, len(averages), tuple(members.tolist()))


def _cut(field: LabelledMicrograph, settings: TemplateSetSettings) -> ImageArray:
    """Particles of one micrograph as the picker sees them, without those that reach over its border."""
    picker = PickerSettings(diameter=_diameter(settings), invert=settings.invert)
    prepared = seen(field.read(), picker)
    side = _even(_SHOWN * ACROSS)
    yx = prepared.frame.from_micrograph(field.particles)
    shape: tuple[int, int] = prepared.image.shape[0], prepared.image.shape[1]
    return candidates.crop(prepared.image, yx[candidates.inside(yx, shape, side / 2)], side)


def _diameter(settings: TemplateSetSettings) -> float:
    if settings.diameter is None:
        raise UserError("The diameter of the picked particles is not known.", "Give it with --diameter, in Angstrom.")
    return settings.diameter


def _even(length: float) -> int:
    return 2 * round(length / 2)
