"""Train the detector of DRPnet (stage 1)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from typing import cast

import torch
from torch import nn
from torch.nn import functional as F

from napari_drpnet.io.checkpoints import checkpoint_path
from napari_drpnet.io.weights import WeightsCard
from napari_drpnet.pickers.network import fold
from napari_drpnet.settings import SimulatedSet, TrainSettings
from napari_drpnet.tiling import FullyConvolutional
from napari_drpnet.training.datasets import Crops, CropSupply, Fixed
from napari_drpnet.training.detections import detections
from napari_drpnet.training.finetune import example_halves
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
from napari_drpnet.training.sets import Example, examples_of
from napari_drpnet.training.stream import streams
from napari_drpnet.training_loop.batches import Tensors, helpers
from napari_drpnet.training_loop.fit import Fitted, Step, Watch, fit
from napari_drpnet.training_loop.parallel import crew

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
        When a set holds nothing to learn from or to validate with, the weights to start from do not fit, the loss is
        no number, or a file cannot be written.
    """
    torch.manual_seed(settings.seed)
    card, network = begin(settings, "detector", settings.network)
    if card is not None:
        settings = settings.model_copy(update={"network": card.network, "diameter": card.diameter})
    simulated = [data for data in settings.training if isinstance(data, SimulatedSet)]
    training, validation = examples_of(settings) if examples is None else (examples, [])
    untouched = copy.deepcopy(network)
    folds = example_halves(training) if card and not validation else []
    total = settings.steps * (1 + len(folds))
    with (
        crew(settings.device) as team,
        streams(simulated, settings.diameter, helpers(settings, team.device), team.rank, team.size) as new,
    ):
        watch = Watch(
            scorer(partial(judge, diameter=settings.diameter), validation, settings.checked),
            checkpoint_path(out) if examples is None else None,
            identity(settings, team, "detector", settings.start),
            stopped,
        )
        every = 50 if examples is None else 2  # somebody waits for a few micrographs
        learn = partial(_learn, new=new, settings=settings, report_every=every)
        fitted = yield from part_of_run(learn(network, training, watch=watch), 0, total)
        parts = []
        for i, (learnt, tested) in enumerate(folds, start=1):
            half = learn(copy.deepcopy(untouched), learnt, watch=Watch(stopped=stopped))
            tester = (yield from part_of_run(half, i * settings.steps, total)).network
            parts.append(judge(tester, tested, settings.diameter, OTHER_HALF))
    if not team.leads:
        return None
    if not folds:
        parts = [judge(fitted.network, validation or training, settings.diameter, VALIDATION if validation else "")]
    evidence = Evidence.joined(parts)
    result = WeightsCard(
        network=settings.network,
        role="detector",
        diameter=settings.diameter,
        calibration=calibrate(evidence, card.calibration if card else None),
        start=Path(settings.start).stem if settings.start else "",
    )
    return conclude(out, result, fitted, evidence)


def _learn(
    network: nn.Module,
    examples: list[Example],
    new: Sequence[CropSupply],
    settings: TrainSettings,
    watch: Watch,
    report_every: int,
) -> Generator[Step, None, Fitted]:
    sources = [*([Fixed(examples)] if examples else []), *new]
    stride = cast(FullyConvolutional, network).stride
    crops = Crops(sources, settings.diameter, settings.crop, stride, settings.scale_jitter, settings.label)
    return fit(network, crops.batch, regression_loss, settings, watch, report_every)


def judge(network: nn.Module, examples: list[Example], diameter: float, judged_on: str = "") -> Evidence:
    """The candidates of a detector on examples, with the terms of their probability."""
    detector = cast(FullyConvolutional, fold(copy.deepcopy(network)))
    detected = [detections(detector, example, diameter) for example in examples]
    return Evidence(detected, [h.terms for h in detected], judged_on)
