"""Half maps judged: the correlation of their shells, a mask where none is given, and local resolution."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_drpnet.assessment.local import LocalResolution, Sphere, local_resolution
from napari_drpnet.assessment.masking import checked_mask, has_hard_edge, soft_mask
from napari_drpnet.assessment.shells import GOLD_STANDARD, HALF, ShellCorrelation, VolumeArray, check_halves, correlate
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import write_text
from napari_drpnet.io.half_maps import HalfMaps, read_half_maps, read_mask
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.settings.assessment import HalfMapSettings
from napari_drpnet.steps import Job, Progress, translate, within

CURVES, MASK, LOCAL = "fsc.csv", "mask.mrc", "local_resolution.mrc"
# With random phases nothing agrees but what the mask makes agree; RELION warns above this, too.
_MASK_AGREES = 0.1
_ALIKE = 0.99


@dataclass(frozen=True, eq=False)
class MapAssessment:
    """What two half maps tell.

    Attributes
    ----------
    paths
        Of the half maps.
    pixel_size
        Angstrom.
    correlation
        By shell.
    mask
        ``(z, y, x)``; None where it was done without.
    level
        That a mask was made at; None where it was given, or there is none.
    local
        Local resolution; None where nobody asked for it, or it could not be measured.
    notes
        What makes one doubt the resolution, a sentence each.
    problems
        What could not be measured, and why.
    """

    paths: tuple[Path, Path]
    pixel_size: float
    correlation: ShellCorrelation
    mask: VolumeArray | None
    level: float | None
    local: LocalResolution | None
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def assess_half_maps(paths: Sequence[Path], settings: HalfMapSettings) -> Job[MapAssessment]:
    """Judge two half maps.

    Parameters
    ----------
    paths
        Both half maps; one, beside which the other lies; or a folder with one pair in it.
    settings
        Mask, and how local resolution is measured.

    Returns
    -------
    MapAssessment
        Nothing is written: see `write_map_assessment`.

    Raises
    ------
    UserError
        When the maps are missing, cannot be read, do not belong together, or the mask does not fit them.
    """
    total = 3 if settings.local else 2
    yield Progress(0, total, message="Reading the half maps")
    maps = read_half_maps(paths, settings.map_pixel_size)
    check_halves(maps.first, maps.second)
    mask, level = _mask(maps, settings)
    yield Progress(1, total, message="Correlating their shells")
    found = correlate(maps.first, maps.second, maps.pixel_size, mask, settings.seed)
    local, problems = None, []
    if settings.local:
        here = Progress(2, total, message="Measuring local resolution")
        steps = local_resolution(
            maps.first, maps.second, maps.pixel_size, _within(maps, mask), _sphere(settings), seed=settings.seed
        )
        try:
            local = yield from translate(steps, within(here))
        except UserError as error:
            problems.append(str(error))
    yield Progress(total, total, message="done")
    notes = tuple(_doubts(found, settings.mask, mask))
    return MapAssessment(maps.paths, maps.pixel_size, found, mask, level, local, notes, tuple(problems))


def _doubts(found: ShellCorrelation, given: Path | None, mask: VolumeArray | None) -> Iterator[str]:
    if given is not None and mask is not None and has_hard_edge(mask):
        yield f"{given.name} has a hard edge, which costs resolution: give it a soft one of some pixels."
    if not np.isfinite(found.resolution()):
        yield "The half maps do not agree at any resolution."
    if found.by_mask_alone > _MASK_AGREES:
        yield (
            f"With random phases the maps still correlate by {found.by_mask_alone:.2f} at the resolution that is told: "
            "the mask is too tight. Give one that is wider, with a softer edge."
        )
    if found.unmasked[1:].min() > _ALIKE:
        yield (
            f"The half maps agree by more than {_ALIKE:g} at all frequencies, which halves of real particles do not. "
            "Look whether they are two half maps, and not filtered."
        )
    elif found.reaches_nyquist:
        yield (
            f"The half maps agree as far as their pixels go, {found.resolution():.2f} A: there may be finer detail. "
            "Make maps with smaller pixels."
        )


def resolution_in_words(assessment: MapAssessment) -> str:
    """The resolution of two half maps, and how it was measured, in a sentence or two."""
    found = assessment.correlation
    how = "without a mask" if assessment.mask is None else "within the mask, corrected for it"
    resolution = found.resolution(GOLD_STANDARD)
    if not np.isfinite(resolution):
        return f"The half maps do not agree at any resolution ({how})."
    if found.reaches_nyquist:
        return f"Resolution {resolution:.2f} A or better: the half maps agree as far as their pixels go ({how})."
    shell, half = found.shell_resolution(GOLD_STANDARD), found.resolution(HALF)
    finer = f"; {half:.2f} A at FSC 0.5" if np.isfinite(half) else ""
    return f"Resolution {resolution:.2f} A at FSC 0.143 ({how}; {shell:.2f} A by RELION's rule{finer})."


def write_map_assessment(assessment: MapAssessment, out: Path) -> tuple[Path, ...]:
    """Write the curves as CSV, a mask that was made, and local resolution, into a folder.

    Raises
    ------
    UserError
        When a file cannot be written.
    """
    size = assessment.pixel_size
    written = [write_text(_table(assessment.correlation), out / CURVES)]
    if assessment.mask is not None and assessment.level is not None:
        written.append(write_mrc(assessment.mask, out / MASK, size, volume=True))
    if assessment.local is not None:
        written.append(write_mrc(assessment.local.values, out / LOCAL, size, volume=True))
    return tuple(written)


def _mask(maps: HalfMaps, settings: HalfMapSettings) -> tuple[VolumeArray | None, float | None]:
    """The mask that is given or made, and the level that one was made at."""
    if settings.mask is not None:
        return checked_mask(read_mask(settings.mask, maps), maps.first.shape, settings.mask.name), None
    if not settings.make_mask:
        return None, None
    made = soft_mask(
        maps.first, maps.second, maps.pixel_size, level=settings.level, extend=settings.extend, edge=settings.edge
    )
    return made.values, made.level


def _within(maps: HalfMaps, mask: VolumeArray | None) -> VolumeArray:
    """Where local resolution is measured: everywhere without a mask."""
    return np.ones_like(maps.first) if mask is None else mask


def _sphere(settings: HalfMapSettings) -> Sphere:
    return Sphere(
        settings.local_step,
        settings.local_radius,
        settings.local_edge,
        settings.local_random_from,
        settings.local_worst,
    )


def _table(found: ShellCorrelation) -> str:
    """The curves, a shell a row."""
    curves = {
        "frequency": found.frequency,
        "unmasked": found.unmasked,
        "masked": found.masked,
        "randomised": found.randomised,
        "corrected": found.corrected,
        "ssnr": found.ssnr,
    }
    there = {name: curve for name, curve in curves.items() if curve is not None}
    rows = [",".join(there), *(",".join(f"{value:.6g}" for value in row) for row in zip(*there.values(), strict=True))]
    return "\n".join(rows) + "\n"
