"""The run of the form: everything that takes time, in a thread that touches neither layers nor the form."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from napari_drpnet import jobs
from napari_drpnet.data import FloatArray
from napari_drpnet.drawing.correlations import draw_growth
from napari_drpnet.drawing.sphere import draw_globe, draw_views
from napari_drpnet.errors import UserError, without_options
from napari_drpnet.io.half_maps import read_half_maps
from napari_drpnet.io.paths import exists
from napari_drpnet.io.refinements import Refinement, find_refinements
from napari_drpnet.jobs import Assessment, Job, MapAssessment, Progress
from napari_drpnet.jobs.assess_page import class_averages
from napari_drpnet.layers import LayerTuple, resolution_limits, surface_layer, volume_layer
from napari_drpnet.settings import AssessSettings
from napari_drpnet.steps import attended, translate
from napari_drpnet.widgets.assess.judged import AskedPicks, Judged, judged

# Where steps are made, so that Cancel need not wait for the one under way.
_ASIDE = ThreadPoolExecutor(1, "assessing")
_ENOUGH = 100_000  # voxels that a histogram is drawn from
_IN_A_ROW = 4  # class averages, as wide as a dock
_NOISE = 0.99  # of the voxels of a half map, about: black where it is shown


@dataclass(frozen=True, eq=False)
class Pictures:
    """What is drawn of a refinement beforehand; None where there is nothing.

    Attributes
    ----------
    globe, views
        Its views on the sphere: the map alone, and with all that is written on it.
    local
        ``(n,)`` local resolutions in Angstrom within the mask, at most two hundred thousand.
    parts
        Angstrom that a tenth, a half and nine tenths of the mask are resolved better than.
    limits
        Ends of the colours of local resolution in Angstrom.
    growth
        Resolution against the number of particles.
    classes
        Class averages of its picks.
    """

    globe: Image.Image | None = None
    views: Image.Image | None = None
    local: FloatArray | None = None
    parts: tuple[float, float, float] | None = None
    limits: tuple[float, float] | None = None
    growth: Image.Image | None = None
    classes: Image.Image | None = None


@dataclass(frozen=True, eq=False)
class Found:
    """What a run has found so far.

    Attributes
    ----------
    each
        The refinements of which something may be known.
    ready
        How many of them are done with.
    pictures
        Of each, in the same order.
    head, rows
        The table of figures of those of which anything is known.
    """

    each: tuple[Assessment, ...] = ()
    ready: int = 0
    pictures: tuple[Pictures, ...] = ()
    head: tuple[str, ...] = ("",)
    rows: tuple[tuple[str, ...], ...] = ()

    @property
    def known(self) -> list[Assessment]:
        """Those of which anything is known."""
        return [one for one in self.each if not one.nothing]


@dataclass(frozen=True)
class Better(Progress):
    """One more refinement is assessed, or all picks are judged."""

    found: Found | None = None


def steps(
    refinements: Sequence[Refinement], settings: AssessSettings, picks: AskedPicks
) -> Generator[Progress | None, None, Found]:
    """Judge the picks, and assess refinements one by one; yields `Better` after each, and None while a step goes on."""
    yield Progress(0, 1, message="Loading the libraries")
    return (yield from attended(_all(refinements, settings, picks), _ASIDE))


def look_up(known: Sequence[Path], added: Sequence[Path]) -> tuple[list[Path], list[Refinement]] | str:
    """The refinements that files and folders mean, or why they mean none; Qt's threads do not hand over an error.

    Of those that were ``known`` before, what is gone by now is left out: it must not keep new ones off the list.
    """
    sources = [*(path for path in known if exists(path)), *added]
    try:
        found = find_refinements(sources) if sources else []
    except UserError as error:
        return error.plain
    empty = [one for one in found if one.empty]
    return without_options(empty[0].problems[0]) if empty else (sources, found)


def written(found: Sequence[Assessment], folder: Path) -> Path | str:
    """The page that was written, or why it could not be."""
    try:
        return jobs.write_assessments(found, folder)
    except UserError as error:
        return error.plain


def coloured_map(found: MapAssessment, name: str, limits: tuple[float, float]) -> list[LayerTuple]:
    """The surface of a map in the colours of its local resolution.

    Raises
    ------
    UserError
        As `jobs.map_surface`.
    """
    return [surface_layer(jobs.map_surface(found), found.pixel_size, f"{name}: map, by local resolution (Å)", limits)]


def half_map_layers(found: MapAssessment, name: str) -> list[LayerTuple]:
    """Both half maps of a refinement as layers, of which the second is hidden.

    Raises
    ------
    UserError
        When a file is no longer there.
    """
    maps = read_half_maps(found.paths, found.pixel_size)
    made = []
    for number, (values, path) in enumerate(zip((maps.first, maps.second), maps.paths, strict=True), 1):
        data, attributes, kind = volume_layer(values, maps.pixel_size, f"{name}: half map {number}", path)
        low, high = float(np.quantile(values, _NOISE)), float(values.max())
        limits = low, max(high, low + 1e-6)
        made.append((data, {**attributes, "contrast_limits": limits, "visible": number == 1}, kind))
    return made


def files_of(refinement: Refinement) -> list[Path]:
    """Those that are there."""
    files = (*(refinement.halves or ()), refinement.particles, refinement.postprocess)
    return [file for file in files if file is not None]


def _all(refinements: Sequence[Refinement], settings: AssessSettings, picks: AskedPicks) -> Job[Found]:
    first, known = 0, Judged()
    each: list[Assessment] = []
    total = len(refinements)
    if picks.picks:
        first, total = 1, total + 1
        here = Progress(0, total, message="Picks")
        known = yield from translate(judged(picks), lambda step: _told(here, step, "Picks: "))
        yield replace(here, fraction=1.0, message="Drawing")
        each = [_with_picks(Assessment(one), known) for one in refinements]
        yield Better(1, total, message="", found=_found(each, 0))
    for number, refinement in enumerate(refinements):
        here = Progress(first + number, total)
        done = yield from _one(refinement, settings, here)
        each[number : number + 1] = [_with_picks(done, known)]
        yield replace(here, fraction=1.0, message="Drawing")
        yield Better(first + number + 1, total, message="", found=_found(each, number + 1))
    return _found(each, len(refinements))


def _found(each: Sequence[Assessment], ready: int) -> Found:
    head, rows = jobs.assessment_rows([one for one in each if not one.nothing])
    return Found(tuple(each), ready, _drawn(each), tuple(head), tuple(map(tuple, rows)))


def _with_picks(one: Assessment, known: Judged) -> Assessment:
    """A refinement with what is known of its picks."""
    told = [known.problems[one.name]] if one.name in known.problems else []
    return replace(one, picked=known.known.get(one.name), problems=[*told, *one.problems])


def _told(here: Progress, step: Progress, before: str = "") -> Progress:
    """A step of one part as one of all."""
    part = (step.done + step.fraction) / max(step.total, 1)
    return replace(here, fraction=min(part, 1.0), message=f"{before}{step.message}")


def _one(refinement: Refinement, settings: AssessSettings, here: Progress) -> Job[Assessment]:
    """One of them by itself, so that it is seen before the others are ready, and none fails with it."""
    try:
        (one,) = yield from translate(jobs.assess([refinement], settings), lambda step: _told(here, step))
    except UserError as error:
        return Assessment(refinement, problems=[error.plain])
    return one


def _drawn(done: Sequence[Assessment]) -> tuple[Pictures, ...]:
    """Views have the colours of the refinement with the most particles in one, so that they can be compared."""
    most = max((int(one.views.counts.counts.max()) for one in done if one.views is not None), default=0)
    grown = {one.name: one.growth for one in done if one.growth is not None}
    growth = draw_growth(grown) if grown else None
    strips = class_averages(done, _IN_A_ROW)
    return tuple(replace(_pictures(one, most, growth), classes=strips.get(one.name)) for one in done)


def _pictures(one: Assessment, most: int, growth: Image.Image | None) -> Pictures:
    globe = views = local = parts = limits = None
    if one.views is not None:
        counts = one.views.counts.counts
        globe = draw_globe(counts, most)
        views = draw_views(counts, one.name, one.views.in_words, most, globe)
    if one.maps is not None and one.maps.local is not None:
        local = one.maps.local.inside
        limits = resolution_limits(local)
        best, middle, worst = np.quantile(local, (0.1, 0.5, 0.9)).tolist()
        parts = best, middle, worst
        local = local[:: max(1, len(local) // _ENOUGH)]
    return Pictures(globe, views, local, parts, limits, growth)
