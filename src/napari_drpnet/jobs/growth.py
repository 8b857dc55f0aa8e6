"""Resolution against the number of particles, measured: RELION reconstructs ever smaller parts of a refinement.

The angles stay those that all particles together were refined to, so that small parts look better than if they had been
refined alone. The slope is that of the particles' signal, without what small numbers cost in alignment.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from napari_drpnet.assessment.bfactor import BFactor, fit_b_factor
from napari_drpnet.assessment.orientations import point_group
from napari_drpnet.errors import UserError, cut
from napari_drpnet.io.particle_subsets import ParticleFile
from napari_drpnet.jobs.assess_maps import MapAssessment, assess_half_maps
from napari_drpnet.settings.assessment import GrowthSettings, HalfMapSettings
from napari_drpnet.steps import Job, Progress, drained

PROGRAM = "relion_reconstruct"
# How often a running program is looked after, in seconds.
_EVERY = 0.2
_REASON = 200
_FEWEST = 3


def measure_growth(particles: Path, settings: GrowthSettings, maps: HalfMapSettings) -> Job[BFactor]:
    """The resolutions of all particles, of half of them, a quarter ...: each part has the smaller ones in it.

    Parts of which nothing is resolved are left out.

    Parameters
    ----------
    particles
        Particles STAR of a 3D refinement, with half sets, whose images are there.
    settings
        Symmetry, sizes, seed.
    maps
        How the resolution of each pair of half maps is measured.

    Raises
    ------
    UserError
        When RELION is not installed or fails, the file has no half sets or images, or there are too few particles to
        resolve three parts.
    """
    point_group(settings.symmetry)
    file = ParticleFile(particles)
    if settings.ctf and not file.has_ctf:
        raise UserError(f"{particles}: it does not tell the defocus of the particles.", "Go on without CTF (--no-ctf).")
    program = shutil.which(PROGRAM)
    if program is None:
        raise UserError(f"{PROGRAM} is not installed.", "Install RELION, or give resolutions that were measured.")
    sizes = _sizes(len(file.half), settings)
    if len(sizes) < _FEWEST:
        raise UserError(
            f"{particles}: {len(file.half)} particles are too few to halve them twice down to {settings.smallest}.",
            "Allow smaller parts (--smallest).",
        )
    order = np.random.default_rng(settings.seed).permutation(len(file.half))
    flipped = ["--ctf_phase_flipped"] if settings.phase_flipped or file.phase_flipped else []
    call = [program, "--sym", settings.symmetry, *(["--ctf", *flipped] if settings.ctf else [])]
    found = []
    for step, size in enumerate(sizes):
        here = Progress(step, len(sizes), message=f"{size:,} particles")
        with TemporaryDirectory(prefix="growth-") as folder:
            file.write(chosen(file.half, order, size / len(file.half)), Path(folder, "part.star"))
            for half in (1, 2):
                told = ["--i", f"{folder}/part.star", "--o", _map(folder, half), "--subset", str(half)]
                yield from _run([*call, *told], file.project(), replace(here, fraction=(half - 1) / 2))
            halves = [Path(_map(folder, half)) for half in (1, 2)]
            judged = _judged(halves, size, maps)
            found.append((size, judged.correlation.resolution(), 2 * judged.pixel_size))
    yield Progress(len(sizes), len(sizes), message="done")
    resolved = [one for one in found[::-1] if np.isfinite(one[1])]
    if len(resolved) < _FEWEST:
        raise UserError(
            f"{particles}: of {len(found)} numbers of particles only {len(resolved)} resolve anything.",
            "A B-factor needs three: give more or better particles.",
        )
    numbers, resolutions, limits = np.array(resolved).T
    return fit_b_factor(numbers, resolutions, limits)


def chosen(half: npt.NDArray[np.int64], order: npt.NDArray[np.int64], part: float) -> npt.NDArray[np.bool_]:
    """``(n,)`` the same part of each half set, the first in an order of all."""
    found = np.zeros(len(half), bool)
    for number in (1, 2):
        own = order[half[order] == number]
        found[own[: round(part * len(own))]] = True
    return found


def _sizes(total: int, settings: GrowthSettings) -> list[int]:
    halved = [round(total / 2**step) for step in range(settings.most)]
    return [size for size in halved if size >= settings.smallest]


def _judged(halves: list[Path], size: int, maps: HalfMapSettings) -> MapAssessment:
    try:
        return drained(assess_half_maps(halves, maps.model_copy(update={"local": False})))
    except UserError as error:
        why = error.message.replace(f"{halves[0].parent}/", "")
        raise UserError(
            f"What RELION made of {size:,} particles cannot be judged: {why}",
            "Look whether all images of the particles are there, and whether a mask fits them.",
        ) from error


def _map(folder: str, half: int) -> str:
    return f"{folder}/half{half}.mrc"


def _run(call: list[str], folder: Path, here: Progress) -> Generator[Progress, None, None]:
    """Run a program to its end; it ends with this job."""
    with TemporaryDirectory(prefix="growth-") as place, Path(place, "told").open("w+b") as told:
        process = subprocess.Popen(call, cwd=folder, stdout=told, stderr=subprocess.STDOUT)
        try:
            while process.poll() is None:
                yield here
                time.sleep(_EVERY)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if process.returncode:
            told.seek(0)
            lines = told.read().decode("utf-8", "replace").split("ERROR:")[-1].split()
            raise UserError(
                f"{PROGRAM} failed: {cut(' '.join(lines), _REASON)}", "Look whether RELION can read the file."
            )
