"""Particles sorted into classes that look alike at some turn, and the average of each."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from napari_drpnet.averaging.alignment import Bank, Poses, masked
from napari_drpnet.averaging.bands import Band, blocks, upright

# Frequencies that align in each round, in cycles a diameter: below, the illumination. The first rounds find the large
# features, in which single particles can agree; `reliability` tells what the averages of later ones are trusted with.
LOWEST = 0.7
ROUNDS = (4.0, 4.0, 4.0, 6.0, 6.0, 8.0, 8.0, 8.0)
# Particles are off their centres by at most so many diameters.
REACH = 0.1
# A class with so many times fewer members than its share begins anew, from another particle.
_LEAST = 0.1
_BLOCK = 512  # particles that are turned at a time


@dataclass(frozen=True, eq=False)
class Classes:
    """Averages, and how the particles lie on them.

    Attributes
    ----------
    images
        ``(k, side, side)`` float32.
    count
        ``(k,)`` members.
    poses
        Of the particles.
    halves
        ``(2, k, side, side)``: averages of every second member, and of the others.
    """

    images: torch.Tensor
    count: torch.Tensor
    poses: Poses
    halves: torch.Tensor


def classes_steps(
    images: torch.Tensor, across: int, count: int, seed: int = 0, rounds: Sequence[float] = ROUNDS
) -> Generator[Classes, None, Classes]:
    """Sort particles into classes, yielding those of each round.

    Begins with single particles; each round lays all particles onto the averages of the last one.

    Parameters
    ----------
    images
        ``(n, side, side)`` float32, as `cutting.Cutter` cuts them.
    across
        Pixels to a diameter.
    count
        Of classes, at most ``n``.
    seed
        Of the particles that begin.
    rounds
        Highest frequency that aligns in each round, in cycles a diameter.
    """
    chance = torch.Generator().manual_seed(seed)
    count = min(count, len(images))
    references, weight = _any(images, count, chance), None
    for done, highest in enumerate(rounds):
        band = Band.between(LOWEST, highest, images.shape[1], across)
        found = averaged(images, Bank(references, across, band, REACH * across, weight).align(band.of(images)), count)
        yield found
        references, weight = found.images.clone(), reliability(found.halves, across)
        poor = torch.nonzero(found.count < max(2.0, _LEAST * len(images) / count))[:, 0]
        if len(poor) and done < len(rounds) - 1:
            references[poor], weight[poor] = _any(images, len(poor), chance), 1.0
    return found


def _any(images: torch.Tensor, count: int, chance: torch.Generator) -> torch.Tensor:
    """Some of the particles."""
    return images[torch.randperm(len(images), generator=chance)[:count]]


def averaged(images: torch.Tensor, poses: Poses, count: int) -> Classes:
    """The averages of particles that lie on ``count`` of them so."""
    side = images.shape[1]
    sums, members = torch.zeros(2, count, side, side), torch.zeros(2, count)
    second = torch.arange(len(images)) % 2
    for which in blocks(torch.arange(len(images)), _BLOCK):
        pose = poses.at(which)
        turned = upright(images[which].float(), pose.psi, pose.mirrored, pose.shift)
        sums.view(2 * count, side, side).index_add_(0, second[which] * count + pose.number, turned)
        members.view(-1).index_add_(0, second[which] * count + pose.number, torch.ones(len(which)))
    halves = sums / members.clamp(min=1)[..., None, None]
    whole = sums.sum(0) / members.sum(0).clamp(min=1)[:, None, None]
    return Classes(whole, members.sum(0), poses, halves)


def ring_correlation(halves: torch.Tensor, across: int) -> torch.Tensor:
    """``(k, side // 2 + 1)`` Fourier ring correlation of the halves of each class, by whole cycles a side.

    Beyond the frequencies that align, noise of the two halves has nothing in common.

    Parameters
    ----------
    halves
        ``(2, k, side, side)``.
    across
        Pixels to a diameter.
    """
    side = halves.shape[-1]
    band = Band.between(0.5 * across / side, across, side, across)
    one, two = (band.of(masked(half, across)) for half in halves)
    common, power = _by_ring((one * two.conj()).real, band), [_by_ring(s.abs() ** 2, band) for s in (one, two)]
    return common / (power[0] * power[1]).sqrt().clamp(min=1e-20)


def _by_ring(values: torch.Tensor, band: Band) -> torch.Tensor:
    sums = torch.zeros(len(values), band.side // 2 + 1)
    ring = band.ring
    inside = ring <= band.side // 2
    return sums.index_add_(1, ring[inside], values[:, inside])


def reliability(halves: torch.Tensor, across: int) -> torch.Tensor:
    """``(k, side // 2 + 1)`` share of the power of each average that is signal, by whole cycles a side, 0 to 1."""
    correlation = ring_correlation(halves, across)
    smoothed = F.avg_pool1d(F.pad(correlation[:, None], (1, 1), mode="replicate"), 3, 1)[:, 0].clamp(0, 0.999)
    return 2 * smoothed / (1 + smoothed)
