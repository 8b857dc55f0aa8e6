"""One labelled micrograph as the networks see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray

HalfImage: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.float16]]
LabelImage: TypeAlias = npt.NDArray[np.uint8]


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
    name
        The file, or the name of the simulated micrograph.
    pixels
        Digest of the micrograph's pixels, the same for copies of a file.
    scale
        Network pixels per micrograph pixel.
    structure
        File of the simulated structure; empty for a real micrograph.
    mask
        ``(h, w)`` uint8, the image's shape: what each pixel shows (`masks`); None where nobody knows.
    """

    image: HalfImage
    yx: FloatArray
    border: float
    weight: float
    name: str = ""
    pixels: str = ""
    scale: float = 1.0
    structure: str = ""
    mask: LabelImage | None = None


def scaled_mask(labels: npt.NDArray[np.generic], shape: tuple[int, ...], scale: float) -> LabelImage:
    """The mask of a micrograph, at ``scale`` network pixels per pixel of it, as one of ``shape``: nearest pixels."""
    rows, columns = (((np.arange(n) + 0.5) / scale).astype(int) for n in shape)
    return np.asarray(labels[rows[:, None], columns], np.uint8)
