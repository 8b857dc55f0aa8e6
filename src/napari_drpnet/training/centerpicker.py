"""Train the network of CenterPicker."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import nn

from napari_drpnet import candidates
from napari_drpnet.errors import UserError
from napari_drpnet.io.checkpoints import checkpoint_path
from napari_drpnet.io.weights import WeightsCard
from napari_drpnet.networks import CenterNet
from napari_drpnet.pickers.centerpicker.centres import centre_steps
from napari_drpnet.pickers.context import bounded_logit
from napari_drpnet.pickers.network import fold
from napari_drpnet.settings import USUAL_DISTANCE, CenterPickerTrainSettings
from napari_drpnet.steps import drained
from napari_drpnet.tiling import FullyConvolutional
from napari_drpnet.training.centres import CentreCrops, Sized, centre_loss, load_sized
from napari_drpnet.training.detections import Detections, assessed
from napari_drpnet.training.run import VALIDATION, Evidence, Training, begin, calibrate, conclude, identity, scorer
from napari_drpnet.training.sets import check_apart
from napari_drpnet.training_loop.fit import Watch, fit
from napari_drpnet.training_loop.parallel import crew

_ROLE: str = "centre detector"


def train_centerpicker(settings: CenterPickerTrainSettings, out: Path, stopped: Callable[[], bool] = bool) -> Training:
    """Train CenterPicker's network and write its weights, with a log and plots beside them.

    Parameters
    ----------
    settings
        Sets of files, each particle with its diameter or its box, or simulated ones; parts of the network to leave out;
        length and seed. ``diameter`` is the size the network is to be best at.
    out
        The ``.safetensors`` file to write. While training runs there is a checkpoint beside it; the same call goes on
        from it.
    stopped
        Asked after every step; True ends the training there.

    Returns
    -------
    TrainingReport or None
        None in the processes of a run that do not lead it.

    Raises
    ------
    UserError
        When a set holds nothing to learn from or to validate with, the loss is no number, a file cannot be written, or
        the weights to start from have a part that is to be left out.
    """
    torch.manual_seed(settings.seed)
    card, network = _begin(settings)
    if card:
        settings = settings.model_copy(update={"grey": card.grey})
    training, validation = _examples(settings)
    detector = cast(FullyConvolutional, network)
    with crew(settings.device) as team:
        crops = CentreCrops(training, settings, detector.stride, team.device)
        watch = Watch(
            scorer(detect_all, validation, settings.checked),
            checkpoint_path(out),
            identity(settings, team, _ROLE, settings.start),
            stopped,
        )
        fitted = yield from fit(network, crops.batch, centre_loss, settings, watch)
    if not team.leads:
        return None
    fitted.network.half()  # as it is written: half the size, and judged so
    evidence = Evidence(detect_all(copy.deepcopy(fitted.network).float(), validation), VALIDATION if validation else "")
    result = WeightsCard(
        network="centernet",
        role=_ROLE,
        diameter=settings.diameter,
        calibration=_calibration(settings, evidence, card),
        grey=settings.grey,
        start=Path(settings.start).stem if settings.start else "",
        options=card.options if card else settings.left_out,
    )
    return conclude(out, result, fitted, evidence)


def _begin(settings: CenterPickerTrainSettings) -> tuple[WeightsCard | None, nn.Module]:
    card, network = begin(settings, _ROLE, "centernet", **settings.left_out)
    if card and not settings.left_out.items() <= card.options.items():
        raise UserError(
            f"The weights {settings.start!r} are of a network with the parts {', '.join(settings.left_out)}.",
            "Leave these settings out, or start from no weights.",
        )
    if settings.learns == "sizes":
        if card is None:
            raise UserError("Sizes alone are learnt by a network that finds centres.", "Give one to start from.")
        cast(CenterNet, network).learn_sizes_only()
    return card, network


def _calibration(
    settings: CenterPickerTrainSettings, evidence: Evidence, card: WeightsCard | None
) -> tuple[float, ...]:
    if card and settings.learns == "sizes":
        return card.calibration
    return calibrate(evidence, card.calibration if card else None)


def _examples(settings: CenterPickerTrainSettings) -> tuple[list[Sized], list[Sized]]:
    rng = np.random.default_rng(settings.seed)
    training = load_sized(settings.training, settings.diameter, settings.grey, rng)
    validation = load_sized(settings.validation, settings.diameter, settings.grey)
    needed = {"training": training} | ({} if settings.learns == "sizes" else {"validation": validation})
    for what, examples in needed.items():
        if not sum(len(example.yx) for example in examples):
            raise UserError(f"The {what} sets hold no particle.", "Check their coordinate files.")
    check_apart(training, validation)
    return training, validation


def detect_all(network: nn.Module, examples: list[Sized]) -> list[Detections]:
    """The candidates of a network on each example, at the scale it is at."""
    detector = cast(FullyConvolutional, fold(copy.deepcopy(network)))
    return [_detections(detector, example) for example in examples]


def _detections(network: FullyConvolutional, example: Sized) -> Detections:
    image, diameter = example.image.astype(np.float32), example.diameter
    _, centres = drained(centre_steps(network, image, torch.device("cpu"), memory=2000))
    apart = candidates.suppress(centres.yx, centres.peak, USUAL_DISTANCE * diameter / network.stride)
    yx, peak = (centres.yx[apart] + 0.5) * network.stride - 0.5, centres.peak[apart]
    return assessed(example, yx, peak, [bounded_logit(peak)], diameter)
