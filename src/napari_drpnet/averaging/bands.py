"""The frequencies that averaging looks at: those that align particles, and those that are only measured.

A picture is ``(side, side)``, its centre on pixel ``side // 2``. Of its Fourier transform a band holds the coefficients
of one half plane as a vector; as the picture is real, the other half says the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch.nn import functional as F

# Turns that an average is compared at, and those of a quarter, from which the others follow.
TURNS = 72
QUARTER = TURNS // 4


@dataclass(frozen=True, eq=False)
class Band:
    """Fourier coefficients of pictures between two frequencies; see `band`.

    Attributes
    ----------
    side, across
        Of a picture, in pixels; and of the particle in it.
    index
        ``(m,)`` into the flattened ``rfft2``.
    ky, kx
        ``(m,)`` cycles a side.
    """

    side: int
    across: int
    index: torch.Tensor
    ky: torch.Tensor
    kx: torch.Tensor

    def __len__(self) -> int:
        return len(self.index)

    @cached_property
    def ring(self) -> torch.Tensor:
        """``(m,)`` whole cycles a side."""
        return torch.round(torch.hypot(self.ky, self.kx)).long()

    def within(self, other: Band) -> torch.Tensor:
        """``(m,)`` where the coefficients of this band stand in a wider ``other``."""
        return torch.searchsorted(other.index, self.index)

    def of(self, images: torch.Tensor) -> torch.Tensor:
        """``(n, m)`` complex coefficients of ``(n, side, side)`` pictures, phases counted from the centre.

        Noise of variance 1 has coefficients of which real and imaginary part have variance 1 each.
        """
        if not len(images):  # which some transforms refuse
            return torch.empty(0, len(self), dtype=torch.complex64)
        spectra: torch.Tensor = torch.fft.rfft2(images)
        # The centre is half a side from the corner: every other coefficient changes its sign.
        sign = 1 - 2 * ((self.ky + self.kx).long() % 2) if self.side % 2 == 0 else self._centring
        return spectra.reshape(len(images), -1)[:, self.index] * (sign * (math.sqrt(2) / self.side))

    @cached_property
    def _centring(self) -> torch.Tensor:
        middle = torch.full((1, 2), -float(self.side // 2))
        return self.moved(middle)[0]

    def moved(self, shifts: torch.Tensor) -> torch.Tensor:
        """``(..., m)`` factors that move the content of a picture by ``(..., 2)`` y, x pixels."""
        # Both axes apart: of each there are few frequencies, and sines take most of the time.
        most = int(max(self.ky.abs().max(), self.kx.max())) if len(self) else 0
        turns = shifts[..., None] * torch.arange(-most, most + 1.0) * (-2 * math.pi / self.side)
        y, x = torch.polar(torch.ones_like(turns), turns).unbind(-2)
        return y[..., self.ky.long() + most] * x[..., self.kx.long() + most]

    def turned(self, images: torch.Tensor, radius: float) -> torch.Tensor:
        """Coefficients of pictures at all turns, as `posed` would turn them but without interpolation.

        Parameters
        ----------
        images
            ``(k, side, side)``, 0 beyond ``radius`` pixels from the centre.
        radius
            In pixels, less than half a side.

        Returns
        -------
        torch.Tensor
            ``(k, 2, TURNS, m)`` complex: as they are and mirrored, at 0, 360 / TURNS, ... degrees.
        """
        pixels, opposite, cosines, sines = _waves(self, math.ceil(radius))
        flat = images.reshape(len(images), -1) * (math.sqrt(2) / self.side)
        here, there = flat[:, pixels], flat[:, opposite]
        base = torch.complex((here + there) @ cosines, (there - here) @ sines).reshape(-1, QUARTER, len(self))
        quarters = [base]
        for _ in range(3):
            quarters.append(_permuted(quarters[-1], self._quarter_turn))
        plain = torch.cat(quarters, dim=1)
        # Mirrored and turned by psi is turned by -psi and then mirrored.
        back = (-torch.arange(TURNS)) % TURNS
        return torch.stack([plain, _permuted(plain[:, back], self._mirror)], dim=1)

    @cached_property
    def _quarter_turn(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self._where(self.kx, -self.ky)

    @cached_property
    def _mirror(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self._where(self.ky, -self.kx)

    def _where(self, ky: torch.Tensor, kx: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Which coefficient stands for a frequency, and whether it is its conjugate."""
        other = (kx < 0) | ((kx == 0) & (ky < 0))
        y, x = torch.where(other, -ky, ky).long() % self.side, torch.where(other, -kx, kx).long()
        return torch.searchsorted(self.index, y * (self.side // 2 + 1) + x), other


@lru_cache(maxsize=32)
def band(low: float, high: float, side: int, across: int) -> Band:
    """Frequencies from ``low`` to ``high``, in cycles a diameter of ``across`` pixels; kept, and not to be changed."""
    y, x = torch.meshgrid(torch.fft.fftfreq(side) * side, torch.arange(side // 2 + 1.0), indexing="ij")
    y = torch.round(y)
    radius = torch.hypot(y, x) * across / side
    half = ((x > 0) | (y > 0)) & (x < side / 2) & (y.abs() < side / 2)
    index = torch.nonzero((half & (radius >= low) & (radius <= high)).ravel())[:, 0]
    return Band(side, across, index, y.ravel()[index], x.ravel()[index])


@lru_cache(maxsize=6)
def _waves(band: Band, radius: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pixels within a radius, on one side, and their opposites; cosines and sines of the turned frequencies there.

    ``(p,)``, ``(p,)``, ``(p, QUARTER * m)`` twice. The centre is first; as its own opposite it counts half.
    """
    middle = band.side // 2
    away = torch.arange(band.side) - middle
    y, x = torch.meshgrid(away.float(), away.float(), indexing="ij")
    pixels = torch.nonzero(((torch.hypot(y, x) <= radius) & ((y > 0) | ((y == 0) & (x >= 0)))).ravel())[:, 0]
    psi = torch.arange(QUARTER) * (2 * math.pi / TURNS)
    cos, sin = torch.cos(psi)[:, None], torch.sin(psi)[:, None]
    kx, ky = (cos * band.kx - sin * band.ky).ravel(), (sin * band.kx + cos * band.ky).ravel()
    phase = (y.ravel()[pixels, None] * ky + x.ravel()[pixels, None] * kx) * (2 * math.pi / band.side)
    cosines = torch.cos(phase)
    cosines[0] /= 2
    return pixels, 2 * middle * (band.side + 1) - pixels, cosines, torch.sin(phase)


def _permuted(spectra: torch.Tensor, where: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    index, other = where
    taken = spectra[..., index]
    return torch.where(other, taken.conj(), taken)


def blocks(values: torch.Tensor, size: int) -> Iterator[torch.Tensor]:
    """Parts of at most ``size`` along the first axis; one, even if nothing is in it."""
    return (values[start : start + size] for start in range(0, max(len(values), 1), size))


def disc(side: int, radius: float, edge: float) -> torch.Tensor:
    """``(side, side)`` 1 within ``radius`` of the centre, falling to 0 over ``edge`` pixels around it, 0 outside."""
    away = torch.arange(side) - side // 2
    beyond = (torch.hypot(away[:, None].float(), away.float()) - radius) / edge + 0.5
    return 0.5 * (1 + torch.cos(math.pi * beyond.clamp(0, 1)))


def reduced(images: torch.Tensor, side: int) -> torch.Tensor:
    """``(n, side, side)`` the same pictures with fewer pixels, by their low frequencies; noise keeps its variance.

    Parameters
    ----------
    images
        ``(n, s, s)``, s and ``side`` even.
    side
        Less than s.
    """
    spectra: torch.Tensor = torch.fft.rfft2(images)
    half, s = side // 2, images.shape[1]
    rows = torch.cat([torch.arange(half), torch.arange(s - half, s)])
    kept = spectra[:, rows, : half + 1].clone()
    kept[:, half] = 0  # the highest frequency stands for both its signs
    kept[:, :, half] = 0
    made: torch.Tensor = torch.fft.irfft2(kept * (side / s), s=(side, side))
    return made


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
    away = torch.arange(images.shape[1]).float() - images.shape[1] // 2
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
