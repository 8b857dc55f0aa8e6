"""An entry against the labels of a set: what is counted on each micrograph."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np

from napari_drpnet.data import FloatArray, Picks
from napari_drpnet.errors import cut
from napari_drpnet.evaluation.counting import Counts, clearly_better, paired
from napari_drpnet.evaluation.curves import Sweep
from napari_drpnet.evaluation.tally import Tally, by_distance, by_overlap, tally
from napari_drpnet.jobs.benchmark.entries import NO_PICKS, Entered
from napari_drpnet.jobs.benchmark.figures import figures
from napari_drpnet.jobs.benchmark.labelled_set import NO_LABELS, Labelled, LabelledSet, image_digest
from napari_drpnet.settings import (
    EVEN,
    BenchmarkResult,
    BenchmarkSettings,
    CountingSettings,
    NotScored,
    ScoredMicrograph,
    SetFacts,
)

_PACKAGES = ("napari-drpnet", "torch", "numpy", "scipy")
# What files can hold of scores, and of a sentence.
_NEAR_0, _LARGEST = 1e-9, 1e9
_LONGEST = 500


def scored(entered: Entered, known: LabelledSet, settings: BenchmarkSettings) -> BenchmarkResult:
    """What the labels of a set say of an entry.

    Raises
    ------
    UserError
        When a micrograph cannot be read any more.
    """
    picker = entered.facts.kind == "picker"
    at = EVEN if settings.at is None and picker else settings.at
    micrographs = tuple(
        _Case(one, known.diameter, settings).scored(entered, at)
        for one in known.micrographs
        if one.name in entered.in_force
    )
    not_scored = [*known.left_out, *entered.not_scored.items()]
    return BenchmarkResult(
        made=f"{datetime.now(UTC):%Y-%m-%d}",
        versions={"Python": platform.python_version()} | {name: version(name) for name in _PACKAGES},
        entry=entered.facts,
        set=set_facts(known),
        rules=CountingSettings(**{name: getattr(settings, name) for name in CountingSettings.model_fields}),
        at=at,
        figures=figures(micrographs, picker),
        micrographs=micrographs,
        not_scored=tuple(
            NotScored(micrograph=name, reason=cut(reason, _LONGEST), fault=reason not in (NO_LABELS, NO_PICKS))
            for name, reason in not_scored
        ),
        notes=tuple(
            cut(note, _LONGEST) for note in (*known.notes, *entered.notes, *_oddities(entered, known, settings))
        ),
    )


def set_facts(known: LabelledSet) -> SetFacts:
    """A set as results tell of it."""
    told = {name: getattr(known.settings, name) for name in ("protein", "source", "labelled_by", "complete")}
    pixel_sizes = [one.truth.frame.known_pixel_size() for one in known.micrographs]
    return SetFacts(
        name=known.name,
        diameter=known.diameter,
        pixel_size=_short(float(np.median(pixel_sizes))),
        edge=_short(float(np.median([one.edge for one in known.micrographs]))),
        micrographs=len(known.micrographs),
        particles=sum(len(one.truth) for one in known.micrographs),
        digest=known.digest,
        **told,
    )


def _short(number: float) -> float:
    return float(f"{number:.4g}")


@dataclass(frozen=True, eq=False)
class _Case:
    """A micrograph of a set, and the rules."""

    labelled: Labelled
    diameter: float
    rules: CountingSettings

    @property
    def across(self) -> float:
        """Of a particle, in micrograph pixels."""
        return self.labelled.truth.frame.micrograph_pixels(self.diameter)

    def scored(self, entered: Entered, at: float | None) -> ScoredMicrograph:
        name, pixel_size = self.labelled.name, self.labelled.truth.frame.known_pixel_size()
        in_force, every = self._tally(entered.in_force[name]), entered.every[name]
        ranking = self._tally(every)
        above = None
        if at is not None and ranking.sweep is not None:
            above = _three(self._tally(every.select(every.score >= at)).counts)
        return ScoredMicrograph(
            micrograph=name,
            image=image_digest(self.labelled.task.micrograph.path),
            labels=self.labelled.digest,
            in_force=_three(in_force.counts),
            at=above,
            off=tuple(round(float(off), 2) for off in in_force.off * pixel_size),
            **_ranked(ranking.sweep),
        )

    def _tally(self, picks: Picks) -> Tally:
        rules, truth = self.rules, self.labelled.truth
        if rules.match == "distance":
            return tally(picks, truth, by_distance(rules.radius_fraction * self.across), self.labelled.edge)
        near = by_overlap(rules.least_overlap)
        return tally(self._boxed(picks), self._boxed(truth), near, self.labelled.edge)

    def _boxed(self, picks: Picks) -> Picks:
        """With boxes whose sides are known."""
        if self.rules.boxes == "own":
            diameter = np.where(np.isnan(picks.diameter), self.across, picks.diameter)
            return replace(picks, diameter=diameter)
        return replace(picks, diameter=np.array(self.across), box=np.array(np.nan))

    def as_is_and_flipped(self, picks: Picks) -> tuple[Counts, Counts]:
        found = paired(picks, self.labelled.truth, self.across / 2, self.labelled.edge)
        return found.counts, found.flipped


def _three(counts: Counts) -> tuple[int, int, int]:
    return counts.true, counts.false, counts.missed


def _ranked(sweep: Sweep | None) -> dict[str, object]:
    if sweep is None:
        return {}
    order = np.argsort(-sweep.score, kind="stable")
    return {
        "particles": sweep.n_particles,
        "score": tuple(_as_kept(score) for score in sweep.score[order].tolist()),
        "found": "".join("01"[found] for found in sweep.found[order].tolist()),
    }


def _as_kept(score: float) -> float:
    """A score of as many digits as mean something."""
    return float(f"{np.clip(score, -_LARGEST, _LARGEST):.6g}") if abs(score) > _NEAR_0 else 0.0


def _oddities(entered: Entered, known: LabelledSet, settings: BenchmarkSettings) -> Iterator[str]:
    """What makes one doubt that the picks are of these micrographs, as they are."""
    cases = [_Case(one, known.diameter, settings) for one in known.micrographs if one.name in entered.in_force]
    both = [case.as_is_and_flipped(entered.in_force[case.labelled.name]) for case in cases]
    counts, flipped = (sum(side, Counts()) for side in zip(*both, strict=True))
    if clearly_better(flipped.f1, counts.f1):
        yield (
            f"Turned upside down, the picks fit better (F1 {flipped.f1:.3f} instead of {counts.f1:.3f} by distance): "
            "one of the two counts its rows from the other end."
        )
    if not counts.true + counts.missed and any(len(one.truth) for one in known.micrographs):
        yield "No label of these micrographs lies in the part that is scored, inside of the border."
    picks = sum(len(picks) for picks in entered.in_force.values())
    if not picks:
        yield "There is not one pick."
    elif (
        entered.facts.kind == "picks" and settings.at is not None and not all(map(_has_scores, entered.every.values()))
    ):
        yield f"There are no figures at the score {settings.at:g}, as some picks have no score."
    if settings.match == "overlap" and settings.boxes == "own":
        yield from _sizes(entered, cases, settings.least_overlap)


def _has_scores(picks: Picks) -> bool:
    return bool(np.isfinite(picks.score).all())


def _sizes(entered: Entered, cases: list[_Case], least: float) -> Iterator[str]:
    """Boxes so large or small that none can cover a particle as it should."""
    found = [case._boxed(entered.in_force[case.labelled.name]).sides / case.across for case in cases]
    labels = [case._boxed(case.labelled.truth).sides / case.across for case in cases]
    ours, theirs = (_area(sides) for sides in (found, labels))
    if min(ours, theirs) < least * max(ours, theirs):
        yield (
            f"Boxes of the picks have {ours / theirs:.2g} times the area of those of the labels, so that no overlap "
            "can be large enough: they may be boxes to cut out."
        )


def _area(sides: list[FloatArray]) -> float:
    """The usual one, in square diameters; 1 where there is no box."""
    every = np.concatenate(sides)
    return float(np.median(every.prod(axis=1))) if len(every) else 1.0
