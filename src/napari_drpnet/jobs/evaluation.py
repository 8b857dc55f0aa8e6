"""Compare picks on disk with the truth on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io import PICK_SUFFIXES, read_picks
from napari_drpnet.settings import EvaluationSettings

if TYPE_CHECKING:
    from napari_drpnet.evaluation import Evaluation


def evaluate_files(picks: Path, truth: Path, settings: EvaluationSettings) -> Evaluation:
    """Score picks against the truth; each is a file, or a folder of one file per micrograph.

    A folder with an ``autopick.star`` is read by that list; of any other, all pick files directly in it are read.

    Raises
    ------
    UserError
        For files that cannot be read, and as `evaluation.evaluate` does.
    """
    from napari_drpnet.evaluation import evaluate

    return evaluate(
        _read_all(picks),
        [_with_shape(entry, settings.shape) for entry in _read_all(truth)],
        settings.diameter,
        settings.pixel_size,
        settings.radius_fraction,
        settings.edge,
    )


def _read_all(path: Path) -> list[Picks]:
    if not path.exists():
        raise UserError(f"{path}: there is no such file or folder.", "Check the name.")
    if path.is_file():
        return read_picks(path)
    listed = path / "autopick.star"
    if listed.exists():
        return read_picks(listed)
    files = sorted(file for file in path.iterdir() if file.name.lower().endswith(PICK_SUFFIXES))
    if not files:
        raise UserError(f"{path}: no picks lie in this folder.", f"Files of picks end in {', '.join(PICK_SUFFIXES)}.")
    return [entry for file in files for entry in read_picks(file)]


def _with_shape(entry: Picks, shape: tuple[int, int] | None) -> Picks:
    return entry if shape is None else replace(entry, frame=replace(entry.frame, shape=shape))
