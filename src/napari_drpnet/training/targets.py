"""What a detector is to make of an image with particles at known places."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np
from scipy import ndimage

from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.settings import TrainSettings

# Centres (n, 2) in image pixels, shape of the image, image pixels per pixel of the target -> target.
Target: TypeAlias = Callable[[FloatArray, tuple[int, int], int], ImageArray]


def target_of(settings: TrainSettings) -> Target:
    """The target that a recipe asks for, of particles as large as its network sees them."""
    kind = {"cone": cone, "distance": distance}[settings.label_kind]
    return partial(kind, radius=settings.label * settings.diameter)


def cone(yx: FloatArray, shape: tuple[int, int], stride: int = 1, *, radius: float) -> ImageArray:
    """1 at each centre, falling to 0 at the edge of the particle; where discs touch, the highest counts.

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


def distance(yx: FloatArray, shape: tuple[int, int], stride: int = 1, *, radius: float) -> ImageArray:
    """The distance transform of the mask of all particles: image pixels to the nearest place that is no particle.

    "Binary particle-versus-background masks are produced [...]. Then, distance transforms of those binary masks are
    used as training labels" (DRPnet paper, Methods). Discs that touch are one region of the mask.

    Parameters
    ----------
    yx, shape, radius
        See `cone`.
    """
    h, w = shape[0] // stride, shape[1] // stride
    # What lies beyond the border decides too, how far it is to the background.
    beyond = int(np.ceil(2 * radius / stride))
    mask = (
        cone(
            (yx + 0.5) + beyond * stride - 0.5,
            ((h + 2 * beyond) * stride, (w + 2 * beyond) * stride),
            stride,
            radius=radius,
        )
        > 0
    )
    if not mask.any():
        return np.zeros((h, w), np.float32)
    apart = stride * ndimage.distance_transform_edt(mask)
    return np.asarray(apart[beyond : beyond + h, beyond : beyond + w], np.float32)
