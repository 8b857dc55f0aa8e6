"""Micrographs on the device that trains, and crops of them, many at a time, turned and at other scales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from napari_drpnet.data import FloatArray, MaskArray
from napari_drpnet.settings import Grey
from napari_drpnet.training.example import Example, HalfImage, LabelImage
from napari_drpnet.training.looks import change_looks

# Where a place that is none lies, in pixels: far from every crop.
_NOWHERE = -1e6
# Pixels around a crop that are cut with it and left out again: filters take one side of a picture for the neighbour of
# the other.
_FRAME = 16


@dataclass(frozen=True, eq=False)
class Views:
    """Square crops, each turned, perhaps mirrored, and at another scale.

    Attributes
    ----------
    of
        ``(b,)`` numbers of the micrographs.
    matrix
        ``(b, 2, 2)``, from offsets in a crop to offsets in its image.
    centre
        ``(b, 2)`` of each crop, in image pixels.
    side
        Of the crops in their own pixels.
    """

    of: npt.NDArray[np.intp]
    matrix: FloatArray
    centre: FloatArray
    side: int

    def to_image(self, device: torch.device, stride: int = 1) -> torch.Tensor:
        """Image coordinates ``(b, s, s, 2)`` of crop pixels, or of squares of ``stride`` times as many."""
        matrix, centre = (_there(np.asarray(each, np.float32), device) for each in (self.matrix, self.centre))
        axis = torch.arange(self.side // stride, device=device, dtype=torch.float32)
        axis = (axis + 0.5) * stride - self.side / 2
        grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1)
        moved: torch.Tensor = torch.einsum("hwj,bij->bhwi", grid, matrix) + centre[:, None, None]
        return moved

    def from_image(self, i: int, yx: FloatArray) -> FloatArray:
        """Coordinates ``(n, 2)`` in crop number ``i`` of those in its image."""
        moved: FloatArray = (yx - self.centre[i]) @ np.linalg.inv(self.matrix[i]).T + (self.side - 1) / 2
        return moved

    def enlarged(self, i: int) -> float:
        """Pixels of crop number ``i`` per image pixel."""
        return float(abs(np.linalg.det(self.matrix[i])) ** -0.5)

    def sides(self, i: int, box: FloatArray) -> FloatArray:
        """Heights and widths ``(n, 2)`` in image pixels as those in crop number ``i``, a view by quarter turns."""
        turned: FloatArray = box @ np.abs(np.linalg.inv(self.matrix[i])).T
        return turned


def _there(numbers: npt.NDArray[np.generic], device: torch.device) -> torch.Tensor:
    return torch.from_numpy(numbers).to(device, non_blocking=True)


def random_matrices(
    rng: np.random.Generator, n: int, jitter: float | None, upright: MaskArray | bool = False
) -> FloatArray:
    """``(n, 2, 2)``: any angle, mirrored or not, a scale wrong by up to ``jitter`` either way; None: unchanged.

    ``upright``: turned by quarters only, so that boxes stay boxes; for each, or for all.
    """
    if jitter is None:
        return np.broadcast_to(np.eye(2), (n, 2, 2)).copy()
    angle, flip = rng.uniform(0, 2 * np.pi, n), rng.choice([-1.0, 1.0], n)
    angle = np.where(upright, np.floor(angle / (np.pi / 2)) * np.pi / 2, angle)
    scale = np.exp(rng.uniform(-1, 1, n) * np.log1p(jitter))
    c, s = np.cos(angle), np.sin(angle)
    matrix = np.stack([np.stack([c, -s * flip], -1), np.stack([s, c * flip], -1)], -2)
    return np.asarray(matrix * scale[:, None, None])


class Pixels:
    """Images of any sizes, of which a device cuts out what it shows.

    Parameters
    ----------
    images
        ``(h, w)`` each. A processor leaves them where they are, perhaps in a file; other devices get a copy.
    device
        That cuts.
    """

    def __init__(self, images: Sequence[HalfImage | LabelImage], device: torch.device) -> None:
        shapes = np.array([image.shape for image in images], np.int64)
        self.shape = torch.from_numpy(shapes).to(device)
        self._each = [torch.from_numpy(np.ascontiguousarray(image).ravel()) for image in images]
        self._flat: torch.Tensor | None = None
        if device.type != "cpu":
            self._flat = _copied(self._each, device)
            self._each = []
        self._start = torch.from_numpy(np.cumsum(shapes.prod(axis=1)) - shapes.prod(axis=1)).to(device)

    def cut(self, views: Views) -> torch.Tensor:
        """What views show, bilinear, reflected at the borders of the images: ``(b, s, s)`` float32."""
        at = views.to_image(self.shape.device)
        low = torch.floor(at)
        part = at - low
        h, w = (n[:, None, None] for n in self.shape[_there(views.of, at.device)].unbind(1))
        rows = [_reflected(low[..., 0].long() + i, h) * w for i in (0, 1)]
        columns = [_reflected(low[..., 1].long() + i, w) for i in (0, 1)]
        top, bottom = (
            torch.lerp(self._levels(views.of, row + columns[0]), self._levels(views.of, row + columns[1]), part[..., 1])
            for row in rows
        )
        return torch.lerp(top, bottom, part[..., 0])

    def _levels(self, of: npt.NDArray[np.intp], index: torch.Tensor) -> torch.Tensor:
        """Grey levels ``(b, s, s)`` at places ``index`` within each of some images."""
        if self._flat is not None:
            return self._flat[self._start[_there(of, index.device)][:, None, None] + index].float()
        return torch.stack([self._each[number][at] for number, at in zip(of.tolist(), index, strict=True)]).float()


def _copied(images: Sequence[torch.Tensor], device: torch.device) -> torch.Tensor:
    """Images after each other on a device, one copied at a time."""
    flat = torch.empty(sum(map(len, images)), dtype=images[0].dtype, device=device)
    start = 0
    for image in images:
        flat[start : start + len(image)] = image
        start += len(image)
    return flat


def _reflected(i: torch.Tensor, n: torch.Tensor) -> torch.Tensor:
    """Indices beyond 0 and ``n - 1`` as those of the mirrored image, whose outermost pixels are there twice."""
    turned = torch.remainder(i, 2 * n)
    return torch.minimum(turned, 2 * n - 1 - turned)


class Pool:
    """Labelled micrographs on a device.

    Parameters
    ----------
    examples
        At least one.
    device
        Where they lie.
    """

    def __init__(self, examples: Sequence[Example], device: torch.device) -> None:
        self.device, self.examples = device, examples
        self.pixels = Pixels([example.image for example in examples], device)
        self._shapes = np.array([example.image.shape for example in examples], np.float64)
        self._border = torch.tensor([example.border for example in examples], device=device)
        weights = np.array([example.weight for example in examples])
        self._steps = np.cumsum(weights) / weights.sum()

    def chosen(self, rng: np.random.Generator, n: int) -> npt.NDArray[np.intp]:
        """Numbers of ``n`` micrographs, drawn as often as their weights say."""
        found = np.searchsorted(self._steps, rng.random(n), side="right")
        return np.minimum(found, len(self._steps) - 1)

    def somewhere(self, rng: np.random.Generator, of: npt.NDArray[np.intp], side: int) -> FloatArray:
        """Centres ``(b, 2)`` of crops of ``side`` pixels anywhere on some micrographs."""
        half = np.minimum(side, self._shapes[of].min(axis=1, keepdims=True)) / 2
        return np.asarray(rng.uniform(half, self._shapes[of] - half))

    def crops(
        self,
        of: npt.NDArray[np.intp],
        centre: FloatArray,
        side: int,
        jitter: float | None,
        grey: Grey,
        rng: np.random.Generator,
        upright: MaskArray | bool = False,
    ) -> tuple[torch.Tensor, Views]:
        """Crops ``(b, 1, side, side)`` of some micrographs, turned, rescaled and with other looks, and where they are.

        Parameters
        ----------
        of
            ``(b,)`` numbers of the micrographs.
        centre
            ``(b, 2)`` of the crops, in image pixels.
        side
            Of the crops; where looks change, a multiple of 8.
        jitter
            Largest relative error of the diameter; None: nothing is turned or changed.
        grey
            How grey levels were brought to the network.
        rng
            Source of randomness.
        upright
            See `random_matrices`.
        """
        views = Views(of, random_matrices(rng, len(of), jitter, upright), centre, side)
        if jitter is None:
            return self.pixels.cut(views)[:, None], views
        wider = self.pixels.cut(replace(views, side=side + 2 * _FRAME))
        return change_looks(wider, grey, rng)[:, None, _FRAME:-_FRAME, _FRAME:-_FRAME], views

    def centres(self, views: Views, radius: float) -> torch.Tensor:
        """True centres ``(b, k, 2)`` in crop pixels whose discs of ``radius`` reach into a view; others far away."""
        low, high = -radius - 1, views.side + radius
        found = []
        for i, number in enumerate(views.of.tolist()):
            at = views.from_image(i, self.examples[number].yx)
            found.append(at[((at > low) & (at < high)).all(axis=1)])
        table = np.full((len(found), max(1, *map(len, found)), 2), _NOWHERE, np.float32)
        for row, at in zip(table, found, strict=True):
            row[: len(at)] = at
        return _there(table, self.device)

    def known(self, views: Views, stride: int) -> torch.Tensor:
        """1 where a view shows the labelled part of its micrograph, 0 elsewhere: ``(b, s / stride, s / stride)``."""
        of = _there(views.of, self.device)
        at, border = views.to_image(self.device, stride), self._border[of][:, None, None, None]
        limit = self.pixels.shape[of][:, None, None] - 1 - border
        return ((at >= border) & (at <= limit)).all(-1).float()
