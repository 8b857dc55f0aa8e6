"""What a micrograph's own file tells of picks that do not: found by their name, near the file they came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import TypeAlias

from napari_drpnet.data import Frame
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import micrograph_stem
from napari_drpnet.io.images import size_of
from napari_drpnet.io.mrc import MRC_SUFFIXES
from napari_drpnet.io.paths import is_file
from napari_drpnet.io.tiff import TIFF_SUFFIXES, is_tiff

_SUFFIXES = MRC_SUFFIXES + TIFF_SUFFIXES

# What is known of a micrograph, from its name and the file of its picks.
FrameOf: TypeAlias = Callable[[str, Path], Frame | None]


def frame_beside(micrograph: str, path: Path) -> Frame | None:
    """Shape and pixel size of the micrograph that picks read from ``path`` belong to; None where it is not found.

    It is looked for under its name in the folders above, and beside the picks under their name. A TIFF that is named
    without its suffix gets it, since some programs count the rows of TIFF the other way. PNG and JPEG do not count.
    """
    for file in _files_beside(micrograph, path):
        try:
            shape, pixel_size = size_of(file)
        except UserError:
            continue  # the picks are of use without it
        name = file.name if is_tiff(file) and not is_tiff(micrograph) else micrograph
        return Frame(name, shape, pixel_size)
    return None


def file_beside(micrograph: str, path: Path) -> Path | None:
    """The file of the micrograph that picks read from ``path`` belong to, where it is found as by `frame_beside`."""
    return next(_files_beside(micrograph, path), None)


def _files_beside(micrograph: str, path: Path) -> Iterator[Path]:
    stem, whole = micrograph_stem(micrograph), path.absolute()
    named = (folder / micrograph for folder in whole.parents)
    beside = (whole.with_name(stem + suffix) for suffix in _SUFFIXES)
    yield from (file for file in chain(named, beside) if file.suffix.lower() in _SUFFIXES and is_file(file))
