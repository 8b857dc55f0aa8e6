"""What retraining has in common: looking at labelled micrographs, training on patches, and how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from threading import Event
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_drpnet.data import PatchSet
from napari_drpnet.errors import UserError
from napari_drpnet.jobs.retrain.labelled import LabelledMicrograph, ScoredMicrograph, look
from napari_drpnet.settings import HarvestSettings, RetrainSettings, TrainingSet, TrainSettings
from napari_drpnet.steps import Job, Progress, translate

if TYPE_CHECKING:
    from torch import nn

    from napari_drpnet.training.labels.judged import JudgedCandidates
    from napari_drpnet.training_loop.fit import Fitted, Step

Stage = Literal["detect", "train", "judge"]
_STEPS, _BATCH = {"classifier": 150, "detector": 200}, {"classifier": 32, "detector": 8}
# Validations on the way.
_CHECKS = 6


@dataclass(frozen=True)
class TrainProgress(Progress):
    """How far retraining is.

    Attributes
    ----------
    loss
        Mean since the last step that was told; NaN before training.
    f1
        Validation F1 where it was measured at this step.
    seconds_left
        To the end of this stage; None where that cannot be told yet.
    stage
        Looking at the labelled micrographs, training, or judging what came of it.
    """

    loss: float = float("nan")
    f1: float | None = None
    seconds_left: float | None = None
    stage: Stage = "detect"


def looks(
    fields: Sequence[LabelledMicrograph], chosen: HarvestSettings, notes: list[str]
) -> Job[list[ScoredMicrograph]]:
    """See micrographs as the picker does; those that cannot be read are left out, with a note each.

    Raises
    ------
    UserError
        When none can be read.
    """
    from napari_drpnet.pickers.drpnet import DRPnet

    picker = DRPnet(chosen)
    seen: list[ScoredMicrograph] = []
    begun = time.monotonic()
    for done, one in enumerate(fields):
        left = (time.monotonic() - begun) / done * (len(fields) - done) if done else None
        here = TrainProgress(done, len(fields), message=one.name, seconds_left=left)
        yield here
        try:
            seen.append((yield from translate(look(one, picker), _part(here))))
        except UserError as error:
            notes.append(f"{one.name} is left out: {error}")
    if not seen:
        raise UserError(f"No labelled micrograph can be read. {' '.join(notes)}", "Check where the micrographs are.")
    return seen


def _part(here: TrainProgress) -> Callable[[float], Progress]:
    return lambda part: replace(here, fraction=part)


def judged_candidates(seen: ScoredMicrograph, diameter: float) -> JudgedCandidates:
    """The candidates of a micrograph with its labels; ``diameter`` in Angstrom."""
    from napari_drpnet.training.labels.judged import judge, margins

    found, one = seen.candidates, seen.field
    reach = seen.frame.micrograph_pixels(diameter) / 2
    picked = None if one.picked is None else float(margins(np.array(one.picked)))
    return judge(
        one.name,
        found.yx,
        margins(found.probability),
        one.particles,
        one.background,
        reach,
        seen.shape,
        one.complete,
        picked,
    )


def train_on(patches: PatchSet, settings: RetrainSettings, stop: Event) -> Generator[Progress, None, Fitted]:
    """A classifier trained on the training part of a patch set, the best by its validation part.

    Raises
    ------
    UserError
        When the set has one class only or too few patches, or the weights to begin from do not fit.
    """
    import torch

    from napari_drpnet.training.classifier import patch_loss
    from napari_drpnet.training.labels.patches import PatchDraw, check_usable
    from napari_drpnet.training.run import begin
    from napari_drpnet.training_loop.fit import Watch, fit

    check_usable(patches)
    torch.manual_seed(settings.seed)
    chosen = train_settings(settings, "classifier", "patches", start=settings.start)
    _, network = begin(chosen, "classifier", "classifier")
    kept = patches.select(patches.split == "validation")
    both = kept.particle.any() and not kept.particle.all()
    watch = Watch(_patch_f1(kept) if both else None, stopped=stop.is_set)
    draw = PatchDraw(patches.select(patches.split == "training"))
    return (yield from translate(fit(network, draw.batch, patch_loss, chosen, watch, report_every=2), Clock()))


def train_settings(settings: RetrainSettings, role: str, source: str, start: str) -> TrainSettings:
    """The settings of the training loop for a detector or a classifier; ``source`` is where its data come from."""
    steps = settings.steps or _STEPS[role]
    return TrainSettings(
        training=(TrainingSet(micrographs=source),),
        start=start or None,
        steps=steps,
        batch=settings.batch or _BATCH[role],
        rate=settings.rate,
        average=0.95 if role == "classifier" else 0.97,
        check_every=max(1, steps // _CHECKS),
        patience=0,
        seed=settings.seed,
        device=settings.device,
    )


def _patch_f1(kept: PatchSet) -> Callable[[nn.Module], float]:
    """F1 of a classifier on patches at its best threshold, particles and background counting alike."""
    from napari_drpnet.training.labels.patches import patch_scores

    def score(network: nn.Module) -> float:
        order = np.argsort(-patch_scores(network, kept.images))
        hit = kept.particle[order]
        recall, false = np.cumsum(hit) / hit.sum(), np.cumsum(~hit) / (~hit).sum()
        return float((2 * recall / (1 + recall + false)).max())

    return score


class Clock:
    """Steps of training as progress, with the time left."""

    def __init__(self) -> None:
        self.begun = time.monotonic()

    def __call__(self, step: Step) -> TrainProgress:
        """One step of the training loop."""
        left = (time.monotonic() - self.begun) / max(step.done, 1) * (step.total - step.done)
        f1 = "" if step.f1 is None else f", F1 {step.f1:.3f}"
        message = f"loss {step.loss:.4f}{f1}"
        return TrainProgress(
            step.done, step.total, message=message, loss=step.loss, f1=step.f1, seconds_left=left, stage="train"
        )
