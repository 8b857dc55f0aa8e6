"""Picks against the truth, micrograph by micrograph and pooled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_drpnet.data import FloatArray, MaskArray, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.evaluation.curves import Curve, Sweep, precision_recall, sweep
from napari_drpnet.evaluation.matching import IndexArray, Matching, match
from napari_drpnet.io.files import micrograph_stem

# Random picks match by chance, and a mirror image of them may do so a little better.
_CLEARLY_BETTER = 0.05


@dataclass(frozen=True)
class Counts:
    """True positives, false positives and false negatives, and what follows from them.

    A ratio is NaN where nothing was counted: precision without a pick, recall without a particle.
    """

    true: int = 0
    false: int = 0
    missed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.true + other.true, self.false + other.false, self.missed + other.missed)

    @property
    def precision(self) -> float:
        """Part of the picks that are particles."""
        return _ratio(self.true, self.true + self.false)

    @property
    def recall(self) -> float:
        """Part of the particles that were picked."""
        return _ratio(self.true, self.true + self.missed)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _ratio(2 * self.true, 2 * self.true + self.false + self.missed)


def _area(curve: Curve | None) -> float:
    return math.nan if curve is None else curve.area


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


@dataclass(frozen=True, eq=False)
class Verdict:
    """One micrograph's picks, judged.

    Attributes
    ----------
    micrograph
        Its name, as the picks have it.
    counts
        True, false and missed inside the scored region.
    flipped
        The same after turning the picks upside down.
    sweep
        The picks in order of falling score, from which the curve follows.
    true, false, missed
        ``(n, 2)`` points in micrograph pixels: right picks, wrong picks, and particles that were not picked.
    """

    micrograph: str
    counts: Counts
    flipped: Counts
    sweep: Sweep
    true: FloatArray
    false: FloatArray
    missed: FloatArray

    @property
    def area(self) -> float:
        """Area under this micrograph's precision-recall curve; NaN when it is not defined."""
        return _area(precision_recall([self.sweep]))


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The result of `evaluate`.

    Attributes
    ----------
    verdicts
        One per micrograph that has both picks and truth.
    counts, flipped
        Pooled: summed over micrographs, as they are and with the picks upside down.
    curve
        Pooled precision and recall; None when some picks have no score, or there is no particle.
    only_picks, only_truth
        Names of micrographs that have one without the other; they are left out.
    """

    verdicts: tuple[Verdict, ...]
    counts: Counts
    flipped: Counts
    curve: Curve | None
    only_picks: tuple[str, ...] = ()
    only_truth: tuple[str, ...] = ()

    @property
    def area(self) -> float:
        """Area under the pooled precision-recall curve; NaN when it is not defined."""
        return _area(self.curve)

    @property
    def fits_better_flipped(self) -> bool:
        """Whether the picks' rows seem to run the other way from the truth's."""
        return self.flipped.f1 > self.counts.f1 + _CLEARLY_BETTER


def evaluate(
    picks: Sequence[Picks],
    truth: Sequence[Picks],
    diameter: float,
    pixel_size: float,
    radius_fraction: float = 0.5,
    edge: float = 0,
) -> Evaluation:
    """Score picks against the truth: one to one, within a fraction of the diameter, a duplicate being false.

    Points labelled ``background`` do not count. A pair across the border of the edge band counts neither for
    nor against the picks.

    Parameters
    ----------
    picks, truth
        One entry per micrograph; entries belong together by the micrograph's name without folder and extension.
    diameter
        Of the particle, in Angstrom.
    pixel_size
        Angstrom per micrograph pixel.
    radius_fraction
        The largest distance of a pick from its particle, as a fraction of the diameter.
    edge
        Width in micrograph pixels of the band along the border that is left out on both sides.

    Raises
    ------
    UserError
        For lengths that are not positive, no common micrograph, two entries of one micrograph, or an edge band on a
        micrograph whose shape is not known.
    """
    radius = _radius(diameter, pixel_size, radius_fraction)
    found, wanted = _by_name(picks, "picks"), _by_name(truth, "truth")
    common = [name for name in found if name in wanted]
    if not common:
        raise UserError(
            f"Picks and truth have no micrograph in common (picks: {_some(found)}; truth: {_some(wanted)}).",
            "Files belong together by the micrograph's name: a_autopick.star to a.csv.",
        )
    verdicts = tuple(_judge(found[name], wanted[name], radius, edge) for name in common)
    return Evaluation(
        verdicts,
        sum((verdict.counts for verdict in verdicts), Counts()),
        sum((verdict.flipped for verdict in verdicts), Counts()),
        precision_recall([verdict.sweep for verdict in verdicts]),
        tuple(found[name].frame.micrograph for name in found if name not in wanted),
        tuple(wanted[name].frame.micrograph for name in wanted if name not in found),
    )


def _radius(diameter: float, pixel_size: float, fraction: float) -> float:
    """The matching radius in micrograph pixels."""
    for name, value in (("diameter", diameter), ("pixel size", pixel_size), ("radius fraction", fraction)):
        if not (math.isfinite(value) and value > 0):
            raise UserError(f"The {name} is {value:g}.", "Give a number above zero.")
    return fraction * diameter / pixel_size


def _by_name(entries: Sequence[Picks], role: str) -> dict[str, Picks]:
    """The entries by their micrograph's stem, background points dropped."""
    named: dict[str, Picks] = {}
    for entry in entries:
        stem = micrograph_stem(entry.frame.micrograph)
        if stem in named:
            raise UserError(f"The {role} have two entries for micrograph {stem}.", "Keep one file for each micrograph.")
        named[stem] = entry.select(entry.label != "background")
    return named


def _some(names: dict[str, Picks]) -> str:
    shown = list(names)[:3]
    return ", ".join(shown) + (", ..." if len(names) > len(shown) else "")


def _judge(picks: Picks, truth: Picks, radius: float, edge: float) -> Verdict:
    """One micrograph's verdict; ``radius`` and ``edge`` in micrograph pixels."""
    shape = truth.frame.shape or picks.frame.shape
    if edge and shape is None:
        raise UserError(
            f"{picks.frame.micrograph}: its shape is not known, so an edge band cannot be left out.",
            "Give the shape of the micrographs in pixels with --shape HEIGHT,WIDTH.",
        )
    pick_inside, particle_inside = _inside(picks.yx, shape, edge), _inside(truth.yx, shape, edge)
    pairs = match(picks.yx, truth.yx, radius, pick_inside, particle_inside)
    both = pick_inside[pairs.pick] & particle_inside[pairs.particle]
    pick_counts = _without(pick_inside, pairs.pick[~both])
    particle_counts = _without(particle_inside, pairs.particle[~both])
    false = _without(pick_counts, pairs.pick)
    missed = _without(particle_counts, pairs.particle)
    # The scored region is its own mirror image, and so is the mask of the picks inside it.
    mirrored = match(_upside_down(picks.yx, truth.yx, shape), truth.yx, radius, pick_inside, particle_inside)
    return Verdict(
        micrograph=picks.frame.micrograph,
        counts=_counts(pairs, pick_inside, particle_inside),
        flipped=_counts(mirrored, pick_inside, particle_inside),
        sweep=sweep(picks.yx[pick_counts], picks.score[pick_counts], truth.yx[particle_counts], radius),
        true=picks.yx[pairs.pick[both]],
        false=picks.yx[false],
        missed=truth.yx[missed],
    )


def _counts(pairs: Matching, pick_inside: MaskArray, particle_inside: MaskArray) -> Counts:
    """Pairs inside, and what is inside without any pair."""
    return Counts(
        int((pick_inside[pairs.pick] & particle_inside[pairs.particle]).sum()),
        int(_without(pick_inside, pairs.pick).sum()),
        int(_without(particle_inside, pairs.particle).sum()),
    )


def _without(mask: MaskArray, index: IndexArray) -> MaskArray:
    """The mask with the entries at ``index`` cleared."""
    cleared = mask.copy()
    cleared[index] = False
    return cleared


def _inside(yx: FloatArray, shape: tuple[int, int] | None, edge: float) -> MaskArray:
    """Which points lie in the scored region."""
    if not edge or shape is None:
        return np.ones(len(yx), dtype=bool)
    inside: MaskArray = np.all((yx >= edge) & (yx <= np.array(shape) - 1 - edge), axis=1)
    return inside


def _upside_down(yx: FloatArray, particles: FloatArray, shape: tuple[int, int] | None) -> FloatArray:
    """The points with rows counted from the other end; without a shape, within the extent of all points."""
    if shape is not None:
        ends = shape[0] - 1.0
    else:
        rows = np.concatenate([yx[:, 0], particles[:, 0]])
        ends = rows.min() + rows.max() if len(rows) else 0.0
    return np.column_stack([ends - yx[:, 0], yx[:, 1]])
