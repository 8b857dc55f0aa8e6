"""Where training draws from, and what it draws: patches with their class, crops with the map to be made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import torch

from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.errors import UserError
from napari_drpnet.training.augment import View, change_looks, random_view
from napari_drpnet.training.sets import Example
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


def cone(yx: FloatArray, shape: tuple[int, int], radius: float, stride: int = 1) -> ImageArray:
    """The regression target: the distance transform of the particles' discs, 1 at a centre and 0 at the edge.

    "Given the ground truth particle centers along with a particle size estimate, binary masks are produced; the
    distance transforms of those masks are used as training labels" (DRPnet paper, Methods). Each particle keeps
    its own cone where discs touch, and the highest counts.

    Parameters
    ----------
    yx
        ``(n, 2)`` centres in image pixels.
    shape
        ``(h, w)`` of the image; the target is ``stride`` times smaller, its pixel areas aligned.
    radius
        In image pixels.
    """
    h, w = shape[0] // stride, shape[1] // stride
    target = np.zeros((h, w), np.float32)
    reach = radius / stride
    for y, x in (yx + 0.5) / stride - 0.5:
        top, left = max(0, int(y - reach)), max(0, int(x - reach))
        rows = np.arange(top, min(h, int(y + reach) + 2))[:, None]
        columns = np.arange(left, min(w, int(x + reach) + 2))[None]
        if rows.size and columns.size:
            height = 1 - np.hypot(rows - y, columns - x) / reach
            window = target[rows[0, 0] : rows[-1, 0] + 1, columns[0, 0] : columns[0, -1] + 1]
            np.maximum(window, height, out=window)
    return target


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
        Largest relative error of the diameter.

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
        jitter: float,
    ) -> None:
        self.examples, self.places, self.side, self.jitter = examples, list(places.values()), side, jitter
        self._off = _OFF_CENTRE * diameter
        self._shares = [self._share(kind, at) for kind, at in places.items()]

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
        centre = at[rng.integers(len(at))] + rng.normal(0, self._off, 2)
        centre = np.clip(centre, 0, np.array(example.image.shape) - 1)
        view = random_view(rng, centre, self.side, self.jitter)
        return change_looks(view.of(example.image), rng), example.name


class Crops:
    """Random crops with targets.

    Parameters
    ----------
    sources
        Where to draw from.
    diameter
        Particle diameter in network pixels.
    side
        Side of a crop in network pixels.
    stride
        Network pixels per target pixel.
    jitter
        Largest relative error of the diameter.
    label
        Radius of the target's cones in diameters.
    """

    def __init__(
        self, sources: Sequence[CropSupply], diameter: float, side: int, stride: int, jitter: float, label: float
    ) -> None:
        self.sources, self.side, self.stride = sources, side, stride
        self.jitter, self.radius = jitter, label * diameter
        weights = np.array([source.weight for source in sources])
        self._shares = weights / weights.sum()

    def batch(self, n: int, step: int, rng: np.random.Generator) -> Batch:
        """Images ``(n, 1, s, s)``, targets and loss weights ``(n, 1, s / stride, s / stride)``."""
        examples = [self._source(rng).example(step, rng) for _ in range(n)]
        parts = zip(*(self._crop(example, rng) for example in examples), strict=True)
        tensors = tuple(torch.from_numpy(np.stack(part))[:, None] for part in parts)
        return Batch(tensors, tuple(example.name for example in examples))

    def _source(self, rng: np.random.Generator) -> CropSupply:
        return self.sources[rng.choice(len(self.sources), p=self._shares)]

    def _crop(self, example: Example, rng: np.random.Generator) -> tuple[ImageArray, ImageArray, ImageArray]:
        view = random_view(rng, somewhere(example.image.shape, self.side, rng), self.side, self.jitter)
        target = cone(view.from_image(example.yx), (self.side, self.side), self.radius, self.stride)
        return change_looks(view.of(example.image), rng), target, known(view, example, self.stride)
