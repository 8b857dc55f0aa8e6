"""What a person's labels say about a picker: a calibration that fits them, and F1 on labels it was not fitted to.

A micrograph may be *complete*: every particle on it is labelled, so that any other candidate is background. On all
others the labels are a sample, and what they do not tell is estimated; see `belief`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from napari_drpnet.candidates import inside
from napari_drpnet.data import FloatArray, MaskArray
from napari_drpnet.evaluation.counting import Counts, count, counted
from napari_drpnet.evaluation.matching import match
from napari_drpnet.pickers.protocol.correction import UNCHANGED
from napari_drpnet.pickers.protocol.picker import Correction
from napari_drpnet.training.calibration import fit_logistic, greedy_hits
from napari_drpnet.training.finetune import halves, recalibrate
from napari_drpnet.training.labels.belief import FEWEST, Belief, Sampled

# Labels from which the width of the unlabelled band along the edges is told.
_BAND = 20
_REPEATS = 8


@dataclass(frozen=True, eq=False)
class JudgedCandidates:
    """Candidates of one micrograph with what a person said about them.

    Attributes
    ----------
    name
        Of the micrograph.
    yx
        ``(n, 2)`` in micrograph pixels.
    margin
        ``(n,)`` logits of their probabilities.
    particle, background
        ``(n,)`` labelled so, for a calibration. Of a complete micrograph all others are background as well.
    labelled
        ``(m, 2)`` labelled particles in micrograph pixels, for F1 where all are labelled.
    reach
        Largest distance of a candidate from its particle, in micrograph pixels.
    complete
        Whether every particle is labelled.
    lost
        Labelled particles without a candidate.
    picked
        Logit of the threshold of the picks that the person saw; None where there were none.
    """

    name: str
    yx: FloatArray
    margin: FloatArray
    particle: MaskArray
    background: MaskArray
    labelled: FloatArray
    reach: float
    complete: bool = False
    lost: int = 0
    picked: float | None = None

    def __len__(self) -> int:
        return len(self.yx)

    @property
    def labels(self) -> int:
        """Labelled particles."""
        return int(self.particle.sum()) + self.lost

    @property
    def seen(self) -> MaskArray:
        """``(n,)`` which were picks that the person saw."""
        return self.margin >= (np.inf if self.picked is None else self.picked)

    def between(self, low: float, high: float = np.inf) -> JudgedCandidates:
        """The part from column ``low`` to below ``high``; a pair across its border belongs to no part."""
        here, known = ((points[:, 1] >= low) & (points[:, 1] < high) for points in (self.yx, self.labelled))
        which, told = counted(match(self.yx, self.labelled, self.reach, here, known), here, known)
        columns = {name: getattr(self, name)[which] for name in ("yx", "margin", "particle", "background")}
        labelled = self.labelled[told]
        return replace(self, **columns, labelled=labelled, lost=max(0, len(labelled) - int(columns["particle"].sum())))


def judge(
    name: str,
    yx: FloatArray,
    margin: FloatArray,
    particles: FloatArray,
    background: FloatArray,
    reach: float,
    shape: tuple[int, int],
    complete: bool,
    picked: float | None = None,
) -> JudgedCandidates:
    """Candidates with the labels that are theirs.

    Parameters
    ----------
    yx, margin
        See `JudgedCandidates`.
    particles, background
        ``(n, 2)`` labels in micrograph pixels.
    reach
        Largest distance of a label from its candidate.
    shape
        ``(h, w)`` of the micrograph. Of a complete one, candidates nearer to its edges than any label, and than half a
        diameter, are left out: nobody looked there.
    complete, picked
        See `JudgedCandidates`.
    """
    band = reach
    if complete and len(particles) >= _BAND:
        band = max(band, float(np.minimum(particles, np.array(shape) - 1 - particles).min()))
    seen, known = inside(yx, shape, band), inside(particles, shape, band)
    yx, margin = yx[seen], margin[seen]
    hit = greedy_hits(yx, margin, particles, reach)
    refused = greedy_hits(yx, margin, background, reach) & ~hit
    known[match(yx, particles, reach).particle] = True  # a label outside the band that has its candidate inside
    labelled = particles[known]
    lost = len(labelled) - int(hit.sum())
    return JudgedCandidates(name, yx, margin, hit, refused, labelled, reach, complete, lost, picked)


def fit_line(judged: Sequence[JudgedCandidates]) -> tuple[Correction, float]:
    """Slope and offset that make the probabilities fit the labels, and how many particles there then are.

    Complete micrographs decide where they hold as many labelled particles as the others; the number of particles is
    that of the micrographs that decided.
    """
    complete, partial = _apart(judged)
    if complete:
        columns = {name: _joined(complete, name) for name in ("margin", "particle")}
        weight = np.ones(len(columns["margin"]))
        if not len(weight):
            return UNCHANGED, 0.0
        a, b = recalibrate(UNCHANGED, [columns["margin"]], columns["particle"].astype(bool), weight)
        return (a, b), float(sum(j.labels for j in complete))
    found = believed(partial)
    return found.line, found.particles


def _apart(judged: Sequence[JudgedCandidates]) -> tuple[list[JudgedCandidates], list[JudgedCandidates]]:
    """The complete micrographs, or those that are not, whichever have more labels; the other list is empty."""
    complete = [j for j in judged if j.complete]
    partial = [j for j in judged if not j.complete and (j.particle.any() or j.background.any())]
    enough = sum(j.labels for j in complete) >= max(FEWEST, sum(j.labels for j in partial))
    return (complete, []) if enough else ([], partial)


def _joined(judged: Sequence[JudgedCandidates], name: str) -> npt.NDArray[np.float64]:
    return np.concatenate([np.empty(0), *(getattr(j, name).astype(np.float64) for j in judged)])


def believed(partial: Sequence[JudgedCandidates]) -> Belief:
    """What labels that are a sample make one believe of all candidates of their micrographs, in their order."""
    margin, particle, background = (_joined(partial, name) for name in ("margin", "particle", "background"))
    seen = np.concatenate([np.empty(0, bool), *(j.seen for j in partial)])
    return Belief(Sampled(margin, particle.astype(bool), background.astype(bool), seen, sum(j.lost for j in partial)))


def f1(judged: Sequence[JudgedCandidates], line: Correction) -> float:
    """F1 of the candidates of complete micrographs whose probability is at least 0.5 under a calibration."""
    chosen = [line[0] * j.margin + line[1] >= 0 for j in judged]
    counts = (count(j.yx[picks], j.labelled, j.reach) for j, picks in zip(judged, chosen, strict=True))
    return sum(counts, Counts()).f1


@dataclass(frozen=True)
class Improvement:
    """F1 at probability 0.5, before and after.

    Attributes
    ----------
    before, after
        Of the old and of the new calibration.
    estimated
        Whether it was estimated, since not all particles are labelled; else it was counted on labels left out.
    spread
        Standard error of ``after`` where it is estimated, else its standard deviation over repeats.
    """

    before: float
    after: float
    estimated: bool
    spread: float = 0.0


def cross_validate(judged: Sequence[JudgedCandidates], seed: int = 0, labels: int | None = None) -> Improvement | None:
    """What a calibration by these labels is worth, by labels that were left out in turn.

    Parameters
    ----------
    judged
        All that there are.
    seed
        Of the random parts.
    labels
        Fit to so many labelled particles only; None: to all but those left out.

    Returns
    -------
    Improvement or None
        None where there are too few labels to leave some out.
    """
    rng = np.random.default_rng(seed)
    complete, partial = _apart(judged)
    if complete:
        return _by_parts(complete, rng, labels)
    return _by_labels(partial, rng, labels) if sum(j.labels for j in partial) >= 2 * FEWEST else None


def _by_parts(complete: list[JudgedCandidates], rng: np.random.Generator, labels: int | None) -> Improvement | None:
    folds = halves(complete, _sides, lambda j: int(j.particle.sum()), FEWEST)
    if not folds:
        return None
    parts = folds[0]
    before = f1([j for part in parts for j in part], UNCHANGED)
    after = []
    for _ in range(1 if labels is None else _REPEATS):
        lines = [fit_line(part if labels is None else sampled(part, labels, rng))[0] for part in parts]
        # Each half is judged by what the other one says; the counts of both are pooled.
        shifted = [[_moved(j, line) for j in part] for part, line in zip(parts, reversed(lines), strict=True)]
        after.append(f1([j for part in shifted for j in part], UNCHANGED))
    return Improvement(before, float(np.mean(after)), False, float(np.std(after)))


def _moved(j: JudgedCandidates, line: Correction) -> JudgedCandidates:
    return replace(j, margin=line[0] * j.margin + line[1])


def _by_labels(partial: list[JudgedCandidates], rng: np.random.Generator, labels: int | None) -> Improvement:
    """What all labels make one believe of a calibration by all of them, or by some."""
    belief = believed(partial)
    margin = belief.sample.margin
    learnt = [partial] if labels is None else [sampled(partial, labels, rng) for _ in range(_REPEATS)]
    lines = [fit_line(some)[0] for some in learnt]
    told = [belief.f1(a * margin + b >= 0) for a, b in lines]
    after = np.array([one.f1 for one in told])
    spread = float(np.hypot(np.std(after), np.mean([one.error for one in told])))
    return Improvement(belief.f1(margin >= 0).f1, float(after.mean()), True, spread)


def _sides(j: JudgedCandidates) -> tuple[JudgedCandidates, JudgedCandidates]:
    """The left and the right side of a micrograph, with as many candidates each."""
    middle = float(np.median(j.yx[:, 1])) if len(j) else 0.0
    return j.between(-np.inf, middle), j.between(middle)


def sampled(judged: Sequence[JudgedCandidates], labels: int, rng: np.random.Generator) -> list[JudgedCandidates]:
    """The same micrographs, had a person labelled so many particles only."""
    sizes = [int(j.particle.sum()) for j in judged]
    if labels >= sum(sizes):
        return list(judged)
    chosen = np.zeros(sum(sizes), bool)
    chosen[rng.choice(len(chosen), labels, replace=False)] = True
    made, part_of_all = [], labels / max(sum(sizes), 1)
    for j, part in zip(judged, np.split(chosen, np.cumsum(sizes)[:-1]), strict=True):
        particle = j.particle.copy()
        particle[np.flatnonzero(particle)] = part
        background = j.background & (rng.random(len(j)) < part_of_all)
        made.append(replace(j, particle=particle, complete=False, background=background, lost=0))
    return made


def probability(margin: FloatArray, line: Correction = UNCHANGED) -> FloatArray:
    """Probabilities of candidates under a calibration."""
    return np.asarray(expit(line[0] * margin + line[1]), np.float64)


def direction(judged: Sequence[JudgedCandidates], logits: Sequence[FloatArray]) -> tuple[float, float]:
    """How much a classifier's logit, and the detector's margin, tell labelled particles from all else.

    Of labels that are a sample of all particles, the order of candidates is the same as if all were labelled.

    Parameters
    ----------
    judged
        Micrographs that the classifier did not learn from, with the detector's margins.
    logits
        ``(n,)`` of the classifier, for each of them.

    Returns
    -------
    slopes
        Of the classifier's logit and of the margin, which is scaled to 1.
    """
    margin, particle = _joined(judged, "margin"), _joined(judged, "particle").astype(bool)
    logit_ = np.concatenate([np.empty(0), *logits])
    if not particle.any() or particle.all():
        return 0.0, 1.0
    weight = np.where(particle, 0.5 / particle.sum(), 0.5 / (~particle).sum())
    w, a, _ = fit_logistic([logit_, margin], particle, weight)
    return (w / a, 1.0) if a > 0 and w > 0 else (0.0, 1.0)


def combined(judged: Sequence[JudgedCandidates], logits: Sequence[FloatArray], slope: float) -> list[JudgedCandidates]:
    """The candidates with the classifier's logit in their margins."""
    return [replace(j, margin=j.margin + slope * score) for j, score in zip(judged, logits, strict=True)]
