"""Training in a project: a classifier on patches, the settings of the training loop, and how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from threading import Event

import numpy as np
import torch
from torch import nn

from napari_drpnet.data import PatchSet
from napari_drpnet.errors import UserError
from napari_drpnet.evaluation.counting import f1_score
from napari_drpnet.jobs.retrain.scored import TrainProgress
from napari_drpnet.settings import RetrainSettings, TrainingSet, TrainSettings
from napari_drpnet.steps import Progress, translate
from napari_drpnet.training.classifier import patch_loss
from napari_drpnet.training.datasets import steps_of
from napari_drpnet.training.labels.patches import PatchDraw, check_usable, patch_scores
from napari_drpnet.training.run import begin
from napari_drpnet.training_loop.fit import Fitted, Step, Watch, fit

# Steps, batch, and decay of the moving average of the weights, by what is learnt from.
_USUAL = {"patches": (150, 32, 0.95), "micrographs": (200, 8, 0.97)}
# Validations on the way.
_CHECKS = 6

# Weights of the package to begin from, by the grey levels that they know.
_KNOW = {"robust": "classifier", "percentiles": "paper-classifier"}


def train_on(patches: PatchSet, settings: RetrainSettings, stop: Event) -> Generator[Progress, None, Fitted]:
    """A classifier trained on the training part of a patch set, the best by its validation part.

    Raises
    ------
    UserError
        When the set has one class only or too few patches, or the weights to begin from do not fit.
    """
    check_usable(patches)
    torch.manual_seed(settings.seed)
    chosen = train_settings(settings, "patches", "patches", start=settings.start)
    learnt = patches.select(patches.split == "training")
    rarer = min(int(learnt.particle.sum()), int((~learnt.particle).sum()))
    chosen = _checked(chosen, steps_of(chosen, 2 * rarer, 1))
    card, network = begin(chosen, "classifier", "classifier")
    if card is not None and card.grey != patches.grey:
        raise UserError(
            f"The weights {settings.start!r} know other grey levels ({card.grey}) than the patches have.",
            f"Harvest them anew, or begin from {_KNOW[patches.grey]!r} (--start) or from no weights.",
        )
    kept = patches.select(patches.split == "validation")
    both = kept.particle.any() and not kept.particle.all()
    watch = Watch(_balanced_f1(kept) if both else None, stopped=stop.is_set)
    draw = PatchDraw(learnt)
    return (yield from translate(fit(network, draw.batch, patch_loss, chosen, watch, report_every=2), Clock()))


def train_settings(settings: RetrainSettings, learns_from: str, source: str, start: str) -> TrainSettings:
    """Settings of the training loop; ``source`` is where its data come from, ``start`` the weights to begin from."""
    steps, batch, average = _USUAL[learns_from]
    chosen = TrainSettings(
        training=(TrainingSet(micrographs=source),),
        start=start or None,
        epochs=settings.epochs,
        batch=settings.batch or batch,
        rate=settings.rate,
        optimiser=settings.optimiser,
        average=average,
        patience=0,
        seed=settings.seed,
        device=settings.device,
    )
    return _checked(chosen, settings.steps or steps)


def _checked(settings: TrainSettings, steps: int) -> TrainSettings:
    """A run of so many steps, validated a few times on its way."""
    return settings.model_copy(update={"steps": steps, "check_every": max(1, steps // _CHECKS)})


def _balanced_f1(kept: PatchSet) -> Callable[[nn.Module], float]:
    """F1 of a classifier on patches at its best threshold, particles and background counting alike."""

    def score(network: nn.Module) -> float:
        order = np.argsort(-patch_scores(network, kept.images))
        hit = kept.particle[order]
        recall, false = np.cumsum(hit) / hit.sum(), np.cumsum(~hit) / (~hit).sum()
        return float(f1_score(recall, recall + false, 1).max())

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
