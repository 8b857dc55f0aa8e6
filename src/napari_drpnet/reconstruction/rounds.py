"""From particles to two half maps: matched to the reference once, and then each half to its own map.

The halves share the reference alone, which has no detail beyond its resolution. So what they agree on beyond it is
theirs (Scheres and Chen, Nature Methods 9 (2012) 853).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from napari_drpnet.data import FloatArray
from napari_drpnet.reconstruction.backprojecting import Backprojector, Insertion
from napari_drpnet.reconstruction.disc import Disc
from napari_drpnet.reconstruction.matching import Gallery, Poses, Spectra, better, refined, scored, shift_grid
from napari_drpnet.reconstruction.pointgroups import operators
from napari_drpnet.reconstruction.projecting import Projector, grid
from napari_drpnet.reconstruction.reference import Scale
from napari_drpnet.reconstruction.shells import crossing, shell_correlation, signal_to_noise

# Pictures have nothing beyond this part of the sampling frequency.
_FINEST = 0.45
# A grid of orientations tells no finer detail apart than this many steps of the transform, at 7.5 degrees.
_SEARCHED = 12.0
_USUAL_STEP = 7.5
_MOST_SEARCHED = 16.0  # of a finer grid, so that its projections take half a gigabyte at most
_SEARCHES = 2  # rounds that look in all orientations; later ones look near what was found
_CANDIDATES = 4  # orientations of a grid that are looked at closer
_BLOCK = 64  # particles that are compared at once
_SHIFT_STEP = 2.0  # pixels


class Particles(Protocol):
    """Pictures of particles, bright, in noise of the same power at all frequencies."""

    half: npt.NDArray[np.int64]
    """``(n,)`` 0 or 1."""

    def spectra(self, which: torch.Tensor, disc: Disc, masked: bool) -> Spectra:
        """Of some of them; ``masked``: without what is beyond the particle."""


@dataclass(frozen=True)
class Plan:
    """How particles are brought into a map.

    Attributes
    ----------
    scale
        Of the pictures.
    group
        Point group.
    lowpass
        Resolution of the reference, in Angstrom.
    step
        Of the first search, in degrees.
    reach
        How far a particle may be from its pick, in Angstrom.
    rounds
        How often particles are matched and put together.
    """

    scale: Scale
    group: str
    lowpass: float
    step: float
    reach: float
    rounds: int


@dataclass(frozen=True)
class Step:
    """How far reconstruction is: the round from 1, part of it done, and what is being done."""

    round: int
    part: float
    said: str


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """What came of particles.

    Attributes
    ----------
    poses
        How each lies.
    halves
        Two maps ``(side, side, side)`` of half of the particles each, not filtered.
    density
        The map of all, filtered by what the halves agree on.
    correlation
        ``(side // 2,)`` of the halves by shells, within a ball.
    shells
        Where the correlation falls below 0.143.
    """

    poses: Poses
    halves: tuple[torch.Tensor, torch.Tensor]
    density: torch.Tensor
    correlation: FloatArray
    shells: float


def reconstruct(particles: Particles, reference: torch.Tensor, plan: Plan) -> Generator[Step, None, Reconstruction]:
    """Match particles to a reference, and then to their own maps.

    Parameters
    ----------
    particles
        All of them.
    reference
        ``(side, side, side)`` without detail beyond ``plan.lowpass``.
    plan
        How.
    """
    poses = Poses.empty(len(particles.half))
    maps, known = (reference, reference), plan.scale.radius(plan.lowpass)
    for number in range(1, plan.rounds + 1):
        yield from _match(particles, maps, poses, plan, number, known)
        found = yield from assembled(particles, poses, plan, number)
        known = max(found.shells, plan.scale.radius(plan.lowpass))
        maps = _own_maps(found, plan)
        last = found
    return last.finished(poses, plan)


@dataclass(frozen=True, eq=False)
class Assembly:
    """The sums of both halves, and what they agree on."""

    sums: tuple[Backprojector, Backprojector]
    halves: tuple[torch.Tensor, torch.Tensor]
    correlation: FloatArray
    shells: float

    def ssnr(self, of_all: bool) -> torch.Tensor:
        """``(side // 2,)`` signal to noise of a half map, or of the map of all; 0 beyond what is known."""
        known = signal_to_noise(self.correlation) * (1.0 if of_all else 0.5)
        known[np.arange(len(known)) > self.shells] = 0
        return torch.from_numpy(known).float()

    def finished(self, poses: Poses, plan: Plan) -> Reconstruction:
        """The result."""
        whole = self.sums[0].joined(self.sums[1]).density(self.ssnr(True)) * plan.scale.ball
        return Reconstruction(poses, self.halves, whole, self.correlation, self.shells)


def assembled(particles: Particles, poses: Poses, plan: Plan, number: int) -> Generator[Step, None, Assembly]:
    """Both half maps of particles that lie as their poses say."""
    side = plan.scale.side
    disc, turns = Disc(side, _FINEST * side), operators(plan.group)
    sums = (Backprojector(side, disc.radius, turns), Backprojector(side, disc.radius, turns))
    for half, total in enumerate(sums):
        mine = torch.from_numpy(np.flatnonzero(particles.half == half))
        for some in torch.split(mine, _BLOCK):
            seen, lying = particles.spectra(some, disc, masked=False), poses.of(some)
            values = seen.values * disc.moved(lying.shifts) * seen.transfer
            total.insert(Insertion(disc, values, seen.transfer**2), lying.matrices)
            yield Step(number, 0.7 + 0.3 * _part(mine, some, half), "putting them together")
    halves = (sums[0].density(), sums[1].density())
    ball = plan.scale.ball
    correlation = shell_correlation(halves[0] * ball, halves[1] * ball)
    return Assembly(sums, halves, correlation, min(crossing(correlation), disc.radius))


def _own_maps(found: Assembly, plan: Plan) -> tuple[torch.Tensor, torch.Tensor]:
    """What each half is compared with next: its own map, filtered."""
    one, other = (total.density(found.ssnr(False)) * plan.scale.ball for total in found.sums)
    return one, other


def _match(
    particles: Particles,
    maps: tuple[torch.Tensor, torch.Tensor],
    poses: Poses,
    plan: Plan,
    number: int,
    known: float,
) -> Generator[Step, None, None]:
    """Find how all particles lie on the map of their half, as far as its detail is ``known``, in shells."""
    disc = Disc(plan.scale.side, min(known, _FINEST * plan.scale.side))
    coarse = Disc(plan.scale.side, min(known, float(np.clip(_SEARCHED * _USUAL_STEP / plan.step, 4, _MOST_SEARCHED))))
    first, shared = number == 1, maps[0] is maps[1]
    matrices = torch.from_numpy(grid(plan.step, plan.group)).float()
    # Where a particle is was found in the first round, to a pixel.
    shifts = shift_grid(plan.reach / plan.scale.pixel_size if first else _SHIFT_STEP, _SHIFT_STEP)
    gallery: Gallery | None = None
    for half in (0, 1):
        projector = Projector(maps[half], disc.radius)
        if number <= _SEARCHES and (gallery is None or not shared):
            gallery = Gallery(projector, matrices, coarse, shifts)
        mine = torch.from_numpy(np.flatnonzero(particles.half == half))
        for some in torch.split(mine, _BLOCK):
            seen = particles.spectra(some, disc, masked=True)
            now = poses.of(some)
            now = scored(projector, seen, now.matrices, now.shifts)
            if gallery is not None:
                now = _searched(gallery, projector, seen, plan.step, now, first)
            for turn, shift in ((4, 2.0), (8, 4.0)) if first else ((4, 2.0), (8, 4.0), (16, 8.0)):
                now = refined(projector, seen, now, plan.step / turn, _SHIFT_STEP / shift)
            poses.put(some, now)
            yield Step(number, 0.7 * _part(mine, some, half), "matching")


def _searched(gallery: Gallery, projector: Projector, seen: Spectra, step: float, now: Poses, first: bool) -> Poses:
    """The best of what a gallery has, looked at closer, and of the pose so far where it counts."""
    near = seen.within(gallery.disc)
    moved = Spectra(near.disc, near.values * near.disc.moved(now.shifts), near.transfer)
    matrices, shifts = gallery.best(moved, _CANDIDATES)
    shifts = shifts + now.shifts[:, None]
    n, count = matrices.shape[:2]
    again = Spectra(near.disc, near.values.repeat_interleave(count, 0), near.transfer.repeat_interleave(count, 0))
    start = Poses(matrices.flatten(0, 1), shifts.flatten(0, 1), torch.zeros(n * count))
    closer = refined(projector, again, start, step / 2, _SHIFT_STEP / 2)
    best = closer.score.view(n, count).argmax(1) + torch.arange(n) * count
    found = closer.of(best)
    found = scored(projector, seen, found.matrices, found.shifts)
    return found if first else better(now, found)


def _part(mine: torch.Tensor, some: torch.Tensor, half: int) -> float:
    """How much of both halves is done with these."""
    return 0.5 * half + 0.5 * (int(torch.searchsorted(mine, some[-1])) + 1) / len(mine)
