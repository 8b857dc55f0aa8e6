"""How a refinement aligned its particles, all rows of a file in their order: RELION's STAR files, cryoSPARC's .cs.

Angles are RELION's. cryoSPARC's ``pose`` is the vector of the turn from the picture's frame to the particle's, which is
the intrinsic ZYZ turn by rot, tilt and psi; so two independent converters read it, too (pyem, cryoDRGN).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from napari_drpnet.data import FloatArray
from napari_drpnet.errors import UserError
from napari_drpnet.io.picks.cryosparc_table import CsTable, read_table
from napari_drpnet.io.picks.star_fields import ORIGINS_PIXELS, PSI, X, Y
from napari_drpnet.io.picks.star_origins import origins
from napari_drpnet.io.picks.star_poses import ROT, TILT
from napari_drpnet.io.star_lists import MICROGRAPH
from napari_drpnet.io.star_optics import pixel_sizes
from napari_drpnet.io.star_table import Table, read_tables

_ANGLES = (ROT, TILT, PSI)
_SUBSET = "rlnRandomSubset"
_STAR_HINT = "Give the particles STAR of a 3D refinement, in RELION run_data.star."
_ALIGNED = "alignments3D"
_POSE, _SPLIT, _SHIFT, _PIXEL = (f"{_ALIGNED}/{name}" for name in ("pose", "split", "shift", "psize_A"))
_PATH, _SHAPE = "location/micrograph_path", "location/micrograph_shape"
_FX, _FY = "location/center_x_frac", "location/center_y_frac"
_WANTED = re.compile(rf"uid|{_ALIGNED}/(pose|split|shift|psize_A)|location/.+")
_CS_HINT = "Give the particles (.cs) of a homogeneous, non-uniform or local refinement."
# So many rows whose angles are all below two pi are in radians.
_ROWS = 10
_CIRCLE = 6.3
_TURNS = 720.0
_TURNED = 5e-8  # sine or cosine of half the tilt below which rot and psi turn about one axis


@dataclass(frozen=True, eq=False)
class Alignments:
    """Particles as a 3D refinement aligned them.

    Attributes
    ----------
    path
        The file.
    rot, tilt, psi
        ``(n,)`` RELION's angles in degrees (`simulation.orientations`).
    shift
        ``(n, 2)`` what is to be subtracted from their places, (y, x) in Angstrom, as RELION's origins; NaN where the
        size of their pixels is not known. The y of cryoSPARC counts as its places do, from the bottom.
    half
        ``(n,)`` 1 or 2, the half set of each; 0 where the file does not tell.
    micrographs
        ``n`` names; empty where the file does not tell.
    yx
        ``(n, 2)`` where they were picked, in pixels of the micrograph from its top; NaN where the file does not tell.
    """

    path: Path
    rot: FloatArray
    tilt: FloatArray
    psi: FloatArray
    shift: FloatArray
    half: npt.NDArray[np.int64]
    micrographs: tuple[str, ...]
    yx: FloatArray

    def __len__(self) -> int:
        return len(self.rot)


def read_alignments(path: Path) -> Alignments:
    """The aligned particles of a file.

    Parameters
    ----------
    path
        A particles STAR of RELION 3.0 or later, or particles of cryoSPARC (.cs).

    Raises
    ------
    UserError
        When the file cannot be read, has no particles or no angles; when an angle is no number, or all are as before a
        refinement, or after one in 2D, or cannot be in degrees.
    """
    found = _of_cryosparc(path) if path.suffix.lower() == ".cs" else _of_relion(path)
    if not len(found):
        raise UserError(f"{path}: it has no particles.", _CS_HINT if path.suffix.lower() == ".cs" else _STAR_HINT)
    return found


def _of_relion(path: Path) -> Alignments:
    tables = [table for table in read_tables(path) if len(table)]
    aligned = [table for table in tables if any(name in table for name in _ANGLES)]
    if not aligned:
        raise UserError(f"{path}: it has no angles: nobody knows how its particles lie.", _STAR_HINT)
    for table in aligned:
        if missing := [name for name in _ANGLES if name not in table]:
            raise UserError(f"{path}: it has no {', '.join(missing)}: nobody knows how its particles lie.", _STAR_HINT)
    angles = np.concatenate([np.column_stack([table.numbers(name) for name in _ANGLES]) for table in aligned])
    _check_degrees(path, angles)
    rot, tilt, psi = angles.T
    return Alignments(
        path,
        rot,
        tilt,
        psi,
        np.concatenate([_origins(tables, table) for table in aligned]),
        np.concatenate([_halves(table) for table in aligned]),
        tuple(name for table in aligned for name in _names(table)),
        np.concatenate([_places(table) for table in aligned]),
    )


def _check_degrees(path: Path, angles: FloatArray) -> None:
    if not np.isfinite(angles).all():
        raise UserError(f"{path}: an angle is not a finite number.", "Correct it, or export the file anew.")
    largest = float(np.abs(angles).max(initial=0))
    if largest == 0:
        raise UserError(f"{path}: all angles are 0, as before a refinement.", _STAR_HINT)
    if not angles[:, :2].any():
        raise UserError(f"{path}: rot and tilt are 0 in all rows, as after a classification in 2D.", _STAR_HINT)
    if largest > _TURNS:
        raise UserError(f"{path}: an angle is {largest:g}, which cannot be in degrees.", "Export the file anew.")
    if largest <= _CIRCLE and len(angles) >= _ROWS:
        raise UserError(
            f"{path}: no angle is larger than {largest:.3g}: they are not in degrees, but seem to be in radians.",
            "Export the file anew, with RELION's angles.",
        )


def _origins(tables: list[Table], table: Table) -> FloatArray:
    sizes = pixel_sizes(tables, table)
    if any(name in table for name in ORIGINS_PIXELS) and np.isnan(sizes.image).any():
        return np.full((len(table), 2), np.nan)
    return origins(table, sizes)


def _halves(table: Table) -> npt.NDArray[np.int64]:
    if _SUBSET not in table:
        return np.zeros(len(table), np.int64)
    values = table.numbers(_SUBSET)
    if not np.isin(values, (0, 1, 2)).all():
        raise UserError(f"{table.path}: {_SUBSET} is neither 1 nor 2 in some rows.", "Export the file anew.")
    return values.astype(np.int64)


def _names(table: Table) -> list[str]:
    return table.texts(MICROGRAPH) if MICROGRAPH in table else [""] * len(table)


def _places(table: Table) -> FloatArray:
    if X not in table or Y not in table:
        return np.full((len(table), 2), np.nan)
    return np.column_stack([table.numbers(Y), table.numbers(X)])


def _of_cryosparc(path: Path) -> Alignments:
    table = read_table(path, lambda name: _WANTED.fullmatch(name) is not None)
    table.require([_POSE], "alignments of particles in 3D", _CS_HINT)
    pose = table.numbers(_POSE, 3).astype(np.float64)
    if not np.isfinite(pose).all():
        raise UserError(f"{path}: a pose is not a finite number.", "Export it from cryoSPARC anew.")
    if len(pose) and not pose.any():
        raise UserError(f"{path}: all poses are 0, as before a refinement.", _CS_HINT)
    if np.linalg.norm(pose, axis=1).max(initial=0) > _CIRCLE:
        raise UserError(
            f"{path}: a pose is more than one turn: it is not in radians.", "Export it from cryoSPARC anew."
        )
    rot, tilt, psi = _euler(pose)
    n = len(table)
    half = table.numbers(_SPLIT).astype(np.int64) + 1 if _SPLIT in table else np.zeros(n, np.int64)
    names = tuple(table.texts(_PATH)) if _PATH in table else ("",) * n
    return Alignments(path, rot, tilt, psi, _shifts(table), half, names, _fractions(table))


def _euler(pose: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Rot, tilt and psi in degrees of rotation vectors ``(n, 3)``; where only rot + psi or rot - psi counts, psi is 0.

    scipy's ``as_euler`` warns of these, and is told not to for the whole process alone. See Bernardes and Viollet,
    PLoS ONE 17 (2022) e0276302.
    """
    x, y, z, w = Rotation.from_rotvec(pose.reshape(-1, 3)).as_quat().T
    sine, cosine = np.hypot(x, y), np.hypot(z, w)
    half_sum, half_difference = np.arctan2(z, w), np.arctan2(-x, y)
    half_sum = np.where(cosine < _TURNED, half_difference, half_sum)
    half_difference = np.where(sine < _TURNED, half_sum, half_difference)
    rot, psi = half_sum + half_difference, half_sum - half_difference
    rot, psi = (np.remainder(angle + np.pi, 2 * np.pi) - np.pi for angle in (rot, psi))
    return np.rad2deg(rot), np.rad2deg(2 * np.arctan2(sine, cosine)), np.rad2deg(psi)


def _shifts(table: CsTable) -> FloatArray:
    if _SHIFT not in table or _PIXEL not in table:
        return np.full((len(table), 2), np.nan)
    shift = table.numbers(_SHIFT, 2).astype(np.float64)[:, ::-1]
    return np.asarray(shift * table.floats(_PIXEL)[:, None], np.float64)


def _fractions(table: CsTable) -> FloatArray:
    if any(name not in table for name in (_FX, _FY, _SHAPE)):
        return np.full((len(table), 2), np.nan)
    fractions = np.column_stack([1 - table.floats(_FY), table.floats(_FX)])
    return np.asarray(fractions * table.numbers(_SHAPE, 2), np.float64)
