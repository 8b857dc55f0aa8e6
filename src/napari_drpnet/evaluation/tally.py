"""What is right, wrong and missed on one micrograph, whichever rule says which pick may be which particle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from napari_drpnet.data import FloatArray, MaskArray, Picks
from napari_drpnet.evaluation.boxes import overlap_of_boxes
from napari_drpnet.evaluation.counting import Counts, counted, scored_region
from napari_drpnet.evaluation.curves import Sweep, swept
from napari_drpnet.evaluation.matching import Matching, assigned, near_pairs

# The pairs of picks and particles of one micrograph that may be assigned to each other. The less their "distance", the
# rather they are.
Near = Callable[[Picks, Picks], Matching]


@dataclass(frozen=True, eq=False)
class Tally:
    """One micrograph's picks against its particles.

    Attributes
    ----------
    counts
        True, false and missed inside the scored region.
    off
        ``(n,)`` distance of each true pick from its particle's centre, in micrograph pixels.
    sweep
        The picks in order of falling score; None where one has no score.
    """

    counts: Counts
    off: FloatArray
    sweep: Sweep | None


def by_distance(radius: float) -> Near:
    """Pairs at most ``radius`` apart, in micrograph pixels."""
    return lambda picks, truth: near_pairs(picks.yx, truth.yx, radius)


def by_overlap(least: float) -> Near:
    """Pairs of boxes with an intersection over union of at least ``least``, above 0; all must have known sides."""

    def near(picks: Picks, truth: Picks) -> Matching:
        reach = max(float(one.sides.max(initial=0)) for one in (picks, truth)) * np.sqrt(2)
        found = near_pairs(picks.yx, truth.yx, reach)
        overlap = overlap_of_boxes(
            np.hstack([picks.yx, picks.sides])[found.pick], np.hstack([truth.yx, truth.sides])[found.particle]
        )
        # Rounding must not decide whether "at least" includes equality.
        enough = overlap >= least * (1 - 1e-12)
        return Matching(found.pick[enough], found.particle[enough], 1 - overlap[enough])

    return near


def tally(picks: Picks, truth: Picks, near: Near, edge: float) -> Tally:
    """Assign the picks of one micrograph to its particles, one to one and as many as possible.

    A pair across the border of the scored region counts neither for nor against the picks.

    Parameters
    ----------
    picks, truth
        In pixels of the same micrograph, whose shape is known where there is an edge band.
    near
        `by_distance` or `by_overlap`.
    edge
        Width in micrograph pixels of the band along the border that is left out.

    Raises
    ------
    UserError
        For an edge band on a micrograph whose shape is not known.
    """
    pick_inside, particle_inside = scored_region(picks, truth, edge)
    may = near(picks, truth)
    furthest = float(may.distance.max(initial=0))
    pairs = assigned(may, furthest, len(picks), len(truth), pick_inside, particle_inside)
    scored = pick_inside[pairs.pick] & particle_inside[pairs.particle]
    picks_count, particles_count = counted(pairs, pick_inside, particle_inside)
    true = int(scored.sum())
    counts = Counts(true, int(picks_count.sum()) - true, int(particles_count.sum()) - true)
    apart = picks.yx[pairs.pick[scored]] - truth.yx[pairs.particle[scored]]
    return Tally(counts, np.hypot(*apart.T), _swept(picks, truth, near, picks_count, particles_count))


def _swept(picks: Picks, truth: Picks, near: Near, picks_count: MaskArray, particles_count: MaskArray) -> Sweep | None:
    some, particles = picks.select(picks_count), truth.select(particles_count)
    if np.isnan(some.score).any():
        return None
    return swept(near(some, particles), some.score, len(particles))
