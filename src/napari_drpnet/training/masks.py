"""Labels of segmentation: binarised noise-free projections, which a simulation writes beside its micrographs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from torch.nn import functional as F

from napari_drpnet.data import ImageArray
from napari_drpnet.errors import UserError
from napari_drpnet.io import read_micrograph
from napari_drpnet.io.paths import is_file
from napari_drpnet.settings import Grey
from napari_drpnet.training.example import Example, HalfImage, LabelImage, scaled_mask
from napari_drpnet.training.finetune import example_sides, halves
from napari_drpnet.training.pool import Pixels, Pool
from napari_drpnet.training_loop.batches import Batch

# What a pixel of a mask shows, as the simulation writes it.
ICE, PARTICLE, CONTAMINATION = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Masked:
    """One micrograph at network scale with what each of its pixels shows.

    Attributes
    ----------
    example
        The micrograph and its true centres.
    mask
        ``(h, w)`` uint8, the image's shape: `ICE`, `PARTICLE` or `CONTAMINATION`.
    """

    example: Example
    mask: LabelImage


def load_masks(examples: Sequence[Example]) -> list[Masked]:
    """Examples with their masks, ``masks/<name>.mrc`` beside each micrograph.

    Raises
    ------
    UserError
        When a micrograph has no mask, or one of another size.
    """
    return [Masked(example, _mask_of(example)) for example in examples]


def has_mask(example: Example) -> bool:
    """Whether there is a mask for an example."""
    return example.mask is not None or is_file(_path_of(example))


def _path_of(example: Example) -> Path:
    return Path(example.name).parent / "masks" / f"{Path(example.name).stem}.mrc"


def _mask_of(example: Example) -> LabelImage:
    if example.mask is not None:
        return example.mask
    path = _path_of(example)
    if not is_file(path):
        raise UserError(
            f"{example.name}: there is no mask {path}.",
            "Simulate the set with masks (--masks), or make them (napari-drpnet masks).",
        )
    labels = read_micrograph(path).image
    h, w = example.image.shape
    if (int(labels.shape[0] * example.scale), int(labels.shape[1] * example.scale)) != (h, w):
        raise UserError(f"{path}: the mask is not of the size of its micrograph.", "Make the masks of the set anew.")
    return scaled_mask(labels, (h, w), example.scale)


def masked_halves(masked: Sequence[Masked]) -> list[tuple[list[Masked], list[Masked]]]:
    """The `finetune.halves` of micrographs with masks; none where a part would hold no particle."""
    return halves(masked, _sides, lambda one: len(one.example.yx))


def _sides(masked: Masked) -> tuple[Masked, Masked]:
    left, right = example_sides(masked.example)
    middle = left.image.shape[1]
    return Masked(left, masked.mask[:, :middle]), Masked(right, masked.mask[:, middle:])


def cores(masked: Masked, radius: float) -> HalfImage:
    """1 where a particle's mask lies within ``radius`` network pixels of its centre, 0 elsewhere.

    The masks of particles that touch are one region; their cores stay apart.
    """
    h, w = masked.mask.shape
    away = np.ones((h, w), bool)
    at = np.clip(np.rint(masked.example.yx).astype(int), 0, (h - 1, w - 1))
    away[at[:, 0], at[:, 1]] = False
    near = ndimage.distance_transform_edt(away) <= radius if len(at) else ~away
    return np.asarray(near & (masked.mask == PARTICLE), np.float16)


def pixel_iou(values: ImageArray, label: HalfImage, stride: int) -> float | None:
    """Pixels that both a map at 0.5 and the label call particle, as a fraction of those that one of them does.

    Equation 2 of PIXER's paper, of one micrograph.

    Parameters
    ----------
    values
        ``(h, w)`` map of a segmentation network.
    label
        ``(stride h, stride w)`` or a little larger, as from `cores`.
    stride
        Image pixels per map pixel.

    Returns
    -------
    float or None
        None where the label has no particle.
    """
    h, w = values.shape
    h, w = min(h, label.shape[0] // stride), min(w, label.shape[1] // stride)
    parts = label[: h * stride, : w * stride].astype(np.float32).reshape(h, stride, w, stride).mean((1, 3))
    found, true = values[:h, :w] >= 0.5, parts >= 0.5
    return float((found & true).sum() / (found | true).sum()) if true.any() else None


class MaskCrops:
    """Random crops with the map that a segmentation network is to make of them.

    Parameters
    ----------
    sources
        Micrographs, drawn as often as their weights say.
    core
        Radius of the part of the masks that is the label, in network pixels; see `cores`.
    side, stride, jitter, grey
        See `Crops`.
    device
        Where crops are made.
    """

    def __init__(
        self,
        sources: Sequence[Masked],
        core: float,
        side: int,
        stride: int,
        jitter: float,
        grey: Grey,
        device: torch.device,
    ) -> None:
        self.pool = Pool([masked.example for masked in sources], device)
        self.labels = Pixels([cores(masked, core) for masked in sources], device)
        self.side, self.stride, self.jitter, self.grey = side, stride, jitter, grey

    def batch(self, n: int, step: int, rng: np.random.Generator) -> Batch:
        """Images ``(n, 1, s, s)``, targets and loss weights ``(n, 1, s / stride, s / stride)``."""
        of = self.pool.chosen(rng, n)
        centre = self.pool.somewhere(rng, of, self.side)
        images, views = self.pool.crops(of, centre, self.side, self.jitter, self.grey, rng)
        targets = F.avg_pool2d(self.labels.cut(views)[:, None], self.stride)
        known = self.pool.known(views, self.stride)[:, None]
        return Batch((images, targets, known), tuple(self.pool.examples[i].name for i in of))
