"""Evidence that a candidate is the particle: how far it agrees with averages of others, where nothing made it agree.

Candidates are divided into two halves, by micrograph. Averages of the surest of each half are made; each candidate is
laid onto those of the other half by low frequencies, and its higher frequencies are projected on the average's. Of
anything that is not the particle the expectation is 0: those frequencies did not align it, and the average comes from
other micrographs. So what was picked for its likeness to a template proves nothing (Balanov et al., arXiv 2507.03951).
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from itertools import count

import numpy as np
import numpy.typing as npt
import torch

from napari_drpnet.averaging.alignment import Bank
from napari_drpnet.averaging.bands import Band, blocks, posed
from napari_drpnet.averaging.classes import LOWEST, REACH, ROUNDS, Classes, classes_steps, reliability
from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.steps import translate

# Cycles a diameter: those that lay a candidate onto an average, and those that are measured. Pickers hardly see the
# latter, else noise that was picked because it looks like a particle would have evidence.
ALIGNING = (LOWEST, 4.0)
MEASURED = (4.2, 10.0)
_CLASSES = 8
_SUREST = 0.3  # of the candidates of a half make its averages,
_MOST = 1500  # and at most so many
_FEWEST = 40
_BLOCK = 2048


@dataclass(frozen=True, eq=False)
class Judge:
    """Averages that candidates of other micrographs are measured by.

    Attributes
    ----------
    classes
        The averages.
    across
        Pixels to a diameter.
    """

    classes: Classes
    across: int

    def evidence(self, images: torch.Tensor) -> torch.Tensor:
        """``(n,)`` evidence of ``(n, side, side)`` particles; noise has mean 0 and standard deviation 1."""
        found, side = self.classes, images.shape[1]
        weight = reliability(found.halves, self.across)
        low, high = (Band.between(*span, side, self.across) for span in (ALIGNING, MEASURED))
        bank = Bank(found.images, self.across, low, REACH * self.across, weight)
        return torch.cat([_projected(part.float(), bank, high, weight) for part in blocks(images, _BLOCK)])


def _projected(images: torch.Tensor, bank: Bank, band: Band, weight: torch.Tensor) -> torch.Tensor:
    """``(n,)`` projections, in a band, of particles on the averages that they lie on, of norm 1."""
    pose = bank.align(bank.band.of(images))
    seen = band.of(posed(bank.references[pose.number], pose.psi, pose.mirrored)) * weight[pose.number][:, band.ring]
    seen = seen * band.moved(pose.shift)
    size = seen.abs().pow(2).sum(1).sqrt()
    along = (band.of(images) * seen.conj()).real.sum(1)
    return torch.where(size > 0, along / size.clamp(min=1e-12), torch.zeros_like(size))


@dataclass(frozen=True, eq=False)
class Sample:
    """Candidates of some micrographs of a data set.

    Attributes
    ----------
    images
        ``(n, side, side)``, as `cutting.Cutter` cuts them, of any number type; a memory map is read in parts.
    probability
        ``(n,)`` that a picker gives them; only its order counts.
    micrograph
        ``(n,)`` number of the micrograph of each.
    yx
        ``(n, 2)`` y, x in particle diameters.
    across
        Pixels of a picture to a diameter.
    """

    images: ImageArray
    probability: FloatArray
    micrograph: npt.NDArray[np.int64]
    yx: FloatArray
    across: int

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True, eq=False)
class Evidence:
    """What was measured.

    Attributes
    ----------
    values
        ``(n,)`` of the sample; NaN where it could not be measured.
    judges
        Averages of the two halves; none where there were too few candidates.
    """

    values: FloatArray
    judges: tuple[Judge, ...]

    def of(self, images: ImageArray) -> FloatArray:
        """``(n,)`` evidence of ``(n, side, side)`` candidates of micrographs beyond the sample."""
        if not self.judges:
            return np.full(len(images), np.nan)
        return np.asarray(self.judges[0].evidence(torch.from_numpy(np.array(images))).numpy(), np.float64)


def measure_steps(sample: Sample, seed: int = 0) -> Generator[float, None, Evidence]:
    """Measure the evidence of a sample, yielding the fraction done.

    Parameters
    ----------
    sample
        Candidates of a data set, true and false.
    seed
        Of the particles that averages begin with.
    """
    values = np.full(len(sample), np.nan)
    half = halves(sample)
    chosen = [_surest(sample, np.flatnonzero(half == side)) for side in (0, 1)]
    if min(map(len, chosen)) < _FEWEST:
        return Evidence(values, ())
    judges, done = [], count(1)
    for side, which in enumerate(chosen):
        images = torch.from_numpy(np.array(sample.images[which], np.float32))
        odd = torch.from_numpy(np.unique(sample.micrograph[which], return_inverse=True)[1] % 2)
        rounds = classes_steps(images, odd, sample.across, _CLASSES, seed + side, shared=math.inf)
        found = yield from translate(rounds, lambda _: 0.25 * next(done) / len(ROUNDS))
        judges.append(Judge(_some(found), sample.across))
    for side, judge in enumerate(judges):
        others = np.flatnonzero(half == 1 - side)
        for start in range(0, len(others), _BLOCK):
            part = others[start : start + _BLOCK]
            values[part] = judge.evidence(torch.from_numpy(np.array(sample.images[part]))).numpy()
            yield 0.5 + 0.25 * (side + start / len(others))
    return Evidence(values, tuple(judges))


def halves(sample: Sample) -> npt.NDArray[np.int64]:
    """``(n,)`` 0 or 1: whole micrographs, of as many candidates each; of a single micrograph its two sides.

    Candidates between the two sides, whose pictures share pixels, are in neither: -1.
    """
    numbers, index, counts = np.unique(sample.micrograph, return_inverse=True, return_counts=True)
    if len(numbers) > 1:
        side, total = np.zeros(len(numbers), np.int64), [0, 0]
        for number in np.argsort(-counts, kind="stable"):
            side[number] = int(total[1] < total[0])
            total[side[number]] += counts[number]
        return side[index]
    if not len(sample):
        return np.zeros(0, np.int64)
    along = sample.yx[:, int(np.ptp(sample.yx[:, 1]) >= np.ptp(sample.yx[:, 0]))]
    away = along - np.median(along)
    width = sample.images.shape[1] / sample.across / 2
    return np.where(abs(away) < width, -1, (away > 0).astype(np.int64))


def _surest(sample: Sample, which: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The most probable candidates of a half, as they stand in the sample."""
    most = min(_MOST, int(_SUREST * len(which)))
    return np.sort(which[np.argsort(-sample.probability[which], kind="stable")[:most]])


def _some(found: Classes) -> Classes:
    """Classes with members enough to be an average."""
    return found.at(torch.nonzero(found.count >= 3)[:, 0])
