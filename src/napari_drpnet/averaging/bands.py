"""The frequencies that averaging looks at: those that align particles, and those that are only measured.

A picture is ``(side, side)``, its centre on pixel ``side // 2``. Of its Fourier transform a band holds the coefficients
of one half plane as a vector; as the picture is real, the other half says the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.nn import functional as F


@dataclass(frozen=True, eq=False)
class Band:
    """Fourier coefficients of pictures between two frequencies.

    Attributes
    ----------
    side
        Of a picture, in pixels.
    index
        ``(m,)`` into the flattened ``rfft2``.
    ky, kx
        ``(m,)`` cycles a side.
    """

    side: int
    index: torch.Tensor
    ky: torch.Tensor
    kx: torch.Tensor

    @classmethod
    def between(cls, low: float, high: float, side: int, across: int) -> Band:
        """Frequencies from ``low`` to ``high``, in cycles a diameter of ``across`` pixels."""
        y, x = torch.meshgrid(torch.fft.fftfreq(side) * side, torch.arange(side // 2 + 1.0), indexing="ij")
        radius = torch.hypot(y, x) * across / side
        half = ((x > 0) | (y > 0)) & (x < side / 2) & (y.abs() < side / 2)
        index = torch.nonzero((half & (radius >= low) & (radius <= high)).ravel())[:, 0]
        return cls(side, index, y.ravel()[index], x.ravel()[index])

    @property
    def ring(self) -> torch.Tensor:
        """``(m,)`` whole cycles a side."""
        return torch.round(torch.hypot(self.ky, self.kx)).long()

    def of(self, images: torch.Tensor) -> torch.Tensor:
        """``(n, m)`` complex coefficients of ``(n, side, side)`` pictures, phases counted from the centre.

        Noise of variance 1 has coefficients of which real and imaginary part have variance 1 each.
        """
        middle = self.side // 2
        spectra: torch.Tensor = torch.fft.rfft2(torch.roll(images, (-middle, -middle), (1, 2)))
        return spectra.reshape(len(images), -1)[:, self.index] * (math.sqrt(2) / self.side)

    def moved(self, shifts: torch.Tensor) -> torch.Tensor:
        """``(n, m)`` factors that move the content of a picture by ``(n, 2)`` y, x pixels."""
        turns = (shifts[..., :1] * self.ky + shifts[..., 1:] * self.kx) * (-2 * math.pi / self.side)
        return torch.polar(torch.ones_like(turns), turns)


def blocks(values: torch.Tensor, size: int) -> Iterator[torch.Tensor]:
    """Parts of at most ``size`` along the first axis; one, even if nothing is in it."""
    return (values[start : start + size] for start in range(0, max(len(values), 1), size))


def disc(side: int, radius: float, edge: float) -> torch.Tensor:
    """``(side, side)`` 1 within ``radius`` of the centre, 0 outside, with an edge so many pixels wide."""
    away = torch.arange(side) - side // 2
    return torch.sigmoid((radius - torch.hypot(away[:, None].float(), away.float())) * (4 / edge))


def posed(images: torch.Tensor, psi: torch.Tensor, mirrored: torch.Tensor) -> torch.Tensor:
    """Averages as they look in a micrograph: left and right exchanged where mirrored, then turned.

    Parameters
    ----------
    images
        ``(n, side, side)``.
    psi
        ``(n,)`` degrees, counter-clockwise as displayed.
    mirrored
        ``(n,)`` bool.
    """
    y, x = _about_centre(images)
    cos, sin = _cos_sin(psi)
    along = cos * x - sin * y
    return _sampled(images, sin * x + cos * y, torch.where(mirrored[:, None, None], -along, along))


def upright(images: torch.Tensor, psi: torch.Tensor, mirrored: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Particles brought onto their averages: what `posed`, and then a ``shift``, makes of an average is undone.

    Parameters
    ----------
    images, psi, mirrored
        See `posed`.
    shift
        ``(n, 2)`` y, x pixels by which a particle is off the centre of its picture.
    """
    y, x = _about_centre(images)
    cos, sin = _cos_sin(psi)
    x = torch.where(mirrored[:, None, None], -x, x)
    return _sampled(images, -sin * x + cos * y + shift[:, 0, None, None], cos * x + sin * y + shift[:, 1, None, None])


def _about_centre(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    away = torch.arange(images.shape[1], device=images.device).float() - images.shape[1] // 2
    y, x = torch.meshgrid(away, away, indexing="ij")
    return y, x


def _cos_sin(psi: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    angle = torch.deg2rad(psi)[:, None, None]
    return torch.cos(angle), torch.sin(angle)


def _sampled(images: torch.Tensor, y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Pictures at other places, in pixels from the centre; beyond the border the nearest pixel counts."""
    side = images.shape[1]
    places = (2 * (torch.stack([x, y], dim=-1) + side // 2) + 1) / side - 1
    return F.grid_sample(images[:, None], places, mode="bilinear", padding_mode="border", align_corners=False)[:, 0]
