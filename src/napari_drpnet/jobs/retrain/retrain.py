"""Fit a picker to what a person labelled: its probabilities, its classifier, or its detector."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_drpnet.data import FloatArray, MaskArray, PatchSet
from napari_drpnet.errors import UserError
from napari_drpnet.io.weights import WeightsCard, read_weights, write_weights
from napari_drpnet.jobs.retrain.harvest import assembled, divide, part_of, read_patch_set
from napari_drpnet.jobs.retrain.labelled import ScoredMicrograph, harvest_settings, labelled_in_project
from napari_drpnet.jobs.retrain.learning import Clock, TrainProgress, judged_candidates, looks, train_on, train_settings
from napari_drpnet.jobs.retrain.report import RetrainReport, free_name, write_record
from napari_drpnet.jobs.run_file import validated
from napari_drpnet.settings import HarvestSettings, RetrainSettings
from napari_drpnet.steps import Job, translate

if TYPE_CHECKING:
    from napari_drpnet.io.project.project import Project
    from napari_drpnet.training.labels.judged import Correction, Improvement, JudgedCandidates
    from napari_drpnet.training.run import TrainingReport
    from napari_drpnet.training.sets import Example
    from napari_drpnet.training_loop.fit import Fitted

# Labelled particles there must be, so that half of them can be left out to judge by.
FEWEST = 10
# By how much a classifier must raise F1 on labels it has not seen before it is taken, since it doubles the time of
# picking, and how many of these labels there must be to tell.
_WORTH, _TELLING = 0.01, 20


def retrain(
    project: Project, settings: RetrainSettings, patches: PatchSet | None = None, stop: Event | None = None
) -> Job[RetrainReport]:
    """Fit the picker of a project to its labels, and write what is better to its networks.

    Parameters
    ----------
    project
        With labels; it must be writable.
    settings
        What to fit, and for how long.
    patches
        For a classifier, at the scale of the network; None: harvested from the labels.
    stop
        When it is set, training ends after the step in work, and the best so far is judged and kept. Closing the job
        instead leaves nothing.

    Yields
    ------
    TrainProgress

    Raises
    ------
    UserError
        When there are too few labels, the project is read only, its networks have that name already, or no micrograph
        can be read.
    """
    run = _Run(project, settings, stop or Event())
    if settings.what == "detector":
        return (yield from run.detector())
    looks = yield from run.look(run.chosen)
    judged = [judged_candidates(seen, run.chosen.diameter) for seen in looks]
    _check_labels(judged)
    calibrated = run.recalibration(judged)
    if settings.what == "calibration":
        return run.write_calibration(calibrated)
    left_out = round(run.chosen.validation * calibrated.labels)
    if settings.what == "best" and patches is None and left_out < _TELLING:
        return run.write_calibration(calibrated, f"{calibrated.labels} labels are too few to judge a classifier by.")
    try:
        learnt = yield from run.classifier(looks, patches)
    except UserError as error:
        if settings.what == "classifier":
            raise
        return run.write_calibration(calibrated, f"No classifier was trained: {error}")
    return run.better(calibrated, learnt)


@dataclass(frozen=True, eq=False)
class _Recalibration:
    """A calibration of the picker as it is, and what it is worth."""

    line: Correction
    verdict: Improvement | None
    labels: int


@dataclass(frozen=True, eq=False)
class _NewClassifier:
    """A classifier, how it counts, and what it is worth beside the calibration on the same candidates."""

    fitted: Fitted
    card: WeightsCard
    probability: FloatArray
    hit: MaskArray
    alone: Improvement | None
    both: Improvement | None
    labels: int


class _Run:
    """One call of `retrain`."""

    def __init__(self, project: Project, settings: RetrainSettings, stop: Event) -> None:
        if project.read_only:
            raise UserError(f"The project can only be read: {project.read_only}.", "Retrain where it can be written.")
        self.project, self.settings, self.stop = project, settings, stop
        self.name = free_name(project, settings.name)
        self.out = project.folder / "networks" / f"{self.name}.safetensors"
        self.chosen = harvest_settings(project, device=settings.device, seed=settings.seed)
        self.fields = labelled_in_project(project)
        self.begun = time.monotonic()
        self.notes: list[str] = []
        if not self.fields:
            raise UserError("Nothing is labelled in this project.", "Label particles, or mark micrographs as done.")

    def look(self, chosen: HarvestSettings) -> Job[list[ScoredMicrograph]]:
        """See the labelled micrographs; those that cannot be read are left out, and told of."""
        return looks(self.fields, chosen, self.notes)

    # ---------------------------------------------------------------- calibration

    def recalibration(self, judged: list[JudgedCandidates]) -> _Recalibration:
        from napari_drpnet.training.labels.judged import cross_validate, fit_line

        line, _ = fit_line(judged)
        return _Recalibration(line, cross_validate(judged, self.settings.seed), sum(j.labels for j in judged))

    def write_calibration(self, found: _Recalibration, *notes: str) -> RetrainReport:
        """The picker in use with other probabilities, unless they are worse on labels that were left out."""
        self.notes += notes
        if found.verdict is not None and found.verdict.after < found.verdict.before:
            return self.nothing(found.verdict, found.labels)
        role: Literal["detector", "classifier"] = "detector" if self.chosen.stage2 is None else "classifier"
        source = self.chosen.stage2 or self.chosen.stage1
        card, tensors = read_weights(source)
        a, b = found.line
        *slopes, offset = card.calibration
        moved = tuple(round(c, 5) for c in (*(a * slope for slope in slopes), a * offset + b))
        more: dict[str, Any] = {"calibration": moved, "start": Path(source).stem}
        if role == "classifier":
            more["detector"] = Path(self.chosen.stage1).stem
        write_weights(self.out, card.model_copy(update=more), tensors)
        if found.verdict is None:
            self.notes.append("There are too few labels to check it with: look at its picks before you use it.")
        return self.report(role, found.verdict, found.labels, {role: self.name})

    def nothing(self, verdict: Improvement, labels: int) -> RetrainReport:
        self.notes.append(
            f"Nothing was written: on labels that were left out F1 would not rise ({verdict.before:.3f} as it is, "
            f"{verdict.after:.3f} then)."
        )
        return replace(self.report("", verdict, labels, {}), weights=None)

    def report(
        self,
        role: Literal["detector", "classifier", ""],
        verdict: Improvement | None,
        labels: int,
        use: dict[str, str | None],
        steps: int = 0,
    ) -> RetrainReport:
        report = RetrainReport(
            self.name,
            self.out,
            role,
            use,
            verdict.before if verdict else None,
            verdict.after if verdict else None,
            bool(verdict and verdict.estimated),
            "labels that were left out in turn" if verdict else "",
            tuple(self.notes),
            steps,
            time.monotonic() - self.begun,
            self.stop.is_set(),
            labels,
        )
        if role:
            write_record(report, self.settings, self.fields)
        return report

    # ---------------------------------------------------------------- classifier

    def classifier(self, seen: list[ScoredMicrograph], patches: PatchSet | None) -> Job[_NewClassifier]:
        """A classifier that learnt from one part of the labels, judged on the other."""
        from napari_drpnet.training.labels.judged import combined, cross_validate, direction, fit_line, tested
        from napari_drpnet.training.labels.patches import patch_scores

        in_use = seen
        if self.chosen.stage2 is not None:  # its margins are of both stages
            self.chosen = self.chosen.model_copy(update={"classifier": None})
            seen = yield from self.look(self.chosen)
        if patches is None:
            parts = [part_of(one, self.chosen) for one in seen]
            patches = assembled(parts, self.chosen, self.notes)
        fitted = yield from train_on(patches, self.settings, self.stop)
        yield TrainProgress(0, 1, message="judging", stage="judge")
        lines = _lines(patches, {one.field.name: one.field.particles for one in seen}, self.chosen)
        judged, now, logits = [], [], []
        for one, used in zip(seen, in_use, strict=True):
            every, before = (judged_candidates(each, self.chosen.diameter) for each in (one, used))
            part = every.select(tested(every, lines[every.name]))
            if len(part):
                judged.append(part)
                now.append(before.select(tested(before, lines[before.name])))
                logits.append(patch_scores(fitted.network, one.patches(part.yx)))
                yield TrainProgress(0, 1, message="judging", stage="judge")
        slope, _ = direction(judged, logits)
        joined = combined(judged, logits, slope)
        line, _ = fit_line(joined)
        labels = sum(j.labels for j in judged)
        judge_on = (now, joined) if labels >= _TELLING else ([], [])
        alone, both = (cross_validate(some, self.settings.seed) if some else None for some in judge_on)
        margin = np.concatenate([np.empty(0), *(line[0] * j.margin + line[1] for j in joined)])
        return _NewClassifier(
            fitted,
            self._card(slope, line),
            1 / (1 + np.exp(-margin)),
            np.concatenate([np.empty(0, bool), *(j.particle for j in joined)]),
            alone,
            both,
            labels,
        )

    def _card(self, slope: float, line: Correction) -> WeightsCard:
        card, _ = read_weights(self.chosen.stage1)
        a, b = line
        *slopes, offset = card.calibration
        numbers = (a * slope, *(a * s for s in slopes), a * offset + b)
        return WeightsCard(
            network="classifier",
            role="classifier",
            diameter=card.diameter,
            calibration=tuple(round(float(c), 5) for c in numbers),
            detector=Path(self.chosen.stage1).stem,
            start=Path(self.settings.start).stem,
        )

    def better(self, calibrated: _Recalibration, learnt: _NewClassifier) -> RetrainReport:
        """Write the classifier where labels it has not seen say that it adds to the calibration, else that alone."""
        gain = learnt.both.after - learnt.alone.after if learnt.both and learnt.alone else None
        told = "labels it has not seen"
        if gain is None:
            words = f"Of the labels, {learnt.labels} were left to judge the classifier by, too few to tell its worth"
        else:
            words = f"The classifier changes F1 by {gain:+.3f} beside the calibration, on {told}"
        insists = self.settings.what == "classifier" and (gain is None or gain >= 0)
        worse = bool(learnt.both and learnt.alone and learnt.both.after < learnt.alone.before)
        if worse or (not insists and (gain is None or gain < _WORTH)):
            self.chosen = harvest_settings(self.project, device=self.settings.device, seed=self.settings.seed)
            report = self.write_calibration(calibrated, f"{words}: it is left out.")
            return replace(report, steps=learnt.fitted.checks[-1].done)
        from napari_drpnet.training.run import leave

        self.notes.append(f"{words}.")
        verdict = calibrated.verdict
        if learnt.both and learnt.alone:
            verdict = replace(learnt.both, before=learnt.alone.before)
        leave(self.out, learnt.card, learnt.fitted, learnt.probability, learnt.hit)
        steps = learnt.fitted.checks[-1].done
        return self.report("classifier", verdict, calibrated.labels, {"classifier": self.name}, steps)

    # ---------------------------------------------------------------- detector

    def detector(self) -> Job[RetrainReport]:
        """Fine-tune the detector on the micrographs that are done."""
        from napari_drpnet.training.detector import train_detector
        from napari_drpnet.training.labels.judged import UNCHANGED, Improvement, f1

        self.fields = [one for one in self.fields if one.complete]
        if not self.fields:
            raise UserError(
                "A detector learns from micrographs on which every particle is labelled, and none is marked as done.",
                "Label all particles of one, and mark it as done; or retrain the calibration.",
            )
        self.chosen = self.chosen.model_copy(update={"classifier": None})
        seen = yield from self.look(self.chosen)
        judged = [judged_candidates(one, self.chosen.diameter) for one in seen]
        _check_labels(judged)
        before = f1(judged, UNCHANGED)
        examples = [example_of(one, self.chosen, each) for one, each in zip(seen, judged, strict=True)]
        settings = train_settings(self.settings, "detector", str(self.project.folder), start=self.chosen.stage1)
        self.out.parent.mkdir(exist_ok=True)
        with TemporaryDirectory(prefix=".", dir=self.out.parent) as folder:
            steps = train_detector(settings, Path(folder) / self.out.name, examples, self.stop.is_set)
            made: TrainingReport | None = yield from translate(steps, Clock())
            assert made is not None, "one process leads itself"
            labels = sum(j.labels for j in judged)
            if made.f1_at_half is not None and made.f1_at_half < before:
                return replace(self.nothing(Improvement(before, made.f1_at_half, False), labels), steps=made.steps)
            for suffix in (".tsv", ".png", ".safetensors"):
                made.weights.with_suffix(suffix).replace(self.out.with_suffix(suffix))
        verdict = None if made.f1_at_half is None else Improvement(before, made.f1_at_half, False)
        use: dict[str, str | None] = {"detector": self.name}
        if self.project.settings.classifier:
            use["classifier"] = None
            self.notes.append("The classifier in use was made for another detector: it is left out with this one.")
        return self.report("detector", verdict, labels, use, made.steps)


def _check_labels(judged: Sequence[JudgedCandidates]) -> None:
    labels = sum(j.labels for j in judged)
    if labels < FEWEST:
        raise UserError(
            f"{labels} labelled particles are too few to learn from.", f"Label at least {FEWEST}; 50 say much more."
        )


def _lines(patches: PatchSet, particles: dict[str, FloatArray], chosen: HarvestSettings) -> dict[str, float]:
    """From which column on each micrograph was not learnt from, as its patches say."""
    lines = divide(particles, chosen)
    for name in lines:
        own = patches.micrograph == name
        learnt, kept = own & (patches.split == "training"), own & (patches.split == "validation")
        if kept.any():
            lines[name] = float(patches.yx[kept, 1].min()) if learnt.any() else -np.inf
        elif learnt.any():
            lines[name] = np.inf
        else:
            lines[name] = -np.inf
    return lines


def example_of(seen: ScoredMicrograph, chosen: HarvestSettings, judged: JudgedCandidates) -> Example:
    """A complete micrograph as a detector learns from it."""
    from napari_drpnet.training.sets import Example

    yx = seen.image_frame.from_micrograph(seen.field.particles)
    shape = np.array(seen.image.shape)
    # As far from the edges as the nearest label, nobody looked.
    band = float(np.minimum(yx, shape - 1 - yx).min()) if len(yx) >= 20 else 0.0
    return Example(seen.image, yx, max(0.0, band), 1.0, judged.name)


def retrain_project(
    folder: Path, given: dict[str, Any], patches: Path | None = None, stop: Event | None = None
) -> Job[RetrainReport]:
    """`retrain` of the project in a folder, with a patch set from disk where one is named."""
    from napari_drpnet.io.project.project import Project

    settings = validated(RetrainSettings, given)
    with Project.open(folder) as project:
        chosen = read_patch_set(patches, project.settings.diameter) if patches else None
        return (yield from retrain(project, settings, chosen, stop))
