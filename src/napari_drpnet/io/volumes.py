"""MRC files that hold a 3D volume, a map or a tomogram: no stack of images, though both have three axes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_drpnet.io.mrc import says_volume

_OF_VOLUMES, _OF_STACKS = (".map", ".rec"), (".mrcs", ".st")
# Slices, in sides of a slice, from which a header is believed that says volume: of a movie's frames there are fewer,
# and some programs write the same header for both.
_THICK = 0.1


def is_volume(path: Path, shape: Sequence[int]) -> bool:
    """Whether an MRC file is a volume, by its size ``(n, h, w)``, its name, and what its header says of itself."""
    name = path.name.lower().removesuffix(".gz").removesuffix(".bz2")
    if len(shape) != 3 or not name.endswith((".mrc", *_OF_VOLUMES)) or name.endswith(_OF_STACKS):
        return False
    slices, height, width = shape
    if name.endswith(_OF_VOLUMES) or slices == height == width:
        return True
    return slices >= _THICK * min(height, width) and says_volume(path)
