"""Train the two networks of PIXER: the one that sorts patches, then from its trunk the one that segments."""

from __future__ import annotations

import copy
from collections.abc import Generator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast
from warnings import warn

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from napari_drpnet.candidates import crop
from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.errors import UserError
from napari_drpnet.io.checkpoints import checkpoint_path
from napari_drpnet.io.weights import WeightsCard, write_weights
from napari_drpnet.networks import PixerSegmenter, PixerSorter, channels_last
from napari_drpnet.pickers.network import classify, fold
from napari_drpnet.pickers.pixer import grid_candidates, margins
from napari_drpnet.settings import Grey, PixerTrainSettings
from napari_drpnet.steps import drained
from napari_drpnet.tiling import FullyConvolutional, score_steps
from napari_drpnet.training.detections import Detections, assessed, map_terms
from napari_drpnet.training.detector import OTHER_HALF, regression_loss
from napari_drpnet.training.example import Example
from napari_drpnet.training.masks import (
    CONTAMINATION,
    MaskCrops,
    Masked,
    cores,
    has_mask,
    load_masks,
    masked_halves,
    pixel_iou,
)
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
from napari_drpnet.training.sorting import sorter_patches
from napari_drpnet.training_loop.batches import Tensors
from napari_drpnet.training_loop.fit import Fitted, Step, Watch, fit
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
    the sorter is trained first, and its trunk is where the segmenter begins, unless both begin from weights.

    Parameters
    ----------
    settings
        Sets with masks, weights to start from, lengths and seed.
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
        When a set holds nothing to learn from or has no masks, the weights to start from do not fit, the loss is no
        number, or a file cannot be written.

    Warns
    -----
    UserWarning
        When networks begin from weights and no mask shows contamination: the sorter then stays as it is.
    """
    torch.manual_seed(settings.seed)
    begun = Beginning.of(settings)
    settings = settings.model_copy(
        update={
            "diameter": begun.diameter or settings.diameter,
            "grey": begun.grey or settings.grey,
            "branches": len(begun.segmenter.branches),
        }
    )
    training, validation = examples_of(settings)
    masked = load_masks(training)
    folds = masked_halves(masked) if settings.start and not validation else []
    with crew(settings.device) as team:
        run = _Run(settings, folder, team, begun.sorter_from, masked, folds)
        sorting = yield from run.sort(begun)
        segmenting, detected = yield from run.segment(begun, validation)
    if not team.leads:
        return None
    if not folds:
        detected = detect_all(segmenting.network, validation or training, settings.diameter)
    evidence = Evidence(detected, OTHER_HALF if folds else VALIDATION if validation else "")
    report = conclude(_weights(folder / SEGMENTER), begun.segmenter_card(settings, evidence), segmenting, evidence)
    if sorting:
        evidence = replace(evidence, detected=sorted_too(sorting.network, detected))
        conclude(_weights(folder / SORTER), begun.sorter_card(settings, evidence), sorting, evidence)
    elif kept := begun.cards[1]:
        card = kept.model_copy(update={"detector": SEGMENTER})
        write_weights(_weights(folder / SORTER), card, begun.sorter.state_dict())
    seen = load_masks([example for example in validation if has_mask(example)])
    return replace(report, iou=mean_iou(segmenting.network, seen, settings.core * settings.diameter))


@dataclass(frozen=True, eq=False)
class Beginning:
    """Both networks as training finds them.

    Attributes
    ----------
    sorter, segmenter
        Untrained, or with the weights that the recipe names.
    cards
        Of these weights, the segmenter's first; None of a network that is untrained.
    sorter_from
        Name or file of the sorter's.
    """

    sorter: PixerSorter
    segmenter: PixerSegmenter
    cards: tuple[WeightsCard | None, WeightsCard | None]
    sorter_from: str | None

    @staticmethod
    def of(settings: PixerTrainSettings) -> Beginning:
        """The networks that a recipe begins with; raises `UserError` when the weights that it names do not fit."""
        source = settings.sorter or (sorter_beside(settings.start) if settings.start else None)
        of_sorter, sorter = begin(settings.model_copy(update={"start": source}), "sorter", "pixer sorter")
        of_segmenter, network = begin(settings, "segmenter", "pixer segmenter", branches=settings.branches)
        segmenter = cast(PixerSegmenter, network)
        if of_segmenter and "branches" in settings.model_fields_set and len(segmenter.branches) != settings.branches:
            raise UserError(
                f"The weights {settings.start!r} have {len(segmenter.branches)} branches, not {settings.branches}.",
                "Leave out the branches, or start from other weights.",
            )
        begun = Beginning(cast(PixerSorter, sorter), segmenter, (of_segmenter, of_sorter), source)
        begun.hand_over(begun.sorter)
        return begun

    def hand_over(self, sorter: PixerSorter) -> None:
        """Let an untrained segmenter begin from the trunk of a sorter."""
        if self.cards[0] is None:
            self.segmenter.trunk.load_state_dict(sorter.trunk.state_dict())

    @property
    def diameter(self) -> float | None:
        """Of a particle in network pixels, where weights tell."""
        return next((card.diameter for card in self.cards if card), None)

    @property
    def grey(self) -> Grey | None:
        """How grey levels are brought to the networks, where weights tell."""
        return next((card.grey for card in self.cards if card), None)

    def segmenter_card(self, settings: PixerTrainSettings, evidence: Evidence) -> WeightsCard:
        """Of the trained segmenter, calibrated."""
        return WeightsCard(
            network="pixer segmenter",
            role="segmenter",
            diameter=settings.diameter,
            calibration=_calibration(evidence, self.cards[0]),
            grey=settings.grey,
            start=Path(settings.start).stem if settings.start else "",
            options={"branches": len(self.segmenter.branches)},
        )

    def sorter_card(self, settings: PixerTrainSettings, evidence: Evidence) -> WeightsCard:
        """Of the sorter, trained or kept, calibrated."""
        return WeightsCard(
            network="pixer sorter",
            role="sorter",
            diameter=settings.diameter,
            calibration=_calibration(evidence, self.cards[1]),
            grey=settings.grey,
            detector=SEGMENTER,
            start=Path(self.sorter_from).stem if self.sorter_from else "",
        )


def _calibration(evidence: Evidence, begun: WeightsCard | None) -> tuple[float, ...]:
    """Anew where there are validation sets, since another label is another map; else leaning on the earlier one."""
    anew = begun is None or evidence.judged_on == VALIDATION
    return calibrate(evidence, None if anew or begun is None else begun.calibration)


def sorter_beside(segmenter: str) -> str:
    """The weights of the classification network that came out of the training of a segmentation network.

    Raises
    ------
    UserError
        When the name does not tell.
    """
    path = Path(segmenter)
    if "segmenter" not in path.name:
        raise UserError(
            f"{segmenter}: the name does not tell which classification network belongs to it.",
            "Keep the names that training gives: pixer-segmenter.safetensors beside pixer-sorter.safetensors.",
        )
    return str(path.with_name(path.name.replace("segmenter", "sorter")))


@dataclass(frozen=True, eq=False)
class _Run:
    """One training: what both networks learn from, where it is written, and how many steps it has in all."""

    settings: PixerTrainSettings
    folder: Path
    team: Processes
    sorter_from: str | None
    masked: list[Masked]
    folds: list[tuple[list[Masked], list[Masked]]]

    @property
    def total(self) -> int:
        return self.settings.sorter_steps + self.settings.steps * (1 + len(self.folds))

    def sort(self, begun: Beginning) -> Generator[Step, None, Fitted | None]:
        """The classification network after its training; None where it stays as it is."""
        settings = self.settings
        if settings.sorter:
            return None
        if begun.cards[1] and not any((one.mask == CONTAMINATION).any() for one in self.masked):
            warn("No mask shows contamination, so that the classification network stays as it is.", stacklevel=2)
            return None
        rng = np.random.default_rng(settings.seed)
        patches = sorter_patches(self.masked, settings, self.team.device, rng)
        first = settings.model_copy(update={"steps": settings.sorter_steps, "batch": settings.sorter_batch})
        watch = self._watch(SORTER)
        sorting = yield from part_of_run(fit(begun.sorter, patches.batch, sorting_loss, first, watch), 0, self.total)
        begun.hand_over(cast(PixerSorter, sorting.network))
        return sorting

    def segment(
        self, begun: Beginning, validation: list[Example]
    ) -> Generator[Step, None, tuple[Fitted, list[Detections]]]:
        """The segmentation network, and of each fold, what one that learnt from its first part finds on the other."""
        settings, detected = self.settings, list[Detections]()
        copies = [copy.deepcopy(begun.segmenter) for _ in self.folds]
        judge = scorer(partial(detect_all, diameter=settings.diameter), validation, settings.checked)
        watch = replace(self._watch(SEGMENTER), score=judge)
        fitted = yield from self._segment(channels_last(begun.segmenter), self.masked, watch, 0)
        for i, (copied, (learnt, tested)) in enumerate(zip(copies, self.folds, strict=True), start=1):
            half = yield from self._segment(copied, learnt, Watch(), i)
            detected += detect_all(half.network, [one.example for one in tested], settings.diameter)
        return fitted, detected

    def _segment(
        self, network: nn.Module, masked: list[Masked], watch: Watch, before: int
    ) -> Generator[Step, None, Fitted]:
        s = self.settings
        core = s.core * s.diameter
        crops = MaskCrops(masked, core, s.crop, PixerSegmenter.stride, s.scale_jitter, s.grey, self.team.device)
        steps = fit(network, crops.batch, regression_loss, s, watch)
        return part_of_run(steps, s.sorter_steps + before * s.steps, self.total)

    def _watch(self, name: str) -> Watch:
        run = identity(self.settings, self.team, name, self.settings.start, self.sorter_from)
        return Watch(None, checkpoint_path(_weights(self.folder / name)), run)


def _weights(path: Path) -> Path:
    return path.with_name(f"{path.name}.safetensors")


def mean_iou(network: nn.Module, masked: list[Masked], radius: float) -> float | None:
    """The mean `pixel_iou` of a segmenter's maps, over those micrographs that have particles; None without any.

    Parameters
    ----------
    network
        In evaluation mode, on the CPU.
    masked
        Micrographs.
    radius
        Of the part of the masks that is the label, in network pixels; see `cores`.
    """
    each = ious(network, masked, radius)
    return float(np.mean(each)) if each else None


def ious(network: nn.Module, masked: list[Masked], radius: float) -> list[float]:
    """The `pixel_iou` of each of those micrographs that have particles; see `mean_iou`."""
    segmenter = cast(FullyConvolutional, fold(copy.deepcopy(network)))
    each = [pixel_iou(_map(segmenter, one.example), cores(one, radius), segmenter.stride) for one in masked]
    return [iou for iou in each if iou is not None]


def _map(segmenter: FullyConvolutional, example: Example) -> ImageArray:
    return drained(score_steps(segmenter, example.image.astype(np.float32), _CPU, _MEMORY))


def detect_all(network: nn.Module, examples: list[Example], diameter: float) -> list[Detections]:
    """The candidates of a segmenter on each example, as the picker finds them."""
    segmenter = cast(FullyConvolutional, fold(copy.deepcopy(network)))
    return [_detections(segmenter, example, diameter) for example in examples]


def _detections(segmenter: FullyConvolutional, example: Example, diameter: float) -> Detections:
    stride = segmenter.stride
    values = _map(segmenter, example)
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
