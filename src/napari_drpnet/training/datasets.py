"""Where training draws from, and what it draws: patches with their class, crops with the map to be made of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.errors import UserError
from napari_drpnet.settings import TrainSettings
from napari_drpnet.training.augment import View, change_looks, random_view
from napari_drpnet.training.sets import Example
from napari_drpnet.training.targets import Target
from napari_drpnet.training_loop.batches import Batch

# A particle's centre is met to about this, in diameters.
_OFF_CENTRE = 0.04


class CropSupply(Protocol):
    """Something that examples are drawn from, as often as its weight says."""

    weight: float

    def example(self, step: int, rng: np.random.Generator) -> Example:
        """One of the examples that are there at this step."""
        ...


class Fixed:
    """Examples that are there from the beginning to the end, each drawn as often as its weight says."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self.examples = examples
        weights = np.array([e.weight for e in examples])
        self.weight = float(weights.sum())
        self._shares = weights / weights.sum()

    def example(self, step: int, rng: np.random.Generator) -> Example:
        """One of them, at any step."""
        return self.examples[rng.choice(len(self.examples), p=self._shares)]


def somewhere(shape: tuple[int, int], side: int, rng: np.random.Generator) -> FloatArray:
    """The centre of a crop of ``side`` pixels anywhere on an image of ``shape``, ``(2,)``."""
    half = min(side / 2, shape[0] / 2, shape[1] / 2)
    return np.array([rng.uniform(half, shape[0] - half), rng.uniform(half, shape[1] - half)])


def known(view: View, example: Example, stride: int) -> ImageArray:
    """1 where a view shows the labelled part of the example, 0 elsewhere; ``stride`` view pixels a pixel."""
    axis = (np.arange(view.side // stride) + 0.5) * stride - 0.5
    at = view.to_image(np.stack(np.meshgrid(axis, axis, indexing="ij"), -1))
    limit = np.array(example.image.shape) - 1 - example.border
    return np.asarray(((at >= example.border) & (at <= limit)).all(-1), np.float32)


# Where crops are: the micrograph, and the centre (2,), or None for a random place.
Places: TypeAlias = list[tuple[Example, FloatArray | None]]
# Crops a step, number of the step from 1, source of randomness -> where each of them is.
PlacesOf: TypeAlias = Callable[[int, int, np.random.Generator], Places]


def anywhere(sources: Sequence[CropSupply]) -> PlacesOf:
    """Random places of random examples."""
    weights = np.array([source.weight for source in sources])
    shares = weights / weights.sum()

    def places(n: int, step: int, rng: np.random.Generator) -> Places:
        return [(sources[rng.choice(len(sources), p=shares)].example(step, rng), None) for _ in range(n)]

    return places


class Centred:
    """Every particle of some examples once in an epoch, in an order that depends on the seed and the epoch alone."""

    def __init__(self, examples: Sequence[Example], seed: int, rank: int = 0, size: int = 1) -> None:
        self.all = [(example, at) for example in examples for at in example.yx]
        self.seed, self.rank, self.size = seed, rank, size

    def places(self, n: int, step: int, _: np.random.Generator) -> Places:
        """Those of one step."""
        first = ((step - 1) * self.size + self.rank) * n
        return [self.all[self._order(i // len(self.all))[i % len(self.all)]] for i in range(first, first + n)]

    def _order(self, epoch: int) -> npt.NDArray[np.intp]:
        return np.random.default_rng((self.seed, epoch)).permutation(len(self.all))


def seen(rng: np.random.Generator, centre: FloatArray, side: int, jitter: float | None) -> View:
    """A random view, or where ``jitter`` is None the plain one."""
    return View(np.eye(2), centre, side) if jitter is None else random_view(rng, centre, side, jitter)


def steps_of(settings: TrainSettings, everything: int, processes: int) -> int:
    """The steps of a run that learns from so many crops or patches an epoch."""
    if settings.epochs is None:
        return settings.steps
    return math.ceil(settings.epochs * everything / (settings.batch * processes))


class Patches:
    """Random patches, as many of each class.

    Parameters
    ----------
    examples
        Micrographs, drawn as often as their weights say.
    places
        By the name of a class its places on each of the micrographs, ``(n, 2)`` in network pixels.
    diameter
        Of a particle, in network pixels.
    side
        Of a patch.
    jitter
        Largest relative error of the diameter; None: patches are neither moved, turned nor changed.

    Raises
    ------
    UserError
        When no micrograph shows one of the classes.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        places: Mapping[str, Sequence[FloatArray]],
        diameter: float,
        side: int,
        jitter: float | None,
    ) -> None:
        self.examples, self.places, self.side, self.jitter = examples, list(places.values()), side, jitter
        self._off = _OFF_CENTRE * diameter
        self._shares = [self._share(kind, at) for kind, at in places.items()]

    @property
    def size(self) -> int:
        """Patches of an epoch: of each class as many as the rarest has."""
        return len(self.places) * min(sum(map(len, at)) for at in self.places)

    def _share(self, kind: str, places: Sequence[FloatArray]) -> FloatArray:
        """How often to draw from each micrograph: by its weight, where it has such places."""
        weights = np.array([e.weight * bool(len(at)) for e, at in zip(self.examples, places, strict=True)])
        if not weights.any():
            raise UserError(f"The training sets show no {kind}.", "Add micrographs that do.")
        return np.asarray(weights / weights.sum())

    def batch(self, n: int, step: int, rng: np.random.Generator) -> Batch:
        """Patches ``(n, 1, side, side)`` and the numbers of their classes ``(n,)``, int64."""
        kinds = rng.permutation(np.arange(n) % len(self.places))
        patches, origins = zip(*(self._patch(int(kind), rng) for kind in kinds), strict=True)
        return Batch((torch.from_numpy(np.stack(patches))[:, None], torch.from_numpy(kinds)), origins)

    def _patch(self, kind: int, rng: np.random.Generator) -> tuple[ImageArray, str]:
        i = rng.choice(len(self.examples), p=self._shares[kind])
        at, example = self.places[kind][i], self.examples[i]
        centre = at[rng.integers(len(at))]
        if self.jitter is not None:
            centre = np.clip(centre + rng.normal(0, self._off, 2), 0, np.array(example.image.shape) - 1)
        patch = seen(rng, centre, self.side, self.jitter).of(example.image)
        return patch if self.jitter is None else change_looks(patch, rng), example.name


class Crops:
    """Crops with targets, at random places or centred on particles.

    Parameters
    ----------
    places
        Where to cut; `anywhere`, or `Centred.places`.
    target
        What is to be made of a crop.
    side
        Side of a crop in network pixels.
    stride
        Network pixels per target pixel.
    jitter
        Largest relative error of the diameter; None: crops are neither turned nor changed.
    """

    def __init__(self, places: PlacesOf, target: Target, side: int, stride: int, jitter: float | None) -> None:
        self.places, self.target, self.side, self.stride, self.jitter = places, target, side, stride, jitter

    def batch(self, n: int, step: int, rng: np.random.Generator) -> Batch:
        """Images ``(n, 1, s, s)``, targets and loss weights ``(n, 1, s / stride, s / stride)``."""
        places = self.places(n, step, rng)
        parts = zip(*(self._crop(example, centre, rng) for example, centre in places), strict=True)
        tensors = tuple(torch.from_numpy(np.stack(part))[:, None] for part in parts)
        return Batch(tensors, tuple(example.name for example, _ in places))

    def _crop(
        self, example: Example, centre: FloatArray | None, rng: np.random.Generator
    ) -> tuple[ImageArray, ImageArray, ImageArray]:
        centre = somewhere(example.image.shape, self.side, rng) if centre is None else centre
        view = seen(rng, centre, self.side, self.jitter)
        image = view.of(example.image)
        image = image if self.jitter is None else change_looks(image, rng)
        target = self.target(view.from_image(example.yx), (self.side, self.side), self.stride)
        return image, target, known(view, example, self.stride)
