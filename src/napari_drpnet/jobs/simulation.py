"""Simulated micrographs as files, with their truth beside them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_drpnet.data import Frame, Picks
from napari_drpnet.io import open_image, read_picks
from napari_drpnet.io.fields import dump
from napari_drpnet.io.files import write_text
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.io.picks.star import note
from napari_drpnet.io.star_table import format_table
from napari_drpnet.settings import SimulationSettings
from napari_drpnet.simulation import Simulated, simulate_one
from napari_drpnet.steps import Job, Progress


def simulate(settings: SimulationSettings, out: Path) -> Job[list[Path]]:
    """Write ``<name>.mrc`` and its truth ``<name>.star`` for every micrograph, and ``simulation.yaml``.

    On demand ``masks/<name>.mrc`` and ``clean/<name>.mrc`` too.

    Parameters
    ----------
    settings
        What to simulate; the same settings give the same bytes.
    out
        The folder.

    Returns
    -------
    list of Path
        The micrographs. Interrupted, the finished ones stay.

    Raises
    ------
    UserError
        When a structure or the detector's MTF cannot be read, or the folder not be written.
    """
    write_text(dump(settings.model_dump(mode="json")), out / "simulation.yaml")
    written: list[Path] = []
    picks = 0
    for index in range(settings.count):
        yield Progress(index, settings.count, picks, "simulating")
        simulated = simulate_one(settings, index)
        frame = simulated.micrograph.frame
        name, pixel_size = f"{frame.micrograph}.mrc", frame.known_pixel_size()
        if settings.masks:
            write_mrc(simulated.mask, out / "masks" / name, pixel_size)
        if simulated.clean is not None:
            write_mrc(simulated.clean, out / "clean" / name, pixel_size)
        write_truth(simulated, out / f"{frame.micrograph}.star")
        written.append(write_mrc(simulated.micrograph.image, out / name, pixel_size))
        picks += len(simulated.truth)
    yield Progress(settings.count, settings.count, picks, "done")
    return written


def read_simulated(path: Path) -> tuple[Any, Picks]:
    """The pixels of a micrograph that `simulate` wrote, ``(h, w)`` and not loaded yet, and its truth in its frame."""
    file = open_image(path)
    height, width = file.array.shape
    (truth,) = read_picks(path.with_suffix(".star"))
    return file.array, replace(truth, frame=Frame(path.name, (height, width), file.pixel_size))


def write_truth(simulated: Simulated, path: Path) -> Path:
    """Write the true particles in RELION's terms: centres, orientations and each particle's defocus.

    Coordinates keep their fractions; RELION's extraction would cut them off.
    """
    truth, lens = simulated.truth, simulated.lens
    defocus = lens.defocus + simulated.height
    columns = {
        "rlnCoordinateX": truth.yx[:, 1],
        "rlnCoordinateY": truth.yx[:, 0],
        "rlnAngleRot": simulated.rot,
        "rlnAngleTilt": simulated.tilt,
        "rlnAnglePsi": truth.psi,
        "rlnDefocusU": defocus + lens.astigmatism / 2,
        "rlnDefocusV": defocus - lens.astigmatism / 2,
        "rlnDefocusAngle": np.rad2deg(lens.astigmatism_angle),
        "rlnPhaseShift": np.rad2deg(lens.phase_shift),
        "rlnVoltage": lens.voltage,
        "rlnSphericalAberration": lens.cs / 1e7,
        "rlnAmplitudeContrast": lens.amplitude_contrast,
    }
    texts = {name: [f"{v:.6f}" for v in np.broadcast_to(values, len(truth))] for name, values in columns.items()}
    return write_text(format_table(texts, comments=note(truth)), path)
