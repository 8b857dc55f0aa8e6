"""Which frequencies of square images are looked at: those of one half of a disc, as a list."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from napari_drpnet.data import FloatArray

_EDGE = 0.1  # of the radius of a mask: width of its soft edge


@dataclass(frozen=True)
class Disc:
    """The frequencies of square images up to a radius, without 0, and one of each conjugate pair.

    Attributes
    ----------
    side
        Of the images in pixels, even.
    radius
        In steps of the transform: a wave of ``side / radius`` pixels.
    """

    side: int
    radius: float

    @cached_property
    def yx(self) -> torch.Tensor:
        """``(k, 2)`` whole numbers y, x, as float32."""
        reach = torch.arange(-(self.side // 2) + 1, self.side // 2)
        y, x = torch.meshgrid(reach, reach[reach >= 0], indexing="ij")
        one_of_two = (x > 0) | (y > 0)
        inside = one_of_two & (torch.hypot(y.float(), x.float()) <= self.radius)
        return torch.stack([y[inside], x[inside]], 1).float()

    @cached_property
    def distance(self) -> torch.Tensor:
        """``(k,)`` from frequency 0, in steps of the transform."""
        return torch.hypot(*self.yx.T)

    def cycles(self, pixel_size: float) -> FloatArray:
        """``(k, 2)`` y, x in 1/Angstrom."""
        return np.asarray(self.yx.numpy() / (self.side * pixel_size), np.float64)

    def of(self, images: torch.Tensor) -> torch.Tensor:
        """``(n, k)`` transforms of ``(n, side, side)`` images about their pixel ``side // 2``."""
        spectra: torch.Tensor = torch.fft.rfft2(torch.fft.ifftshift(images, dim=(-2, -1)))
        y, x = self.yx.long().T
        return spectra[:, y % self.side, x]

    def moved(self, shifts: torch.Tensor) -> torch.Tensor:
        """Factors that move an image back by ``(..., 2)`` y, x in pixels: ``(..., k)``."""
        phase = shifts @ self.yx.T * (2 * torch.pi / self.side)
        return torch.polar(torch.ones_like(phase), phase)


def soft_disc(side: int, radius: float, dimensions: int = 2) -> torch.Tensor:
    """1 within a radius in pixels about pixel ``side // 2``, 0 beyond a soft edge.

    Parameters
    ----------
    side, radius
        In pixels.
    dimensions
        2 for a disc, 3 for a ball.
    """
    axis = torch.arange(side).float() - side // 2
    square = sum(one**2 for one in torch.meshgrid(*[axis] * dimensions, indexing="ij"))
    beyond = (torch.as_tensor(square).sqrt() - radius) / max(_EDGE * radius, 1.0)
    return 0.5 + 0.5 * torch.cos(torch.pi * beyond.clamp(0, 1))
