"""From picks to a map: enough to say whose particles carry more signal."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy.spatial.transform import Rotation

from napari_drpnet.assessment.orientations import point_group
from napari_drpnet.averaging.cutting import SHOWN, Cutter, gain
from napari_drpnet.averaging.halves import two_halves
from napari_drpnet.data import FloatArray, ImageArray, Picks
from napari_drpnet.errors import UserError, short
from napari_drpnet.io.ctf import CTF
from napari_drpnet.io.files import require_folder, write_text
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.io.picks.star import are_extractable, whole_pixels
from napari_drpnet.io.reconstruction_files import (
    HALVES,
    MAP,
    STACK,
    Lying,
    write_poses,
    write_stack,
)
from napari_drpnet.jobs.averaging.picked import PickedMicrograph
from napari_drpnet.jobs.averaging.sources import Source
from napari_drpnet.jobs.ctf_fit import misfits_in_words
from napari_drpnet.jobs.particle_stack import ParticleStack, unpacked
from napari_drpnet.lens import ctf as transfer_function
from napari_drpnet.reconstruction.disc import Disc, soft_disc
from napari_drpnet.reconstruction.matching import Spectra
from napari_drpnet.reconstruction.reference import Scale, low_passed, mean_view, read_reference
from napari_drpnet.reconstruction.rounds import Plan, Reconstruction, Step, reconstruct
from napari_drpnet.reconstruction.shells import signal_to_noise
from napari_drpnet.settings import ReconstructionSettings
from napari_drpnet.steps import Job, Progress, translate

CURVE = "fsc.tsv"
FEWEST = 50
FEWEST_IN_HALF = 10

_SEEN = 0.65  # radius of what is compared, in diameters: the particle, and room for its shift
_USUAL_REACH = 0.1  # diameters
# Steps of the transform over which the ball that maps are compared in spreads what they agree on.
_BLURRED = 1.5
_WRITTEN = 512  # pictures at once
# Standard errors by which the mean picture has to be unlike the reference. Picks of noise are rather like it.
_OPPOSITE = -5.0


@dataclass(frozen=True, eq=False)
class ReconstructionReport:
    """What became of picks.

    Attributes
    ----------
    folder
        Where the files are.
    particles
        How many are in the map.
    resolution
        Angstrom where the half maps' correlation falls below 0.143.
    finest
        Angstrom that the pictures can show at best.
    lowpass
        Angstrom: what both halves were given.
    scores
        ``(n,)`` how well each particle fits its projection, in standard deviations of noise.
    failed
        Micrographs that could not be used, and why.
    notes
        What a user should know, a sentence each.
    """

    folder: Path
    particles: int
    resolution: float
    finest: float
    lowpass: float
    scores: FloatArray
    failed: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def reconstruct_picks(
    source: Source, reference: Path, settings: ReconstructionSettings, out: Path, root: Path | None = None
) -> Job[ReconstructionReport]:
    """Match picks to a reference, put them together, and write half maps, the map, poses and the correlation.

    Parameters
    ----------
    source
        Micrographs with picks, and their CTF.
    reference
        Map of the particle, MRC.
    settings
        Which must know the diameter.
    out
        The folder. Nothing is written before all is done.
    root
        See `io.class_files.write_classes`.

    Raises
    ------
    UserError
        When the reference cannot be used, no micrograph can, there are too few picks, the point group is not known, or
        a file cannot be written.
    """
    if settings.diameter is None:
        raise UserError("The diameter of the particle is not known.", "Give it in Angstrom (--diameter).")
    plan = _plan(settings, settings.diameter)
    require_folder(out)
    values, voxel = read_reference(reference, settings.map_pixel_size)
    start = low_passed(values, voxel, plan.scale, plan.lowpass)
    total = len(source.micrographs) + settings.rounds
    with ParticleStack(_cutter(settings.diameter, settings.box)) as stack:
        lenses, failed = yield from _cut(stack, source.micrographs, settings, total)
        if len(stack) < FEWEST:
            raise _too_few(stack, failed)
        particles = _Cut(stack, lenses, 1.0 if settings.invert else -1.0)
        _check_halves(particles.half)
        exchanged = particles.likeness(start) < _OPPOSITE
        found = yield from translate(reconstruct(particles, start, plan), _shown(total, settings.rounds, len(stack)))
        yield Progress(total, total, len(stack), "writing")
        _write(found, particles, source, plan.scale, out, root)
        notes = _notes(found, plan, source, stack)
        if exchanged:
            notes = (_exchanged(settings.invert), *notes)
    return ReconstructionReport(
        out,
        len(particles.half),
        plan.scale.resolution(found.shells),
        plan.scale.resolution(len(found.correlation) - 1),
        plan.lowpass,
        np.asarray(found.poses.score.numpy(), np.float64),
        tuple(failed),
        notes,
    )


def _cutter(diameter: float, box: int) -> Cutter:
    return Cutter(diameter, round(box / SHOWN))


def _plan(settings: ReconstructionSettings, diameter: float) -> Plan:
    point_group(settings.symmetry)
    cutter = _cutter(diameter, settings.box)
    scale = Scale(cutter.side, cutter.pixel_size, diameter)
    if scale.radius(settings.lowpass) < 2:
        raise UserError(
            f"The reference is to have no detail finer than {settings.lowpass:g} A, of a particle of {diameter:g} A.",
            "Nothing is left of it: allow finer detail (--lowpass).",
        )
    reach = _USUAL_REACH * diameter if settings.reach is None else settings.reach
    return Plan(scale, settings.symmetry, settings.lowpass, settings.step, reach, settings.rounds)


def _cut(
    stack: ParticleStack, micrographs: Sequence[PickedMicrograph], settings: ReconstructionSettings, total: int
) -> Generator[Progress, None, tuple[list[CTF | None], list[tuple[str, str]]]]:
    """Cut all particles; gives the CTF of each micrograph in the stack, and those that could not be used and why."""
    lenses: list[CTF | None] = []
    failed: list[tuple[str, str]] = []
    for done, one in enumerate(micrographs):
        yield Progress(done, total, len(stack), one.name)
        try:
            micrograph, picks = one.load()
            picks = _wanted(picks, settings.threshold)
            if len(picks):
                stack.add(micrograph, picks, one.ctf)
                lenses.append(one.ctf)
        except UserError as error:
            failed.append((one.name, str(error)))
    return lenses, failed


def _wanted(picks: Picks, threshold: float | None) -> Picks:
    """Particles that are sure enough, at whole pixels, as RELION's coordinates are."""
    kept = (picks.label == "particle") & are_extractable(picks, Path(picks.frame.micrograph))
    if threshold is not None:
        kept &= ~(picks.score < threshold)
    chosen = picks.select(kept)
    return replace(chosen, yx=whole_pixels(chosen.yx).astype(np.float64))


def _too_few(stack: ParticleStack, failed: Sequence[tuple[str, str]]) -> UserError:
    if not stack.picks and failed:
        name, why = failed[0]
        return UserError(f"None of the micrographs can be used. {short(name)}: {why}")
    return UserError(
        f"There are {len(stack)} picks, too few for a map.", f"Pick at least {FEWEST}; thousands are better."
    )


def _check_halves(half: npt.NDArray[np.int64]) -> None:
    few = int(np.bincount(half, minlength=2).min())
    if few < FEWEST_IN_HALF:
        raise UserError(
            f"One half of the picks would have {few} of {len(half)}: most are in one micrograph, or at one place.",
            "Give picks of more micrographs.",
        )


class _Cut:
    """Cut-out particles as `reconstruction` sees them, bright."""

    def __init__(self, stack: ParticleStack, lenses: Sequence[CTF | None], sign: float) -> None:
        self.half: npt.NDArray[np.int64] = two_halves(stack.micrograph, stack.yx)
        self.micrograph = stack.micrograph
        self.picks = stack.picks
        self.pixel_size, self.side = stack.cutter.pixel_size, stack.cutter.side
        self._images, self._sign, self._lenses = stack.images, sign, lenses
        self._offset = torch.from_numpy(stack.offset / self.pixel_size).float()
        # Noise is taken to be as strong in all micrographs, whatever their grey levels.
        self._amplitudes = [one * np.sqrt(np.mean(1 / one**2)) for one in stack.amplitudes]
        self._mask = soft_disc(self.side, _SEEN * stack.cutter.diameter / self.pixel_size)

    def spectra(self, which: torch.Tensor, disc: Disc, masked: bool) -> Spectra:
        """See `reconstruction.rounds.Particles`."""
        images, noise = self._pictures(which), self.side / math.sqrt(2)
        if masked:
            images, noise = images * self._mask, noise * float((self._mask**2).mean().sqrt())
        # The pick, which shifts are counted from, is not quite in the middle of its picture.
        values = disc.of(images) * disc.moved(-self._offset[which]) / noise
        numbers, inverse = np.unique(self.micrograph[which.numpy()], return_inverse=True)
        transfer = torch.stack([self._transfer(int(number), disc) for number in numbers])
        return Spectra(disc, values, transfer[torch.from_numpy(inverse)])

    def centred(self, which: torch.Tensor) -> ImageArray:
        """Pictures with the pick, a whole pixel of the micrograph, in the middle, ``(n, side, side)``."""
        axis = torch.fft.fftfreq(self.side)
        y, x = axis[:, None], torch.fft.rfftfreq(self.side)
        moved = -self._offset[which]
        phase = 2 * torch.pi * (moved[:, :1, None] * y + moved[:, 1:, None] * x)
        spectra = torch.fft.rfft2(self._pictures(which)) * torch.polar(torch.ones_like(phase), phase)
        return np.asarray(torch.fft.irfft2(spectra, s=(self.side, self.side)).numpy())

    def likeness(self, reference: torch.Tensor) -> float:
        """How far the mean picture agrees with the mean of all views of a map, in standard errors of noise.

        It is below 0 where particles are dark that are taken to be bright.
        """
        total = torch.zeros(self.side, self.side)
        for some in torch.split(torch.arange(len(self.half)), _WRITTEN):
            total += torch.from_numpy(self.centred(some)).sum(0)
        view = mean_view(reference) * self._mask
        view = (view - (view * self._mask).sum() / self._mask.sum()) * self._mask
        return float((total * view).sum() / view.norm() / math.sqrt(len(self.half)))

    def _pictures(self, which: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(unpacked(self._images[which.numpy()])) * self._sign

    def _transfer(self, number: int, disc: Disc) -> torch.Tensor:
        """``(k,)`` what became of a particle's frequencies in one micrograph: lens, phases flipped, and whitening."""
        found = gain(self._amplitudes[number], disc.distance.numpy().astype(np.float64) / self.side)
        lens = self._lenses[number]
        if lens is not None:
            y, x = disc.cycles(self.pixel_size).astype(np.float32).T
            found = found * abs(transfer_function(lens.lens, y, x))
        return torch.from_numpy(found).float()


def _shown(total: int, rounds: int, picks: int) -> Callable[[Step], Progress]:
    """Steps as progress of the whole."""

    def show(step: Step) -> Progress:
        return Progress(total - rounds + step.round - 1, total, picks, f"round {step.round}: {step.said}", step.part)

    return show


def _write(found: Reconstruction, particles: _Cut, source: Source, scale: Scale, out: Path, root: Path | None) -> None:
    for half, name in zip(found.halves, HALVES, strict=True):
        write_mrc(half.numpy(), out / name, scale.pixel_size, volume=True)
    write_mrc(found.density.numpy(), out / MAP, scale.pixel_size, volume=True)
    parts = (particles.centred(some) for some in torch.split(torch.arange(len(particles.half)), _WRITTEN))
    write_stack(parts, len(particles.half), scale.side, out / STACK, scale.pixel_size)
    rows, signal = ["resolution\tcorrelation\tsignal_to_noise\n"], signal_to_noise(found.correlation)
    for shell, (value, ratio) in enumerate(zip(found.correlation.tolist(), signal.tolist(), strict=True)):
        resolution = f"{scale.resolution(shell):.3f}" if shell else "inf"
        rows.append(f"{resolution}\t{value:.4f}\t{ratio:.4g}\n")
    write_text("".join(rows), out / CURVE)
    # last, so that where it is all else is, too
    write_poses(_lying(found, particles), out, scale.side, scale.pixel_size, source.ctf, source.lenses, root)


def _exchanged(inverted: bool) -> str:
    """What to say of picks that look like the negative of the reference."""
    taken, other = ("bright", "(without --invert)") if inverted else ("dark", "(--invert)")
    return (
        "The mean of the picks looks like the reference with black and white exchanged. Particles were taken to be "
        f"{taken} on the micrographs: look whether they are {other}."
    )


def _lying(found: Reconstruction, particles: _Cut) -> list[Lying]:
    """How the particles of each micrograph lie, in RELION's terms."""
    turns = Rotation.from_matrix(found.poses.matrices.double().numpy()).inv()
    rot, tilt, psi = turns.as_euler("ZYZ", degrees=True).T
    shift = found.poses.shifts.double().numpy() * particles.pixel_size
    score = found.poses.score.double().numpy()
    lying, start = [], 0
    for picks in particles.picks:
        part = slice(start, start + len(picks))
        start += len(picks)
        named = replace(picks, psi=psi[part], class_number=np.ones(len(picks), np.int64))
        lying.append(Lying(named, rot[part], tilt[part], shift[part], particles.half[part], score[part] ** 2 / 2))
    return lying


def _notes(found: Reconstruction, plan: Plan, source: Source, stack: ParticleStack) -> tuple[str, ...]:
    """What a user should know of the map."""
    resolution = plan.scale.resolution(found.shells)
    if found.shells <= plan.scale.radius(plan.lowpass) + _BLURRED:
        proof = (
            f"The halves agree to {resolution:.0f} A, no further than the reference that both were given "
            f"({plan.lowpass:g} A): the picks prove nothing."
        )
    else:
        proof = f"The halves agree to {resolution:.1f} A, beyond the {plan.lowpass:g} A of the reference."
    notes = [proof]
    micrographs = source.micrographs
    without = sum(one.ctf is None for one in micrographs)
    if without:
        which = f"{without} of {len(micrographs)} micrographs" if without < len(micrographs) else "the micrographs"
        elsewhere = f": it is not in {source.ctf.where}" if isinstance(source.ctf.where, Path) else ""
        notes.append(f"The CTF of {which} is not known{elsewhere}; their particles are taken as they are.")
    if stack.misfits:
        told_by = {one.told_by: None for one in micrographs if one.ctf is not None}
        where = next(iter(told_by)) if len(told_by) == 1 else ""
        notes.append(misfits_in_words(stack.misfits, len(micrographs) - without, where))
    return tuple(notes)
