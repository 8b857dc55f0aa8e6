"""What CenterPicker's network learns from: crops at many scales, with Gaussians at the centres; and its loss.

Zhou, Wang, Krähenbühl, "Objects as points", arXiv:1904.07850 (2019), is CenterNet, whose training the paper takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from napari_drpnet.data import FloatArray, ImageArray, Micrograph, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io import read_micrograph
from napari_drpnet.pickers.centerpicker.centres import LARGEST, SMALLEST, seen
from napari_drpnet.settings import AnySet, Grey, PreparedSet, SimulatedSet, SimulationSettings, TrainSettings
from napari_drpnet.simulation import simulate_one
from napari_drpnet.simulation.micrograph import structure_of
from napari_drpnet.steps import drained
from napari_drpnet.training.example import Example
from napari_drpnet.training.making import Maker, made
from napari_drpnet.training.pool import Pool, Views
from napari_drpnet.training.sets import expanded, labelled, usual_diameter
from napari_drpnet.training_loop.batches import Batch, Tensors

# Sigma of a centre's Gaussian in diameters, and at least, in cells.
_SIGMA, _LEAST_SIGMA = 0.12, 0.7
# Powers of the focal loss: of the error, and of the distance of the Gaussian from 1 (CenterNet, equation 1).
_ALPHA, _BETA = 2, 4
# How much the mean error of the four other channels counts: CenterNet sums those of y and x.
_GEOMETRY = 2
# Centres a crop is taken to have at least, so that what is found on an empty one does not outweigh all others.
_FEW = 4


@dataclass(frozen=True, eq=False)
class Sized(Example):
    """A micrograph as CenterPicker's network sees it, and how large its particles are there.

    Attributes
    ----------
    diameter
        In pixels, the longest extent of their structure.
    box
        ``(n, 2)`` height and width of each particle in pixels; None where nothing but the diameter is known.
    """

    diameter: float = 0.0
    box: FloatArray | None = None


def sizes(n: int, usual: float, rng: np.random.Generator) -> FloatArray:
    """Diameters to show ``n`` micrographs at: from `SMALLEST` to `LARGEST`, most often ``usual``, in random order.

    Their logarithms follow a triangle, at equal steps of probability, so that a few are spread as well as many.
    """
    low, mode, high = np.log([SMALLEST, usual, LARGEST])
    p, turn = (np.arange(n) + 0.5) / max(n, 1), (mode - low) / (high - low)
    rising = low + np.sqrt(p * (high - low) * (mode - low))
    falling = high - np.sqrt((1 - p) * (high - low) * (high - mode))
    return np.asarray(rng.permutation(np.exp(np.where(p < turn, rising, falling))), np.float64)


def load_sized(sets: Iterable[AnySet], usual: float, grey: Grey, rng: np.random.Generator | None = None) -> list[Sized]:
    """All labelled micrographs of the sets, each at one scale; each set's weight is shared among its images.

    Parameters
    ----------
    sets
        Of files, or simulated.
    usual
        The diameter in network pixels that the network is best at.
    grey
        How grey levels are brought to the network.
    rng
        Show particles at many sizes, see `sizes`; None: at the usual one.

    Raises
    ------
    UserError
        When a set has no micrograph, no coordinates, or not what is needed to scale it; or is prepared at one scale.
    """
    return [example for data in sets for example in _sized(data, Look(usual, grey), rng)]


@dataclass(frozen=True)
class Look:
    """How a network is shown a micrograph: the diameter it is best at, in its pixels, and its grey levels."""

    usual: float
    grey: Grey

    def example(
        self, micrograph: Micrograph, truth: Picks, pixels: float, size: float, invert: bool, /, **fields: Any
    ) -> Sized:
        """A micrograph with particles of ``pixels``, shown at ``size``; ``fields`` are others of `Sized`."""
        boxed = len(truth) > 0 and bool(np.isfinite(truth.box).all())
        # Smoothing and illumination stay as they are for a particle of the usual size, which is all a picker can do
        # that does not know the size.
        image = seen(micrograph, pixels * self.usual / size, self.usual, invert, self.grey)
        return Sized(
            image.image.astype(np.float16),
            image.frame.from_micrograph(truth.yx),
            diameter=size,
            box=truth.box * (size / pixels) if boxed else None,
            **fields,
        )


def _sized(data: AnySet, look: Look, rng: np.random.Generator | None) -> Iterator[Sized]:
    if isinstance(data, PreparedSet):
        raise UserError(
            f"{data.prepared}: prepared at one scale, and CenterPicker learns from micrographs at several.",
            "Name simulated sets (simulate) or files in its recipe.",
        )
    if isinstance(data, SimulatedSet):
        settings, count = expanded(data), data.simulate.count
        shown = _shown(count, look, rng)
        each = [
            Maker(partial(_simulated, settings, i, look, size, data.weight / count), str(structure_of(settings, i)))
            for i, size in enumerate(shown)
        ]
        yield from (cast(Sized, example) for example in drained(made(each)))
        return
    pairs, told = labelled(data)
    for (path, truth), size in zip(pairs, _shown(len(pairs), look, rng), strict=True):
        micrograph = read_micrograph(path, pixel_size=data.pixel_size)
        own = truth.diameter if np.isfinite(truth.diameter).any() else told
        pixels = micrograph.frame.micrograph_pixels(data.diameter) if data.diameter else float(np.nanmedian(own))
        pixels_of = blake2b(micrograph.image.tobytes(), digest_size=16).hexdigest()
        border, weight = data.unlabelled_border * size, data.weight / len(pairs)
        fields = {"border": border, "weight": weight, "name": str(path), "pixels": pixels_of}
        yield look.example(micrograph, truth, pixels, size, data.invert, **fields)


def _shown(n: int, look: Look, rng: np.random.Generator | None) -> list[float]:
    return [look.usual] * n if rng is None else sizes(n, look.usual, rng).tolist()


def _simulated(settings: SimulationSettings, index: int, look: Look, size: float, weight: float) -> Sized:
    found = simulate_one(settings, index)
    truth, name = found.truth, f"simulated {found.micrograph.frame.micrograph}"
    pixels = float(truth.diameter[0]) if len(truth) else usual_diameter(settings)
    fields = {"border": 0.0, "weight": weight, "name": name, "structure": str(structure_of(settings, index))}
    return look.example(found.micrograph, truth, pixels, size, found.stained, **fields)


def targets(
    yx: FloatArray, box: FloatArray, diameter: float, shape: tuple[int, int], stride: int
) -> tuple[ImageArray, ImageArray]:
    """What the network is to say of an image.

    Parameters
    ----------
    yx
        ``(n, 2)`` centres in image pixels.
    box
        ``(n, 2)`` height and width of each, in image pixels.
    diameter
        Longest extent of their structure, in image pixels.
    shape
        ``(h, w)`` of the image.
    stride
        Image pixels per cell.

    Returns
    -------
    heat
        ``(h / stride, w / stride)``: 1 in the cell of a centre, around it a Gaussian; of several the highest counts.
    geometry
        ``(5, h / stride, w / stride)``, of the particle whose Gaussian counts in a cell: from the cell's middle to
        its centre, y and x, and the logarithms of its height, its width and the diameter; in cells. 0 where none does.
    """
    h, w = shape[0] // stride, shape[1] // stride
    heat, geometry = np.zeros((h, w), np.float32), np.zeros((5, h, w), np.float32)
    sigma = max(_SIGMA * diameter / stride, _LEAST_SIGMA)
    reach = int(np.ceil(3 * sigma))
    sizes = np.log(np.column_stack([box, np.full(len(box), diameter)]) / stride)
    for centre, size in zip((yx + 0.5) / stride - 0.5, sizes, strict=True):
        cell = np.rint(centre).astype(int)
        top, left = np.maximum(cell - reach, 0)
        bottom, right = np.minimum(cell + reach + 1, (h, w))
        if top >= bottom or left >= right:
            continue
        rows, columns = np.arange(top, bottom)[:, None], np.arange(left, right)[None]
        hill = np.exp(-((rows - cell[0]) ** 2 + (columns - cell[1]) ** 2) / (2 * sigma**2)).astype(np.float32)
        window = np.s_[top:bottom, left:right]
        higher = hill > heat[window]
        heat[window][higher] = hill[higher]
        for channel, said in enumerate((centre[0] - rows, centre[1] - columns, *size)):
            geometry[channel][window][higher] = np.broadcast_to(said, hill.shape)[higher]
    return heat, geometry


class CentreCrops:
    """Random crops with the targets of CenterPicker's network.

    Parameters
    ----------
    examples
        Each is drawn as often as its weight says.
    settings
        Side of the crops, largest relative change of their scale, grey levels.
    stride
        Network pixels per cell.
    device
        Where crops are made.
    """

    def __init__(self, examples: Sequence[Sized], settings: TrainSettings, stride: int, device: torch.device) -> None:
        self.examples, self.settings, self.stride = examples, settings, stride
        self.pool = Pool(examples, device)
        self._boxed = np.array([example.box is not None for example in examples])

    def batch(self, n: int, step: int, rng: np.random.Generator) -> Batch:
        """Images ``(n, 1, s, s)``; heat and loss weight ``(n, c, c)`` and geometry ``(n, 5, c, c)``, c = s / stride."""
        s, of = self.settings, self.pool.chosen(rng, n)
        centre = self.pool.somewhere(rng, of, s.crop)
        images, views = self.pool.crops(of, centre, s.crop, s.scale_jitter, s.grey, rng, self._boxed[of])
        parts = zip(*(self._targets(views, i) for i in range(n)), strict=True)
        heat, geometry = (torch.from_numpy(np.stack(part)).to(images.device) for part in parts)
        known = self.pool.known(views, self.stride)
        return Batch((images, heat, geometry, known), tuple(self.examples[i].name for i in of))

    def _targets(self, views: Views, i: int) -> tuple[ImageArray, ImageArray]:
        example, side = self.examples[views.of[i]], views.side
        yx = views.from_image(i, example.yx)
        diameter = example.diameter * views.enlarged(i)
        box = np.full((len(yx), 2), diameter) if example.box is None else views.sides(i, example.box)
        return targets(yx, box, diameter, (side, side), self.stride)


def centre_loss(network: nn.Module, batch: Tensors) -> torch.Tensor:
    """The focal loss of the heat, and the mean absolute errors of offset (cells) and of the logarithms of sizes.

    Offset and size count in every cell as much as its Gaussian is high: the highest cell of a noisy map is often not
    that of the centre.
    """
    image, heat, geometry, known = batch
    out = network(image).float()
    with torch.autocast(image.device.type, enabled=False):  # a logarithm is for 32 bits
        weight = heat * known
        wrong = (out[:, 1:] - geometry).abs().mean(1)
        value: torch.Tensor = (wrong * weight).sum() / weight.sum().clamp(min=1)
        return focal_loss(out[:, 0], heat, known) + _GEOMETRY * value


def focal_loss(p: torch.Tensor, heat: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Penalty-reduced focal loss per centre (CenterNet, equation 1): the nearer to a centre, the less an error counts.

    Every crop counts the same, however many particles of whatever size it shows.

    Parameters
    ----------
    p
        ``(b, h, w)`` probabilities.
    heat
        ``(b, h, w)`` target, 1 at the centres.
    known
        ``(b, h, w)`` 0 where the truth is not known.
    """
    p = p.clamp(1e-6, 1 - 1e-6)
    centre = (heat == 1).float()
    missed = centre * (1 - p) ** _ALPHA * p.log()
    invented = (1 - heat) ** _BETA * p**_ALPHA * (1 - p).log()
    lost = -((missed + invented) * known).sum((1, 2))
    mean: torch.Tensor = (lost / (centre * known).sum((1, 2)).clamp(min=_FEW)).mean()
    return mean
