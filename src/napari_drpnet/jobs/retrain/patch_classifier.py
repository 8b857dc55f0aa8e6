"""A classifier from a patch set alone, without the micrographs it was cut from."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np

from napari_drpnet.data import MaskArray, PatchSet
from napari_drpnet.evaluation.counting import f1_score
from napari_drpnet.io.weights import WeightsCard, read_weights
from napari_drpnet.jobs.retrain.harvest import read_patch_set
from napari_drpnet.jobs.retrain.learning import train_on
from napari_drpnet.jobs.retrain.report import RetrainReport, write_record
from napari_drpnet.settings import RetrainSettings, validated
from napari_drpnet.steps import Job
from napari_drpnet.training.calibration import fit_logistic
from napari_drpnet.training.labels.patches import patch_scores
from napari_drpnet.training.run import leave

# What a classifier's evidence counts beside the detector's where no candidate tells how much they share.
_SHARE = 0.4
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
    begun, stop = time.monotonic(), stop or Event()
    first, _ = read_weights(detector)
    fitted = yield from train_on(patches, settings, stop)
    kept = patches.select(patches.split == "validation")
    unseen = bool(kept.particle.any() and not kept.particle.all())
    known = kept if unseen else patches
    logits = patch_scores(fitted.network, known.images)
    weight = np.where(known.particle, 1 / known.particle.sum(), 1 / (~known.particle).sum())
    slope, offset = fit_logistic([logits], known.particle, weight)
    probability = 1 / (1 + np.exp(-(slope * logits + offset)))
    card = _card(first, slope, offset, Path(detector).stem, Path(settings.start).stem)
    leave(out, card, fitted, probability, known.particle)
    report = RetrainReport(
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
    write_record(report, settings, ())
    return report


def _card(detector: WeightsCard, slope: float, offset: float, name: str, start: str) -> WeightsCard:
    """The card of a classifier whose logits tell particles by this slope and offset, beside a detector of a name."""
    *slopes, last = detector.calibration
    numbers = (_SHARE * slope, *slopes, last + _SHARE * offset)
    calibration = tuple(round(float(c), 5) for c in numbers)
    return WeightsCard(
        network="classifier",
        role="classifier",
        diameter=detector.diameter,
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
