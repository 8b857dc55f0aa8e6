"""The figures that follow from the counts of micrographs, each with its error; and how far two entries are apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from napari_drpnet.data import FloatArray
from napari_drpnet.evaluation.counting import f1_score
from napari_drpnet.evaluation.curves import Curve, Sweep, precision_recall
from napari_drpnet.evaluation.reliability import calibration_error
from napari_drpnet.evaluation.resampling import (
    Draws,
    Figure,
    averaged,
    curve_figures,
    median_of,
    pooled,
    value_and_error,
)
from napari_drpnet.settings import KnownFigure, ScoredMicrograph

MACRO = "macro_"
_UNKNOWN = math.nan, math.nan
# Below this a pick is certainly none; there are so many that they would flatter the calibration error.
_CERTAINLY_NONE = 0.02


def _precision(counts: FloatArray) -> FloatArray:
    return _ratio(counts[:, 0], counts[:, 0] + counts[:, 1])


def _recall(counts: FloatArray) -> FloatArray:
    return _ratio(counts[:, 0], counts[:, 0] + counts[:, 2])


def _f1(counts: FloatArray) -> FloatArray:
    true: FloatArray = counts[:, 0]
    return f1_score(true, true + counts[:, 1], true + counts[:, 2])


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    ratio: FloatArray = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return ratio


_RATIOS: dict[str, Callable[[FloatArray], FloatArray]] = {"precision": _precision, "recall": _recall, "f1": _f1}


def figures(micrographs: Sequence[ScoredMicrograph], probabilities: bool) -> dict[str, KnownFigure]:
    """All figures by their names, see ``docs/benchmark.md``; those that are not defined are left out.

    Parameters
    ----------
    micrographs
        Of one entry.
    probabilities
        Whether scores are probabilities, so that they can be honest or not.
    """
    each = _figures(micrographs)
    found = {name: value_and_error(figure, len(micrographs)) for name, figure in each.items()}
    # Draws are of fewer steps than there may be values.
    exact = {"off": float(np.median(off))} if len(off := [value for one in micrographs for value in one.off]) else {}
    if (curve := pooled_curve(micrographs)) is not None:
        exact |= {"ap": curve.area, "best_f1": curve.best[0], "best_threshold": curve.best[1]}
        if probabilities:
            exact["ece"] = _ece(micrographs)
    found |= {name: (value, found.get(name, _UNKNOWN)[1]) for name, value in exact.items()}
    return {name: _known(*pair) for name, pair in found.items() if not math.isnan(pair[0])}


def difference(
    one: Sequence[ScoredMicrograph], other: Sequence[ScoredMicrograph], name: str
) -> tuple[float, float, int] | None:
    """How much higher a figure of one entry is than that of another on the micrographs that both have.

    Returns
    -------
    The difference, its standard error (NaN for one micrograph), and the number of micrographs; None where the figure is
    not defined of both. Both are drawn together, so that what is hard for both does not count as error.
    """
    theirs = {micrograph.micrograph: micrograph for micrograph in other}
    pairs = [(mine, theirs[mine.micrograph]) for mine in one if mine.micrograph in theirs]
    if not pairs:
        return None
    sides = list(zip(*pairs, strict=True))
    first, second = (_figures(side, name).get(name) for side in sides)
    if first is None or second is None:
        return None
    value, error = value_and_error(partial(_apart, first, second), len(pairs))
    if name == "ap":
        areas = [math.nan if curve is None else curve.area for curve in map(pooled_curve, sides)]
        value = areas[0] - areas[1]
    return None if math.isnan(value) else (value, error, len(pairs))


def _apart(first: Figure, second: Figure, draws: Draws) -> FloatArray:
    return first(draws) - second(draws)


def _figures(micrographs: Sequence[ScoredMicrograph], only: str = "") -> dict[str, Figure]:
    """The figures that draws of the micrographs have errors of; ``only`` this one may be enough."""
    found: dict[str, Figure] = {}
    for prefix, field in (("", "in_force"), ("at_", "at")):
        each = [getattr(one, field) for one in micrographs]
        if any(counts is None for counts in each):
            continue
        counts = np.array(each, np.float64)
        for name, ratio in _RATIOS.items():
            found[prefix + name] = pooled(counts, ratio)
            found[MACRO + prefix + name] = averaged(ratio(counts))
    if only in found:
        return found
    found["off"] = median_of([np.array(one.off) for one in micrographs])
    sweeps = _sweeps(micrographs)
    if sweeps is not None:
        found["ap"], found["best_f1"] = curve_figures(sweeps)
        curves = [precision_recall([one]) for one in sweeps]
        found[MACRO + "ap"] = averaged(np.array([math.nan if curve is None else curve.area for curve in curves]))
    return found


def _sweeps(micrographs: Sequence[ScoredMicrograph]) -> list[Sweep] | None:
    """What each adds to the curve; None where one has no scores."""
    sweeps = []
    for one in micrographs:
        if one.score is None:
            return None
        sweeps.append(Sweep(np.array(one.score), np.array([mark == "1" for mark in one.found], bool), one.particles))
    return sweeps


def pooled_curve(micrographs: Sequence[ScoredMicrograph]) -> Curve | None:
    """Precision and recall at all thresholds; None without scores, without particles, or without picks."""
    sweeps = _sweeps(micrographs)
    curve = None if sweeps is None else precision_recall(sweeps)
    return curve if curve is not None and len(curve.threshold) else None


def _ece(micrographs: Sequence[ScoredMicrograph]) -> float:
    sweeps = _sweeps(micrographs) or []
    score, found = (np.concatenate([getattr(one, name) for one in sweeps]) for name in ("score", "found"))
    if not ((score >= 0) & (score <= 1)).all():
        return math.nan
    some = score >= _CERTAINLY_NONE
    return calibration_error(score[some], found[some])


def _known(value: float, error: float) -> KnownFigure:
    return float(f"{value:.6g}"), None if math.isnan(error) else float(f"{error:.3g}")
