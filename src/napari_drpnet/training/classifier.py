"""Train the classifier of DRPnet (stage 2) on the candidates of a detector."""

from __future__ import annotations

from collections.abc import Generator
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
from napari_drpnet.io.weights import WeightsCard, write_weights
from napari_drpnet.networks import Classifier, build, channels_last
from napari_drpnet.pickers.drpnet import classify, fold, load_network
from napari_drpnet.settings import TrainSettings
from napari_drpnet.tiling import FullyConvolutional
from napari_drpnet.training.datasets import change_looks, warp
from napari_drpnet.training.detector import TrainingReport, calibrate, examples_of
from napari_drpnet.training.fit import Batch, Step, fit
from napari_drpnet.training.harvest import FOUND, SURE, Harvest, harvest

# Random background places drawn per micrograph, before those near a particle are left out.
_RANDOM = 50


class Patches:
    """Random patches, half of them particles, half background, drawn from harvests.

    Particles are candidates within `SURE` diameters of a true centre and the true centres themselves; background
    is every candidate further than `FOUND` diameters from all of them, and some random places.
    """

    def __init__(self, harvests: list[Harvest], diameter: float, jitter: float, rng: np.random.Generator) -> None:
        self.harvests, self.diameter, self.jitter, self.rng = harvests, diameter, jitter, rng
        weights = np.array([h.example.weight for h in harvests])
        self.weights = weights / weights.sum()
        self.particles = [np.concatenate([h.yx[h.distance < SURE], h.example.yx]) for h in harvests]
        self.background = [np.concatenate([h.yx[h.distance > FOUND], self._elsewhere(h)]) for h in harvests]
        if not any(map(len, self.particles)) or not any(map(len, self.background)):
            raise UserError(
                "The training sets give patches of one class only.",
                "Add micrographs with both particles and background.",
            )

    def _elsewhere(self, h: Harvest) -> FloatArray:
        """Random places further than `FOUND` diameters from every particle, where the truth is known."""
        border = max(h.example.border, 0.5 * self.diameter)
        shape = np.array(h.example.image.shape)
        if (shape <= 2 * border).any():
            return np.empty((0, 2))
        places = self.rng.uniform(border, shape - border, (_RANDOM, 2))
        if not len(h.example.yx):
            return places
        distance, _ = cKDTree(h.example.yx).query(places)
        return np.asarray(places[distance > FOUND * self.diameter])

    def batch(self, n: int) -> Batch:
        """Patches ``(n, 1, 64, 64)`` and labels ``(n,)``, 1 for a particle."""
        labels = self.rng.permutation(np.arange(n) % 2)
        patches = np.stack([self._patch(self.particles if label else self.background) for label in labels])
        return torch.from_numpy(patches)[:, None], torch.from_numpy(labels.astype(np.float32))

    def _patch(self, places: list[FloatArray]) -> ImageArray:
        while True:
            i = self.rng.choice(len(self.harvests), p=self.weights)
            if len(places[i]):
                break
        centre = places[i][self.rng.integers(len(places[i]))] + self.rng.normal(0, 0.04 * self.diameter, 2)
        angle, flip = self.rng.uniform(0, 2 * np.pi), self.rng.choice([-1.0, 1.0])
        scale = np.exp(self.rng.uniform(-1, 1) * np.log1p(self.jitter))
        matrix = np.array([[np.cos(angle), -np.sin(angle) * flip], [np.sin(angle), np.cos(angle) * flip]]) * scale
        image = self.harvests[i].example.image
        centre = np.clip(centre, 0, np.array(image.shape) - 1)
        return change_looks(warp(image, matrix, centre, Classifier.patch), self.rng)


def patch_loss(network: nn.Module, batch: Batch) -> torch.Tensor:
    """Cross-entropy with slightly softened labels, since people's labels are not all right."""
    patch, label = batch
    return F.binary_cross_entropy_with_logits(network(patch), 0.03 + 0.94 * label)


def scores(network: nn.Module, found: Harvest) -> FloatArray:
    """Classifier logits of a harvest's candidates."""
    if not len(found.yx):
        return np.empty(0)
    patches = crop(found.example.image.astype(np.float32), found.yx, Classifier.patch)
    return classify(network, patches, torch.device("cpu"))


def train_classifier(settings: TrainSettings, detector: str, out: Path) -> Generator[Step, None, TrainingReport]:
    """Train a classifier on the candidates of ``detector``, calibrate both together and write the weights.

    Parameters
    ----------
    settings
        Sets, length and seed; the scale is the detector's.
    detector
        Name or file of the detector's weights.
    out
        The ``.safetensors`` file to write.

    Raises
    ------
    UserError
        When the sets give no particles or no background, or the detector cannot be used.
    """
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    card, stage1 = load_network(detector, "detector", torch.device("cpu"))
    network = cast(FullyConvolutional, stage1)
    training, validation = examples_of(settings.model_copy(update={"diameter": card.diameter}))
    patches = Patches(
        [harvest(network, example, card.diameter) for example in training], card.diameter, settings.scale_jitter, rng
    )
    untrained = channels_last(build("classifier"))
    trained = yield from fit(untrained, patches.batch, patch_loss, settings)
    tensors = {key: value.clone() for key, value in trained.state_dict().items()}
    folded = fold(trained)
    checked = [harvest(network, example, card.diameter) for example in validation] if validation else patches.harvests
    calibration, f1 = calibrate(checked, [[scores(folded, h), *h.terms] for h in checked])
    result = WeightsCard(
        network="classifier",
        role="classifier",
        diameter=card.diameter,
        calibration=calibration,
        detector=Path(detector).stem,
    )
    write_weights(out, result, tensors)
    return TrainingReport(out, f1 if validation else None, calibration)
