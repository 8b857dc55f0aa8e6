"""Micrographs of a run as files: how one is read, and where its picks are written."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from napari_drpnet.data import Micrograph
from napari_drpnet.io import write_picks
from napari_drpnet.io.images import read_single
from napari_drpnet.jobs.inputs import PickTask
from napari_drpnet.jobs.picking import Found, Item


def item_of(task: PickTask, out: Path, pixel_size: float | None) -> Item:
    """A micrograph to pick, as a part of its data set.

    Parameters
    ----------
    task
        Its file, and where its picks go.
    out
        The folder of the run.
    pixel_size
        Of all micrographs, in Angstrom; None for what is known of each.
    """
    read, keep = partial(read_task, task, pixel_size), partial(_write, out / task.coordinates)
    return Item(task.micrograph.name, read, keep)


def read_task(task: PickTask, pixel_size: float | None) -> Micrograph:
    """The micrograph of a task; a given pixel size goes before what is known of it."""
    entry = task.micrograph
    return read_single(entry.path, pixel_size or entry.pixel_size, entry.name)


def _write(file: Path, found: Found) -> tuple[int, Path]:
    return len(found.picks), write_picks(found.picks, file)
