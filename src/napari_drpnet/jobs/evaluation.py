"""Compare picks on disk with the truth on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io import PICK_SUFFIXES, is_image, micrograph_stem, open_image, read_picks
from napari_drpnet.settings import EvaluationSettings

if TYPE_CHECKING:
    from napari_drpnet.evaluation import Evaluation


def evaluate_files(picks: Path, truth: Path, settings: EvaluationSettings) -> Evaluation:
    """Score picks against the truth; each is a file, or a folder of one file per micrograph.

    A folder with an ``autopick.star`` is read by that list; of any other, all pick files directly in it are read. An
    edge band needs the micrographs' shape: as given, or of the images, where their names say or beside picks or truth.

    Raises
    ------
    UserError
        For files that cannot be read, and as `evaluation.evaluate` does.
    """
    from napari_drpnet.evaluation import evaluate

    folders = [path if path.is_dir() else path.parent for path in (picks, truth)]
    found, wanted = ([_with_shape(entry, settings, folders) for entry in _read_all(path)] for path in (picks, truth))
    return evaluate(
        found,
        wanted,
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


def _with_shape(entry: Picks, settings: EvaluationSettings, folders: list[Path]) -> Picks:
    """The entry with the shape given; where only an edge band needs one, with that of the image, if it can be found."""
    shape = settings.shape
    if shape is None and settings.edge > 0 and entry.frame.shape is None:
        shape = _shape_on_disk(entry.frame.micrograph, folders)
    return entry if shape is None else replace(entry, frame=replace(entry.frame, shape=shape))


def _shape_on_disk(micrograph: str, folders: list[Path]) -> tuple[int, int] | None:
    """Height and width of a micrograph that lies where its name says, or in one of the folders."""
    beside = [path for folder in folders for path in sorted(folder.iterdir())]
    for path in (Path(micrograph), *beside):
        if is_image(path) and micrograph_stem(path.name) == micrograph_stem(micrograph) and path.is_file():
            height, width = open_image(path).array.shape[-2:]
            return height, width
    return None
