"""Templates for the template picker: averages of picked particles, or projections of a structure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from warnings import warn

from napari_drpnet.data import Micrograph, Picks
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.jobs.averaging.average import average
from napari_drpnet.jobs.averaging.picked import PickedMicrograph
from napari_drpnet.jobs.retrain.labelled import LabelledMicrograph
from napari_drpnet.pickers.classical.maps import ACROSS
from napari_drpnet.settings import AveragingSettings, TemplateSetSettings
from napari_drpnet.simulation.references import projections
from napari_drpnet.steps import Job

# Sides of the pictures in particle diameters: the picker's mask is 1.5 wide.
_SHOWN = 1.6


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
        When there are too few particles, no micrograph can be read, or the stack not be written.

    Warns
    -----
    UserWarning
        For micrographs that cannot be used.
    """
    micrographs = [PickedMicrograph(field.name, partial(_particles, field)) for field in fields]
    averaging = AveragingSettings(
        diameter=settings.diameter, classes=settings.count, most=max(settings.most, 50), seed=settings.seed
    )
    averages = yield from average(micrographs, averaging, check_size=False)
    for name, why in averages.failed:
        warn(why if why.startswith(name) else f"{name}: {why}", stacklevel=2)
    write_mrc(averages.images, out, averages.pixel_size)
    return TemplateReport(out, len(averages.images), tuple(one.picks for one in averages.classes))


def _particles(field: LabelledMicrograph) -> tuple[Micrograph, Picks]:
    micrograph = field.read()
    return micrograph, Picks(micrograph.frame, field.particles)


def _even(length: float) -> int:
    return 2 * round(length / 2)
