"""Particles sorted into classes that look alike at some turn, and the average of each."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from napari_drpnet.averaging.alignment import Bank, Poses, masked
from napari_drpnet.averaging.bands import Band, band, blocks, upright

# Cycles a diameter: below, the illumination.
LOWEST = 0.7
# What the halves of the particles have in common, unless they are wanted otherwise.
SHARED = 4.0
# The first rounds find the large features, in which single particles can agree.
ROUNDS = (SHARED, SHARED, SHARED, 6.0, 6.0, 8.0, 8.0, 8.0)
# Particles are off their centres by at most so many diameters.
REACH = 0.1
HIGHEST = max(ROUNDS)
# A class with so many times fewer members than its share begins anew, from another particle.
_LEAST = 0.1
# Fourier ring correlation of halves at which the whole is taken to be resolved.
_AGREED = 0.143
_BLOCK = 512  # particles that are turned at a time


@dataclass(frozen=True, eq=False)
class Classes:
    """Averages, and how the particles lie on them.

    Attributes
    ----------
    sums
        ``(2, k, side, side)`` float32 sums of the members of each half.
    members
        ``(2, k)`` how many these are.
    poses
        Of the particles.
    """

    sums: torch.Tensor
    members: torch.Tensor
    poses: Poses

    @property
    def images(self) -> torch.Tensor:
        """``(k, side, side)`` averages of both halves together."""
        return _mean(self.sums.sum(0), self.count)

    @property
    def halves(self) -> torch.Tensor:
        """``(2, k, side, side)`` averages of each half."""
        return _mean(self.sums, self.members)

    @property
    def count(self) -> torch.Tensor:
        """``(k,)`` members of both halves."""
        return self.members.sum(0)

    def at(self, kept: torch.Tensor) -> Classes:
        """Some of the averages, with the poses on all."""
        return Classes(self.sums[:, kept], self.members[:, kept], self.poses)


def _mean(sums: torch.Tensor, members: torch.Tensor) -> torch.Tensor:
    return sums / members.clamp(min=1)[..., None, None]


def classes_steps(
    images: torch.Tensor,
    half: torch.Tensor,
    across: int,
    count: int,
    seed: int = 0,
    rounds: Sequence[float] = ROUNDS,
    shared: float = SHARED,
) -> Generator[Classes, None, Classes]:
    """Sort particles into classes, yielding those of each round.

    Begins with single particles; each round lays all particles onto the averages of the last one.

    Parameters
    ----------
    images
        ``(n, side, side)`` float32, as `cutting.Cutter` cuts them.
    half
        ``(n,)`` 0 or 1: which of the halves each particle is in.
    across
        Pixels to a diameter.
    count
        Of classes, at most ``n``.
    seed
        Of the particles that begin.
    rounds
        Highest frequency that aligns in each round, in cycles a diameter.
    shared
        In rounds with higher ones each half has averages of its own, so that beyond it noise of the two has nothing in
        common; infinite where sharper averages are worth more than to know how sharp they are.
    """
    chance = torch.Generator().manual_seed(seed)
    count = min(count, len(images))
    widest = band(LOWEST, max(rounds), images.shape[1], across)
    spectra = widest.of(images)

    def laid(references: torch.Tensor, highest: float, weight: torch.Tensor | None = None) -> Classes:
        seen = spectra[:, band(LOWEST, highest, images.shape[1], across).within(widest)]
        return averaged(images, half, aligned(seen, half, references, across, highest, weight), count)

    found = laid(_any(images, count, chance).expand(2, -1, -1, -1), rounds[0])
    yield found
    for highest in rounds[1:]:
        found = centred(found)
        references, weight = _references(found, highest > shared), reliability(found.halves, across)
        poor = torch.nonzero(found.count < max(2.0, _LEAST * len(images) / count))[:, 0]
        references[:, poor], weight[poor] = _any(images, len(poor), chance), 1.0
        found = laid(references, highest, weight)
        yield found
    return found


def _references(found: Classes, apart: bool) -> torch.Tensor:
    """``(2, k, side, side)`` averages that each half is laid onto: its own, where it has any, or those of both."""
    both = found.images.expand(2, -1, -1, -1)
    return torch.where((found.members > 0)[..., None, None], found.halves, both) if apart else both.clone()


def _any(images: torch.Tensor, count: int, chance: torch.Generator) -> torch.Tensor:
    """Some of the particles."""
    return images[torch.randperm(len(images), generator=chance)[:count]]


def aligned(
    spectra: torch.Tensor,
    half: torch.Tensor,
    references: torch.Tensor,
    across: int,
    highest: float,
    weight: torch.Tensor | None = None,
) -> Poses:
    """How particles lie on the averages of their half.

    Parameters
    ----------
    spectra
        ``(n, m)`` coefficients of the particles in the band from `LOWEST` to ``highest``.
    half, across
        See `classes_steps`.
    references
        ``(2, k, side, side)``.
    highest
        Frequency that aligns, in cycles a diameter.
    weight
        See `alignment.Bank`.
    """
    poses = Poses.empty(len(spectra))
    for which in (0, 1):
        # Of few particles, a bank takes longer to make than to use.
        if not which or not torch.equal(references[0], references[1]):
            bank = Bank(references[which], across, LOWEST, highest, REACH, weight)
        mine = torch.nonzero(half == which)[:, 0]
        poses.put(mine, bank.align(spectra[mine]))
    return poses


def averaged(images: torch.Tensor, half: torch.Tensor, poses: Poses, count: int) -> Classes:
    """The averages of particles that lie on ``count`` of them so.

    Parameters
    ----------
    images
        ``(n, side, side)`` of any number type, at the scale of the shifts.
    half, poses
        Of each particle.
    count
        Of averages.
    """
    side = images.shape[1]
    sums, members = torch.zeros(2 * count, side**2), torch.zeros(2 * count)
    for part in blocks(torch.arange(len(images)), _BLOCK):
        pose = poses.at(part)
        place = half[part] * count + pose.number
        # As a product: adding picture by picture takes ten times as long.
        mine = F.one_hot(place, 2 * count).float()
        sums += mine.T @ upright(images[part].float(), pose.psi, pose.mirrored, pose.shift).flatten(1)
        members += mine.sum(0)
    return Classes(sums.view(2, count, side, side), members.view(2, count), poses)


def centred(found: Classes) -> Classes:
    """The averages moved to where their members are picked, on average: they began with single particles off centre."""
    poses, count = found.poses, len(found.count)
    angle = torch.deg2rad(poses.psi)
    y, x = poses.shift.unbind(1)
    along = torch.cos(angle) * x - torch.sin(angle) * y
    upright_shift = torch.stack(
        [torch.sin(angle) * x + torch.cos(angle) * y, torch.where(poses.mirrored, -along, along)], dim=1
    )
    total = torch.zeros(count, 2).index_add_(0, poses.number, upright_shift)
    mean = total / found.count.clamp(min=1)[:, None]
    side = found.sums.shape[-1]
    ky, kx = torch.meshgrid(torch.fft.fftfreq(side), torch.arange(side // 2 + 1.0) / side, indexing="ij")
    turns = -2 * torch.pi * (mean[:, 0, None, None] * ky + mean[:, 1, None, None] * kx)
    moved = torch.fft.rfft2(found.sums) * torch.polar(torch.ones_like(turns), turns)
    return Classes(torch.fft.irfft2(moved, s=(side, side)), found.members, poses)


def ring_correlation(halves: torch.Tensor, across: int) -> torch.Tensor:
    """``(k, side // 2 + 1)`` Fourier ring correlation of the halves of each class, by whole cycles a side.

    Parameters
    ----------
    halves
        ``(2, k, side, side)``.
    across
        Pixels to a diameter.
    """
    side = halves.shape[-1]
    every = band(0.5 * across / side, 0.5 * across, side, across)
    one, two = (every.of(masked(half, across)) for half in halves)
    common, power = _by_ring((one * two.conj()).real, every), [_by_ring(s.abs() ** 2, every) for s in (one, two)]
    return common / (power[0] * power[1]).sqrt().clamp(min=1e-20)


def _by_ring(values: torch.Tensor, of: Band) -> torch.Tensor:
    return values @ F.one_hot(of.ring, of.side // 2 + 1).float()


def reliability(halves: torch.Tensor, across: int) -> torch.Tensor:
    """``(k, side // 2 + 1)`` share of the power of each average that is signal, by whole cycles a side, 0 to 1."""
    correlation = ring_correlation(halves, across)
    smoothed = F.avg_pool1d(F.pad(correlation[:, None], (1, 1), mode="replicate"), 3, 1)[:, 0].clamp(0, 0.999)
    return 2 * smoothed / (1 + smoothed)


def trusted(found: Classes, across: int) -> torch.Tensor:
    """``(k, side, side)`` averages, each frequency by how far both halves agree in it (a Wiener filter)."""
    images = found.images
    side = images.shape[1]
    y, x = torch.meshgrid(torch.fft.fftfreq(side) * side, torch.arange(side // 2 + 1.0), indexing="ij")
    ring = torch.round(torch.hypot(y, x)).long().clamp(max=side // 2)
    weight = reliability(found.halves, across)
    weight[:, : round(side / across)] = 1.0  # what is wider than a particle tells the two halves nothing
    filtered: torch.Tensor = torch.fft.irfft2(torch.fft.rfft2(images) * weight[:, ring], s=(side, side))
    return filtered


def resolved(halves: torch.Tensor, across: int) -> torch.Tensor:
    """``(k,)`` cycles a diameter up to which the halves of each class agree: ring correlation 0.143 and more.

    NaN where that is not beyond the frequencies that aligned both halves together, of which nothing is proved.
    """
    side = halves.shape[-1]
    agree = F.avg_pool1d(F.pad(ring_correlation(halves, across)[:, None], (1, 1), mode="replicate"), 3, 1)[:, 0]
    first = round(side / across)  # the ring of one cycle a diameter
    below = torch.cat([agree[:, first:] < _AGREED, torch.ones(len(agree), 1, dtype=torch.bool)], dim=1)
    reached = (below.float().argmax(1) + first - 1) * across / side
    return torch.where(reached > SHARED, reached, torch.full_like(reached, torch.nan))
