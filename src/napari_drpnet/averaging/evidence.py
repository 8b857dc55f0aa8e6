"""Evidence that a candidate is the particle: how far it agrees with averages of others, where nothing made it agree.

Candidates are divided into two halves, by micrograph. Averages of the surest of each half are made; each candidate is
laid onto those of the other half by low frequencies, and its higher frequencies are projected on the average's. Of
anything that is not the particle the expectation is 0: those frequencies did not align it, and the average comes from
other micrographs. So what was picked for its likeness to a template proves nothing (Balanov et al., arXiv 2507.03951).
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from napari_drpnet.averaging.alignment import Bank, Poses, unit
from napari_drpnet.averaging.bands import TURNS, Band, band, blocks, reduced
from napari_drpnet.averaging.classes import LOWEST, REACH, ROUNDS, Classes, classes_steps, reliability
from napari_drpnet.averaging.cutting import Cutter
from napari_drpnet.averaging.halves import Halves, two_halves
from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.steps import translate

# Pixels to a diameter at which evidence is measured.
ACROSS = 32
_SIDE = Cutter(1.0, ACROSS).side
# Cycles a diameter: those that lay a candidate onto an average, and those that are measured. Pickers hardly see the
# latter, else noise that was picked because it looks like a particle would have evidence.
ALIGNING = (LOWEST, 4.0)
MEASURED = (4.2, 10.0)
_CLASSES = 8
SUREST = 0.3  # of the candidates of a half make its averages,
_MOST = 1500  # and at most so many
FEWEST = 40  # candidates that averages of a half are made of
_BLOCK = 2048


@dataclass(frozen=True, eq=False)
class Judge:
    """Averages that candidates of other micrographs are measured by.

    Attributes
    ----------
    classes
        The averages, `ACROSS` pixels to a diameter.
    """

    classes: Classes

    def evidence(self, images: torch.Tensor) -> torch.Tensor:
        """``(n,)`` evidence of ``(n, side, side)`` particles; noise has mean 0 and standard deviation 1."""
        bank, high, seen = self._bank
        return torch.cat([_projected(part.float(), bank, high, seen) for part in blocks(images, _BLOCK)])

    @cached_property
    def _bank(self) -> tuple[Bank, Band, torch.Tensor]:
        """The averages as low frequencies compare them; the band that is measured, and the averages there."""
        found = self.classes
        bank = Bank(found.images, ACROSS, *ALIGNING, REACH, reliability(found.halves, ACROSS))
        high = band(*MEASURED, found.images.shape[1], ACROSS)
        return bank, high, unit(bank.in_band(high))


def _projected(images: torch.Tensor, bank: Bank, high: Band, seen: torch.Tensor) -> torch.Tensor:
    """``(n,)`` projections, in the ``high`` band, of particles on averages that low frequencies lay them onto.

    ``seen`` are the averages there, ``(k, 2, TURNS, m)`` of norm 1.
    """
    pose = bank.align(bank.band.of(images))
    turn = torch.round(pose.psi * (TURNS / 360)).long()
    average = seen[pose.number, pose.mirrored.long(), turn] * high.moved(pose.shift)
    found = high.of(images)
    return (found * average.conj()).real.sum(1) / _noise(found)


def _noise(spectra: torch.Tensor) -> torch.Tensor:
    """``(n,)`` standard deviation of noise in each picture, at least 1, from its coefficients in the measured band.

    A particle hardly adds to the power of so many frequencies. Frost, crystals and edges have many times the power of
    ice, and would agree or disagree with the averages as many times as strongly.
    """
    power: torch.Tensor = (spectra.abs() ** 2).mean(1) / 2
    return power.clamp(min=1).sqrt()


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
        Pixels of a picture to a diameter; `ACROSS`, or more.
    noise
        Standard deviation of noise in the images.
    """

    images: ImageArray | npt.NDArray[np.int8]
    probability: FloatArray
    micrograph: npt.NDArray[np.int64]
    yx: FloatArray
    across: int
    noise: float = 1.0

    def __len__(self) -> int:
        return len(self.images)

    def at(self, which: npt.NDArray[np.int64]) -> torch.Tensor:
        """``(m, side, side)`` some of the pictures, `ACROSS` pixels to a diameter, in standard deviations of noise."""
        images = torch.from_numpy(np.asarray(self.images[which], np.float32) / np.float32(self.noise))
        return images if self.across == ACROSS else reduced(images, images.shape[1] * ACROSS // self.across)


@dataclass(frozen=True, eq=False)
class Evidence:
    """What was measured.

    Attributes
    ----------
    values
        ``(n,)`` of the sample; NaN where it could not be measured.
    judges
        Averages of the two halves; none where there were too few candidates.
    halves
        Which candidates are in which.
    """

    values: FloatArray
    judges: tuple[Judge, ...]
    halves: Halves = field(default_factory=Halves)

    def of(self, images: ImageArray, micrograph: str, yx: FloatArray) -> FloatArray:
        """``(n,)`` evidence of candidates, by averages of the half that they are not in; NaN of those in neither.

        Parameters
        ----------
        images
            ``(n, side, side)`` as `cutting.Cutter` cuts them, `ACROSS` pixels to a diameter, of noise 1.
        micrograph
            Name of the micrograph that all of them are on, of the sample or not.
        yx
            ``(n, 2)`` y, x in particle diameters.
        """
        values, half = np.full(len(images), np.nan), self.halves.where(micrograph, yx)
        for side, judge in enumerate(self.judges):
            others = half == 1 - side
            if others.any():
                values[others] = judge.evidence(torch.from_numpy(images[others])).numpy()
        return values

    def arrays(self) -> dict[str, ImageArray]:
        """The averages of both halves, for a file."""
        found = [judge.classes for judge in self.judges]
        sums = {f"sums.{i}": np.asarray(one.sums.numpy(), np.float32) for i, one in enumerate(found)}
        return sums | {f"members.{i}": np.asarray(one.members.numpy(), np.float32) for i, one in enumerate(found)}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], halves: Halves) -> Evidence:
        """What `arrays` gave, for micrographs of these halves and for others, without values.

        Raises
        ------
        ValueError
            When it is something else.
        """
        judges = []
        for i in range(len(arrays) // 2):
            sums, members = (arrays.get(f"{name}.{i}", np.empty(0)) for name in ("sums", "members"))
            fits = sums.ndim == 4 and sums.shape[0] == 2 and sums.shape[2:] == (_SIDE, _SIDE)
            if not fits or members.shape != sums.shape[:2] or not len(sums[0]) or not np.isfinite(sums).all():
                raise ValueError("not averages of particles")
            one, two = (torch.from_numpy(np.array(array, np.float32)) for array in (sums, members))
            judges.append(Judge(Classes(one, two, Poses.empty(0))))
        return cls(np.empty(0), tuple(judges), halves)


def measure_steps(sample: Sample, seed: int = 0, surest: float = SUREST) -> Generator[float, None, Evidence]:
    """Measure the evidence of a sample, yielding the fraction done.

    Parameters
    ----------
    sample
        Candidates of a data set, true and false.
    seed
        Of the particles that averages begin with.
    surest
        Part of the candidates of each half that its averages are made of.
    """
    values = np.full(len(sample), np.nan)
    found = Halves.of(sample.micrograph, sample.yx)
    half = found.of_all(sample.micrograph, sample.yx)
    chosen = [_surest(sample, np.flatnonzero(half == side), surest) for side in (0, 1)]
    if min(map(len, chosen)) < FEWEST:
        return Evidence(values, (), found)
    judges, done = [], count(1)
    for side, which in enumerate(chosen):
        images = sample.at(which)
        odd = torch.from_numpy(two_halves(sample.micrograph[which], sample.yx[which]))
        rounds = classes_steps(images, odd, ACROSS, _CLASSES, seed + side, shared=math.inf)
        made = yield from translate(rounds, lambda _: 0.25 * next(done) / len(ROUNDS))
        judges.append(Judge(_some(made)))
    for side, judge in enumerate(judges):
        others = np.flatnonzero(half == 1 - side)
        for start in range(0, len(others), _BLOCK):
            part = others[start : start + _BLOCK]
            values[part] = judge.evidence(sample.at(part)).numpy()
            yield 0.5 + 0.25 * (side + start / len(others))
    return Evidence(values, tuple(judges), found)


def _surest(sample: Sample, which: npt.NDArray[np.int64], part: float) -> npt.NDArray[np.int64]:
    """The most probable candidates of a half, as they stand in the sample."""
    most = min(_MOST, int(part * len(which)))
    return np.sort(which[np.argsort(-sample.probability[which], kind="stable")[:most]])


def _some(found: Classes) -> Classes:
    """Classes with members enough to be an average."""
    return found.at(torch.nonzero(found.count >= 3)[:, 0])
