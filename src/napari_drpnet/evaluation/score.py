"""Picks against the truth, micrograph by micrograph and pooled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from napari_drpnet.data import FloatArray, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.evaluation.boxes import Boxed, BoxScores, box_scores, boxed
from napari_drpnet.evaluation.counting import Counts, clearly_better, paired, scored_region
from napari_drpnet.evaluation.curves import Curve, Sweep, precision_recall, sweep
from napari_drpnet.evaluation.naming import by_micrograph, same_names


def _area(curve: Curve | None) -> float:
    return math.nan if curve is None else curve.area


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
    boxed
        The boxes of picks and particles; None where a size or a score is not known.
    """

    micrograph: str
    counts: Counts
    flipped: Counts
    sweep: Sweep
    true: FloatArray
    false: FloatArray
    missed: FloatArray
    boxed: Boxed | None = None

    @property
    def area(self) -> float:
        """Average precision by distance, the area under the precision-recall curve; NaN when it is not defined."""
        return _area(precision_recall([self.sweep]))

    @cached_property
    def boxes(self) -> BoxScores | None:
        """How good the boxes are by intersection over union; None where a size or a score is not known."""
        return box_scores([self.boxed])


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
        """Average precision by distance, the area under the pooled curve; NaN when it is not defined."""
        return _area(self.curve)

    @cached_property
    def boxes(self) -> BoxScores | None:
        """How good the boxes are by intersection over union; None where a size or a score is not known."""
        return box_scores([verdict.boxed for verdict in self.verdicts])

    @property
    def fits_better_flipped(self) -> bool:
        """Whether the picks' rows seem to run the other way from the truth's."""
        return clearly_better(self.flipped.f1, self.counts.f1)


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
        One entry per micrograph; which belong together is what `io.names` says of their names.
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
        For lengths that are not positive, no common micrograph, two entries of one micrograph, a name that may be of
        several, or an edge band on a micrograph whose shape is not known.
    """
    radius = _radius(diameter, pixel_size, radius_fraction)
    sets = same_names({"picks": picks, "truth": truth})
    return judged(sets["picks"], sets["truth"], radius, edge)


def judged(picks: Sequence[Picks], truth: Sequence[Picks], radius: float, edge: float = 0) -> Evaluation:
    """`evaluate`, of entries that belong together by equal names; ``radius`` and ``edge`` in micrograph pixels.

    Raises
    ------
    UserError
        For no common micrograph, two entries of one, or an edge band on one whose shape is not known.
    """
    found, wanted = by_micrograph(picks, "picks"), by_micrograph(truth, "truth")
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


def _some(names: dict[str, Picks]) -> str:
    shown = list(names)[:3]
    return ", ".join(shown) + (", ..." if len(names) > len(shown) else "")


def _judge(picks: Picks, truth: Picks, radius: float, edge: float) -> Verdict:
    """One micrograph's verdict; ``radius`` and ``edge`` in micrograph pixels."""
    result = paired(picks, truth, radius, edge)
    return Verdict(
        micrograph=picks.frame.micrograph,
        counts=result.counts,
        flipped=result.flipped,
        sweep=sweep(picks.yx[result.picks], picks.score[result.picks], truth.yx[result.particles], radius),
        true=picks.yx[result.pairs.pick[result.scored]],
        false=picks.yx[result.false],
        missed=truth.yx[result.missed],
        boxed=boxed(picks, truth, *scored_region(picks, truth, edge)),
    )
