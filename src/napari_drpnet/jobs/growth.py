"""Resolution against the number of particles, measured: RELION reconstructs ever smaller parts of a refinement.

The angles stay those that all particles together were refined to, so that small parts look better than if they had been
refined alone. The slope is that of the particles' signal, without what small numbers cost in alignment.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Generator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from napari_drpnet.assessment.orientations import point_group
from napari_drpnet.data import FloatArray
from napari_drpnet.errors import UserError, cut
from napari_drpnet.io.particle_subsets import ParticleFile
from napari_drpnet.settings.assessment import GrowthSettings
from napari_drpnet.steps import Job, Progress

PROGRAM = "relion_reconstruct"
# How often a running program is looked after, in seconds.
_EVERY = 0.2
_REASON = 200

Measure = Callable[[Path, Path], float]
"""The resolution in Angstrom of two half maps; infinite where they do not agree."""


def measure_growth(particles: Path, settings: GrowthSettings, measure: Measure) -> Job[tuple[FloatArray, FloatArray]]:
    """The resolutions of all particles, of half of them, a quarter ...: each part has the smaller ones in it.

    Parameters
    ----------
    particles
        Particles STAR of a 3D refinement, with half sets, whose images are there.
    settings
        Symmetry, sizes, seed.
    measure
        What tells the resolution of two half maps.

    Returns
    -------
    FloatArray, FloatArray
        ``(n,)`` numbers of particles, from few to all, and ``(n,)`` resolutions in Angstrom; without those of which
        nothing is resolved.

    Raises
    ------
    UserError
        When RELION is not installed or fails, the file has no half sets or images, or there are too few particles.
    """
    point_group(settings.symmetry)
    file = ParticleFile(particles)
    if settings.ctf and not file.has_ctf:
        raise UserError(f"{particles}: it does not tell the defocus of the particles.", "Go on without CTF (--no-ctf).")
    program = shutil.which(PROGRAM)
    if program is None:
        raise UserError(f"{PROGRAM} is not installed.", "Install RELION, or give resolutions that were measured.")
    sizes = _sizes(len(file.half), settings)
    if len(sizes) < 3:
        raise UserError(
            f"{particles}: {len(file.half)} particles are too few to halve them twice down to {settings.smallest}.",
            "Allow smaller parts (--smallest).",
        )
    order = np.random.default_rng(settings.seed).permutation(len(file.half))
    call = [program, "--sym", settings.symmetry, *(["--ctf"] if settings.ctf else [])]
    found = []
    for step, size in enumerate(sizes):
        with TemporaryDirectory(prefix="growth-") as folder:
            yield Progress(step, len(sizes), message=f"{size:,} particles")
            file.write(chosen(file.half, order, size / len(file.half)), Path(folder, "part.star"))
            for half in (1, 2):
                yield from _run(
                    [*call, "--i", f"{folder}/part.star", "--o", _map(folder, half), "--subset", str(half)],
                    file.project(),
                    Progress(step, len(sizes), message=f"{size:,} particles", fraction=(half - 1) / 2),
                )
            found.append(measure(Path(_map(folder, 1)), Path(_map(folder, 2))))
    yield Progress(len(sizes), len(sizes), message="done")
    numbers, resolutions = np.array(sizes[::-1], np.float64), np.array(found[::-1])
    resolved = np.isfinite(resolutions)
    return numbers[resolved], resolutions[resolved]


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
