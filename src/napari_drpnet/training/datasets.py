"""Micrographs with true coordinates, as crops a network can learn from.

Every micrograph is brought to the network's scale once; each crop is then a random rotation, flip, change of scale
and change of looks of a random place in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from scipy import ndimage
from torch.nn import functional as F

from napari_drpnet.data import FloatArray, ImageArray, Micrograph, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io import PICK_SUFFIXES, is_image, micrograph_stem, read_micrograph, read_picks
from napari_drpnet.pickers.drpnet import network_image
from napari_drpnet.settings import TrainingSet


@dataclass(frozen=True, eq=False)
class Example:
    """One micrograph at network scale with its truth.

    Attributes
    ----------
    image
        ``(h, w)`` micrograph as every network of DRPnet sees it, float16 to save memory.
    yx
        ``(n, 2)`` true centres in network pixels.
    border
        Width of the unlabelled band, in network pixels.
    weight
        How often to draw from it.
    """

    image: np.ndarray[tuple[int, int], np.dtype[np.float16]]
    yx: FloatArray
    border: float
    weight: float


@dataclass(frozen=True, eq=False)
class Labelled:
    """A micrograph, its truth and the diameter in Angstrom."""

    micrograph: Micrograph
    truth: Picks
    diameter: float
    unlabelled: float


def _micrograph_files(pattern: str) -> list[Path]:
    path = Path(pattern)
    if path.is_dir():
        return sorted(p for p in path.iterdir() if is_image(p))
    base = Path(path.anchor) if path.is_absolute() else Path()
    return sorted(p for p in base.glob(str(path.relative_to(path.anchor))) if is_image(p))


def _coordinate_files(folder: Path) -> dict[str, Path]:
    return {micrograph_stem(p.name): p for p in sorted(folder.iterdir()) if p.suffix.lower() in PICK_SUFFIXES}


def labelled_micrographs(data: TrainingSet) -> Iterable[Labelled]:
    """The micrographs of a set that have coordinates.

    Raises
    ------
    UserError
        When there are none, or pixel size or diameter are unknown.
    """
    files = _micrograph_files(data.micrographs)
    if not files:
        raise UserError(f"{data.micrographs}: no micrographs found.", "Name a folder, or a glob in quotes.")
    folders = {Path(data.coordinates) if data.coordinates else path.parent for path in files}
    coordinates = {name: file for folder in folders for name, file in _coordinate_files(folder).items()}
    pairs = [(p, read_picks(coordinates[name])[0]) for p in files if (name := micrograph_stem(p.name)) in coordinates]
    if not pairs:
        raise UserError(
            f"{data.micrographs}: none of the micrographs has a coordinate file.",
            "Put STAR or CSV files of the same names beside them, or name their folder.",
        )
    known = np.concatenate([truth.diameter for _, truth in pairs])
    known = known[np.isfinite(known)]
    if data.diameter is None and not len(known):
        raise UserError(
            f"{data.micrographs}: the coordinate files do not tell the diameter.", "Give it with the training set."
        )
    for path, truth in pairs:
        micrograph = read_micrograph(path, pixel_size=data.pixel_size)
        # A micrograph without particles is looked at as the others are.
        own = truth.diameter if len(truth) else known
        diameter = data.diameter or float(np.median(own)) * micrograph.frame.known_pixel_size()
        yield Labelled(micrograph, truth, diameter, data.unlabelled_border)


def load_examples(sets: Iterable[TrainingSet], network_diameter: float) -> list[Example]:
    """All labelled micrographs of the sets, at network scale; each set's weight is shared among its images."""
    examples = []
    for data in sets:
        loaded = []
        for item in labelled_micrographs(data):
            seen = network_image(item.micrograph, item.diameter, network_diameter, invert=False)
            yx = seen.frame.from_micrograph(item.truth.yx)
            loaded.append((seen.image.astype(np.float16), yx, item.unlabelled * network_diameter))
        examples += [Example(*parts, weight=data.weight / len(loaded)) for parts in loaded]
    return examples


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


class Crops:
    """Random crops with targets, drawn from examples.

    Parameters
    ----------
    examples
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
    rng
        Source of all randomness.
    """

    def __init__(
        self,
        examples: list[Example],
        diameter: float,
        side: int,
        stride: int,
        jitter: float,
        label: float,
        rng: np.random.Generator,
    ) -> None:
        self.examples, self.side, self.stride = examples, side, stride
        self.jitter, self.radius, self.rng = jitter, label * diameter, rng
        weights = np.array([e.weight for e in examples])
        self.weights = weights / weights.sum()

    def batch(self, n: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Images ``(n, 1, s, s)``, targets and loss weights ``(n, 1, s / stride, s / stride)``."""
        parts = [self._one() for _ in range(n)]
        images, targets, weights = (torch.from_numpy(np.stack(x))[:, None] for x in zip(*parts, strict=True))
        return images, targets, weights

    def _one(self) -> tuple[ImageArray, ImageArray, ImageArray]:
        example = self.examples[self.rng.choice(len(self.examples), p=self.weights)]
        matrix = self._transform()
        centre = self._centre(example)
        middle = (self.side - 1) / 2
        image = warp(example.image, matrix, centre, self.side)
        yx = (example.yx - centre) @ np.linalg.inv(matrix).T + middle
        target = cone(yx, (self.side, self.side), self.radius, self.stride)
        return change_looks(image, self.rng), target, self._known(example, matrix, centre)

    def _transform(self) -> FloatArray:
        """Crop pixels to image pixels: a rotation, perhaps a flip, and a scale."""
        angle = self.rng.uniform(0, 2 * np.pi)
        scale = np.exp(self.rng.uniform(-1, 1) * np.log1p(self.jitter))
        flip = self.rng.choice([-1.0, 1.0])
        c, s = np.cos(angle), np.sin(angle)
        return cast(FloatArray, np.array([[c, -s * flip], [s, c * flip]]) * scale)

    def _centre(self, example: Example) -> FloatArray:
        h, w = example.image.shape
        half = min(self.side / 2, h / 2, w / 2)
        return np.array([self.rng.uniform(half, h - half), self.rng.uniform(half, w - half)])

    def _known(self, example: Example, matrix: FloatArray, centre: FloatArray) -> ImageArray:
        """1 where the crop shows the labelled part of the image, 0 elsewhere."""
        n = self.side // self.stride
        axis = (np.arange(n) + 0.5) * self.stride - self.side / 2
        grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1) @ matrix.T + centre
        limit = np.array(example.image.shape) - 1 - example.border
        return np.asarray(((grid >= example.border) & (grid <= limit)).all(-1), np.float32)


def warp(
    image: np.ndarray[tuple[int, int], np.dtype[np.float16]], matrix: FloatArray, centre: FloatArray, side: int
) -> ImageArray:
    """A ``side x side`` crop around ``centre``, through ``matrix`` (crop to image pixels), reflected at the border."""
    reach = int(np.ceil(np.abs(matrix).sum(1).max() * side / 2)) + 2
    top, left = np.maximum(np.floor(centre).astype(int) - reach, 0)
    bottom, right = np.floor(centre).astype(int) + reach + 1
    window = torch.from_numpy(image[top:bottom, left:right].astype(np.float32))[None, None]
    h, w = window.shape[-2:]
    axis = torch.arange(side, dtype=torch.float32) - (side - 1) / 2
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1) @ torch.from_numpy(matrix.T.astype(np.float32))
    y = (grid[..., 0] + float(centre[0]) - float(top) + 0.5) * 2 / h - 1
    x = (grid[..., 1] + float(centre[1]) - float(left) + 0.5) * 2 / w - 1
    sampled = F.grid_sample(
        window, torch.stack([x, y], -1)[None], mode="bilinear", padding_mode="reflection", align_corners=False
    )
    return np.asarray(sampled[0, 0])


def change_spectrum(image: ImageArray, rng: np.random.Generator) -> ImageArray:
    """The image with its power spectrum bent by a random smooth curve of spatial frequency, at the same contrast.

    Another defocus, detector, binning or filter does no more than this to the signal and to the noise alike.
    """
    knots = rng.normal(0, 0.5, 6)
    fy, fx = np.fft.fftfreq(image.shape[0])[:, None], np.fft.rfftfreq(image.shape[1])[None]
    place = np.minimum(np.hypot(fy, fx) / 0.5, 1) ** 0.5 * (len(knots) - 1)
    gain = np.exp(np.interp(place, np.arange(len(knots)), knots))
    bent = np.fft.irfft2(np.fft.rfft2(image) * gain, s=image.shape)
    return np.asarray((bent - bent.mean()) * (image.std() / max(bent.std(), 1e-6)) + image.mean(), np.float32)


def change_looks(image: ImageArray, rng: np.random.Generator) -> ImageArray:
    """Other people's microscopes and processing: spectrum, blur, noise, contrast, grey levels, each now and then."""
    if rng.random() < 0.5:
        image = change_spectrum(image, rng)
    if rng.random() < 0.4:
        image = ndimage.gaussian_filter(image, rng.uniform(0.3, 1.2), truncate=3)
        image = image * np.float32(rng.uniform(1.0, 1.3))
    if rng.random() < 0.3:
        image = image + rng.normal(0, rng.uniform(0.02, 0.12), image.shape).astype(np.float32)
    image = image * np.float32(np.exp(rng.uniform(-0.35, 0.35))) + np.float32(rng.uniform(-0.1, 0.1))
    if rng.random() < 0.1:
        levels = rng.integers(12, 48)
        image = (np.rint(image * levels) / levels).astype(np.float32)
    return np.asarray(np.clip(image, -0.5, 0.5), np.float32)
