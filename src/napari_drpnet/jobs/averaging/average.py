"""Sort picks into classes, average each, and say what it is worth."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from napari_drpnet.averaging import evidence as judging
from napari_drpnet.averaging.alignment import Bank, Poses
from napari_drpnet.averaging.bands import band, blocks, reduced
from napari_drpnet.averaging.classes import (
    HIGHEST,
    LOWEST,
    REACH,
    ROUNDS,
    SHARED,
    Classes,
    averaged,
    classes_steps,
    reliability,
    resolved,
    trusted,
)
from napari_drpnet.averaging.cutting import Cutter, coloured
from napari_drpnet.averaging.halves import two_halves
from napari_drpnet.data import FloatArray, Picks
from napari_drpnet.errors import UserError, short
from napari_drpnet.jobs.averaging.picked import PickedMicrograph
from napari_drpnet.jobs.averaging.result import AveragedPicks, Averages, AveragingProgress, ClassFigures
from napari_drpnet.jobs.averaging.size import SizeSample
from napari_drpnet.jobs.ctf_fit import Misfit, misfits_in_words
from napari_drpnet.jobs.particle_stack import STEPS, ParticleStack
from napari_drpnet.settings import AveragingSettings
from napari_drpnet.steps import drained, translate

# Pixels of a picture to a diameter, for people who look at averages; and for sorting, which needs no fine detail.
SHOWN, SORTED = 48, 32
# A class of fewer picks is hardly an average.
_FEWEST = 10
# A first, rough gallery is shown as soon as there are so many picks, or after so many seconds of reading.
_ROUGH_PICKS, _ROUGH_SECONDS, _ROUGH_ROUNDS = 400, 1.5, (SHARED, SHARED)

_BLOCK = 2048  # particles that are looked at together

Averaging = Generator[AveragingProgress, None, Averages]
IndexArray = npt.NDArray[np.int64]


def average(micrographs: Sequence[PickedMicrograph], settings: AveragingSettings, check_size: bool = True) -> Averaging:
    """Make class averages of picks.

    Yields averages as soon as there are some, and better ones; whoever closes the job keeps the last.

    Parameters
    ----------
    micrographs
        With their picks.
    settings
        Which must know the diameter.
    check_size
        Whether to measure how large particles are, and say where that is not the diameter; it takes seconds.

    Raises
    ------
    UserError
        When no micrograph can be used, or there are too few picks.
    """
    diameter = settings.diameter
    if diameter is None:
        raise UserError("The diameter of the particle is not known.", "Give it in Angstrom (--diameter).")
    with ParticleStack(Cutter(diameter, SHOWN)) as stack, SizeSample(diameter) as sizes:
        failed = yield from _cut(stack, sizes if check_size else None, micrographs, settings)
        if len(stack) < _FEWEST:
            raise _too_few(stack, failed)
        total, misfits = len(micrographs), stack.misfits
        sorting = _sorted(stack, settings)
        found = yield from translate(
            sorting, lambda now: AveragingProgress(total, total, len(stack), now.said, now.part, now.averages)
        )
        yield AveragingProgress(total, total, len(stack), "measuring the size", 1.0)
        size = sizes.in_words()
    notes = _notes(found, micrographs, misfits)
    return replace(found, failed=tuple(failed), notes=(size, *notes) if size else notes)


def _cut(
    stack: ParticleStack,
    sizes: SizeSample | None,
    micrographs: Sequence[PickedMicrograph],
    settings: AveragingSettings,
) -> Generator[AveragingProgress, None, list[tuple[str, str]]]:
    """Cut all particles, with a rough gallery on the way; gives micrographs that could not be used, and why."""
    failed: list[tuple[str, str]] = []
    begin, shown = time.perf_counter(), False
    for done, one in enumerate(micrographs):
        yield AveragingProgress(done, len(micrographs), len(stack), one.name)
        try:
            micrograph, picks = one.load()
            picks = _wanted(picks, settings.threshold)
            stack.add(micrograph, picks, one.ctf)
            if sizes is not None:
                sizes.add(micrograph, picks, one.ctf)
        except UserError as error:
            failed.append((one.name, str(error)))
        late = time.perf_counter() - begin > _ROUGH_SECONDS
        if not shown and (len(stack) >= _ROUGH_PICKS or late) and len(stack) >= 2 * _FEWEST:
            shown = True
            rough = _rough(stack, settings)
            yield AveragingProgress(done + 1, len(micrographs), len(stack), "a first look", 0.0, rough)
    return failed


def _wanted(picks: Picks, threshold: float | None) -> Picks:
    """Particles that are sure enough; those without a score are."""
    kept = picks.label == "particle"
    if threshold is not None:
        kept &= ~(picks.score < threshold)
    return picks.select(kept)


def _too_few(stack: ParticleStack, failed: Sequence[tuple[str, str]]) -> UserError:
    if not stack.picks and failed:
        name, why = failed[0]
        return UserError(f"None of the micrographs can be used. {short(name)}: {why}")
    return UserError(
        f"There are {len(stack)} picks, too few for an average.", f"Pick at least {_FEWEST}; hundreds are better."
    )


@dataclass(frozen=True, eq=False)
class _Now:
    """How far sorting is."""

    part: float
    said: str
    averages: Averages | None = None


def _rough(stack: ParticleStack, settings: AveragingSettings) -> Averages:
    """Averages of the first particles, by few rounds."""
    which = np.arange(len(stack))[:_ROUGH_PICKS]
    half = torch.from_numpy(which % 2)
    count = _count(len(which), settings)
    found = drained(classes_steps(_small(stack, which), half, SORTED, count, settings.seed, _ROUGH_ROUNDS))
    return _judged(stack, which, found, np.full(len(which), np.nan), SORTED)


def _count(picks: int, settings: AveragingSettings) -> int:
    """Classes that so many picks make."""
    return max(1, min(settings.classes, picks // _FEWEST))


def _small(stack: ParticleStack, which: IndexArray) -> torch.Tensor:
    """Particles at the scale of sorting, in standard deviations of noise."""
    side = stack.cutter.side * SORTED // SHOWN
    parts = blocks(torch.from_numpy(which), _BLOCK)
    return torch.cat([reduced(torch.from_numpy(stack.images[part.numpy()]).float() / STEPS, side) for part in parts])


def _sorted(stack: ParticleStack, settings: AveragingSettings) -> Generator[_Now, None, Averages]:
    """The averages of all particles."""
    every, chance = np.arange(len(stack)), np.random.default_rng(settings.seed)
    some = len(stack) > settings.most
    which = np.sort(chance.choice(every, settings.most, replace=False)) if some else every
    half = torch.from_numpy(two_halves(stack.micrograph, stack.yx))
    small = _small(stack, which)
    count, nothing = _count(len(which), settings), np.full(len(stack), np.nan)
    yield _Now(0.0, "sorting into classes")
    for done, found in enumerate(classes_steps(small, half[which], SORTED, count, settings.seed)):
        now = _judged(stack, which, found, nothing[which], SORTED)
        yield _Now(0.6 * (done + 1) / len(ROUNDS), "sorting into classes", now)
    poses = found.poses
    if some:
        poses = yield from translate(_everyone(stack, half, found), lambda part: _Now(0.6 + 0.2 * part, "sorting all"))
    found = averaged(torch.from_numpy(stack.images), half, poses.scaled(SHOWN / SORTED), count)
    yield _Now(0.8, "measuring the evidence", _judged(stack, every, found, nothing))
    candidates = judging.Sample(stack.images, stack.score, stack.micrograph, stack.yx, SHOWN, STEPS)
    measuring = judging.measure_steps(candidates, settings.seed, surest=1.0)
    measured = yield from translate(measuring, lambda part: _Now(0.8 + 0.2 * part, "measuring the evidence"))
    return _judged(stack, every, found, measured.values)


def _everyone(stack: ParticleStack, half: torch.Tensor, found: Classes) -> Generator[float, None, Poses]:
    """How all particles lie on the averages of some."""
    poses, weight = Poses.empty(len(stack)), reliability(found.halves, SORTED)
    side = found.halves.shape[-1]
    banks = [Bank(found.halves[h], SORTED, LOWEST, HIGHEST, REACH, weight) for h in (0, 1)]
    every = band(LOWEST, HIGHEST, side, SORTED)
    for part in blocks(torch.arange(len(stack)), _BLOCK):
        spectra = every.of(_small(stack, part.numpy()))
        for which, bank in enumerate(banks):
            mine = half[part] == which
            poses.put(part[mine], bank.align(spectra[mine]))
        yield (int(part[-1]) + 1) / len(stack)
    return poses


def _judged(
    stack: ParticleStack, which: IndexArray, found: Classes, evidence: FloatArray, across: int = SHOWN
) -> Averages:
    """What is known of the averages of some particles of the stack; the best come first."""
    number = found.poses.number.numpy()
    micrograph = stack.micrograph[which]
    finest = resolved(found.halves, across).numpy()
    total = np.nansum(evidence) if np.isfinite(evidence).any() else np.nan
    figures = []
    for c, size in enumerate(found.count.int().tolist()):
        mine = number == c
        values = evidence[mine][np.isfinite(evidence[mine])]
        mean, error = (values.mean(), values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else (np.nan,) * 2
        share = max(values.sum(), 0.0) / total if len(values) and total > 0 else np.nan
        figures.append(
            ClassFigures(
                size,
                float(mean),
                float(error),
                float(share),
                float(stack.cutter.diameter / finest[c]),
                len(np.unique(micrograph[mine])) / max(len(stack.picks), 1),
            )
        )
    worth = [np.nan_to_num(one.share, nan=-1.0) for one in figures]
    order = np.lexsort((-np.array([one.picks for one in figures]), -np.array(worth)))
    kept = [c for c in order.tolist() if figures[c].picks]
    images = coloured(trusted(found, across).numpy()[kept], stack.amplitude)
    members = _members(stack, which, found, _ranks(kept, len(figures)), evidence, across)
    return Averages(
        images, stack.cutter.diameter / across, stack.cutter.diameter, tuple(figures[c] for c in kept), tuple(members)
    )


def _ranks(kept: Sequence[int], count: int) -> IndexArray:
    """The number of each class, from 1 in the order in which they are shown."""
    ranks = np.zeros(count, np.int64)
    ranks[list(kept)] = np.arange(len(kept)) + 1
    return ranks


def _members(
    stack: ParticleStack, which: IndexArray, found: Classes, ranks: IndexArray, evidence: FloatArray, across: int
) -> list[AveragedPicks]:
    """The picks of each micrograph, with what is known of them."""
    total = len(stack)
    number, psi = np.zeros(total, np.int64), np.zeros(total)
    mirrored, shift, proof = np.zeros(total, bool), np.zeros((total, 2)), np.full(total, np.nan)
    poses = found.poses
    number[which], psi[which] = ranks[poses.number.numpy()], poses.psi.numpy()
    mirrored[which], proof[which] = poses.mirrored.numpy(), evidence
    shift[which] = poses.shift.numpy() * (stack.cutter.diameter / across) + stack.offset[which]
    ends = np.cumsum([len(picks) for picks in stack.picks])
    return [
        AveragedPicks(
            replace(picks, class_number=number[end - len(picks) : end], psi=psi[end - len(picks) : end]),
            mirrored[end - len(picks) : end],
            shift[end - len(picks) : end],
            proof[end - len(picks) : end],
        )
        for picks, end in zip(stack.picks, ends.tolist(), strict=True)
    ]


def _notes(found: Averages, micrographs: Sequence[PickedMicrograph], misfits: Sequence[Misfit]) -> tuple[str, ...]:
    """What a user should know of the averages."""
    told_by = {one.told_by: None for one in micrographs if one.ctf is not None}
    where = next(iter(told_by)) if len(told_by) == 1 else ""
    notes = []
    if misfits:
        notes.append(misfits_in_words(misfits, sum(one.ctf is not None for one in micrographs), where))
    without = sum(one.ctf is None for one in micrographs)
    if without:
        known = len(micrographs) - without
        which = f"{known} of {len(micrographs)} micrographs" if known else "no micrograph"
        notes.append(f"The CTF of {which} is known. Without it phases are not flipped, and averages are less sharp.")
    sizes = {round(one.picks.frame.known_pixel_size(), 4) for one in found.members}
    if len(sizes) > 1:
        notes.append(f"Pixel sizes from {min(sizes):g} to {max(sizes):g} A are brought to one scale.")
    return tuple(notes)
