"""How particles lie, as a 3D refinement found it: places and angles in a particles STAR."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_drpnet.data import FloatArray, Frame, Picks
from napari_drpnet.errors import UserError, short
from napari_drpnet.io.beside import FrameOf, frame_beside
from napari_drpnet.io.files import micrograph_stem
from napari_drpnet.io.picks.rows import rows_by_name
from napari_drpnet.io.picks.star_fields import PSI, X, Y
from napari_drpnet.io.picks.star_names import names_of_rows
from napari_drpnet.io.picks.star_origins import asked, origins
from napari_drpnet.io.star_optics import pixel_sizes
from napari_drpnet.io.star_table import Table, read_tables

ROT, TILT = "rlnAngleRot", "rlnAngleTilt"
_REFINED = "Give the particles STAR of a 3D refinement, in RELION run_data.star."


@dataclass(frozen=True, eq=False)
class Posed:
    """The particles of one micrograph with their orientations.

    Attributes
    ----------
    picks
        Their centres after refinement, fractions of a pixel kept, with RELION's psi in degrees.
    rot, tilt
        ``(n,)`` RELION's other two angles in degrees.
    image_pixel
        Angstrom per pixel of the particle images that were refined; NaN when unknown.
    """

    picks: Picks
    rot: FloatArray
    tilt: FloatArray
    image_pixel: float


def read_poses(path: Path, frame_of: FrameOf = frame_beside) -> list[Posed]:
    """The particles of a STAR file by their micrographs.

    Parameters
    ----------
    path
        A particles STAR of RELION with ``rlnAngleRot``, ``rlnAngleTilt`` and ``rlnAnglePsi``.
    frame_of
        What is known of a micrograph; asked for the pixel size where the file does not tell and particles were moved.

    Raises
    ------
    UserError
        When the file is missing, damaged, or without coordinates or angles; when all angles are 0, or a number is none;
        when particles were moved and nobody knows the pixel size.
    """
    tables = [table for table in read_tables(path) if len(table)]
    holding = [table for table in tables if X in table and Y in table]
    if not holding:
        raise UserError(f"{path}: it has no coordinates of particles.", _REFINED)
    names = names_of_rows(holding, micrograph_stem(path))
    found = [posed for table, rows in zip(holding, names, strict=True) for posed in _of(tables, table, rows, frame_of)]
    if not any(one.rot.any() or one.tilt.any() or one.picks.psi.any() for one in found):
        raise UserError(f"{path}: all angles are 0, as before a refinement.", _REFINED)
    return found


def _of(tables: list[Table], table: Table, names: list[str], frame_of: FrameOf) -> list[Posed]:
    if missing := [name for name in (ROT, TILT, PSI) if name not in table]:
        raise UserError(f"{table.path}: it has no {', '.join(missing)}: nobody knows how its particles lie.", _REFINED)
    sizes = pixel_sizes(tables, table)
    moved = origins(table, sizes)
    numbers = np.column_stack([table.numbers(name) for name in (Y, X, ROT, TILT, PSI)])
    if not np.isfinite(numbers).all():
        raise UserError(f"{table.path}: a place or an angle is not a finite number.", "Correct it, or export it anew.")
    found = []
    for name, which in rows_by_name(names).items():
        yx, rot, tilt, psi = numbers[which, :2], *numbers[which, 2:].T
        size = _size(sizes.micrograph[which], name, table)
        if moved[which].any():
            known = None if size else frame_of(name, table.path)
            size = size or (known.pixel_size if known else None)
            if size is None:
                raise asked(table)
            yx = yx - moved[which] / size
        picks = Picks(Frame(name, pixel_size=size), yx, psi=psi)
        found.append(Posed(picks, rot, tilt, float(sizes.image[which][0])))
    return found


def _size(values: FloatArray, name: str, table: Table) -> float | None:
    known = values[np.isfinite(values)]
    if len(known) and not np.allclose(known, known[0], rtol=1e-3, atol=0):
        raise UserError(f"{table.path}: rows of {short(name)} have two pixel sizes.", "Correct its optics groups.")
    return float(known[0]) if len(known) else None
