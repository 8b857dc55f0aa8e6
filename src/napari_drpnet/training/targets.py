"""What a detector is to make of crops with particles at known places."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np
import torch
from scipy import ndimage

from napari_drpnet.settings import TrainSettings

# Centres (b, k, 2) in crop pixels, side of the crops, crop pixels per pixel of the target -> targets (b, s, s).
Target: TypeAlias = Callable[[torch.Tensor, int, int], torch.Tensor]


def target_of(settings: TrainSettings) -> Target:
    """The target that a recipe asks for, of particles as large as its network sees them."""
    kind = {"cone": cones, "distance": distances}[settings.label_kind]
    return partial(kind, radius=settings.label * settings.diameter)


def cones(yx: torch.Tensor, side: int, stride: int = 1, *, radius: float) -> torch.Tensor:
    """1 at each centre, falling to 0 at the edge of the particle; where discs touch, the highest counts.

    Parameters
    ----------
    yx
        ``(b, k, 2)`` centres in crop pixels; beyond the crop may be any.
    side
        Of the crops; targets are ``stride`` times smaller, their pixel areas aligned.
    stride
        Crop pixels per pixel of the target.
    radius
        In crop pixels.
    """
    axis = (torch.arange(side // stride, device=yx.device, dtype=torch.float32) + 0.5) * stride - 0.5
    y, x = ((axis - at[..., None]) ** 2 for at in yx.float().unbind(-1))
    nearest = (y[..., :, None] + x[..., None, :]).amin(1)
    return (1 - nearest.sqrt() / radius).clamp(min=0)


def distances(yx: torch.Tensor, side: int, stride: int = 1, *, radius: float) -> torch.Tensor:
    """The distance transform of the mask of all particles: crop pixels to the nearest place that is no particle.

    "Binary particle-versus-background masks are produced [...]. Then, distance transforms of those binary masks are
    used as training labels" (DRPnet paper, Methods). Discs that touch are one region of the mask.

    Parameters
    ----------
    yx, side, stride, radius
        See `cones`.
    """
    # What lies beyond the border decides too, how far it is to the background.
    beyond = int(np.ceil(2 * radius / stride))
    masks = cones(yx + beyond * stride, side + 2 * beyond * stride, stride, radius=radius).cpu().numpy() > 0
    apart = [ndimage.distance_transform_edt(mask) * mask.any() for mask in masks]
    inner = np.stack(apart)[:, beyond : beyond + side // stride, beyond : beyond + side // stride]
    return torch.from_numpy(stride * inner.astype(np.float32)).to(yx.device)
