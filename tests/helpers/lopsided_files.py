"""Micrographs of the lopsided particle in noise, behind a lens, as files, with what is true of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from lopsided import lopsided
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.io.reconstruction_files import write_volume
from napari_drpnet.io.star_table import format_table
from napari_drpnet.lens import Lens, ctf, half_frequencies
from napari_drpnet.reconstruction.pointgroups import operators
from napari_drpnet.simulation.projection import project
from napari_drpnet.simulation.structures import Volume

PIXEL, DIAMETER, SIZE, SPACING = 5.0, 105.0, 440, 40
LENS = Lens(defocus=15000.0, b_factor=0.0)


@dataclass(frozen=True)
class Made:
    """Files, and ``(n, 3, 3)`` how the particles lie, in the order of the picks."""

    picks: Path
    micrographs: Path
    reference: Path
    turns: np.ndarray


def write_lopsided(folder: Path, count: int = 2, noise: float = 1.5, group: str = "C1") -> Made:
    """``count`` micrographs of 100 particles each, ``micrographs_ctf.star``, ``picks/`` and ``reference.mrc``."""
    density, rng = lopsided(operators=operators(group)).numpy(), np.random.default_rng(7)
    names, turns = [f"m{number}.mrc" for number in range(count)], []
    at = np.stack(np.meshgrid(*[np.arange(SPACING, SIZE - SPACING + 1, SPACING)] * 2), -1).reshape(-1, 2)
    for name in names:
        some = Rotation.random(len(at), random_state=rng)
        turns.append(some.as_matrix())
        image = np.zeros((SIZE, SIZE), np.float32)
        for (y, x), view in zip(at, project(Volume(density, PIXEL, DIAMETER), some), strict=True):
            image[y - 16 : y + 16, x - 16 : x + 16] += view
        # the lens's own sign makes particles dark
        seen = np.fft.irfft2(np.fft.rfft2(image) * ctf(LENS, *half_frequencies((SIZE, SIZE), PIXEL)), s=(SIZE, SIZE))
        write_mrc(seen / seen.std() + noise * rng.normal(size=seen.shape), folder / name, PIXEL)
        columns = {"rlnCoordinateX": at[:, 1], "rlnCoordinateY": at[:, 0]}
        stem = folder / "picks" / name.replace(".mrc", ".star")
        stem.parent.mkdir(exist_ok=True)
        stem.write_text(format_table({key: list(map(str, values)) for key, values in columns.items()}))
    optics = {"rlnOpticsGroup": ["1"], "rlnOpticsGroupName": ["o1"], "rlnMicrographPixelSize": [str(PIXEL)]}
    optics |= {"rlnVoltage": ["300"], "rlnSphericalAberration": ["2.7"], "rlnAmplitudeContrast": ["0.1"]}
    rows = {"rlnMicrographName": names, "rlnOpticsGroup": ["1"] * count, "rlnDefocusAngle": ["0"] * count}
    rows |= dict.fromkeys(("rlnDefocusU", "rlnDefocusV"), ["15000"] * count)
    listed = folder / "micrographs_ctf.star"
    listed.write_text(format_table(optics, "optics") + format_table(rows, "micrographs"))
    reference = write_volume(density, folder / "reference.mrc", PIXEL)
    return Made(folder / "picks", listed, reference, np.concatenate(turns))
