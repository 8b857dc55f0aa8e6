"""A classifier from a patch set alone, without the micrographs it was cut from."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np

from napari_drpnet.data import MaskArray, PatchSet
from napari_drpnet.errors import UserError
from napari_drpnet.evaluation.counting import f1_score
from napari_drpnet.io.files import require_folder
from napari_drpnet.io.project.project import Project
from napari_drpnet.io.weights import WeightsCard, read_weights
from napari_drpnet.jobs.project import project_picker
from napari_drpnet.jobs.retrain.harvest import read_patch_set
from napari_drpnet.jobs.retrain.learning import train_on
from napari_drpnet.jobs.retrain.report import RetrainReport, free_name, write_record
from napari_drpnet.pickers.protocol.correction import ROLE
from napari_drpnet.settings import RetrainSettings, validated
from napari_drpnet.steps import Job
from napari_drpnet.training.calibration import fit_logistic
from napari_drpnet.training.labels.patches import DIAMETER, patch_scores
from napari_drpnet.training.run import leave

# What a classifier's evidence counts beside the detector's where no candidate tells how much they share.
_SHARE = 0.4
_UNLABELLED = "It learnt from patches that nobody judged: look at what changes before you use it."
_LEARNT = "The set has no patches of both classes to validate with: the F1 is of what was learnt."


def retrain_patches(
    patches: PatchSet,
    settings: RetrainSettings,
    out: Path,
    detector: str = "detector",
    stop: Event | None = None,
) -> Job[RetrainReport]:
    """Train a classifier from a patch set alone, without the micrographs.

    It is judged by patches, at equal numbers of both classes. How it counts beside the detector, which no patch tells,
    is a fixed part of what it says; the probabilities of the picks are calibrated by `retrain_picker` in a project.

    Parameters
    ----------
    patches
        At the scale of the network; see `read_patch_set`.
    settings
        Weights to begin from, and for how long.
    out
        The ``.safetensors`` file to write.
    detector
        Weights of stage 1 that it will be used with.
    stop
        See `retrain_picker`.

    Raises
    ------
    UserError
        When the set has one class only or too few patches, or the weights cannot be read or written.
    """
    require_folder(out.parent)
    first, _ = read_weights(detector)

    def card(slope: float, offset: float) -> WeightsCard:
        made = _card(first, slope, offset, Path(detector).stem, Path(settings.start).stem)
        return made.model_copy(update={"grey": patches.grey})

    report = yield from _trained(patches, settings, out, card, stop or Event())
    write_record(report, settings, ())
    return report


def retrain_unlabelled(
    project: Project, settings: RetrainSettings, patches: PatchSet, stop: Event | None = None
) -> Job[RetrainReport]:
    """Train a classifier for the picker of a project in which nothing is labelled, from a patch set.

    It is written to the networks of the project; see `retrain_patches`.

    Raises
    ------
    UserError
        When the picker has no such network, the project is read only, its networks have that name already, or as
        `retrain_patches` does.
    """
    project.require_writable()
    name = free_name(project, settings.name)
    field = next((one.field for one in project_picker(project).learnable if one.learns_from == "patches"), "")
    if not field:
        raise UserError(f"The picker {project.settings.picker} learns nothing from patches.", "Label particles.")
    bare = project_picker(project, dict.fromkeys((ROLE, field)), device=settings.device)

    def card(slope: float, offset: float) -> WeightsCard:
        made = bare.second_stage(_SHARE * slope, (1.0, _SHARE * offset), Path(settings.start).stem)
        return made.model_copy(update={"diameter": DIAMETER, "grey": patches.grey})

    out = project.folder / "networks" / f"{name}.safetensors"
    report = yield from _trained(patches, settings, out, card, stop or Event())
    calibrated = {ROLE: None} if project.settings.options.get(ROLE) else {}
    report = replace(
        report,
        picker=bare.name,
        role=field,
        use={field: name} | calibrated,
        notes=(*report.notes, _UNLABELLED),
        labels=0,
    )
    write_record(report, settings, ())
    return report


def _trained(
    patches: PatchSet, settings: RetrainSettings, out: Path, card: Callable[[float, float], WeightsCard], stop: Event
) -> Job[RetrainReport]:
    """Train and write a classifier whose card follows from the slope and offset of its logits."""
    begun = time.monotonic()
    fitted = yield from train_on(patches, settings, stop)
    kept = patches.select(patches.split == "validation")
    unseen = bool(kept.particle.any() and not kept.particle.all())
    known = kept if unseen else patches
    logits = patch_scores(fitted.network, known.images)
    weight = np.where(known.particle, 1 / known.particle.sum(), 1 / (~known.particle).sum())
    slope, offset = fit_logistic([logits], known.particle, weight)
    probability = 1 / (1 + np.exp(-(slope * logits + offset)))
    leave(out, card(slope, offset), fitted, probability, known.particle)
    return RetrainReport(
        out.stem,
        out,
        "classifier",
        use={"classifier": str(out)},
        after=_balanced_f1(probability >= 0.5, known.particle),
        judged_on="validation patches, particles and background counting alike" if unseen else "the training patches",
        notes=() if unseen else (_LEARNT,),
        steps=fitted.checks[-1].done,
        seconds=time.monotonic() - begun,
        stopped=stop.is_set(),
        labels=int(patches.particle.sum()),
    )


def _card(detector: WeightsCard, slope: float, offset: float, name: str, start: str) -> WeightsCard:
    """The card of a classifier whose logits tell particles by this slope and offset, beside a detector of a name."""
    *slopes, last = detector.calibration
    numbers = (_SHARE * slope, *slopes, last + _SHARE * offset)
    calibration = tuple(round(float(c), 5) for c in numbers)
    return WeightsCard(
        network="classifier",
        role="classifier",
        diameter=DIAMETER,
        calibration=calibration,
        detector=name,
        start=start,
    )


def _balanced_f1(chosen: MaskArray, particle: MaskArray) -> float:
    """F1 of chosen patches, particles and background counting alike."""
    recall, false = float(chosen[particle].mean()), float(chosen[~particle].mean())
    return f1_score(recall, recall + false, 1)


def retrain_patch_set(folder: Path, given: dict[str, Any], out: Path, detector: str = "detector") -> Job[RetrainReport]:
    """`retrain_patches` of a patch set on disk."""
    settings = validated(RetrainSettings, {"what": "classifier", **given})
    return (yield from retrain_patches(read_patch_set(folder), settings, out, detector))
