"""Patches that PIXER's classification network learns from: particles, contamination and background."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.spatial import cKDTree

from napari_drpnet.candidates import inside
from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.errors import UserError
from napari_drpnet.networks import PixerSorter
from napari_drpnet.training.augment import change_looks, random_view
from napari_drpnet.training.detections import FOUND
from napari_drpnet.training.masks import CONTAMINATION, Masked
from napari_drpnet.training_loop.batches import Batch

# Random places drawn per micrograph for each kind, before those that are no such place are left out.
_RANDOM = 60
# A particle's centre is met to about this, in diameters.
_OFF_CENTRE = 0.04


def places(masked: Masked, diameter: float, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Where a micrograph shows each of `PixerSorter.classes`, ``(n, 2)`` in network pixels.

    Contamination and background lie further than `FOUND` diameters from every particle. Half of the background lies
    no further than a diameter from one, where a segmentation that melts particles together has its false maxima.
    """
    example = masked.example
    shape = np.array(masked.mask.shape)
    dirty = np.argwhere(masked.mask == CONTAMINATION)
    dirty = dirty[rng.integers(len(dirty), size=_RANDOM)] if len(dirty) else dirty
    anywhere = rng.uniform(0, shape - 1, (_RANDOM, 2))
    angle, length = rng.uniform(0, 2 * np.pi, _RANDOM), rng.uniform(FOUND, 1, _RANDOM) * diameter
    beside = length[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    beside += example.yx[rng.integers(len(example.yx), size=_RANDOM)] if len(example.yx) else anywhere
    other = [_apart(masked, at, diameter) for at in (dirty.astype(float), np.concatenate([anywhere, beside]))]
    at = np.rint(other[1]).astype(int)
    clean = masked.mask[at[:, 0], at[:, 1]] != CONTAMINATION
    return example.yx, other[0], other[1][clean]


def _apart(masked: Masked, yx: FloatArray, diameter: float) -> FloatArray:
    """Those places where the truth is known that lie further than `FOUND` diameters from every particle."""
    example = masked.example
    yx = yx[inside(yx, example.image.shape, max(example.border, diameter / 2))]
    if not len(example.yx) or not len(yx):
        return yx
    return np.asarray(yx[cKDTree(example.yx).query(yx)[0] > FOUND * diameter])


class SorterPatches:
    """Random patches, as many of each of `PixerSorter.classes`.

    Parameters
    ----------
    sources
        Micrographs, drawn as often as their weights say.
    diameter
        Of a particle, in network pixels.
    jitter
        Largest relative error of the diameter.
    rng
        Chooses the places of contamination and background.

    Raises
    ------
    UserError
        When no micrograph shows one of the classes.
    """

    def __init__(self, sources: Sequence[Masked], diameter: float, jitter: float, rng: np.random.Generator) -> None:
        self.examples = [masked.example for masked in sources]
        self.diameter, self.jitter = diameter, jitter
        self.places = list(zip(*(places(masked, diameter, rng) for masked in sources), strict=True))
        self._shares = [self._share(kind, at) for kind, at in zip(PixerSorter.classes, self.places, strict=True)]

    def _share(self, kind: str, places: Sequence[FloatArray]) -> FloatArray:
        """How often to draw from each micrograph: by its weight, where it has such places."""
        weights = np.array([e.weight * bool(len(at)) for e, at in zip(self.examples, places, strict=True)])
        if not weights.any():
            raise UserError(f"The training sets show no {kind}.", "Add simulated micrographs that do.")
        return np.asarray(weights / weights.sum())

    def batch(self, n: int, step: int, rng: np.random.Generator) -> Batch:
        """Patches ``(n, 1, 64, 64)`` and their classes ``(n,)``, int64."""
        kinds = rng.permutation(np.arange(n) % len(PixerSorter.classes))
        patches, origins = zip(*(self._patch(int(kind), rng) for kind in kinds), strict=True)
        return Batch((torch.from_numpy(np.stack(patches))[:, None], torch.from_numpy(kinds)), origins)

    def _patch(self, kind: int, rng: np.random.Generator) -> tuple[ImageArray, str]:
        i = rng.choice(len(self.examples), p=self._shares[kind])
        at, example = self.places[kind][i], self.examples[i]
        centre = at[rng.integers(len(at))] + rng.normal(0, _OFF_CENTRE * self.diameter, 2)
        centre = np.clip(centre, 0, np.array(example.image.shape) - 1)
        view = random_view(rng, centre, PixerSorter.patch, self.jitter)
        return change_looks(view.of(example.image), rng), example.name
