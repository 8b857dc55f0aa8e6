"""Particles laid onto averages: the average, mirror, turn and shift at which the aligning frequencies agree best."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from napari_drpnet.averaging.bands import Band, blocks, disc, posed

# What of an average is compared, in diameters from its centre: the particle and a little of what blurs it.
_MASK, _MASK_EDGE = 0.55, 0.1
_TURNS = 36
# Particles are compared in blocks of this many numbers.
_BLOCK = 1 << 25
# After the coarse turns and shifts come halves of their steps around the best.
_FINER = (-0.5, 0.0, 0.5)


@dataclass(frozen=True, eq=False)
class Poses:
    """How particles lie on averages; see `bands.posed` and `bands.upright`.

    Attributes
    ----------
    number
        ``(n,)`` of the average, from 0.
    psi
        ``(n,)`` degrees, counter-clockwise as displayed.
    mirrored
        ``(n,)`` bool.
    shift
        ``(n, 2)`` y, x in pixels of the pictures.
    likeness
        ``(n,)`` projection of the particle on the average, in standard deviations of noise.
    """

    number: torch.Tensor
    psi: torch.Tensor
    mirrored: torch.Tensor
    shift: torch.Tensor
    likeness: torch.Tensor

    def __len__(self) -> int:
        return len(self.number)

    def at(self, which: torch.Tensor) -> Poses:
        """Those at a mask or an index."""
        return Poses(*(getattr(self, name)[which] for name in _POSE))

    @classmethod
    def empty(cls, count: int) -> Poses:
        """So many that are yet to be `put`."""
        zeros = torch.zeros(count)
        number = torch.zeros(count, dtype=torch.long)
        return cls(number, zeros, torch.zeros(count, dtype=torch.bool), torch.zeros(count, 2), zeros.clone())

    def put(self, which: torch.Tensor, others: Poses) -> None:
        """Write others at an index."""
        for name in _POSE:
            getattr(self, name)[which] = getattr(others, name)

    @staticmethod
    def joined(parts: list[Poses]) -> Poses:
        """Those of all parts."""
        return Poses(*(torch.cat([getattr(part, name) for part in parts]) for name in _POSE))


_POSE = ("number", "psi", "mirrored", "shift", "likeness")


def masked(images: torch.Tensor, across: int) -> torch.Tensor:
    """Averages on nothing: within a soft disc, with a mean of 0 there.

    Parameters
    ----------
    images
        ``(k, side, side)``.
    across
        Pixels to a diameter.
    """
    mask = disc(images.shape[1], _MASK * across, _MASK_EDGE * across).to(images.device)
    return (images - (images * mask).sum((1, 2), keepdim=True) / mask.sum()) * mask


class Bank:
    """Averages at all turns and shifts, ready to be compared.

    Parameters
    ----------
    references
        ``(k, side, side)``.
    across
        Pixels to a diameter.
    band
        Frequencies that are compared.
    reach
        Of shifts, in pixels.
    weight
        ``(k, rings)`` how far each average is trusted, by whole cycles a side; None: alike everywhere.
    """

    def __init__(
        self, references: torch.Tensor, across: int, band: Band, reach: float, weight: torch.Tensor | None = None
    ) -> None:
        self.band = band
        self.reach = reach
        self.references = masked(references, across)
        fine = torch.arange(2 * _TURNS, device=references.device) * (180.0 / _TURNS)
        number, mirror, turn = torch.meshgrid(
            torch.arange(len(references)), torch.arange(2), torch.arange(2 * _TURNS), indexing="ij"
        )
        self._number, self._mirrored = number.ravel().to(fine.device), mirror.ravel().bool().to(fine.device)
        self._psi = fine[turn.ravel()]
        spectra = band.of(posed(self.references[self._number], self._psi, self._mirrored))
        if weight is not None:
            spectra = spectra * weight[self._number][:, band.ring]
        self._spectra = spectra / spectra.abs().pow(2).sum(1, keepdim=True).sqrt().clamp(min=1e-12)
        steps = torch.arange(-math.floor(reach), math.floor(reach) + 1.0, device=fine.device)
        shifts = torch.cartesian_prod(steps, steps)
        self._shifts = shifts[shifts.pow(2).sum(1) <= reach**2]
        self._coarse = torch.arange(0, len(self._psi), 2, device=fine.device)
        moved = self._spectra[self._coarse, None] * band.moved(self._shifts)
        self._all = _real(moved.reshape(-1, moved.shape[2])).T.contiguous()

    def align(self, spectra: torch.Tensor) -> Poses:
        """The best pose of each particle, of which ``(n, m)`` are the coefficients in the band."""
        block = max(1, _BLOCK // self._all.shape[1])
        return Poses.joined([self._block(part) for part in blocks(spectra, block)])

    def _block(self, spectra: torch.Tensor) -> Poses:
        best = (_real(spectra) @ self._all).argmax(1)
        posed_at, shift = self._coarse[best // len(self._shifts)], self._shifts[best % len(self._shifts)]
        return self._finer(spectra, posed_at, shift)

    def _finer(self, spectra: torch.Tensor, posed_at: torch.Tensor, shift: torch.Tensor) -> Poses:
        """The best of the half steps around each coarse pose."""
        turns = torch.arange(-1, 2, device=posed_at.device)
        group = posed_at // (2 * _TURNS) * (2 * _TURNS)
        near = group[:, None] + (posed_at[:, None] - group[:, None] + turns) % (2 * _TURNS)
        steps = torch.tensor(_FINER, device=posed_at.device)
        moves = torch.cartesian_prod(steps, steps)
        # Moving the particle back is the same as moving the average, and is done once for all turns.
        back = spectra[:, None] * self.band.moved(shift[:, None] + moves).conj()
        likeness = torch.einsum("nsm,ntm->nts", back, self._spectra[near].conj()).real.flatten(1)
        value, best = likeness.max(1)
        chosen = near.gather(1, (best // len(moves))[:, None])[:, 0]
        return Poses(
            self._number[chosen], self._psi[chosen], self._mirrored[chosen], shift + moves[best % len(moves)], value
        )


def _real(spectra: torch.Tensor) -> torch.Tensor:
    """``(n, 2 m)`` real and imaginary parts: their product with others is the real part of the complex one."""
    return torch.view_as_real(spectra.contiguous()).reshape(len(spectra), -1)
