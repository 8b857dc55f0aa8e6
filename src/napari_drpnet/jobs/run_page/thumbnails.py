"""Small pictures of micrographs with their picks: the best, the worst, and some that nobody chose."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np
from scipy import ndimage

from napari_drpnet.data import Micrograph, Picks
from napari_drpnet.drawing.colours import colour
from napari_drpnet.drawing.overlay import Rings, draw_rings
from napari_drpnet.drawing.pages import jpeg
from napari_drpnet.jobs.pick_report import PickResult

BEST, WORST, RANDOM = "best", "worst", "at random"
_EACH = 4
# Pixels of the longer side, at least, and what is not shown: sigma of a Gaussian, in diameters.
_SIDE, _BLUR = 640, 0.05
_QUALITY = 70
# Rings of so many pixels of the picture have a thicker line.
_LARGE = 30

# Reads a micrograph by its name.
ByName = Callable[[str], Micrograph]


@dataclass(frozen=True)
class Chosen:
    """A micrograph to be shown, and why."""

    result: PickResult
    kind: str


def by_evidence(results: Sequence[PickResult]) -> bool:
    """Whether micrographs can be told from each other by evidence; else they are by their number of picks."""
    picked = [result for result in results if not result.error]
    return sum(map(_measured, picked)) > len(picked) / 2


def _measured(result: PickResult) -> bool:
    return math.isfinite(result.evidence + result.evidence_error)


def choose(results: Sequence[PickResult]) -> list[Chosen]:
    """Some of the best, the worst, and some at random, each micrograph once.

    As a data set grows, the choice at random stays as it is as far as it can, so that few pictures have to be drawn.
    """
    picked = [result for result in results if not result.error]
    measured = by_evidence(results)
    known = list(filter(_measured, picked)) if measured else picked
    each = min(_EACH, math.ceil(len(picked) / 3))
    best = sorted(known, key=_proved if measured else _many)[:each]
    left = [result for result in known if result not in best]
    worst = sorted(left, key=_unproved if measured else _few)[:each]
    taken = {result.micrograph for result in (*best, *worst)}
    rest = sorted((result for result in picked if result.micrograph not in taken), key=_chance)[:each]
    groups = ((BEST, best), (WORST, worst), (RANDOM, rest))
    return [Chosen(result, kind) for kind, group in groups for result in group]


def _proved(result: PickResult) -> float:
    return -(result.evidence - result.evidence_error)


def _unproved(result: PickResult) -> float:
    return result.evidence + result.evidence_error


def _many(result: PickResult) -> int:
    return -result.picks


def _few(result: PickResult) -> int:
    return result.picks


def _chance(result: PickResult) -> bytes:
    return chance(result.micrograph)


def chance(name: str) -> bytes:
    """What orders names at random, the same each time and whatever other names there are."""
    return blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest()


def thumbnail(micrograph: Micrograph, picks: Picks, diameter: float) -> bytes:
    """A micrograph as a small JPEG file on which the eye sees particles, with rings around its picks.

    Parameters
    ----------
    micrograph
        As it was read.
    picks
        On it.
    diameter
        Of the rings, in Angstrom; 0 for that of the picks.
    """
    size = micrograph.frame.pixel_size or 1.0
    across = diameter / size or _usual(picks)
    small = _small(micrograph, across)
    frame = replace(small.frame, pixel_size=size)
    width = 2 if across * frame.scale > _LARGE else 1
    picture = draw_rings(replace(small, frame=frame), [Rings(picks.yx, colour(0))], across * size, _SIDE, width)
    return jpeg(picture, _QUALITY)


def _usual(picks: Picks) -> float:
    """The diameter of picks in pixels; 0 where none has one."""
    known = picks.diameter[np.isfinite(picks.diameter)]
    return float(np.median(known)) if known.size else 0.0


def _small(micrograph: Micrograph, across: float) -> Micrograph:
    """The means of square groups of pixels, smoothed; ``across`` is a particle's diameter in pixels."""
    image = micrograph.image
    group = max(1, math.ceil(max(image.shape) / _SIDE))
    rows, columns = (side // group for side in image.shape)
    means = image[: rows * group, : columns * group].reshape(rows, group, columns, group).mean((1, 3))
    smooth = ndimage.gaussian_filter(means, _BLUR * across / group)
    return replace(micrograph, image=smooth, frame=micrograph.frame.rescaled(1 / group), valid=None)
