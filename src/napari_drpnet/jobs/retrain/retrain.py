"""Fit a picker to what a person labelled: its probabilities, or one of its networks."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

import numpy as np
from scipy.special import expit

from napari_drpnet.data import FloatArray, MaskArray, PatchSet
from napari_drpnet.errors import UserError
from napari_drpnet.io.project.project import Project
from napari_drpnet.io.weights import WeightsCard, locate, read_card
from napari_drpnet.jobs.project import learn_project, project_picker
from napari_drpnet.jobs.retrain.harvest import assembled, divide, read_patch_set
from napari_drpnet.jobs.retrain.labelled import labelled_in_project
from napari_drpnet.jobs.retrain.learning import Clock, train_on, train_settings
from napari_drpnet.jobs.retrain.patch_classifier import retrain_unlabelled
from napari_drpnet.jobs.retrain.places import part_of
from napari_drpnet.jobs.retrain.report import RetrainReport, free_name, write_record
from napari_drpnet.jobs.retrain.scored import ScoredMicrograph, TrainProgress, score_all
from napari_drpnet.pickers.protocol.correction import ROLE, UNCHANGED, write_correction
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.pickers.protocol.picker import Correction, Learnable
from napari_drpnet.settings import Grey, HarvestSettings, RetrainSettings, validated
from napari_drpnet.steps import Job, translate
from napari_drpnet.training.detector import train_detector
from napari_drpnet.training.example import Example
from napari_drpnet.training.labels.judged import (
    Improvement,
    JudgedCandidates,
    combined,
    cross_validate,
    direction,
    f1,
    fit_line,
)
from napari_drpnet.training.labels.patches import DIAMETER, patch_grey, patch_scores
from napari_drpnet.training.run import TrainingReport, bring, leave
from napari_drpnet.training_loop.fit import Fitted

# Labelled particles there must be, so that half of them can be left out to judge by.
FEWEST = 10
# By how much a classifier must raise F1 on labels it has not seen before it is taken, since it doubles the time of
# picking, and how many of these labels there must be to tell.
_WORTH, _TELLING = 0.01, 20


def retrain_picker(
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
        For a classifier, at the scale of the network; None: harvested from the labels. Without labels it is all that
        is learnt from, see `retrain_unlabelled`.
    stop
        When it is set, training ends after the step in work, and the best so far is judged and kept. Closing the job
        instead leaves nothing.

    Yields
    ------
    TrainProgress

    Raises
    ------
    UserError
        When there are too few labels, the project is read only, its networks have that name already, no micrograph can
        be read, or the picker has no such network that could be retrained.
    """
    if patches is not None and _without_labels(project, settings):
        return (yield from retrain_unlabelled(project, settings, patches, stop))
    run = _Run(project, settings, stop or Event())
    what, learnable = settings.what, {one.field: one for one in run.picker.learnable}
    if what not in ("best", ROLE, *learnable):
        can = ", ".join([ROLE, *learnable])
        raise UserError(f"The picker {run.picker.name} has no {what} to retrain.", f"It can retrain: {can}.")
    yield from learn_project(project, run.picker)
    if what in learnable and learnable[what].learns_from == "micrographs":
        return (yield from run.finetuned(learnable[what]))
    seen = yield from run.look(run.picker)
    judged = [one.judged for one in seen]
    _check_labels(judged)
    found = run.recalibration(judged)
    of_patches = next((one for one in learnable.values() if one.learns_from == "patches"), None)
    if what == ROLE or of_patches is None:
        return run.write_calibration(found)
    if what == "best" and patches is None and round(run.harvest.validation * found.labels) < _TELLING:
        return run.write_calibration(found, f"{found.labels} labels are too few to judge a {of_patches.field} by.")
    try:
        new = yield from run.classifier(of_patches, seen, patches)
    except UserError as error:
        if what != "best":
            raise
        return run.write_calibration(found, f"No {of_patches.field} was trained: {error}")
    return run.better(of_patches, found, new)


def _without_labels(project: Project, settings: RetrainSettings) -> bool:
    """Whether there are too few labels for anything, and what is asked for can be learnt from patches alone."""
    known = {one.field: one.learns_from for one in project_picker(project).learnable}
    asked = settings.what == "best" or known.get(settings.what) == "patches"
    return asked and sum(len(one.particles) for one in labelled_in_project(project)) < FEWEST


@dataclass(frozen=True, eq=False)
class _Recalibration:
    """A correction of the picker as it is, and what it is worth."""

    line: Correction
    worth: Improvement | None
    labels: int


@dataclass(frozen=True, eq=False)
class _NewClassifier:
    """A classifier, how it counts, and what it is worth beside the correction on the same candidates."""

    fitted: Fitted
    card: WeightsCard
    probability: FloatArray
    hit: MaskArray
    alone: Improvement | None
    both: Improvement | None
    labels: int


class _Run:
    """One call of `retrain_picker`."""

    def __init__(self, project: Project, settings: RetrainSettings, stop: Event) -> None:
        if project.read_only:
            raise UserError(f"The project can only be read: {project.read_only}.", "Retrain where it can be written.")
        self.project, self.settings, self.stop = project, settings, stop
        self.name = free_name(project, settings.name)
        self.out = project.folder / "networks" / f"{self.name}.safetensors"
        self.picker = project_picker(project, device=settings.device)
        self.harvest = HarvestSettings(source="labels", seed=settings.seed)
        self.micrographs = labelled_in_project(project)
        self.begun = time.monotonic()
        self.notes: list[str] = []
        if not self.micrographs:
            raise UserError(
                "Nothing is labelled in this project.",
                "Label particles, or mark micrographs as done; or harvest patches without labels, and train from those "
                "(--patches).",
            )

    def without(self, *fields: str) -> LoadedPicker:
        """The picker of the project without its correction, and without the networks of some fields."""
        use: Mapping[str, None] = dict.fromkeys((ROLE, *fields))
        return project_picker(self.project, use, device=self.settings.device)

    def look(self, picker: LoadedPicker, grey: Grey | None = None) -> Job[list[ScoredMicrograph]]:
        """See the labelled micrographs; those that cannot be read are left out, and told of."""
        return score_all(picker, self.micrographs, self.notes, grey)

    # ---------------------------------------------------------------- probabilities

    def recalibration(self, judged: list[JudgedCandidates]) -> _Recalibration:
        line, _ = fit_line(judged)
        return _Recalibration(line, cross_validate(judged, self.settings.seed), sum(j.labels for j in judged))

    def write_calibration(self, found: _Recalibration, *notes: str) -> RetrainReport:
        """The picker in use with other probabilities, unless they are worse on labels that were left out."""
        self.notes += notes
        if found.worth is not None and found.worth.after < found.worth.before:
            return self.nothing(found.worth, found.labels)
        (a, b), (slope, offset) = found.line, self.picker.correction
        write_correction(self.out, (a * slope, a * offset + b), self.picker.name, self.picker.settings)
        if found.worth is None:
            self.notes.append("There are too few labels to check it with: look at its picks before you use it.")
        return self.report(ROLE, found.worth, found.labels, self.use(ROLE))

    def use(self, field: str, *left_out: str) -> dict[str, str | None]:
        """The new network in its field, and what of the project's others goes with the former one."""
        return {field: self.name} | {other: None for other in left_out if self.project.settings.options.get(other)}

    def nothing(self, worth: Improvement, labels: int) -> RetrainReport:
        where = "as far as the labels tell" if worth.estimated else "on labels that were left out"
        self.notes.append(
            f"Nothing was written: {where} F1 would not rise ({worth.before:.3f} as it is, {worth.after:.3f} then)."
        )
        return replace(self.report("", worth, labels, {}), weights=None)

    def report(
        self, role: str, worth: Improvement | None, labels: int, use: dict[str, str | None], steps: int = 0
    ) -> RetrainReport:
        report = RetrainReport(
            self.name,
            self.out,
            role,
            self.picker.name,
            use,
            worth.before if worth else None,
            worth.after if worth else None,
            bool(worth and worth.estimated),
            worth.spread if worth and worth.estimated else 0.0,
            ("all labels" if worth.estimated else "labels that were left out in turn") if worth else "",
            tuple(self.notes),
            steps,
            time.monotonic() - self.begun,
            self.stop.is_set(),
            labels,
        )
        if role:
            write_record(report, self.settings, self.micrographs)
        return report

    # ---------------------------------------------------------------- a network that learns from patches

    def classifier(
        self, one: Learnable, in_use: list[ScoredMicrograph], patches: PatchSet | None
    ) -> Job[_NewClassifier]:
        """A classifier that learnt from one part of the labels, judged on the other."""
        bare, seen = self.without(one.field), in_use
        grey = patch_grey() if patches is None else patches.grey
        if bare.settings != self.picker.settings or grey != in_use[0].grey:
            # Probabilities in use are of both stages, or corrected; or the patches were cut for another network.
            seen = yield from self.look(bare, grey)
        if patches is None:
            patches = assembled([part_of(each, self.harvest) for each in seen], self.harvest, self.notes)
        fitted = yield from train_on(patches, self.settings, self.stop)
        yield TrainProgress(0, 1, message="judging", stage="judge")
        lines = _lines(patches, {each.labelled.name: each.labelled.particles for each in seen}, self.harvest)
        judged, now, logits = [], [], []
        before_of = {used.labelled.name: used.judged for used in in_use}
        for each in seen:
            every, before = each.judged, before_of.get(each.labelled.name)
            part = every.between(lines[every.name])
            if len(part) and before is not None:  # only one of the two looks may have found its file
                judged.append(part)
                now.append(before.between(lines[before.name]))
                logits.append(patch_scores(fitted.network, each.patches(part.yx)))
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
            bare.second_stage(slope, line, Path(self.settings.start).stem).model_copy(
                update={"diameter": DIAMETER, "grey": grey}
            ),
            np.asarray(expit(margin), np.float64),
            np.concatenate([np.empty(0, bool), *(j.particle for j in joined)]),
            alone,
            both,
            labels,
        )

    def better(self, one: Learnable, found: _Recalibration, new: _NewClassifier) -> RetrainReport:
        """Write the classifier where labels it has not seen say that it adds to the correction, else that alone."""
        gain = new.both.after - new.alone.after if new.both and new.alone else None
        if gain is None:
            words = f"Of the labels, {new.labels} were left to judge the {one.field} by, too few to tell its worth"
        else:
            words = f"The {one.field} changes F1 by {gain:+.3f} beside the corrected scores, on labels it has not seen"
        insists = self.settings.what == one.field and (gain is None or gain >= 0)
        worse = bool(new.both and new.alone and new.both.after < new.alone.before)
        steps = new.fitted.checks[-1].done
        if worse or (not insists and (gain is None or gain < _WORTH)):
            return replace(self.write_calibration(found, f"{words}: it is left out."), steps=steps)
        self.notes.append(f"{words}.")
        worth = found.worth
        if new.both and new.alone:
            worth = replace(new.both, before=new.alone.before)
        leave(self.out, new.card, new.fitted, new.probability, new.hit)
        return self.report(one.field, worth, found.labels, self.use(one.field, ROLE), steps)

    # ---------------------------------------------------------------- a network that learns from micrographs

    def finetuned(self, one: Learnable) -> Job[RetrainReport]:
        """Fine-tune a network on the micrographs that are done."""
        self.micrographs = [each for each in self.micrographs if each.complete]
        if not self.micrographs:
            raise UserError(
                f"A {one.field} learns from micrographs on which every particle is labelled. None is marked as done "
                "with every pick on it labelled.",
                "Label all particles of one, and mark it as done; or retrain the scores only.",
            )
        start = self.picker.settings.files[one.field]
        seen = yield from self.look(self.picker, read_card(locate(start)).grey)
        judged = [each.judged for each in seen]
        _check_labels(judged)
        labels, before = sum(j.labels for j in judged), f1(judged, UNCHANGED)
        settings = train_settings(self.settings, one.learns_from, str(self.project.folder), start)
        self.out.parent.mkdir(exist_ok=True)
        with TemporaryDirectory(prefix=".", dir=self.out.parent) as folder:
            out, examples = Path(folder) / self.out.name, [example_of(each) for each in seen]
            steps = train_detector(settings, out, examples, self.stop.is_set)
            made: TrainingReport | None = yield from translate(steps, Clock())
            assert made is not None, "one process leads itself"
            if made.f1_at_half is not None and made.f1_at_half < before:
                return replace(self.nothing(Improvement(before, made.f1_at_half, False), labels), steps=made.steps)
            bring(made.weights, self.out)
        worth = None if made.f1_at_half is None else Improvement(before, made.f1_at_half, False)
        use, other = self.use(one.field, ROLE, one.leaves_out), one.leaves_out
        if other in use:
            self.notes.append(f"The {other} in use was made for another {one.field}: it is left out with this one.")
        return self.report(one.field, worth, labels, use, made.steps)


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


def example_of(seen: ScoredMicrograph) -> Example:
    """A complete micrograph as a detector learns from it."""
    yx = seen.image_frame.from_micrograph(seen.labelled.particles)
    shape = np.array(seen.image.shape)
    # As far from the edges as the nearest label, nobody looked.
    band = float(np.minimum(yx, shape - 1 - yx).min()) if len(yx) >= 20 else 0.0
    return Example(seen.image, yx, max(0.0, band), 1.0, seen.labelled.name)


def retrain_project(folder: Path, given: dict[str, Any], patches: Path | None = None) -> Job[RetrainReport]:
    """`retrain_picker` of the project in a folder, with a patch set from disk where one is named."""
    settings = validated(RetrainSettings, given)
    with Project.open(folder) as project:
        chosen = read_patch_set(patches, project.settings.diameter) if patches else None
        return (yield from retrain_picker(project, settings, chosen))
