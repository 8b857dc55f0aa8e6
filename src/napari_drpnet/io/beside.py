"""What a micrograph's own file tells of picks that do not: found by their name, near the file they came from."""

from __future__ import annotations

from pathlib import Path

from napari_drpnet.data import Frame
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import micrograph_stem
from napari_drpnet.io.images import open_image
from napari_drpnet.io.mrc import MRC_SUFFIXES


def frame_beside(micrograph: str, path: Path) -> Frame | None:
    """Shape and pixel size of the micrograph that picks read from ``path`` belong to; None where it is not found.

    It is looked for under its name in the folders above, and beside the picks under their name. Only MRC files count:
    others tell no pixel size, and their rows may run the other way.
    """
    stem = micrograph_stem(micrograph)
    named = [folder / micrograph for folder in path.absolute().parents]
    beside = [path.with_name(stem + suffix) for suffix in MRC_SUFFIXES]
    for file in [*named, *beside]:
        if file.suffix.lower() not in MRC_SUFFIXES or not file.is_file():
            continue
        try:
            image = open_image(file)
        except UserError:
            continue  # the picks are of use without it
        height, width = image.array.shape[-2:]
        return Frame(micrograph, (height, width), image.pixel_size)
    return None
