"""Train the classifier of DRPnet (stage 2) on the candidates of a detector."""

from __future__ import annotations

import copy
from collections.abc import Generator, Sequence
from dataclasses import replace
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
from napari_drpnet.labels import near
from napari_drpnet.networks import Classifier
from napari_drpnet.pickers.network import classify, fold, load_network
from napari_drpnet.settings import TrainSettings
from napari_drpnet.tiling import FullyConvolutional
from napari_drpnet.training.datasets import Patches, steps_of
from napari_drpnet.training.detections import FOUND, SURE, Detections, detections
from napari_drpnet.training.example import Example
from napari_drpnet.training.pool import Pool
from napari_drpnet.training.run import VALIDATION, Evidence, Training, begin, calibrate, conclude, identity, scorer
from napari_drpnet.training.sets import examples_of
from napari_drpnet.training_loop.batches import Tensors
from napari_drpnet.training_loop.fit import Step, Watch, fit
from napari_drpnet.training_loop.parallel import crew

# Random background places drawn per micrograph, before those near a particle are left out.
_RANDOM = 50
# A short training looks at so many micrographs all the same.
_FEWEST = 300
# Micrographs between two words on how far it is.
_TOLD = 100


def some_of(examples: Sequence[Example], about: int, seed: int) -> list[Example]:
    """About so many of the examples, drawn by their weights; each kind of micrograph keeps its part of all patches.

    Finding candidates takes as long as many steps, and a training of so many batches has no use for more micrographs.

    Parameters
    ----------
    examples
        With their weights. All are kept where there are no more than ``about``.
    about
        How many to keep.
    seed
        Of the draw.
    """
    if len(examples) <= about:
        return list(examples)
    share = np.array([example.weight for example in examples])
    share /= share.sum()
    kept = np.random.default_rng(seed).random(len(examples)) < about * share
    every = zip(examples, share, kept, strict=True)
    return [replace(example, weight=float(max(part, 1 / about))) for example, part, chosen in every if chosen]


def classifier_patches(detected: Sequence[Detections], settings: TrainSettings, device: torch.device) -> Patches:
    """Random patches drawn from detections, half of them background, half particles.

    Particles are candidates within `SURE` diameters of a true centre and the true centres themselves; background
    is every candidate further than `FOUND` diameters from all of them, and some random places.
    """
    rng, diameter = np.random.default_rng(settings.seed), settings.diameter
    particles = [np.concatenate([h.yx[h.distance < SURE], h.example.yx]) for h in detected]
    background = [np.concatenate([h.yx[h.distance > FOUND], _elsewhere(h, diameter, rng)]) for h in detected]
    kinds = {"background": background, "particles": particles}
    pool, jitter = Pool([h.example for h in detected], device), settings.scale_jitter if settings.augment else None
    return Patches(pool, kinds, diameter, Classifier.patch, jitter, settings.grey)


def _elsewhere(h: Detections, diameter: float, rng: np.random.Generator) -> FloatArray:
    """Random places further than `FOUND` diameters from every particle, where the truth is known."""
    border = max(h.example.border, 0.5 * diameter)
    shape = np.array(h.example.image.shape)
    if (shape <= 2 * border).any():
        return np.empty((0, 2))
    places = rng.uniform(border, shape - border, (_RANDOM, 2))
    return places[~near(places, h.example.yx, FOUND * diameter)]


def patch_loss(network: nn.Module, batch: Tensors) -> torch.Tensor:
    """Cross-entropy with slightly softened labels, since people's labels are not all right."""
    patch, label = batch
    return F.binary_cross_entropy_with_logits(network(patch), 0.03 + 0.94 * label)


def scores(network: nn.Module, found: Detections) -> FloatArray:
    """Classifier logits of the candidates of a micrograph."""
    if not len(found.yx):
        return np.empty(0)
    patches = crop(found.example.image.astype(np.float32), found.yx, Classifier.patch)
    return classify(network, patches, torch.device("cpu"))


def train_classifier(settings: TrainSettings, detector: str, out: Path) -> Training:
    """Train a classifier on the candidates of ``detector``, calibrate both together and write the weights.

    Parameters
    ----------
    settings
        Sets, weights to start from, length and seed; the scale is the detector's.
    detector
        Name or file of the detector's weights.
    out
        The ``.safetensors`` file to write; see `detector.train_detector` for what comes beside it.

    Returns
    -------
    TrainingReport or None
        As from `detector.train_detector`.

    Raises
    ------
    UserError
        When the sets give no particles or no background, or the weights cannot be used; and as `train_detector` does.
    """
    torch.manual_seed(settings.seed)
    card, stage1 = load_network(detector, "detector", torch.device("cpu"))
    finder, scale = cast(FullyConvolutional, stage1), card.diameter
    settings = settings.model_copy(update={"diameter": scale, "grey": card.grey})
    earlier, network = begin(settings, "classifier", "classifier")
    training, validation = examples_of(settings)
    if settings.epochs is None:
        training = some_of(training, max(settings.steps, _FEWEST), settings.seed)
    detected = yield from _detected(finder, [*training, *validation], scale)
    learnt, tested = detected[: len(training)], detected[len(training) :]
    with crew(settings.device) as team:
        patches = classifier_patches(learnt, settings, team.device)
        settings = settings.model_copy(update={"steps": steps_of(settings, patches.size, team.size)})
        run = identity(settings, team, "classifier", detector, settings.start)
        watch = Watch(scorer(classified, tested, settings.checked), checkpoint_path(out), run)
        fitted = yield from fit(network, patches.batch, patch_loss, settings, watch)
    if not team.leads:
        return None
    evidence = Evidence(classified(fitted.network, tested or learnt), VALIDATION if tested else "")
    result = WeightsCard(
        network="classifier",
        role="classifier",
        diameter=scale,
        calibration=calibrate(evidence, earlier.calibration if earlier else None),
        grey=settings.grey,
        detector=Path(detector).stem,
        start=Path(settings.start).stem if settings.start else "",
    )
    return conclude(out, result, fitted, evidence)


def _detected(
    finder: FullyConvolutional, examples: Sequence[Example], diameter: float
) -> Generator[Step, None, list[Detections]]:
    """Candidates on each example; says now and then how far it is."""
    found: list[Detections] = []
    for example in examples:
        if len(found) % _TOLD == 0:
            what = f"candidates on {len(found):,} of {len(examples):,} micrographs"
            yield Step(0, 0, what=what)
        found.append(detections(finder, example, diameter))
    return found


def classified(network: nn.Module, detected: list[Detections]) -> list[Detections]:
    """The candidates of a detector with the classifier's logit before the other terms of their probability."""
    classifier = fold(copy.deepcopy(network))
    return [replace(h, terms=[scores(classifier, h), *h.terms]) for h in detected]
