"""Train the detector of DRPnet (stage 1)."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from napari_drpnet.data import FloatArray
from napari_drpnet.errors import UserError
from napari_drpnet.io.weights import WeightsCard, write_weights
from napari_drpnet.networks import build, channels_last
from napari_drpnet.pickers.drpnet import calibrated, fold
from napari_drpnet.settings import TrainSettings
from napari_drpnet.tiling import FullyConvolutional
from napari_drpnet.training.calibration import fit_logistic
from napari_drpnet.training.datasets import Crops, Example, load_examples
from napari_drpnet.training.fit import Batch, Step, fit
from napari_drpnet.training.harvest import Harvest, best_f1, harvest


@dataclass(frozen=True)
class TrainingReport:
    """What came of a training run: the weights file, and F1 on the validation sets at their best threshold."""

    weights: Path
    validation_f1: float | None
    calibration: tuple[float, ...]


def regression_loss(network: nn.Module, batch: Batch) -> torch.Tensor:
    """Mean squared error of the map (as in the paper) for FCRN, cross-entropy for a network that ends in a sigmoid.

    Pixels whose truth is not known weigh nothing.
    """
    image, target, known = batch
    scored = network(image)
    measure = F.binary_cross_entropy if network.bounded else F.mse_loss
    value: torch.Tensor = (measure(scored, target, reduction="none") * known).sum() / known.sum().clamp(min=1)
    return value


def examples_of(settings: TrainSettings) -> tuple[list[Example], list[Example]]:
    """Training and validation examples at network scale."""
    return (
        load_examples(settings.training, settings.diameter),
        load_examples(settings.validation, settings.diameter),
    )


def calibrate(harvests: list[Harvest], scores: list[list[FloatArray]]) -> tuple[tuple[float, ...], float]:
    """Coefficients of the probability of a candidate, and the F1 it reaches at its best threshold.

    Parameters
    ----------
    harvests
        Of proteins that no network was trained on; each micrograph has the weight of its example.
    scores
        For each of them the terms of the probability, ``(n,)`` each.

    Raises
    ------
    UserError
        When there is not one candidate.
    """
    if not sum(len(h.hit) for h in harvests):
        raise UserError("The detector finds no candidate on the validation sets.", "Train it for more steps.")
    columns = [np.concatenate(column) for column in zip(*scores, strict=True)]
    hit = np.concatenate([h.hit for h in harvests])
    weight = np.concatenate([np.full(len(h.hit), h.example.weight / max(len(h.hit), 1)) for h in harvests])
    calibration = fit_logistic(columns, hit, weight)
    return calibration, best_f1(harvests, [calibrated(calibration, *row) for row in scores])


def train_detector(settings: TrainSettings, out: Path) -> Generator[Step, None, TrainingReport]:
    """Train a detector and write its weights.

    Parameters
    ----------
    settings
        Sets, architecture, length and seed.
    out
        The ``.safetensors`` file to write.

    Returns
    -------
    TrainingReport
        With the F1 on the validation sets, where there are some.

    Raises
    ------
    UserError
        When a set holds nothing to learn from.
    """
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    training, validation = examples_of(settings)
    if not sum(len(example.yx) for example in training):
        raise UserError("The training sets hold no particle.", "Check their coordinate files.")
    network = channels_last(build(settings.network))
    stride = cast(FullyConvolutional, network).stride
    crops = Crops(training, settings.diameter, settings.crop, stride, settings.scale_jitter, settings.label, rng)
    trained = yield from fit(network, crops.batch, regression_loss, settings)
    tensors = {key: value.clone() for key, value in trained.state_dict().items()}
    detector = cast(FullyConvolutional, fold(trained))
    f1, calibration = validate(detector, validation or training, settings.diameter)
    card = WeightsCard(network=settings.network, role="detector", diameter=settings.diameter, calibration=calibration)
    write_weights(out, card, tensors)
    return TrainingReport(out, f1 if validation else None, calibration)


def validate(detector: FullyConvolutional, examples: list[Example], diameter: float) -> tuple[float, tuple[float, ...]]:
    """Best F1 of a detector on examples, and the calibration of its candidates there."""
    harvests = [harvest(detector, example, diameter) for example in examples]
    calibration, f1 = calibrate(harvests, [h.terms for h in harvests])
    return f1, calibration
