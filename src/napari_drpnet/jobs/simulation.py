"""Simulated micrographs as files, with their truth beside them."""

from __future__ import annotations

from pathlib import Path

import yaml

from napari_drpnet.io import write_picks
from napari_drpnet.io.files import atomic_write
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.jobs.progress import Job, Progress
from napari_drpnet.settings import SimulationSettings


def simulate(settings: SimulationSettings, out: Path) -> Job[list[Path]]:
    """Write ``<name>.mrc`` and its true centres ``<name>.csv`` for every micrograph, and ``simulation.yaml``.

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
        When a structure cannot be read or the folder not be written.
    """
    from napari_drpnet.simulation import simulate_one

    with atomic_write(out / "simulation.yaml") as temporary:
        temporary.write_text(yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False), encoding="utf-8")
    written: list[Path] = []
    picks = 0
    for index in range(settings.count):
        yield Progress(index, settings.count, picks, "simulating")
        micrograph, truth = simulate_one(settings, index)
        name = micrograph.frame.micrograph
        write_picks(truth, out / f"{name}.csv")
        written.append(write_mrc(micrograph.image, out / f"{name}.mrc", micrograph.frame.known_pixel_size()))
        picks += len(truth)
    yield Progress(settings.count, settings.count, picks, "done")
    return written
