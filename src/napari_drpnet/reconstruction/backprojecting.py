"""A map from particles that lie in known ways: each is a slice through the map's transform."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import torch
from torch.nn import functional
from torch_fourier_slice.volume_utils import separable_sinc2_correction

from napari_drpnet.data import FloatArray
from napari_drpnet.reconstruction.disc import Disc
from napari_drpnet.reconstruction.projecting import PAD

# Below this part of what its shell has on average, a frequency was hardly seen.
_SELDOM = 1e-2
_AT_ONCE = 2**21


@dataclass(frozen=True, eq=False)
class Insertion:
    """Particles as they are put into a map: ``(n, k)`` values times their transfer, and the transfer squared."""

    disc: Disc
    values: torch.Tensor
    weights: torch.Tensor


class Backprojector:
    """Sums slices on a grid twice as fine as the map's own, with the weight of each (trilinear).

    Parameters
    ----------
    side
        Of the map and of the images, in pixels; even.
    radius
        Up to which frequencies, in steps of the images' transform.
    operators
        ``(s, 3, 3)`` turns that leave the particle as it is.
    """

    def __init__(self, side: int, radius: float, operators: FloatArray) -> None:
        self.side = side
        self._operators = torch.from_numpy(operators).float()
        self._reach = min(PAD * (int(radius) + 1), side - 1)
        self._edge = 2 * self._reach + 1
        self._sums = torch.zeros(3, self._edge**3)  # real part, imaginary part, weight

    def insert(self, particles: Insertion, matrices: torch.Tensor) -> None:
        """Add particles.

        Parameters
        ----------
        particles
            Moved so that the centre of each is that of its picture.
        matrices
            ``(n, 3, 3)`` that bring the particle into the picture's frame, x, y, z.
        """
        xy = particles.disc.yx.flip(1) * PAD
        for some in torch.split(torch.arange(len(matrices)), max(1, _AT_ONCE // len(xy))):
            values, weights = particles.values[some], particles.weights[some]
            rows = torch.stack([values.real, values.imag, weights]).flatten(1)
            for turn in self._operators:
                where = torch.einsum("mji,kj->mki", (matrices[some] @ turn)[:, :2], xy)
                self._add(where.reshape(-1, 3) + self._reach, rows)

    def joined(self, other: Backprojector) -> Backprojector:
        """All that both were given."""
        both = copy(self)
        both._sums = self._sums + other._sums
        return both

    def _add(self, xyz: torch.Tensor, rows: torch.Tensor) -> None:
        """Share ``(3, n)`` rows among the eight grid points about each of ``(n, 3)`` places."""
        low = xyz.floor().clamp_(0, self._edge - 2)
        after = (xyz - low).T.contiguous()
        before = 1 - after
        x, y, z = low.int().T
        start = (z * self._edge + y) * self._edge + x
        for dz, far in enumerate((before[2], after[2])):
            for dy, across in enumerate((before[1], after[1])):
                plane = far * across
                for dx, along in enumerate((before[0], after[0])):
                    near, at = plane * along, start + ((dz * self._edge + dy) * self._edge + dx)
                    for total, row in zip(self._sums, rows, strict=True):
                        total.index_add_(0, at, row * near)

    def density(self, ssnr: torch.Tensor | None = None) -> torch.Tensor:
        """The map ``(side, side, side)`` in z, y, x, float32.

        Parameters
        ----------
        ssnr
            ``(side // 2,)`` signal to noise of the map by shells, for a Wiener filter. None: nothing is damped.
        """
        real, imaginary, weight = self._sums.view(3, *[self._edge] * 3)
        # Slices hold one of each pair of conjugate frequencies.
        real, imaginary = real + real.flip(0, 1, 2), imaginary - imaginary.flip(0, 1, 2)
        weight = weight + weight.flip(0, 1, 2)
        values = torch.complex(real, imaginary) / self._damped(weight, ssnr)
        margin = (PAD * self.side // 2) - self._reach
        whole = functional.pad(values, [margin, margin - 1] * 3)
        padded = torch.fft.fftshift(torch.fft.ifftn(torch.fft.ifftshift(whole)).real)
        padded = padded / separable_sinc2_correction(tuple(padded.shape))
        inner = slice((PAD - 1) * self.side // 2, (PAD + 1) * self.side // 2)
        density: torch.Tensor = padded[inner, inner, inner].contiguous()
        return density

    def _damped(self, weight: torch.Tensor, ssnr: torch.Tensor | None) -> torch.Tensor:
        """Weights that can be divided by; infinite beyond the sphere that was filled."""
        axis = torch.arange(self._edge) - self._reach
        z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
        radius = (z**2 + y**2 + x**2).float().sqrt()
        shell = radius.round().long().clamp(max=self._reach)
        count = torch.bincount(shell.flatten()).clamp(min=1)
        mean = torch.bincount(shell.flatten(), weight.flatten().double()).float() / count
        added = _SELDOM * mean
        if ssnr is not None:
            where = (torch.arange(len(mean)) / PAD).clamp(max=len(ssnr) - 1)
            low = where.floor().long()
            high, part = (low + 1).clamp(max=len(ssnr) - 1), where - where.floor()
            known = ssnr[low] * (1 - part) + ssnr[high] * part
            added = mean / known.clamp(min=1e-6)
        damped = weight + added[shell]
        outside = (radius > self._reach) | (damped <= 0)
        infinite: torch.Tensor = torch.where(outside, torch.inf, damped)
        return infinite
