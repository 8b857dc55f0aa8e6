"""What it means that somebody dropped a folder or a list on the window."""

from __future__ import annotations

import os
from itertools import count, islice
from pathlib import Path

from napari_drpnet.errors import UserError
from napari_drpnet.io.files import reading
from napari_drpnet.io.images import is_image
from napari_drpnet.io.paths import exists, is_dir
from napari_drpnet.io.project.files import Layout, read_settings
from napari_drpnet.io.star_lists import MicrographEntry, read_micrographs

_NAME = "picking"  # of a project, in the folder of its micrographs or of RELION's project
_RELION = "default_pipeline.star"
_COORDINATE = "rlnCoordinateX"
_LOOKED_AT = 2000  # entries of a folder: a drop is answered at once


def is_project_or_micrographs(folder: Path) -> bool:
    """Whether a folder is a project, or has micrographs among its first files."""
    if exists(Layout(folder).settings):
        return True
    try:
        with os.scandir(folder) as found:
            return any(is_image(entry.name) for entry in islice(found, _LOOKED_AT))
    except OSError:
        return False


def listed_micrographs(path: Path) -> list[MicrographEntry]:
    """The micrographs in a STAR file that lists them, or their files of coordinates; none in any other file."""
    try:
        return read_micrographs(path) if path.suffix.lower() == ".star" and _lists_files(path) else []
    except UserError:
        return []


def _lists_files(path: Path) -> bool:
    """Whether a STAR file has no coordinates itself; of one with millions only the head is read to know."""
    with reading(path), path.open(encoding="utf-8", errors="replace") as file:
        return not any(_COORDINATE in line for line in file)


def project_for(micrographs: Path) -> Path:
    """The project that is made of a folder or a list of micrographs; where there is none, a place for one.

    In RELION's project where the list is in one, else in the folder of the micrographs. The list of a project's own
    picks means that project.
    """
    if exists(Layout(micrographs.parent).settings) and not is_dir(micrographs):
        return micrographs.parent
    home = micrographs if is_dir(micrographs) else _home(micrographs)
    names = (_NAME if number == 1 else f"{_NAME}-{number}" for number in count(1))
    return next(folder for name in names if _is_free(folder := home / name) or _is_of(folder, micrographs))


def _home(listed: Path) -> Path:
    return next((folder for folder in listed.parents if exists(folder / _RELION)), listed.parent)


def _is_free(folder: Path) -> bool:
    return not exists(folder)


def _is_of(folder: Path, micrographs: Path) -> bool:
    """Whether a project is made of these micrographs."""
    files = Layout(folder)
    try:
        settings = read_settings(files.settings)
    except UserError:
        return False
    root, meant = files.root(settings.root), os.path.realpath(micrographs)
    return any(os.path.realpath(root / text) == meant for text in settings.inputs)
