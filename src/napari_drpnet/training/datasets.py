"""Where training draws from, and what it draws: patches with their class, crops with the map to be made of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch

from napari_drpnet.data import FloatArray
from napari_drpnet.errors import UserError
from napari_drpnet.settings import Grey, TrainSettings
from napari_drpnet.training.example import Example
from napari_drpnet.training.pool import Pool
from napari_drpnet.training.targets import Target
from napari_drpnet.training_loop.batches import Batch

# A particle's centre is met to about this, in diameters.
_OFF_CENTRE = 0.04


class Centred:
    """Every particle of some examples once in an epoch, in an order that depends on the seed and the epoch alone."""

    def __init__(self, examples: Sequence[Example], seed: int, rank: int = 0, size: int = 1) -> None:
        self.of = np.repeat(np.arange(len(examples)), [len(example.yx) for example in examples])
        self.yx = np.concatenate([example.yx for example in examples])
        self.seed, self.rank, self.size = seed, rank, size

    def places(self, n: int, step: int) -> tuple[npt.NDArray[np.intp], FloatArray]:
        """Numbers of the micrographs ``(n,)`` and centres ``(n, 2)`` of one step."""
        first = ((step - 1) * self.size + self.rank) * n
        chosen = [self._order(i // len(self.yx))[i % len(self.yx)] for i in range(first, first + n)]
        return self.of[chosen], self.yx[chosen]

    def _order(self, epoch: int) -> npt.NDArray[np.intp]:
        return np.random.default_rng((self.seed, epoch)).permutation(len(self.yx))


def steps_of(settings: TrainSettings, everything: int, processes: int) -> int:
    """The steps of a run that learns from so many crops or patches an epoch."""
    if settings.epochs is None:
        return settings.steps
    return math.ceil(settings.epochs * everything / (settings.batch * processes))


class Patches:
    """Random patches, as many of each class.

    Parameters
    ----------
    pool
        Micrographs, drawn as often as their weights say.
    places
        By the name of a class its places on each of the micrographs, ``(n, 2)`` in network pixels.
    diameter
        Of a particle, in network pixels.
    side
        Of a patch.
    jitter
        Largest relative error of the diameter; None: patches are neither moved, turned nor changed.
    grey
        How grey levels are brought to the network.

    Raises
    ------
    UserError
        When no micrograph shows one of the classes.
    """

    def __init__(
        self,
        pool: Pool,
        places: Mapping[str, Sequence[FloatArray]],
        diameter: float,
        side: int,
        jitter: float | None,
        grey: Grey,
    ) -> None:
        self.pool, self.places, self.side, self.jitter, self.grey = pool, list(places.values()), side, jitter, grey
        self._off = _OFF_CENTRE * diameter
        self._shares = [self._share(kind, at) for kind, at in places.items()]

    @property
    def size(self) -> int:
        """Patches of an epoch: of each class as many as the rarest has."""
        return len(self.places) * min(sum(map(len, at)) for at in self.places)

    def _share(self, kind: str, places: Sequence[FloatArray]) -> FloatArray:
        """How often to draw from each micrograph: by its weight, where it has such places."""
        weights = np.array([e.weight * bool(len(at)) for e, at in zip(self.pool.examples, places, strict=True)])
        if not weights.any():
            raise UserError(f"The training sets show no {kind}.", "Add micrographs that do.")
        return np.asarray(weights / weights.sum())

    def batch(self, n: int, step: int, rng: np.random.Generator) -> Batch:
        """Patches ``(n, 1, side, side)`` and the numbers of their classes ``(n,)``, int64."""
        kinds = rng.permutation(np.arange(n) % len(self.places))
        chosen = [self._place(int(kind), rng) for kind in kinds]
        of, centre = np.array([number for number, _ in chosen]), np.stack([at for _, at in chosen])
        if self.jitter is not None:
            centre = centre + rng.normal(0, self._off, centre.shape)
        patches = self.pool.crops(of, centre, self.side, self.jitter, self.grey, rng)[0]
        names = tuple(self.pool.examples[i].name for i in of)
        return Batch((patches, torch.from_numpy(kinds).to(patches.device)), names)

    def _place(self, kind: int, rng: np.random.Generator) -> tuple[int, FloatArray]:
        i = int(rng.choice(len(self.places[kind]), p=self._shares[kind]))
        at = self.places[kind][i]
        return i, at[rng.integers(len(at))]


class Crops:
    """Crops with targets, at random places or centred on particles.

    Parameters
    ----------
    pool
        Micrographs, drawn as often as their weights say.
    target
        What is to be made of a crop.
    side
        Side of a crop in network pixels.
    stride
        Network pixels per target pixel.
    jitter
        Largest relative error of the diameter; None: crops are neither turned nor changed.
    grey
        How grey levels are brought to the network.
    centred
        Places to cut at; None: anywhere.
    reach
        How far from a centre the target is not 0, in network pixels.
    """

    def __init__(
        self,
        pool: Pool,
        target: Target,
        side: int,
        stride: int,
        jitter: float | None,
        grey: Grey,
        reach: float,
        centred: Centred | None = None,
    ) -> None:
        self.pool, self.target, self.side, self.stride = pool, target, side, stride
        self.jitter, self.grey, self.reach, self.centred = jitter, grey, reach, centred

    def batch(self, n: int, step: int, rng: np.random.Generator) -> Batch:
        """Images ``(n, 1, s, s)``, targets and loss weights ``(n, 1, s / stride, s / stride)``."""
        if self.centred is None:
            of = self.pool.chosen(rng, n)
            centre = self.pool.somewhere(rng, of, self.side)
        else:
            of, centre = self.centred.places(n, step)
        images, views = self.pool.crops(of, centre, self.side, self.jitter, self.grey, rng)
        targets = self.target(self.pool.centres(views, self.reach), self.side, self.stride)
        known = self.pool.known(views, self.stride)
        names = tuple(self.pool.examples[i].name for i in of)
        return Batch((images, targets[:, None], known[:, None]), names)
