"""How far refinement moved particles from where they were picked, in pixels of their micrograph."""

from __future__ import annotations

import numpy as np

from napari_drpnet.data import FloatArray
from napari_drpnet.errors import UserError
from napari_drpnet.io.picks.star_fields import ORIGINS_ANGSTROM, ORIGINS_PIXELS
from napari_drpnet.io.star_optics import PixelSizes
from napari_drpnet.io.star_table import Table

_WITHOUT = "or remove the origins to keep the places before refinement."


def origins(table: Table, sizes: PixelSizes) -> FloatArray:
    """The origins of the particles, ``(n, 2)`` in (y, x) order and Angstrom; 0 where the table has none.

    RELION 3.0 gives them in pixels of the particle image, whose size must then be known where they are not 0.

    Raises
    ------
    UserError
        When an origin is no finite number, or is in pixels of unknown size.
    """
    if any(name in table for name in ORIGINS_ANGSTROM):
        return _columns(table, ORIGINS_ANGSTROM)
    if not any(name in table for name in ORIGINS_PIXELS):
        return np.zeros((len(table), 2))
    pixels = _columns(table, ORIGINS_PIXELS)
    if np.isnan(sizes.image[pixels.any(axis=1)]).any():
        raise UserError(
            f"{table.path}: its origins are in pixels of the particle images, whose size is not in the file.",
            f"Add rlnDetectorPixelSize and rlnMagnification, {_WITHOUT}",
        )
    return pixels * np.nan_to_num(sizes.image)[:, None]


def _columns(table: Table, names: tuple[str, str]) -> FloatArray:
    x, y = (table.numbers(name) if name in table else np.zeros(len(table)) for name in names)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise UserError(f"{table.path}: an origin is not a finite number.", "Correct the file, or export it anew.")
    return np.column_stack([y, x])


def asked(table: Table) -> UserError:
    """What asks for the pixel size of the micrographs, without which origins cannot be read."""
    return UserError(
        f"{table.path}: particles were moved, and the pixel size of their micrographs is not known.",
        f"Give it in Angstrom (--pixel-size), {_WITHOUT}",
    )
