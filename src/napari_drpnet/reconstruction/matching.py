"""How particles lie: the projection that each is most like, by the correlation that white noise asks for.

A particle is ``transfer x projection + noise``, frequency by frequency, with noise of the same power at all. The score
of a projection is their correlation divided by the projection's own strength, so that of noise alone it has standard
deviation 1; for one particle it is its normalised cross-correlation times a constant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from napari_drpnet.reconstruction.disc import Disc
from napari_drpnet.reconstruction.projecting import Projector

_HALF_TURN = torch.diag(torch.tensor([-1.0, -1.0, 1.0]))
_CHUNK = 2048  # orientations that are compared at once
_TINY = 1e-12
_TURNS = torch.cat([torch.zeros(1, 3), torch.eye(3), -torch.eye(3)])  # none, and one step about each axis, both ways
_SHIFTS = torch.cartesian_prod(*[torch.tensor([0.0, -1.0, 1.0])] * 2)


@dataclass(frozen=True, eq=False)
class Poses:
    """How particles lie.

    Attributes
    ----------
    matrices
        ``(n, 3, 3)`` float32 that bring the particle into the picture's frame, x, y, z.
    shifts
        ``(n, 2)`` y, x in pixels of the picture: where the particle's centre is.
    score
        ``(n,)`` in standard deviations of noise.
    """

    matrices: torch.Tensor
    shifts: torch.Tensor
    score: torch.Tensor

    @classmethod
    def empty(cls, count: int) -> Poses:
        """Of particles that were not looked at yet."""
        return cls(torch.eye(3).repeat(count, 1, 1), torch.zeros(count, 2), torch.full((count,), -torch.inf))

    def put(self, which: torch.Tensor, found: Poses) -> None:
        """Take over what was found for some."""
        self.matrices[which], self.shifts[which], self.score[which] = found.matrices, found.shifts, found.score

    def of(self, which: torch.Tensor) -> Poses:
        """Those of some."""
        return Poses(self.matrices[which], self.shifts[which], self.score[which])


@dataclass(frozen=True, eq=False)
class Spectra:
    """Particles as they are compared.

    Attributes
    ----------
    disc
        Which frequencies.
    values
        ``(n, k)`` complex; in noise the real and the imaginary part have standard deviation 1.
    transfer
        ``(n, k)`` what became of the particle's own on the way: lens and whitening.
    """

    disc: Disc
    values: torch.Tensor
    transfer: torch.Tensor

    def within(self, disc: Disc) -> Spectra:
        """The same at the lower frequencies alone."""
        inside = self.disc.distance <= disc.radius
        return Spectra(disc, self.values[:, inside], self.transfer[:, inside])


def shift_grid(reach: float, step: float) -> torch.Tensor:
    """``(s, 2)`` shifts y, x within a disc, in pixels."""
    axis = torch.arange(-int(reach / step), int(reach / step) + 1) * step
    both = torch.cartesian_prod(axis, axis)
    return both[torch.linalg.vector_norm(both, dim=1) <= reach + 1e-6]


class Gallery:
    """Projections in all orientations of a grid, to look a particle up in.

    Parameters
    ----------
    projector, matrices, disc
        What is projected how, ``(m, 3, 3)``, and which frequencies are compared.
    shifts
        ``(s, 2)`` y, x in pixels that are tried.
    """

    def __init__(self, projector: Projector, matrices: torch.Tensor, disc: Disc, shifts: torch.Tensor) -> None:
        self.disc, self._shifts, self._moved = disc, shifts, disc.moved(shifts)
        self._matrices = torch.cat([matrices, _HALF_TURN @ matrices])
        self._slices = projector.slices(matrices, disc)
        self._real, self._imaginary = self._slices.real.T.contiguous(), self._slices.imag.T.contiguous()
        self._power = self._real**2 + self._imaginary**2

    def best(self, spectra: Spectra, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The orientations ``(n, count, 3, 3)`` with the best scores, best first, and the shift ``(n, count, 2)``."""
        known = spectra.within(self.disc)
        n, (s, k) = len(known.values), self._moved.shape
        moved = ((known.values * known.transfer)[:, None] * self._moved).reshape(n * s, k)
        real, imaginary, weight = moved.real.contiguous(), moved.imag.contiguous(), known.transfer**2
        ordered: list[torch.Tensor] = []
        for part in torch.split(torch.arange(self._power.shape[1]), _CHUNK):
            chunk = slice(int(part[0]), int(part[-1]) + 1)
            strength = (weight @ self._power[:, chunk]).clamp(min=_TINY).rsqrt()
            even, odd = real @ self._real[:, chunk], imaginary @ self._imaginary[:, chunk]
            ordered += [one.view(n, s, -1).amax(1) * strength for one in (even + odd, even - odd)]
        # chunks hold an orientation and its half turn one after the other; the list has all half turns at its end
        score = torch.cat(ordered[0::2] + ordered[1::2], 1)
        best = score.topk(min(count, score.shape[1]), dim=1).indices
        return self._matrices[best], self._best_shifts(moved.view(n, s, k), best)

    def _best_shifts(self, moved: torch.Tensor, best: torch.Tensor) -> torch.Tensor:
        half = len(self._slices)
        slices = self._slices[best % half]
        slices = torch.where((best >= half)[..., None], slices.conj(), slices)
        return self._shifts[_products(slices, moved).argmax(2)]


def refined(projector: Projector, spectra: Spectra, start: Poses, turn: float, shift: float) -> Poses:
    """Poses after one step about each axis and along each side, to the top of a parabola; never worse ones.

    Parameters
    ----------
    projector, spectra
        The map, and the particles.
    start
        How they lie as far as is known.
    turn, shift
        How far is looked, in degrees and in pixels.
    """
    n, disc = len(start.score), spectra.disc
    matrices = _turned(_TURNS[None].expand(n, -1, -1) * turn, start.matrices[:, None].expand(-1, len(_TURNS), -1, -1))
    slices = projector.slices(matrices.reshape(-1, 3, 3), disc).view(n, len(_TURNS), -1) * spectra.transfer[:, None]
    shifts = start.shifts[:, None] + _SHIFTS * shift
    moved = spectra.values[:, None] * disc.moved(shifts)
    power = (slices.real**2 + slices.imag**2).sum(2).clamp(min=_TINY)
    score = _products(slices, moved) / power.sqrt()[..., None]
    best, every = score.flatten(1).argmax(1), torch.arange(n)
    at = best % len(_SHIFTS)
    there, top = shifts[every, at], score[every, :, at]
    seen = Poses(matrices[every, best // len(_SHIFTS)], there, score.flatten(1)[every, best])
    turned = _turned(_summit(top)[:, None] * turn, start.matrices[:, None])[:, 0]
    return better(seen, scored(projector, spectra, turned, there))


def scored(projector: Projector, spectra: Spectra, matrices: torch.Tensor, shifts: torch.Tensor) -> Poses:
    """Poses with their scores, from ``(n, 3, 3)`` matrices and ``(n, 2)`` shifts."""
    slices = projector.slices(matrices, spectra.disc) * spectra.transfer
    moved = spectra.values * spectra.disc.moved(shifts)
    score = (slices.real * moved.real + slices.imag * moved.imag).sum(1)
    return Poses(matrices, shifts, score / torch.linalg.vector_norm(slices, dim=1).clamp(min=_TINY**0.5))


def better(one: Poses, other: Poses) -> Poses:
    """Of two poses of each particle the one with the higher score."""
    keep = one.score >= other.score
    return Poses(
        torch.where(keep[:, None, None], one.matrices, other.matrices),
        torch.where(keep[:, None], one.shifts, other.shifts),
        torch.where(keep, one.score, other.score),
    )


def _products(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Real parts of ``(n, a, k)`` times conjugate ``(n, b, k)``, summed over k: ``(n, a, b)``."""
    left, right = (torch.view_as_real(each.resolve_conj()).flatten(2) for each in (one, other))
    return left @ right.transpose(1, 2)


def _turned(turns: torch.Tensor, matrices: torch.Tensor) -> torch.Tensor:
    """Matrices ``(n, c, 3, 3)`` followed by turns ``(n, c, 3)`` about the picture's x, y and z, in degrees."""
    flat = np.deg2rad(turns.reshape(-1, 3).double().numpy())
    small = torch.from_numpy(Rotation.from_rotvec(flat).as_matrix()).float()
    return small.view(*turns.shape[:2], 3, 3) @ matrices


def _summit(score: torch.Tensor) -> torch.Tensor:
    """``(n, 3)`` where parabolas through three scores a side have their top, in steps, at most one."""
    middle, up, down = score[:, :1], score[:, 1:4], score[:, 4:7]
    bend, slope = 2 * middle - up - down, (up - down) / 2
    top = torch.where(bend > 0, slope / bend.clamp(min=_TINY), slope.sign())
    return top.clamp(-1, 1)
