"""How far refinement moved particles from where they were picked, in pixels of their micrograph."""

from __future__ import annotations

from warnings import warn

import numpy as np

from napari_drpnet.data import FloatArray
from napari_drpnet.errors import UserError
from napari_drpnet.io.picks.star_fields import ORIGINS_ANGSTROM, ORIGINS_PIXELS
from napari_drpnet.io.star_optics import GROUP, PixelSizes
from napari_drpnet.io.star_table import Table

# Angstrom that rounding takes.
_SAME = 0.01
_WITHOUT = "or remove the origins to keep the places before refinement."


def origins(table: Table, sizes: PixelSizes) -> FloatArray:
    """The origins of the particles, ``(n, 2)`` in (y, x) order and Angstrom; 0 where the table has none.

    RELION 3.0 gives them in pixels of the particle image, whose size must then be known where they are not 0. Of a
    table that has both, those in Angstrom count where it has optics groups, else those in pixels, as in RELION.

    Raises
    ------
    UserError
        When an origin is no finite number, or is in pixels of unknown size.

    Warns
    -----
    UserWarning
        When the table has both, and they are not the same.
    """
    angstrom, pixels = (_columns(table, names) for names in (ORIGINS_ANGSTROM, ORIGINS_PIXELS))
    if pixels is None:
        return np.zeros((len(table), 2)) if angstrom is None else angstrom
    unknown = bool(np.isnan(sizes.image[pixels.any(axis=1)]).any())
    converted = pixels * np.nan_to_num(sizes.image)[:, None]
    if angstrom is None:
        if unknown:
            raise UserError(
                f"{table.path}: its origins are in pixels of the particle images, whose size is not in the file.",
                f"Add rlnDetectorPixelSize and rlnMagnification, {_WITHOUT}",
            )
        return converted
    # In pixels of unknown size only 0 can be compared.
    other = (pixels == 0) != (angstrom == 0) if unknown else np.abs(converted - angstrom) > _SAME
    if other.any():
        warn(
            f"{table.path}: its origins in Angstrom (rlnOriginXAngst) and in pixels (rlnOriginX) differ in "
            f"{other.any(axis=1).sum()} of {len(table)} rows. {_rule(unknown, GROUP in table)}. Remove the others.",
            stacklevel=4,
        )
    return angstrom if unknown or GROUP in table else converted


def _rule(unknown: bool, grouped: bool) -> str:
    """Which origins of a table that has both count, and why."""
    if grouped:
        return "Those in Angstrom count, as in RELION where there are optics groups"
    if unknown:
        return "Those in Angstrom count, as the pixel size of the particle images is not in the file"
    return "Those in pixels count, as in RELION where there are no optics groups"


def _columns(table: Table, names: tuple[str, str]) -> FloatArray | None:
    """Two columns as ``(n, 2)`` in (y, x) order, 0 where one is missing; None where both are."""
    if not any(name in table for name in names):
        return None
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
