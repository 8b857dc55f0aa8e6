"""Refinements assessed, one or several side by side: half maps, local resolution, views, B-factor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from math import isfinite
from pathlib import Path
from warnings import warn

from napari_drpnet.assessment.bfactor import BFactor
from napari_drpnet.assessment.directional import DirectionalCorrelation
from napari_drpnet.errors import UserError
from napari_drpnet.io.postprocessing import PostProcessing, read_postprocessing
from napari_drpnet.io.refinements import Refinement
from napari_drpnet.jobs.assess_maps import MapAssessment, assess_half_maps
from napari_drpnet.jobs.assess_picks import PickedAssessment, assess_picks, unpaired
from napari_drpnet.jobs.assess_views import ViewReport, assess_alignments, assess_directions
from napari_drpnet.jobs.growth import measure_growth
from napari_drpnet.settings.assessment import AssessSettings, PickedSettings
from napari_drpnet.steps import Job, Progress, translate


@dataclass
class Assessment:
    """What is known of one refinement; None where it was not measured.

    Attributes
    ----------
    refinement
        Its files; empty where there are picks only.
    picked
        Of the picks that it was made of.
    maps, directions
        Of its half maps.
    views
        Of its particles.
    postprocess
        What RELION found.
    growth
        Resolution against the number of particles.
    problems
        What could not be measured, and why.
    """

    refinement: Refinement
    picked: PickedAssessment | None = None
    maps: MapAssessment | None = None
    directions: DirectionalCorrelation | None = None
    views: ViewReport | None = None
    postprocess: PostProcessing | None = None
    growth: BFactor | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """That tells it from the others."""
        return self.refinement.name

    @property
    def nothing(self) -> bool:
        """Whether nothing could be measured."""
        return not any((self.picked, self.maps, self.views, self.postprocess, self.growth))


def assess(refinements: Sequence[Refinement], settings: AssessSettings, needed: bool = True) -> Job[list[Assessment]]:
    """Assess refinements; what fails in one is among its problems, and the others go on.

    Parameters
    ----------
    refinements
        See `io.refinements.find_refinements`.
    settings
        What is measured, and how.
    needed
        Whether something must be measured.

    Raises
    ------
    UserError
        When nothing of any could be measured, and something must be.
    """
    found = []
    for step, refinement in enumerate(refinements):
        here = Progress(step, len(refinements))
        found.append((yield from translate(_assessed(refinement, settings), partial(_within, here, refinement.name))))
    yield Progress(len(refinements), len(refinements), message="done")
    if needed and all(one.nothing for one in found):
        raise UserError(assessment_problems(found)[0])
    return found


def assess_with_picks(
    refinements: Sequence[Refinement],
    picks: PickedSettings,
    settings: AssessSettings,
    diameter: float | None,
    out: Path,
) -> Job[list[Assessment]]:
    """Assess pickers side by side: their picks, and the refinements of the same names.

    Parameters
    ----------
    refinements
        None, or some, as of `assess`.
    picks, diameter, out
        As of `assess_picks`.
    settings
        As of `assess`.

    Raises
    ------
    UserError
        As `assess` and `assess_picks`; these come first.

    Warns
    -----
    UserWarning
        Where some picks and some refinements lack the other, and as `run_comparison`.
    """
    if text := unpaired(list(picks.picks), [one.name for one in refinements]):
        warn(text, stacklevel=2)
    known, failed = yield from assess_picks(picks, diameter, out)
    found = (yield from assess(refinements, settings, needed=not known)) if refinements else []
    names = [one.name for one in found]
    found += [Assessment(Refinement(name)) for name in picks.picks if name not in names]
    for one in found:
        one.picked = known.get(one.name)
        if one.name in failed:
            one.problems.insert(0, failed[one.name])
    # In the order in which picks were given, which has their colours in the figures of `compare`, too.
    order = {name: number for number, name in enumerate(picks.picks)}
    return sorted(found, key=lambda one: order.get(one.name, len(order)))


def assessment_problems(found: Sequence[Assessment]) -> list[str]:
    """What could not be measured, each once; of several refinements it says of which. Micrographs come last."""
    alone, told = len(found) == 1, dict[str, list[str]]()
    for one in found:
        for text in one.problems:
            told.setdefault(text, []).append(one.name)
    said = [
        text if alone or text.startswith(names[0]) else f"{', '.join(names)}: {text}" for text, names in told.items()
    ]
    # All picks are of the same micrographs.
    failed = next((one.picked.failed for one in found if one.picked is not None), ())
    return said + [why if why.startswith(name) else f"{name}: {why}" for name, why in failed]


def _within(whole: Progress, name: str, step: Progress) -> Progress:
    """A step of one refinement as one of all."""
    part = (step.done + step.fraction) / max(step.total, 1)
    return replace(whole, fraction=min(part, 1.0), message=f"{name}: {step.message}")


def _assessed(refinement: Refinement, settings: AssessSettings) -> Job[Assessment]:
    found = Assessment(refinement, problems=list(refinement.problems))
    if refinement.halves is not None:
        with _told(found):
            found.maps = yield from assess_half_maps(refinement.halves, settings)
            found.problems += found.maps.problems
    # Of maps that agree nowhere, directions would be those of noise.
    if found.maps is not None and settings.directions and isfinite(found.maps.correlation.resolution()):
        yield Progress(2, 3, message="Comparing by direction")
        with _told(found):
            found.directions = assess_directions(found.maps, settings)
    if refinement.particles is not None:
        yield Progress(2, 3, message="Counting views")
        with _told(found):
            found.views = assess_alignments(refinement.particles, settings)
    if refinement.postprocess is not None:
        with _told(found):
            found.postprocess = read_postprocessing(refinement.postprocess)
    if settings.growth:
        with _told(found):
            if refinement.particles is None:
                raise UserError(f"{found.name}: there are no particles to reconstruct parts of.")
            found.growth = yield from measure_growth(refinement.particles, settings, settings)
    return found


@contextmanager
def _told(found: Assessment) -> Iterator[None]:
    """What cannot be measured is among the problems."""
    try:
        yield
    except UserError as error:
        found.problems.append(str(error))


def figures(found: Assessment) -> Iterator[tuple[str, str, float, float]]:
    """The figures of a refinement: what it is, its unit, the value, and its standard error (NaN: it has none)."""
    nan = float("nan")
    if found.picked is not None:
        yield from found.picked.figures()
    if found.views is not None:
        counts, even = found.views.counts, found.views.efficiency
        yield "particles", "", counts.particles, nan
    if found.maps is not None:
        shells = found.maps.correlation
        yield "resolution at 0.143", "A", shells.resolution(), nan
        yield "resolution at 0.5", "A", shells.resolution(0.5), nan
        if found.maps.local is not None:
            for part, name in ((0.1, "best tenth"), (0.5, "median"), (0.9, "worst tenth")):
                yield f"local resolution, {name}", "A", float(found.maps.local.quantiles(part)[0]), nan
    if found.directions is not None:
        yield "best direction", "A", float(found.directions.resolution.min()), nan
        yield "worst direction", "A", float(found.directions.resolution.max()), nan
        yield "sphericity", "", found.directions.sphericity, nan
    if found.postprocess is not None:
        yield "resolution by RELION", "A", found.postprocess.resolution, nan
    if found.views is not None:
        yield "views", "", counts.different, nan
        yield "views, of random orientations", "", counts.expected, nan
        yield "efficiency", "", even.value, even.error
    if found.growth is not None:
        yield "B-factor", "A^2", found.growth.value, found.growth.error
