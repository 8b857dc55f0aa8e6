"""Particles laid onto averages: the average, mirror, turn and shift at which the aligning frequencies agree best."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from napari_drpnet.averaging.bands import TURNS, Band, band, blocks, disc

# What of an average is compared, in diameters from its centre: the particle and a little of what blurs it.
MASK, _EDGE = 0.55, 0.2
# Coarse turns and shifts are looked for with frequencies up to this, in cycles a diameter.
COARSE = 4.0
# Of the fine turns every second is looked at first; the step of shifts is this part of a diameter.
_SECOND, _STEP = 2, 1 / 32
# Then steps of a half around the best, with the neighbouring turns, and of a quarter.
_FINER = ((0.5, (-1, 0, 1)), (0.25, (0,)))
# Particles are compared in blocks of this many numbers.
_BLOCK = 1 << 24


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

    @classmethod
    def empty(cls, count: int) -> Poses:
        """So many that are yet to be `put`."""
        zeros, number = torch.zeros(count), torch.zeros(count, dtype=torch.long)
        return cls(number, zeros, torch.zeros(count, dtype=torch.bool), torch.zeros(count, 2), zeros.clone())

    def put(self, which: torch.Tensor, others: Poses) -> None:
        """Write others at an index."""
        for name in _POSE:
            getattr(self, name)[which] = getattr(others, name)

    def at(self, which: torch.Tensor) -> Poses:
        """Those at a mask or an index."""
        return Poses(*(getattr(self, name)[which] for name in _POSE))

    def scaled(self, factor: float) -> Poses:
        """The same of pictures ``factor`` times as large."""
        return Poses(self.number, self.psi, self.mirrored, self.shift * factor, self.likeness)

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
    mask = disc(images.shape[1], MASK * across, _EDGE * across)
    return (images - (images * mask).sum((1, 2), keepdim=True) / mask.sum()) * mask


class Bank:
    """Averages at all turns and shifts, ready to be compared.

    Parameters
    ----------
    references
        ``(k, side, side)``.
    across
        Pixels to a diameter.
    low, high
        Frequencies that are compared, in cycles a diameter.
    reach
        Of shifts, in diameters.
    weight
        ``(k, rings)`` how far each average is trusted, by whole cycles a side; None: alike everywhere.
    """

    def __init__(
        self,
        references: torch.Tensor,
        across: int,
        low: float,
        high: float,
        reach: float,
        weight: torch.Tensor | None = None,
    ) -> None:
        side = references.shape[1]
        self.band = band(low, high, side, across)
        self.references = masked(references, across)
        self._weight = weight
        # (k, 2, TURNS, m): plain and mirrored.
        self._spectra = unit(self.in_band(self.band))
        coarse = band(low, min(high, COARSE), side, across)
        self._near = coarse.within(self.band)
        self._step = _STEP * across
        self._shifts = _within(reach / _STEP) * self._step
        self._moved = self.band.moved(self._shifts)
        seen = unit(self._spectra[:, :, ::_SECOND][..., self._near])
        moved = seen[..., None, :] * coarse.moved(self._shifts)
        # (k * poses, 2 * coarse frequencies)
        self._all = _real(moved.reshape(-1, len(coarse)))

    def in_band(self, other: Band) -> torch.Tensor:
        """``(k, 2, TURNS, m)`` the averages at all turns in another band, as far as each is trusted."""
        spectra = other.turned(self.references, (MASK + _EDGE / 2) * other.across)
        return spectra if self._weight is None else spectra * self._weight[:, None, None, other.ring]

    def align(self, spectra: torch.Tensor) -> Poses:
        """The best pose of each particle, of which ``(n, m)`` are the coefficients in the band."""
        if not len(spectra):  # of a half that has no particle
            return Poses.empty(0)
        block = max(1, _BLOCK // len(self._all))
        # Memory that is asked for anew takes as long as the products that fill it.
        room = torch.empty(min(block, len(spectra)), len(self._all))
        return Poses.joined([self._block(part, room[: len(part)]) for part in blocks(spectra, block)])

    def _block(self, spectra: torch.Tensor, room: torch.Tensor) -> Poses:
        """Coarse poses by low frequencies, the average by all of them, then finer steps."""
        count = len(self.references)
        alike = torch.mm(_real(spectra[:, self._near]), self._all.T, out=room)
        # By numpy, which finds the largest of a row in an eighth of the time.
        coarse = torch.from_numpy(alike.view(len(spectra), count, -1).numpy().argmax(2))
        pose, shift = coarse // len(self._shifts), coarse % len(self._shifts)
        mirror, turn = pose // (TURNS // _SECOND), pose % (TURNS // _SECOND) * _SECOND
        every = torch.arange(count).expand(len(spectra), count)
        seen = self._spectra[every, mirror, turn] * self._moved[shift]
        number = (_real(seen) @ _real(spectra)[..., None])[..., 0].argmax(1)
        mine = torch.arange(len(spectra)), number
        where = _Where(number, mirror[mine], turn[mine], self._shifts[shift[mine]])
        for part, turns in _FINER:
            where, likeness = self._finer(spectra, where, part * self._step, turns)
        return Poses(where.number, where.turn * (360 / TURNS), where.mirror.bool(), where.shift, likeness)

    def _finer(
        self, spectra: torch.Tensor, where: _Where, step: float, turns: tuple[int, ...]
    ) -> tuple[_Where, torch.Tensor]:
        """The best of some steps around each pose, and how alike it is."""
        near = (where.turn[:, None] + torch.tensor(turns)) % TURNS
        moves = torch.cartesian_prod(*[torch.tensor([-step, 0.0, step])] * 2)
        # Moving the particle back is the same as moving the average; the steps are the same for all, one product.
        back = spectra.conj() * self.band.moved(where.shift)
        seen = self._spectra[where.number[:, None], where.mirror[:, None], near]
        likeness = (_real(back[:, None] * seen) @ _real(self.band.moved(moves).conj()).T).flatten(1)
        value, best = likeness.max(1)
        turn = near.gather(1, (best // len(moves))[:, None])[:, 0]
        return _Where(where.number, where.mirror, turn, where.shift + moves[best % len(moves)]), value


@dataclass(frozen=True, eq=False)
class _Where:
    """Poses by their places in a bank; shifts in pixels."""

    number: torch.Tensor
    mirror: torch.Tensor
    turn: torch.Tensor
    shift: torch.Tensor


def unit(spectra: torch.Tensor) -> torch.Tensor:
    """Vectors along the last axis at a length of 1; those of nothing stay nothing."""
    # By real numbers: complex ones take eight times as long.
    size: torch.Tensor = torch.linalg.vector_norm(_real(spectra), dim=-1, keepdim=True)
    return spectra * size.clamp(min=1e-12).reciprocal()


def _within(reach: float) -> torch.Tensor:
    """``(s, 2)`` whole steps at most so far from 0."""
    steps = torch.arange(-int(reach), int(reach) + 1.0)
    every = torch.cartesian_prod(steps, steps)
    near: torch.Tensor = every[every.pow(2).sum(1) <= reach**2 + 1e-6]
    return near


def _real(spectra: torch.Tensor) -> torch.Tensor:
    """``(..., 2 m)`` real and imaginary parts: their product with others is the real part of the complex one."""
    return torch.view_as_real(spectra.resolve_conj().contiguous()).flatten(-2)
