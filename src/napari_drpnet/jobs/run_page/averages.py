"""Class averages that lie in the folder of a run: those that its threshold was decided by, and those of `average`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from napari_drpnet.averaging.cutting import SHOWN
from napari_drpnet.drawing.class_sheet import class_sheet
from napari_drpnet.drawing.pages import jpeg
from napari_drpnet.errors import UserError
from napari_drpnet.io.averages import AVERAGES, read_judges
from napari_drpnet.io.paths import is_file
from napari_drpnet.settings import Decision

# What `average` draws, and where it may lie below the folder of the run.
_PICTURES = ("averages.png", "averages/averages.png")
_WIDTH, _QUALITY = 1500, 82


def decided_by(folder: Path, decision: Decision | None) -> bytes | None:
    """The averages that a threshold was decided by, as a JPEG file; None where there are none."""
    if decision is None or not decision.averages:
        return None
    try:
        arrays = read_judges(folder / AVERAGES, decision.averages)
    except (UserError, ValueError):
        return None
    halves = [(arrays[f"sums.{i}"].sum(0), arrays[f"members.{i}"].sum(0)) for i in range(len(arrays) // 2)]
    if not halves:
        return None
    sums, members = (np.concatenate(part) for part in zip(*halves, strict=True))
    order = np.argsort(-members, kind="stable")
    images = np.asarray(sums[order] / np.maximum(members[order], 1)[:, None, None], np.float32)
    captions = [(f"{count:.0f} particles",) for count in members[order].tolist()]
    return jpeg(class_sheet(images, images.shape[1] / SHOWN, captions), _QUALITY)


def averaged_beside(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Pictures that `average` made in the folder of a run: the name of each and a JPEG file."""
    for name in _PICTURES:
        if not is_file(folder / name):
            continue
        try:
            with Image.open(folder / name) as found:
                picture = found.convert("RGB")
        except (OSError, ValueError, Image.DecompressionBombError):
            continue
        picture.thumbnail((_WIDTH, 4 * _WIDTH))
        yield name, jpeg(picture, _QUALITY)
