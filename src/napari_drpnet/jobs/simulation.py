"""Simulated micrographs as files, with their truth beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_drpnet.data import Frame, Picks
from napari_drpnet.io import open_image, read_picks
from napari_drpnet.io.ctf_files import DEFOCUS_ANGLE, DEFOCUS_U, DEFOCUS_V, PHASE_SHIFT
from napari_drpnet.io.fields import dump
from napari_drpnet.io.files import write_text
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.io.picks.star import note
from napari_drpnet.io.picks.star_fields import BOX
from napari_drpnet.io.star_lists import MICROGRAPH
from napari_drpnet.io.star_optics import GROUP, LENS, MICROGRAPH_PIXEL
from napari_drpnet.io.star_table import format_table
from napari_drpnet.lens import Lens
from napari_drpnet.settings import SimulationSettings
from napari_drpnet.simulation import Simulated, simulate_one
from napari_drpnet.steps import Job, Progress

MICROGRAPHS_STAR = "micrographs_ctf.star"
"""The list of the micrographs with their CTF, as RELION's CTF job names it."""


def simulate(settings: SimulationSettings, out: Path) -> Job[list[Path]]:
    """Write ``<name>.mrc`` and its truth ``<name>.star`` for every micrograph, and ``simulation.yaml``.

    ``micrographs_ctf.star`` lists the micrographs with their CTF, as RELION does. On demand ``masks/<name>.mrc`` and
    ``clean/<name>.mrc`` too.

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
    lenses: list[tuple[Frame, Lens]] = []
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
        lenses.append((frame, simulated.lens))
        _write_lenses(lenses, out / MICROGRAPHS_STAR)
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

    Height and width of the boxes, for which RELION has no terms, are in two columns of our own. Coordinates
    keep their fractions; RELION's extraction would cut them off.
    """
    truth, lens = simulated.truth, simulated.lens
    defocus = lens.defocus + simulated.height
    columns = {
        "rlnCoordinateX": truth.yx[:, 1],
        "rlnCoordinateY": truth.yx[:, 0],
        "rlnAngleRot": simulated.rot,
        "rlnAngleTilt": simulated.tilt,
        "rlnAnglePsi": truth.psi,
        DEFOCUS_U: defocus + lens.astigmatism / 2,
        DEFOCUS_V: defocus - lens.astigmatism / 2,
        DEFOCUS_ANGLE: np.rad2deg(lens.astigmatism_angle),
        PHASE_SHIFT: np.rad2deg(lens.phase_shift),
        "rlnVoltage": lens.voltage,
        "rlnSphericalAberration": lens.cs / 1e7,
        "rlnAmplitudeContrast": lens.amplitude_contrast,
        **dict(zip(BOX, truth.box.T, strict=True)),
    }
    texts = {name: [f"{v:.6f}" for v in np.broadcast_to(values, len(truth))] for name, values in columns.items()}
    return write_text(format_table(texts, comments=note(truth)), path)


def _write_lenses(seen: Sequence[tuple[Frame, Lens]], path: Path) -> Path:
    """List micrographs with their CTF; each is an optics group of its own, since each may have another lens."""
    groups = [str(number) for number in range(1, len(seen) + 1)]
    names = [f"opticsGroup{number}" for number in groups]
    fixed = zip(LENS[1:], ("voltage", "cs", "amplitude_contrast"), (1.0, 1e-7, 1.0), strict=True)
    optics = {GROUP: groups, LENS[0]: names} | {
        column: [f"{getattr(lens, field) * unit:.6f}" for _, lens in seen] for column, field, unit in fixed
    }
    optics[MICROGRAPH_PIXEL] = [f"{frame.known_pixel_size():.6f}" for frame, _ in seen]
    columns = {
        DEFOCUS_U: [lens.defocus + lens.astigmatism / 2 for _, lens in seen],
        DEFOCUS_V: [lens.defocus - lens.astigmatism / 2 for _, lens in seen],
        DEFOCUS_ANGLE: [np.rad2deg(lens.astigmatism_angle) for _, lens in seen],
        PHASE_SHIFT: [np.rad2deg(lens.phase_shift) for _, lens in seen],
    }
    rows = {MICROGRAPH: [f"{frame.micrograph}.mrc" for frame, _ in seen], GROUP: groups}
    rows |= {name: [f"{value:.6f}" for value in values] for name, values in columns.items()}
    return write_text(format_table(optics, "optics") + format_table(rows, "micrographs"), path)
