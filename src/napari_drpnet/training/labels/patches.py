"""Patches to learn a classifier from: where they come from on a micrograph, and how they are drawn."""

from __future__ import annotations

import copy
from warnings import warn

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from napari_drpnet.data import FloatArray, ImageArray, MaskArray, PatchSet
from napari_drpnet.errors import UserError
from napari_drpnet.io.weights import locate, read_card
from napari_drpnet.labels import near
from napari_drpnet.networks import Classifier
from napari_drpnet.pickers.network import classify, fold
from napari_drpnet.rescaling import rescale
from napari_drpnet.settings import Grey, HarvestSettings
from napari_drpnet.training.looks import change_looks
from napari_drpnet.training.pool import Pixels, Views, random_matrices
from napari_drpnet.training_loop.batches import Batch

# Particle diameter in the patches of the package's classifiers, in pixels.
DIAMETER = 32.0
# Fewer patches of a class are no training set.
FEWEST = 10
# Distances in diameters: two centres nearer than AGREE mean the same particle; background is at least APART from
# everything that is or may be a particle.
AGREE, APART = 0.5, 0.6
# Pixel sizes that differ by less are the same.
_SAME = 0.02
_JITTER, _SHAKE = 0.1, 0.04
_TRIES = 20
_BATCH = 256


def scattered(
    rng: np.random.Generator, shape: tuple[int, int], border: float, taken: FloatArray, distance: float, most: int
) -> FloatArray:
    """Up to ``most`` random places of an image, ``distance`` from what is taken and half of it from each other.

    Parameters
    ----------
    shape
        ``(h, w)`` in pixels.
    border, distance
        Pixels.
    taken
        ``(n, 2)`` pixels.
    """
    size = np.array(shape) - 1 - border
    if most == 0 or (size <= border).any():
        return np.empty((0, 2))
    places = rng.uniform(border, size, (_TRIES * most, 2))
    places = places[~near(places, taken, distance)]
    kept: list[int] = []
    for i, place in enumerate(places):
        if len(kept) == most:
            break
        if not kept or np.hypot(*(places[kept] - place).T).min() >= distance / 2:
            kept.append(i)
    return places[kept]


def covered_places(rng: np.random.Generator, region: MaskArray, shape: tuple[int, int], most: int) -> FloatArray:
    """Up to ``most`` random places under a painted region, ``(n, 2)`` in pixels of an image of ``shape``."""
    cells = np.argwhere(region)
    if not len(cells):
        return np.empty((0, 2))
    chosen = cells[rng.choice(len(cells), min(most, len(cells)), replace=False)]
    within = rng.uniform(0, 1, chosen.shape)
    return np.asarray((chosen + within) * (np.array(shape) / np.array(region.shape)) - 0.5, np.float64)


def agreement(sets: list[FloatArray], distance: float) -> tuple[FloatArray, FloatArray]:
    """What all sets of picks have, each place once as the first set has it, and what only one of them has.

    Parameters
    ----------
    sets
        Two or more, ``(n, 2)`` each.
    distance
        Picks nearer than this are of the same particle.
    """
    first, *others = sets
    shared = np.ones(len(first), bool)
    for other in others:
        shared &= near(first, other, distance)
    alone = []
    for i, own in enumerate(sets):
        rest = np.concatenate([other for j, other in enumerate(sets) if j != i])
        alone.append(own[~near(own, rest, distance)])
    return first[shared], np.concatenate(alone)


def by_confidence(
    yx: FloatArray,
    high: MaskArray,
    low: MaskArray,
    patches: ImageArray,
    diameter: float,
    settings: HarvestSettings,
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Which candidates the paper takes for particles, which for background, and which for their flat patches.

    "Positive training samples were particles detected with high confidence, then further refined by removing those with
    low standard deviation of intensity. Negative training samples were particles with low probability scores [...] as
    well as particles which had a low standard deviation of intensity." (Methods, stage 2)

    Parameters
    ----------
    yx
        ``(n, 2)`` maxima of a map.
    high, low
        ``(n,)`` which of them are sure, and which are so unsure that they are background.
    patches
        ``(n, 64, 64)`` around them, particles dark.
    diameter
        In the unit of ``yx``.
    settings
        Percentiles of the darkness and of the standard deviation, the least standard deviation, and how far background
        is from particles.

    Returns
    -------
    particles, low, flat
        Indices.
    """
    if not len(yx):
        return (np.empty(0, np.intp),) * 3
    middle = patches[:, 16:48, 16:48]
    spread, dark = patches.std(axis=(1, 2)), -middle.mean(axis=(1, 2))
    rough = spread >= max(np.percentile(spread, settings.deviation), settings.least_deviation)
    sure = high & rough & (dark >= np.percentile(dark, settings.mean))
    far = ~near(yx, yx[sure], settings.apart * diameter / 2)
    flat = ~rough & ~high & far
    return np.flatnonzero(sure), np.flatnonzero(low & far & ~flat), np.flatnonzero(flat)


def balanced(patches: PatchSet, rng: np.random.Generator) -> PatchSet:
    """As many patches of background as of particles in each split, the surplus left out at random."""
    keep: list[npt.NDArray[np.intp]] = []
    for split in np.unique(patches.split):
        classes = [np.flatnonzero((patches.split == split) & (patches.particle == label)) for label in (True, False)]
        fewest = min(map(len, classes))
        keep += [rng.choice(which, fewest, replace=False) for which in classes]
    return patches.select(np.sort(np.concatenate(keep)) if keep else np.empty(0, np.intp))


def patch_grey() -> Grey:
    """How grey levels of patches are brought to a classifier: as to the shipped one."""
    return read_card(locate("classifier")).grey


def at_network_scale(patches: PatchSet, diameter: float | None = None) -> PatchSet:
    """The patches as the network takes them: 64 px in which a particle spans 32.

    Parameters
    ----------
    patches
        Of any pixel size.
    diameter
        Of the particle in Angstrom as it is now; None: as it was when the set was made.

    Warns
    -----
    UserWarning
        When they are rescaled.
    """
    diameter = diameter or patches.diameter
    wanted, side = diameter / DIAMETER, Classifier.patch
    factor = patches.pixel_size / wanted
    if abs(factor - 1) <= _SAME and patches.images.shape[1:] == (side, side):
        return patches
    was = "x".join(map(str, patches.images.shape[1:]))
    warn(
        f"The patches of {was} px, {patches.pixel_size:.3g} A each, are rescaled to {side} px of {wanted:.3g} A, so "
        f"that a particle of {diameter:g} A spans {DIAMETER:g} px.",
        stacklevel=2,
    )
    images = np.stack([_fitted(rescale(image, factor), side) for image in patches.images])
    return PatchSet(
        images, wanted, diameter, patches.particle, patches.micrograph, patches.yx, patches.split, patches.origin,
        patches.score, patches.grey,
    )  # fmt: skip


def _fitted(image: ImageArray, side: int) -> ImageArray:
    """The middle of an image, mirrored where it is too small."""
    short = [max(0, side - n) for n in image.shape]
    padded = np.pad(image, [((n + 1) // 2, n // 2) for n in short], mode="symmetric")
    top, left = (n // 2 - side // 2 for n in padded.shape)
    return np.ascontiguousarray(padded[top : top + side, left : left + side])


def check_usable(patches: PatchSet) -> None:
    """Refuse what nothing can be learnt from.

    Raises
    ------
    UserError
        When there is one class only, or too few patches of one.
    """
    learnt = patches.particle[patches.split == "training"]
    particles, background = int(learnt.sum()), int((~learnt).sum())
    if not particles or not background:
        only = "particles" if particles else "background"
        raise UserError(
            f"The patch set holds {only} only to learn from." if len(learnt) else "The patch set is empty.",
            "Label some background as well, or harvest with random background." if particles else "Label particles.",
        )
    if min(particles, background) < FEWEST:
        raise UserError(
            f"{particles} particles and {background} patches of background are too few to learn from.",
            f"Have at least {FEWEST} of each.",
        )


class PatchDraw:
    """Random patches of a set, half of them particles, half background, turned, mirrored and changed in their looks."""

    def __init__(self, patches: PatchSet) -> None:
        self.pixels = Pixels(list(patches.images.astype(np.float16)), torch.device("cpu"))
        self.names, self.grey = patches.micrograph, patches.grey
        self.classes = tuple(np.flatnonzero(patches.particle == label) for label in (False, True))

    def batch(self, n: int, step: int, rng: np.random.Generator) -> Batch:
        """Patches ``(n, 1, 64, 64)`` and labels ``(n,)``, 1 for a particle."""
        labels = rng.permutation(np.arange(n) % 2)
        chosen = [int(rng.choice(self.classes[label])) for label in labels]
        side = Classifier.patch
        centre = side / 2 + rng.normal(0, _SHAKE * DIAMETER, (n, 2))
        views = Views(np.array(chosen), random_matrices(rng, n, _JITTER), centre, side)
        images = change_looks(self.pixels.cut(views), self.grey, rng)
        tensors = images[:, None], torch.from_numpy(labels.astype(np.float32))
        return Batch(tensors, tuple(str(self.names[i]) for i in chosen))


def patch_scores(network: nn.Module, images: ImageArray) -> FloatArray:
    """Classifier logits of ``(n, 64, 64)`` patches."""
    classifier = fold(copy.deepcopy(network).eval())
    parts = [classify(classifier, images[i : i + _BATCH], torch.device("cpu")) for i in range(0, len(images), _BATCH)]
    return np.concatenate([np.empty(0), *parts])
