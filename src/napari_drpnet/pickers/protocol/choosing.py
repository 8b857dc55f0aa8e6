"""From candidates to picks: threshold, minimum distance and border, the same for every picker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_drpnet import candidates
from napari_drpnet.averaging.shares import unmeasured_shares
from napari_drpnet.data import FloatArray, MaskArray, Picks, ScoreMap
from napari_drpnet.settings import EVEN, USUAL_DISTANCE, PickerSettings

IndexArray = npt.NDArray[np.int64]

# Expected F1 below which probabilities are no ground to choose a threshold on.
_TRUSTED = 0.5


def suited(probabilities: Sequence[FloatArray]) -> float:
    """The threshold where it is to be chosen and no evidence was measured: that of greatest expected F1.

    Parameters
    ----------
    probabilities
        Of all that could be picked, ``(n,)`` for each micrograph.
    """
    every = np.concatenate([np.empty(0), *probabilities])
    known = unmeasured_shares("")
    threshold = known.threshold(every)
    best = known.expected(every, threshold).f1.value
    # Where few of the picks would be right, there may be no particles at all: of many low probabilities some would
    # still be picked, since nothing better is expected.
    return threshold if best >= _TRUSTED else EVEN


@dataclass(frozen=True, eq=False)
class Selection:
    """Some of the candidates of a micrograph.

    Attributes
    ----------
    index
        ``(n,)`` places among the candidates, the most probable first.
    spacing
        That no two of them are nearer than, in micrograph pixels.
    diameter
        Of a particle, in micrograph pixels; 0 where it is not known.
    """

    index: IndexArray
    spacing: float
    diameter: float


def selected(
    settings: PickerSettings,
    score_map: ScoreMap,
    threshold: float,
    min_distance: float | None = None,
    keep: MaskArray | None = None,
) -> Selection:
    """The candidates that are picked; the minimum distance of the settings is in the place of one that is not given.

    A picker that finds out sizes itself has a diameter of 0 in its settings: the median of its candidates that pass the
    threshold counts then.

    Parameters
    ----------
    settings
        Diameter, minimum distance and border.
    score_map
        With every candidate.
    threshold
        Least probability.
    min_distance
        In Angstrom.
    keep
        ``(n,)`` candidates that a rule of the picker's own lets through, in the place of the threshold.
    """
    frame, every = score_map.frame.unbinned, score_map.candidates
    by_rule = keep is not None
    passed = every.probability >= threshold if keep is None else keep
    diameter = _diameter(settings, score_map, passed)
    usual = USUAL_DISTANCE * diameter
    asked = settings.min_distance if min_distance is None else min_distance
    spacing = usual if asked is None else frame.micrograph_pixels(asked)
    if not by_rule and spacing >= 0.999 * usual:
        passed = passed & (every.level > 1)
    if frame.shape is not None:
        border = diameter / 2 if settings.border is None else frame.micrograph_pixels(settings.border)
        passed = passed & candidates.inside(every.yx, frame.shape, border)
    best = candidates.suppress(every.yx[passed], every.probability[passed], spacing)
    return Selection(np.flatnonzero(passed)[best], spacing, diameter)


def as_picks(name: str, score_map: ScoreMap, selection: Selection) -> Picks:
    """The picks of the picker of this name."""
    every, which = score_map.candidates, selection.index
    own = np.asarray(selection.diameter) if every.diameter is None else every.diameter[which]
    class_number = np.asarray(0) if every.class_number is None else every.class_number[which]
    psi = np.asarray(0.0) if every.psi is None else every.psi[which]
    return Picks(
        score_map.frame.unbinned,
        every.yx[which],
        every.probability[which],
        own,
        class_number,
        psi,
        source=np.array(name),
        box=np.asarray(np.nan) if every.box is None else every.box[which],
    )


def _diameter(settings: PickerSettings, score_map: ScoreMap, passed: MaskArray) -> float:
    """Of a particle, in micrograph pixels; 0 where nobody knows it and nothing was found."""
    if settings.diameter:
        return score_map.frame.unbinned.micrograph_pixels(settings.diameter)
    sizes = score_map.candidates.diameter
    return 0.0 if sizes is None or not passed.any() else float(np.median(sizes[passed]))
