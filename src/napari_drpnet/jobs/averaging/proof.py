"""What averages prove of the picks that they are made of, in one sentence, and what helps where it is nothing."""

from __future__ import annotations

import math

import numpy as np

from napari_drpnet.averaging.evidence import FEWEST
from napari_drpnet.averaging.shares import proves
from napari_drpnet.averaging.statistics import bounded
from napari_drpnet.data import FloatArray
from napari_drpnet.jobs.averaging.result import Averages

# Evidence is measured in details down to this part of the diameter; a pixel is at most half as large.
_FINEST = 10.0
# So many picks are few: those that are there may be too few to prove it.
_FEW = 1000


def evidence_in_words(averages: Averages) -> str:
    """What is known of the picks as a whole; averages whose evidence has been measured."""
    known = _measured(averages)
    if len(known) < 2:
        return (
            f"Evidence is not measured: it compares two halves of the micrographs, and {averages.picks:,} picks are "
            f"too few for {FEWEST} and more in each. Pick more micrographs."
        )
    mean, error = mean_evidence(averages)
    measured = f"{mean:.2f} ± {error:.2f}"
    seen = bounded(known)
    if proves(float(seen.mean()), float(seen.std(ddof=1) / np.sqrt(len(seen)))):
        return f"Mean evidence of the picks: {measured}, where noise has 0.{_weak(averages)}"
    return f"Nothing proves that these picks are particles: evidence {measured} may be that of noise. {_help(averages)}"


def mean_evidence(averages: Averages) -> tuple[float, float]:
    """Of all picks, and its standard error; NaN where it is not measured."""
    known = _measured(averages)
    if len(known) < 2:
        return math.nan, math.nan
    return float(known.mean()), float(known.std(ddof=1) / np.sqrt(len(known)))


def good_classes(averages: Averages) -> list[int]:
    """The numbers, from 1, of the classes that have evidence of their own: two standard errors above that of noise."""
    return [number for number, one in enumerate(averages.classes, 1) if one.evidence >= 2 * one.error]


def _measured(averages: Averages) -> FloatArray:
    values = np.concatenate([np.empty(0), *(one.evidence for one in averages.members)])
    return np.asarray(values[np.isfinite(values)], np.float64)


def _weak(averages: Averages) -> str:
    """How many classes prove nothing of their own."""
    good = good_classes(averages)
    weak = [number for number in range(1, len(averages.classes) + 1) if number not in good]
    if not weak:
        return ""
    named = ", ".join(map(str, weak[:6])) + (" and others" if len(weak) > 6 else "")
    return (
        f" Classes without evidence of their own: {named}." if len(weak) > 1 else f" Class {named} has none of its own."
    )


def _help(averages: Averages) -> str:
    """The likeliest reason, and what to do."""
    pixel = max((one.picks.frame.pixel_size or 0.0 for one in averages.members), default=0.0)
    if pixel > averages.diameter / (2 * _FINEST):
        return (
            f"Pixels of {pixel:.3g} Å are too coarse: evidence is in details of {averages.diameter / _FINEST:.0f} Å. "
            "Use less binned micrographs."
        )
    if averages.picks < _FEW:
        return f"{averages.picks:,} picks may be too few: pick more micrographs."
    return "They may be too faint, of another size, or no particles: check the diameter, and look at the picks."
