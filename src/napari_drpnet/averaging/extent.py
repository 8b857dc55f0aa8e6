"""How large particles are, by how far from their centres details agree with averages of other micrographs.

As evidence is: averages of one half, particles of the other laid onto them by low frequencies, and the finer ones
measured, here at each distance from the centre. Ice agrees nowhere, and neither does a neighbour, as it is turned in
its own way. But round neighbours that touch look alike from outside, so that larger particles are looked for only where
picks stand apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from napari_drpnet.averaging.alignment import Bank
from napari_drpnet.averaging.bands import blocks, upright
from napari_drpnet.averaging.classes import LOWEST, REACH, classes_steps, reliability
from napari_drpnet.averaging.halves import two_halves
from napari_drpnet.data import FloatArray
from napari_drpnet.steps import drained

# Pixels to the diameter that was told, and sides of the pictures in such diameters.
ACROSS, ROOM = 24, 3.0
# Diameters that averages are made for, compared with the one that was told: as told, and for larger particles.
_AS_TOLD, _LARGER = 1.0, 1.6
# Cycles a diameter that lay particles onto averages, and that are measured.
_ALIGNING, _MEASURED = 4.0, (4.2, 10.0)
# Diameters to the nearest neighbour of a particle that may be larger.
_APART = 1.25
_CLASSES, _MEMBERS, _MOST, _FEWEST = 8, 30, 800, 60
_RINGS = 12  # to a diameter
# A particle ends where agreement falls below this part of what it is inside.
_END = 0.25
# Standard errors of all agreement together, without which nothing is measured.
_SURE = 6.0
_DRAWS = 16
# Told diameters differ from what is measured by less than this, as people and programs measure differently.
_TOO_SMALL, _TOO_LARGE = 1.35, 0.67
_BLOCK = 512


@dataclass(frozen=True)
class Extent:
    """A size that is not the one that was told.

    Attributes
    ----------
    diameter, error
        Measured, and its standard error, as parts of the diameter that was told.
    """

    diameter: float
    error: float


@dataclass(frozen=True, eq=False)
class Pictures:
    """Particles with room around them.

    Attributes
    ----------
    images
        ``(n, side, side)`` of any number type, `ACROSS` pixels to a diameter; ``side`` is `ROOM` diameters.
    micrograph
        ``(n,)`` number of the micrograph of each.
    yx
        ``(n, 2)`` y, x in diameters.
    apart
        ``(n,)`` diameters to the nearest other pick.
    """

    images: npt.NDArray[np.int8]
    micrograph: npt.NDArray[np.int64]
    yx: FloatArray
    apart: FloatArray


def other_extent(pictures: Pictures, seed: int = 0) -> Extent | None:
    """The size of particles where it clearly is not the one that was told; None where it may be, or is not known.

    Parameters
    ----------
    pictures
        Of picks.
    seed
        Of the particles that averages begin with.
    """
    everyone = np.arange(len(pictures.images))
    larger = _measured(pictures, everyone[pictures.apart > _APART], _LARGER, seed)
    if larger is not None and larger.diameter - 2 * larger.error > _TOO_SMALL:
        return larger
    smaller = _measured(pictures, everyone, _AS_TOLD, seed)
    if smaller is not None and smaller.diameter + 2 * smaller.error < _TOO_LARGE:
        return smaller
    return None


def _measured(pictures: Pictures, which: npt.NDArray[np.int64], factor: float, seed: int) -> Extent | None:
    """The size of some particles by averages for particles so much larger."""
    if len(which) < _FEWEST:
        return None
    if len(which) > _MOST:
        which = np.sort(np.random.default_rng(seed).choice(which, _MOST, replace=False))
    return _ending(_agreement(pictures, which, factor, seed))


def _agreement(pictures: Pictures, which: npt.NDArray[np.int64], factor: float, seed: int) -> FloatArray:
    """``(n, rings)`` agreement of each particle with averages of the other half, by distance from the centre."""
    across = round(ACROSS * factor)
    side = min(2 * round(0.75 * across), pictures.images.shape[1])
    start = (pictures.images.shape[1] - side) // 2
    images = torch.from_numpy(pictures.images[which, start : start + side, start : start + side].astype(np.float32))
    half = torch.from_numpy(two_halves(pictures.micrograph[which], pictures.yx[which]))
    ring = _rings(side)
    found = []
    for number in (0, 1):
        mine, others = images[half == number], images[half == 1 - number]
        count = min(_CLASSES, len(mine) // _MEMBERS)
        if count:
            found.append(_agreed(mine, others, count, across, ring, seed + number))
    return np.concatenate([np.empty((0, int(ring.max()) + 1)), *found])


def _agreed(
    mine: torch.Tensor, others: torch.Tensor, count: int, across: int, ring: torch.Tensor, seed: int
) -> FloatArray:
    """``(n, rings)`` agreement of others with averages of mine."""
    odd = torch.arange(len(mine)) % 2
    classes = drained(classes_steps(mine, odd, across, count, seed, shared=math.inf))
    bank = Bank(classes.images, across, LOWEST, _ALIGNING, REACH, reliability(classes.halves, across))
    averages, found = _fine(classes.images, across), []
    for part in blocks(others, _BLOCK):
        pose = bank.align(bank.band.of(part))
        laid = _fine(upright(part, pose.psi, pose.mirrored, pose.shift), across)
        product = (laid * averages[pose.number]).flatten(1)
        found.append(torch.zeros(len(part), int(ring.max()) + 1).index_add_(1, ring, product))
    return np.asarray(torch.cat(found).numpy(), np.float64)


def _fine(images: torch.Tensor, across: int) -> torch.Tensor:
    """What is measured of pictures."""
    side = images.shape[-1]
    away = torch.hypot(torch.fft.fftfreq(side)[:, None], torch.fft.rfftfreq(side)) * across
    kept = torch.fft.rfft2(images) * ((away >= _MEASURED[0]) & (away <= _MEASURED[1]))
    made: torch.Tensor = torch.fft.irfft2(kept, s=(side, side))
    return made


def _rings(side: int) -> torch.Tensor:
    """``(side * side,)`` ring of each pixel; what is beyond the border is in the last."""
    away = torch.arange(side) - side // 2
    ring = (torch.hypot(away[:, None].float(), away.float()) * (_RINGS / ACROSS)).long()
    return ring.clamp(max=side // 2 * _RINGS // ACROSS).flatten()


def _ending(agreement: FloatArray) -> Extent | None:
    """Where particles end, with its error by drawing particles anew; None where agreement is weak, or has no end."""
    whole = agreement.sum(1)
    if len(whole) < _FEWEST or not whole.mean() > _SURE * whole.std() / math.sqrt(len(whole)):
        return None
    chance = np.random.default_rng(0)
    draws = [agreement[chance.integers(0, len(agreement), len(agreement))] for _ in range(_DRAWS)]
    ends = np.array([_end(one.mean(0)) for one in (agreement, *draws)])
    if not np.isfinite(ends).all():
        return None
    return Extent(2 * float(ends[0]), 2 * math.hypot(float(ends[1:].std()), 0.25 / _RINGS))


def _end(agreement: FloatArray) -> float:
    """Diameters from the centre where agreement falls below a part of what it is inside; NaN where it does not."""
    rings = len(agreement) - 1  # without what is beyond the border
    density = agreement[:rings] / (np.arange(rings) + 0.5)
    inside = np.clip(agreement[:rings], 0, None)
    level = _END * float((density * inside).sum() / max(float(inside.sum()), 1e-12))
    most = int(agreement[:rings].argmax())
    low = density < level
    beyond = np.flatnonzero(low[most + 1 : -1] & low[most + 2 :]) + most + 1
    if not len(beyond):
        return math.nan
    last = int(beyond[0])
    part = (density[last - 1] - level) / max(float(density[last - 1] - density[last]), 1e-12)
    return float((last - 0.5 + min(max(part, 0.0), 1.0)) / _RINGS)
