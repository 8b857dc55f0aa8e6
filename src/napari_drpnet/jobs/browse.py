"""All particles of a project at once: read their picks, measure how rough each patch is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np

from napari_drpnet.data import FloatArray, MaskArray, Picks
from napari_drpnet.drawing.cutouts import contrast, cut, deviations
from napari_drpnet.errors import UserError
from napari_drpnet.io import open_image
from napari_drpnet.io.project.project import Project
from napari_drpnet.labels import inside_region
from napari_drpnet.steps import Job, Progress

EVERY = 0.25  # seconds between two steps

# Opens a micrograph: an ``(h, w)`` array, lazy where it can be, and the particle's diameter in its pixels.
Opener = Callable[[str], tuple[Any, float]]


@dataclass(frozen=True)
class Gathered(Progress):
    """Picks read since the last step, by micrograph."""

    found: Mapping[str, Picks] | None = None


@dataclass(frozen=True)
class Measured(Progress):
    """Standard deviations found since the last step, by micrograph, in the order of the places asked for."""

    found: Mapping[str, FloatArray] | None = None


def gather(project: Project, names: Sequence[str]) -> Job[list[str]]:
    """Read the picks of some micrographs, without those that regions hide; yields `Gathered`.

    Returns
    -------
    list
        What was wrong with those that cannot be read; they do not stop the rest.
    """
    found: dict[str, Picks] = {}
    failures = []
    told = monotonic()
    for done, name in enumerate(names, 1):
        try:
            found[name] = outside(project.read_picks(name), project.read_region(name))
        except UserError as error:
            failures.append(str(error))
        if monotonic() - told > EVERY or done == len(names):
            yield Gathered(done, len(names), message=f"Reading picks: {done} of {len(names)} micrographs", found=found)
            found, told = {}, monotonic()
    return failures


def outside(picks: Picks, region: MaskArray | None) -> Picks:
    """The picks that no contaminated region hides; ``region`` is ``(h, w)`` in coarse pixels."""
    if region is None or picks.frame.shape is None:
        return picks
    return picks.select(~inside_region(picks, region))


def measure(open_one: Opener, places: Mapping[str, FloatArray]) -> Job[list[str]]:
    """Standard deviation of the smoothed patch at each place, see `drawing.cutouts.deviations`; yields `Measured`.

    Parameters
    ----------
    open_one
        Opens a micrograph by name.
    places
        ``(n, 2)`` in micrograph pixels, by micrograph.

    Returns
    -------
    list
        What was wrong with micrographs that cannot be read; they do not stop the rest.
    """
    found: dict[str, FloatArray] = {}
    failures = []
    told = monotonic()
    for done, (name, yx) in enumerate(places.items(), 1):
        try:
            array, diameter = open_one(name)
            found[name] = deviations(cut(array, yx, diameter), contrast(array, diameter))
        except UserError as error:
            failures.append(str(error))
        if monotonic() - told > EVERY or done == len(places):
            message = f"Measuring patches: {done} of {len(places)} micrographs"
            yield Measured(done, len(places), message=message, found=found)
            found, told = {}, monotonic()
    return failures


def opener(project: Project, whole: Callable[[str], Any], stand_in: float, stand_in_pixels: float) -> Opener:
    """Opens the micrographs of a project for cutting a few particles out of each.

    Of a plain MRC file only the pages under the particles are then read: a screen of particles from fifty micrographs
    costs a few megabytes, not a few gigabytes.

    Parameters
    ----------
    project
        Its pixel size and diameter go before those of the files.
    whole
        Reads all pixels of a micrograph ``(h, w)``, for files of other kinds.
    stand_in, stand_in_pixels
        Diameter in Angstrom where the project has none, and in micrograph pixels where the pixel size is not known.
    """

    def open_one(name: str) -> tuple[Any, float]:
        entry, settings = project.entry(name), project.settings
        file = open_image(entry.path)
        pixel_size = settings.pixel_size or entry.pixel_size or file.pixel_size
        diameter = (settings.diameter or stand_in) / pixel_size if pixel_size else stand_in_pixels
        if isinstance(file.array, np.memmap):
            return file.array if file.array.ndim == 2 else file.array[0], diameter
        return whole(name), diameter

    return open_one
