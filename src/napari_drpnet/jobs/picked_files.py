"""Micrographs of a run as files: how one is read, and where its picks are written."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from napari_drpnet.data import Micrograph
from napari_drpnet.io import write_picks
from napari_drpnet.io.images import read_single
from napari_drpnet.jobs.inputs import PickTask
from napari_drpnet.jobs.picking import Found, Item


class Items(Sequence[Item]):
    """Micrographs to pick, as a data set; each is made when it is asked for, since there may be a million.

    Parameters
    ----------
    tasks
        Their files, and where their picks go.
    out
        The folder of the run.
    pixel_size
        Of all micrographs, in Angstrom; None for what is known of each.
    """

    def __init__(self, tasks: Sequence[PickTask], out: Path, pixel_size: float | None) -> None:
        self._tasks, self._out, self._pixel_size = tasks, out, pixel_size

    def __len__(self) -> int:
        return len(self._tasks)

    def __getitem__(self, number: Any) -> Any:
        return item_of(self._tasks[number], self._out, self._pixel_size)


def item_of(task: PickTask, out: Path, pixel_size: float | None) -> Item:
    """One of `Items`."""
    read, keep = partial(read_task, task, pixel_size), partial(_write, out / task.coordinates)
    return Item(task.micrograph.name, read, keep)


def read_task(task: PickTask, pixel_size: float | None) -> Micrograph:
    """The micrograph of a task; a given pixel size goes before what is known of it."""
    entry = task.micrograph
    return read_single(entry.path, pixel_size or entry.pixel_size, entry.name)


def _write(file: Path, found: Found) -> tuple[int, Path]:
    return len(found.picks), write_picks(found.picks, file)
