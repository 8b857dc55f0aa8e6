"""Train the detector of DRPnet (stage 1)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import cast

import torch
from torch import nn
from torch.nn import functional as F

from napari_drpnet.errors import UserError
from napari_drpnet.io.checkpoints import checkpoint_path
from napari_drpnet.io.weights import WeightsCard
from napari_drpnet.pickers.network import fold
from napari_drpnet.settings import TrainSettings
from napari_drpnet.tiling import FullyConvolutional
from napari_drpnet.training.datasets import Centred, Crops, steps_of
from napari_drpnet.training.detections import CPU, Detections, detections
from napari_drpnet.training.example import Example
from napari_drpnet.training.finetune import example_halves
from napari_drpnet.training.pool import Pool
from napari_drpnet.training.run import (
    VALIDATION,
    Evidence,
    Training,
    begin,
    calibrate,
    conclude,
    identity,
    part_of_run,
    scorer,
)
from napari_drpnet.training.sets import examples_of
from napari_drpnet.training.targets import target_of
from napari_drpnet.training_loop.batches import Tensors
from napari_drpnet.training_loop.fit import Fitted, Step, Watch, fit
from napari_drpnet.training_loop.parallel import Processes, crew

OTHER_HALF = "each half of the micrographs, of a network that learnt from the other half"


def regression_loss(network: nn.Module, batch: Tensors) -> torch.Tensor:
    """Mean squared error of the map (as in the paper) for FCRN, cross-entropy for a network that ends in a sigmoid.

    Pixels whose truth is not known weigh nothing.
    """
    image, target, known = batch
    scored = network(image).float()
    measure = F.binary_cross_entropy if network.bounded else F.mse_loss
    with torch.autocast(image.device.type, enabled=False):  # a logarithm is for 32 bits
        value: torch.Tensor = (measure(scored, target, reduction="none") * known).sum() / known.sum().clamp(min=1)
    return value


def train_detector(
    settings: TrainSettings,
    out: Path,
    examples: list[Example] | None = None,
    stopped: Callable[[], bool] = bool,
) -> Training:
    """Train a detector and write its weights, with a log and plots beside them.

    Parameters
    ----------
    settings
        Sets, architecture or weights to start from, length and seed.
    out
        The ``.safetensors`` file to write. While training runs there is a checkpoint beside it; the same call goes on
        from it.
    examples
        Micrographs to learn from, in the place of the sets of the settings; without a checkpoint.
    stopped
        Asked after every step; True ends the training there.

    Returns
    -------
    TrainingReport or None
        With the F1 on micrographs the network did not learn from, where there are some. None in the processes of a
        run that do not lead it.

    Raises
    ------
    UserError
        When a set holds nothing to learn from or to validate with, the weights to start from or the kind of label do
        not fit, the loss is no number, or a file cannot be written.
    """
    torch.manual_seed(settings.seed)
    card, network = begin(settings, "detector", settings.network, **_sized(settings))
    if card is not None:
        own = {"network": card.network, "diameter": card.diameter, "grey": card.grey}
        settings = settings.model_copy(update=own | {"size": card.options.get("size", 0)})
    _check_target(network, settings)
    training, validation = examples_of(settings) if examples is None else (examples, [])
    folds = example_halves(training) if card and not validation else []
    with crew(settings.device) as team:
        particles = sum(len(example.yx) for example in training)
        settings = settings.model_copy(update={"steps": steps_of(settings, particles, team.size)})
        watch = Watch(
            scorer(partial(detect_all, diameter=settings.diameter, device=team.device), validation, settings.checked),
            checkpoint_path(out) if examples is None else None,
            identity(settings, team, "detector", settings.start),
            stopped,
        )
        every = 50 if examples is None else 2  # somebody waits for a few micrographs
        fitted, detected = yield from _learn(network, training, folds, settings, watch, team, every)
    if not team.leads:
        return None
    if not folds:
        detected = detect_all(fitted.network, validation or training, settings.diameter, team.device)
    evidence = Evidence(detected, OTHER_HALF if folds else VALIDATION if validation else "")
    result = WeightsCard(
        network=settings.network,
        role="detector",
        diameter=settings.diameter,
        calibration=calibrate(evidence, card.calibration if card else None),
        grey=settings.grey,
        options=_sized(settings),
        start=Path(settings.start).stem if settings.start else "",
    )
    return conclude(out, result, fitted, evidence)


def _sized(settings: TrainSettings) -> dict[str, int]:
    """The options of a network that has sizes; the smallest needs none, as in files of the first generation."""
    return {"size": settings.size} if settings.size else {}


def _check_target(network: nn.Module, settings: TrainSettings) -> None:
    if network.bounded and settings.label_kind == "distance":
        raise UserError(
            f"The network {settings.network} gives numbers from 0 to 1, and a distance in pixels is larger.",
            "Choose the network fcrn, or cone for label_kind.",
        )
    multiple = cast(FullyConvolutional, network).multiple
    if settings.crop % multiple:
        raise UserError(
            f"Crops of {settings.crop} px do not fit the network.", f"Choose a multiple of {multiple} px (crop)."
        )


def _learn(
    network: nn.Module,
    examples: list[Example],
    folds: list[tuple[list[Example], list[Example]]],
    settings: TrainSettings,
    watch: Watch,
    team: Processes,
    report_every: int,
) -> Generator[Step, None, tuple[Fitted, list[Detections]]]:
    """The network after all examples; and of each fold, what one that learnt from its first part finds on the other."""
    total = settings.steps * (1 + len(folds))
    copies, detected = [copy.deepcopy(network) for _ in folds], list[Detections]()

    def steps(net: nn.Module, learnt: list[Example], watch: Watch, before: int) -> Generator[Step, None, Fitted]:
        crops = crops_of(learnt, settings, cast(FullyConvolutional, net).stride, team)
        one = fit(net, crops.batch, regression_loss, settings, watch, report_every)
        return part_of_run(one, before * settings.steps, total)

    fitted = yield from steps(network, examples, watch, 0)
    for i, (copied, (learnt, tested)) in enumerate(zip(copies, folds, strict=True), start=1):
        half = yield from steps(copied, learnt, Watch(stopped=watch.stopped), i)
        detected += detect_all(half.network, tested, settings.diameter, team.device)
    return fitted, detected


def crops_of(examples: list[Example], settings: TrainSettings, stride: int, team: Processes) -> Crops:
    """The crops that a detector learns from, cut where it learns; ``stride`` image pixels a pixel of its map."""
    return Crops(
        Pool(examples, team.device),
        target_of(settings),
        settings.crop,
        stride,
        settings.scale_jitter if settings.augment else None,
        settings.grey,
        settings.label * settings.diameter,
        Centred(examples, settings.seed, team.rank, team.size) if settings.centred else None,
    )


def detect_all(
    network: nn.Module, examples: list[Example], diameter: float, device: torch.device = CPU
) -> list[Detections]:
    """The candidates of a detector on each example; it computes on ``device``."""
    detector = cast(FullyConvolutional, fold(copy.deepcopy(network)).to(device))
    return [detections(detector, example, diameter, device) for example in examples]
