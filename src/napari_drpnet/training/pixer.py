"""Train the two networks of PIXER: the one that sorts patches, then from its trunk the one that segments."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from napari_drpnet.candidates import crop
from napari_drpnet.data import FloatArray
from napari_drpnet.io.checkpoints import checkpoint_path
from napari_drpnet.io.weights import WeightsCard
from napari_drpnet.networks import PixerSegmenter, PixerSorter, channels_last
from napari_drpnet.pickers.network import classify, fold
from napari_drpnet.pickers.pixer import grid_candidates, margins
from napari_drpnet.settings import PixerTrainSettings
from napari_drpnet.steps import drained
from napari_drpnet.tiling import FullyConvolutional, score_steps
from napari_drpnet.training.detections import Detections, assessed, map_terms
from napari_drpnet.training.detector import regression_loss
from napari_drpnet.training.masks import MaskCrops, load_masks
from napari_drpnet.training.run import (
    VALIDATION,
    Evidence,
    Training,
    calibrate,
    conclude,
    identity,
    part_of_run,
    scorer,
)
from napari_drpnet.training.sets import Example, examples_of
from napari_drpnet.training.sorting import sorter_patches
from napari_drpnet.training_loop.batches import Tensors
from napari_drpnet.training_loop.fit import Watch, fit
from napari_drpnet.training_loop.parallel import Processes, crew

SEGMENTER, SORTER = "pixer-segmenter", "pixer-sorter"
_CPU = torch.device("cpu")
_MEMORY = 2000  # MB


def sorting_loss(network: nn.Module, batch: Tensors) -> torch.Tensor:
    """Cross-entropy over the classes, with slightly softened labels."""
    patch, kind = batch
    return F.cross_entropy(network(patch).float(), kind, label_smoothing=0.03)


def train_pixer(settings: PixerTrainSettings, folder: Path) -> Training:
    """Train both networks, calibrate each and write their weights to a folder.

    "The parameters of the classification network are used as the initial values for the segmentation network" (paper):
    the sorter is trained first, and its trunk is where the segmenter begins.

    Parameters
    ----------
    settings
        Simulated sets with masks, lengths and seed.
    folder
        Where ``pixer-segmenter.safetensors`` and ``pixer-sorter.safetensors`` are written, each with a log and plots.
        While training runs there are checkpoints beside them; the same call goes on from these.

    Returns
    -------
    TrainingReport or None
        Of the segmenter, whose scores the probabilities come from. None in the processes of a run that do not lead it.

    Raises
    ------
    UserError
        When a set holds nothing to learn from or has no masks, the loss is no number, or a file cannot be written.
    """
    torch.manual_seed(settings.seed)
    training, validation = examples_of(settings, streamed=False)
    masked = load_masks(training)
    diameter, jitter = settings.diameter, settings.scale_jitter
    patches = sorter_patches(masked, diameter, jitter, np.random.default_rng(settings.seed))
    crops = MaskCrops(masked, diameter, settings.crop, PixerSegmenter.stride, jitter, settings.core)
    first = settings.model_copy(update={"steps": settings.sorter_steps, "batch": settings.sorter_batch})
    total = first.steps + settings.steps
    sorter, segmenter = channels_last(PixerSorter()), PixerSegmenter()
    with crew(settings.device) as team:
        watch = _watch(settings, team, folder / SORTER)
        sorting = yield from part_of_run(fit(sorter, patches.batch, sorting_loss, first, watch), 0, total)
        segmenter.trunk.load_state_dict(cast(PixerSorter, sorting.network).trunk.state_dict())
        watch = replace(
            _watch(settings, team, folder / SEGMENTER),
            score=scorer(partial(detect_all, diameter=diameter), validation, settings.checked),
        )
        segmenting = yield from part_of_run(
            fit(channels_last(segmenter), crops.batch, regression_loss, settings, watch), first.steps, total
        )
    if not team.leads:
        return None
    judged_on = VALIDATION if validation else ""
    evidence = Evidence(detect_all(segmenting.network, validation or training, diameter), judged_on)
    card = WeightsCard(network="pixer segmenter", role="segmenter", diameter=diameter, calibration=calibrate(evidence))
    report = conclude(_weights(folder / SEGMENTER), card, segmenting, evidence)
    evidence = Evidence(sorted_too(sorting.network, evidence.detected), judged_on)
    card = WeightsCard(
        network="pixer sorter", role="sorter", diameter=diameter, calibration=calibrate(evidence), detector=SEGMENTER
    )
    conclude(_weights(folder / SORTER), card, sorting, evidence)
    return report


def _weights(path: Path) -> Path:
    return path.with_name(f"{path.name}.safetensors")


def _watch(settings: PixerTrainSettings, team: Processes, path: Path) -> Watch:
    return Watch(None, checkpoint_path(_weights(path)), identity(settings, team, path.name))


def detect_all(network: nn.Module, examples: list[Example], diameter: float) -> list[Detections]:
    """The candidates of a segmenter on each example, as the picker finds them."""
    segmenter = cast(FullyConvolutional, fold(copy.deepcopy(network)))
    return [_detections(segmenter, example, diameter) for example in examples]


def _detections(segmenter: FullyConvolutional, example: Example, diameter: float) -> Detections:
    stride = segmenter.stride
    values = drained(score_steps(segmenter, example.image.astype(np.float32), _CPU, _MEMORY))
    yx, height = grid_candidates(values, diameter / stride)
    terms = map_terms(example, height, values, stride, diameter)
    return assessed(example, (yx + 0.5) * stride - 0.5, height, terms, diameter)


def sorted_too(network: nn.Module, detected: list[Detections]) -> list[Detections]:
    """The candidates of a segmenter with what the sorter alone says of each, its logit of being a particle."""
    sorter = fold(copy.deepcopy(network))

    def margin(h: Detections) -> FloatArray:
        patches = crop(h.example.image.astype(np.float32), h.yx, PixerSorter.patch)
        return margins(classify(sorter, patches, _CPU)) if len(h.yx) else np.empty(0)

    return [replace(h, terms=[margin(h)]) for h in detected]
