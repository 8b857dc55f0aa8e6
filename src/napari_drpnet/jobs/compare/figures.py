"""The numbers of a comparison on one micrograph, from plain sets of picks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from napari_drpnet.data import Picks
from napari_drpnet.evaluation import Verdict
from napari_drpnet.evaluation.agreement import Pair
from napari_drpnet.evaluation.comparison import Comparison, Standing, compare
from napari_drpnet.evaluation.consensus import consensus
from napari_drpnet.jobs.compare.consensus import CONSENSUS


@dataclass(frozen=True, eq=False)
class Question:
    """What is to be measured.

    Attributes
    ----------
    now
        Picks above their thresholds, by the name of their set; all of one micrograph.
    every
        All picks of those that have scores.
    radius
        Largest distance of picks of one particle, in micrograph pixels.
    truth
        Name of the set that is the truth; None when there is none.
    at_least
        Sets that must have a particle for the consensus; 0 when none is asked for.
    least_score
        Threshold of the consensus.
    """

    now: Mapping[str, Picks]
    every: Mapping[str, Picks]
    radius: float
    truth: str | None = None
    at_least: int = 0
    least_score: float = 0.0


@dataclass(frozen=True, eq=False)
class Figures:
    """What came of it; ``consensus`` is above any threshold, None when none was asked for."""

    comparison: Comparison
    consensus: Picks | None = None

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Each two sets; the consensus, which is made of them, is left out."""
        return tuple(pair for pair in self.comparison.pairs if CONSENSUS not in (pair.first, pair.second))

    def standing(self, name: str) -> Standing | None:
        """Of one set; None when it was not measured."""
        return next((standing for standing in self.comparison.standings if standing.name == name), None)

    def verdict(self, name: str) -> Verdict | None:
        """Which picks of a set are right; None without truth."""
        standing = self.standing(name)
        return None if standing is None or standing.evaluation is None else standing.evaluation.verdicts[0]


def measure(task: Question) -> Figures:
    """Compare, and find the consensus of all sets but the truth."""
    now, every = dict(task.now), dict(task.every)
    voters = {name: picks for name, picks in now.items() if name != task.truth}
    agreed = None
    if task.at_least and voters:
        agreed = consensus(voters, task.radius, min(task.at_least, len(voters)))
        every[CONSENSUS] = agreed
        now[CONSENSUS] = agreed.select(agreed.score >= task.least_score)
    sets = {name: [picks] for name, picks in now.items()}
    all_of = {name: [picks] for name, picks in every.items()}
    # Within half a diameter of the border, which is the radius, pickers make no picks: left out as on the command line.
    return Figures(compare(sets, task.radius, task.truth, edge=task.radius, every=all_of), agreed)
