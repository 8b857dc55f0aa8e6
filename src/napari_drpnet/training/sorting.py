"""Patches that PIXER's classification network learns from: particles, contamination and background."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.spatial import cKDTree

from napari_drpnet.candidates import inside
from napari_drpnet.data import FloatArray
from napari_drpnet.networks import PixerSorter
from napari_drpnet.settings import PixerTrainSettings
from napari_drpnet.training.datasets import Patches
from napari_drpnet.training.detections import FOUND
from napari_drpnet.training.masks import CONTAMINATION, Masked
from napari_drpnet.training.pool import Pool

# Random places drawn per micrograph for each kind, before those that are no such place are left out.
_RANDOM = 60


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


def sorter_patches(
    sources: Sequence[Masked], settings: PixerTrainSettings, device: torch.device, rng: np.random.Generator
) -> Patches:
    """Random patches, as many of each of `PixerSorter.classes`.

    Parameters
    ----------
    sources
        Micrographs, drawn as often as their weights say.
    settings
        Of the run.
    device
        Where patches are made.
    rng
        Chooses the places of contamination and background.

    Raises
    ------
    UserError
        When no micrograph shows one of the classes.
    """
    found = zip(*(places(masked, settings.diameter, rng) for masked in sources), strict=True)
    pool, kinds = (
        Pool([masked.example for masked in sources], device),
        dict(zip(PixerSorter.classes, found, strict=True)),
    )
    return Patches(pool, kinds, settings.diameter, PixerSorter.patch, settings.scale_jitter, settings.grey)
