"""Train the classifier of DRPnet (stage 2) on the candidates of a detector."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import nn
from torch.nn import functional as F

from napari_drpnet.candidates import crop
from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.errors import UserError
from napari_drpnet.io.checkpoints import checkpoint_path
from napari_drpnet.io.weights import WeightsCard
from napari_drpnet.networks import Classifier
from napari_drpnet.pickers.network import classify, fold, load_network
from napari_drpnet.settings import TrainSettings
from napari_drpnet.tiling import FullyConvolutional
from napari_drpnet.training.augment import change_looks, random_view
from napari_drpnet.training.detections import FOUND, SURE, Detections, detections
from napari_drpnet.training.run import VALIDATION, Evidence, Training, begin, calibrate, conclude, identity, scorer
from napari_drpnet.training.sets import examples_of
from napari_drpnet.training_loop.batches import Batch, Tensors
from napari_drpnet.training_loop.fit import Watch, fit
from napari_drpnet.training_loop.parallel import crew

# Random background places drawn per micrograph, before those near a particle are left out.
_RANDOM = 50


class Patches:
    """Random patches, half of them particles, half background, drawn from detections.

    Particles are candidates within `SURE` diameters of a true centre and the true centres themselves; background
    is every candidate further than `FOUND` diameters from all of them, and some random places.
    """

    def __init__(self, detected: list[Detections], diameter: float, jitter: float, rng: np.random.Generator) -> None:
        self.detected, self.diameter, self.jitter = detected, diameter, jitter
        particles = [np.concatenate([h.yx[h.distance < SURE], h.example.yx]) for h in detected]
        background = [np.concatenate([h.yx[h.distance > FOUND], self._elsewhere(h, rng)]) for h in detected]
        self.places = (background, particles)
        self._shares = tuple(self._share(places) for places in self.places)

    def _share(self, places: list[FloatArray]) -> FloatArray:
        """How often to draw from each micrograph: by its weight, where it has such places."""
        weights = np.array([h.example.weight * bool(len(at)) for h, at in zip(self.detected, places, strict=True)])
        if not weights.any():
            raise UserError(
                "The training sets give patches of one class only.",
                "Add micrographs with both particles and background.",
            )
        return np.asarray(weights / weights.sum())

    def _elsewhere(self, h: Detections, rng: np.random.Generator) -> FloatArray:
        """Random places further than `FOUND` diameters from every particle, where the truth is known."""
        border = max(h.example.border, 0.5 * self.diameter)
        shape = np.array(h.example.image.shape)
        if (shape <= 2 * border).any():
            return np.empty((0, 2))
        places = rng.uniform(border, shape - border, (_RANDOM, 2))
        if not len(h.example.yx):
            return places
        distance, _ = cKDTree(h.example.yx).query(places)
        return np.asarray(places[distance > FOUND * self.diameter])

    def batch(self, n: int, step: int, rng: np.random.Generator) -> Batch:
        """Patches ``(n, 1, 64, 64)`` and labels ``(n,)``, 1 for a particle."""
        labels = rng.permutation(np.arange(n) % 2)
        patches, origins = zip(*(self._patch(int(label), rng) for label in labels), strict=True)
        tensors = torch.from_numpy(np.stack(patches))[:, None], torch.from_numpy(labels.astype(np.float32))
        return Batch(tensors, origins)

    def _patch(self, label: int, rng: np.random.Generator) -> tuple[ImageArray, str]:
        i = rng.choice(len(self.detected), p=self._shares[label])
        places, example = self.places[label][i], self.detected[i].example
        centre = places[rng.integers(len(places))] + rng.normal(0, 0.04 * self.diameter, 2)
        centre = np.clip(centre, 0, np.array(example.image.shape) - 1)
        view = random_view(rng, centre, Classifier.patch, self.jitter)
        return change_looks(view.of(example.image), rng), example.name


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
    settings = settings.model_copy(update={"diameter": scale})
    earlier, network = begin(settings, "classifier", "classifier")
    training, validation = examples_of(settings, streamed=False)
    learnt = [detections(finder, example, scale) for example in training]
    tested = [detections(finder, example, scale) for example in validation]
    patches = Patches(learnt, scale, settings.scale_jitter, np.random.default_rng(settings.seed))

    with crew(settings.device) as team:
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
        detector=Path(detector).stem,
        start=Path(settings.start).stem if settings.start else "",
    )
    return conclude(out, result, fitted, evidence)


def classified(network: nn.Module, detected: list[Detections]) -> list[Detections]:
    """The candidates of a detector with the classifier's logit before the other terms of their probability."""
    classifier = fold(copy.deepcopy(network))
    return [replace(h, terms=[scores(classifier, h), *h.terms]) for h in detected]
