"""Candidates that a run keeps on disk until it has decided, so that memory stays flat."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from napari_drpnet.data import Candidates, Frame, ScoreMap
from napari_drpnet.io.files import writing

_COLUMNS = ("yx", "detection", "level", "probability", "diameter", "class_number", "psi", "box")


class Held:
    """A folder of candidates by number; made by `held`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, number: int, score_map: ScoreMap) -> None:
        """Keep the candidates of a micrograph, without the map.

        Raises
        ------
        UserError
            When the disk is full.
        """
        found, frame = score_map.candidates, score_map.frame.unbinned
        columns: dict[str, Any] = {name: getattr(found, name) for name in _COLUMNS}
        there = {name: values for name, values in columns.items() if values is not None}
        path = self._path(number)
        with writing(path), path.open("wb") as file:
            shape = [] if frame.shape is None else frame.shape
            size = [] if frame.pixel_size is None else [frame.pixel_size]
            np.savez(file, **there, name=np.array(frame.micrograph), shape=np.array(shape), size=np.array(size))

    def take(self, number: int) -> ScoreMap:
        """The candidates that were kept under a number; not a second time."""
        path = self._path(number)
        with np.load(path) as kept:
            shape = (int(kept["shape"][0]), int(kept["shape"][1])) if len(kept["shape"]) else None
            size = float(kept["size"][0]) if len(kept["size"]) else None
            columns: dict[str, Any] = {name: kept[name] for name in _COLUMNS if name in kept}
            frame = Frame(str(kept["name"]), shape, size)
        path.unlink()
        return ScoreMap(None, frame, Candidates(**columns))

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.npz"


@contextmanager
def held(folder: Path) -> Iterator[Held]:
    """A folder to keep things in while a run decides; what a killed run left in it goes, and all of it at the end.

    Raises
    ------
    UserError
        When it cannot be made.
    """
    shutil.rmtree(folder, ignore_errors=True)
    with writing(folder):
        folder.mkdir(parents=True)
    try:
        yield Held(folder)
    finally:
        with suppress(OSError):
            shutil.rmtree(folder)
