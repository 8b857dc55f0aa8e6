"""What a micrograph's own file tells of picks that do not: found by their name, near the file they came from."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from napari_drpnet.data import Frame
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import micrograph_stem
from napari_drpnet.io.images import open_image
from napari_drpnet.io.mrc import MRC_SUFFIXES

# What is known of a micrograph, from its name and the file of its picks.
FrameOf: TypeAlias = Callable[[str, Path], Frame | None]


def frame_beside(micrograph: str, path: Path) -> Frame | None:
    """Shape and pixel size of the micrograph that picks read from ``path`` belong to; None where it is not found.

    It is looked for under its name in the folders above, and beside the picks under their name. Only MRC files count:
    others tell no pixel size, and their rows may run the other way.
    """
    stem = micrograph_stem(micrograph)
    named = [folder / micrograph for folder in path.absolute().parents]
    beside = [path.with_name(stem + suffix) for suffix in MRC_SUFFIXES]
    for file in [*named, *beside]:
        # Not Path.is_file, which raises for names that no file can have.
        if file.suffix.lower() not in MRC_SUFFIXES or not os.path.isfile(file):  # noqa: PTH113
            continue
        try:
            image = open_image(file)
        except UserError:
            continue  # the picks are of use without it
        height, width = image.array.shape[-2:]
        return Frame(micrograph, (height, width), image.pixel_size)
    return None
