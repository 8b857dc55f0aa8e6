"""Compare picks on disk with the truth on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from warnings import warn

from napari_drpnet.data import Picks
from napari_drpnet.evaluation import Evaluation, evaluate
from napari_drpnet.io import PICK_SUFFIXES, is_image, open_image
from napari_drpnet.io.names import NameIndex
from napari_drpnet.io.paths import files_in, is_dir, is_file
from napari_drpnet.io.picks.folder import pick_files, with_folders
from napari_drpnet.io.picks.known_micrographs import KnownMicrographs
from napari_drpnet.settings import EvaluationSettings


def evaluate_files(picks: Path, truth: Path, settings: EvaluationSettings) -> Evaluation:
    """Score picks against the truth; each is a file, or a folder of one file per micrograph.

    Both are taken to pixels of the size that the settings give. Picks outside a micrograph that is found are left out.
    A folder with an ``autopick.star`` is read by that list; of any other, all pick files directly in it are read. An
    edge band needs the micrographs' shape: as given, or of the images, where their names say or beside picks or truth.

    Raises
    ------
    UserError
        For files that cannot be read, most picks of which lie outside, and as `evaluation.evaluate` does.

    Warns
    -----
    UserWarning
        For files that are passed over, pixel sizes that differ, with what was done, and picks that are left out.
    """
    found, wanted = (_read_all(path, KnownMicrographs(pixel_size=settings.pixel_size)) for path in (picks, truth))
    if settings.shape is not None:
        wanted = [_with_shape(entry, settings.shape) for entry in wanted]
    elif settings.edge > 0:
        images = _images_beside(picks, truth)
        found, wanted = ([_with_shape(e, _shape_on_disk(e, images)) for e in entries] for entries in (found, wanted))
    return evaluate(found, wanted, settings.diameter, settings.pixel_size, settings.radius_fraction, settings.edge)


def _read_all(path: Path, known: KnownMicrographs) -> list[Picks]:
    files, passed_over = pick_files(path, PICK_SUFFIXES)
    for file in passed_over:
        warn(f"{file}: this holds no picks; it is passed over.", stacklevel=2)
    return [with_folders(entry, file, path) for file in files for entry in known.within(known.raw(file), file)]


def _with_shape(entry: Picks, shape: tuple[int, int] | None) -> Picks:
    return entry if shape is None else replace(entry, frame=replace(entry.frame, shape=shape))


def _images_beside(*paths: Path) -> NameIndex:
    """Images in the folders of these files."""
    folders = [path if is_dir(path) else path.parent for path in paths]
    return NameIndex(file.as_posix() for folder in folders for file in files_in(folder) if is_image(file))


def _shape_on_disk(entry: Picks, images: NameIndex) -> tuple[int, int] | None:
    """Height and width of an entry that does not tell; its image lies where its name says, or in ``images``."""
    named, beside = Path(entry.frame.micrograph), images.find(entry.frame.micrograph)
    file = named if is_image(named) and is_file(named) else Path(beside[0]) if len(beside) == 1 else None
    if entry.frame.shape is not None or file is None:
        return None
    height, width = open_image(file).array.shape[-2:]
    return height, width
