"""Where cryoSPARC's alignments say that particles are, away from where they were picked.

The introduction of cryosparc-tools, by cryoSPARC's developers, re-centres by ``center_x_frac * width - shift`` and
``center_y_frac * height - shift``, as RELION subtracts its origins. That the first of the two numbers is x, and that
they are pixels of ``psize_A``, is how other programs (pyem, helicon) read them. So y is subtracted where the fractions
count, before rows are turned. A STAR file of pyem has the other sign in y: ``1 - center_y_frac``, the shift as origin.
"""

from __future__ import annotations

import re
from warnings import warn

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray
from napari_drpnet.errors import UserError
from napari_drpnet.io.picks.cryosparc_table import CsTable

_CLASS = re.compile(r"(alignments_?class.*)/shift")
# Smaller ones are what re-extraction leaves.
_TOLD = 1.0


def shifts(table: CsTable, pixel_size: FloatArray) -> FloatArray:
    """What to subtract from locations, ``(n, 2)`` in (y, x) order, in pixels of the micrograph.

    Of several alignments that in 3D counts, then those of classes, of which each particle takes its likeliest, then
    that in 2D.

    Parameters
    ----------
    table
        Particles.
    pixel_size
        Of the micrograph, ``(n,)`` in Angstrom; NaN where it is unknown.

    Raises
    ------
    UserError
        When a shift is no number, or the pixel size of the micrograph is unknown.

    Warns
    -----
    UserWarning
        When a shift is a pixel or more.
    """
    prefix, moved = _of_alignment(table)
    if not prefix or not moved.any():
        return np.zeros((len(table), 2))
    if not np.isfinite(moved).all():
        raise UserError(
            f"{table.path}: a shift of {prefix} is not finite.", "Export the particles from cryoSPARC anew."
        )
    if not np.isfinite(pixel_size[moved.any(axis=1)]).all():
        raise UserError(
            f"{table.path}: particles are shifted ({prefix}/shift), and their micrographs' pixel size is not known.",
            "Give it (--pixel-size, --micrographs), or take the .cs of the job that picked them, which has no shifts.",
        )
    pixels = moved / np.where(np.isfinite(pixel_size), pixel_size, 1)[:, None]
    largest = float(np.abs(pixels).max())
    if largest >= _TOLD:
        warn(
            f"{table.path}: picks are re-centred by {prefix}/shift, by up to {largest:.3g} pixels. Whether its y "
            "counts from the bottom, as the picks do, is not documented: look at some.",
            stacklevel=3,
        )
    return pixels


def has_shifts(table: CsTable) -> bool:
    """Whether some particle is shifted."""
    return bool(_of_alignment(table)[1].any())


def may_count(alignment: str) -> bool:
    """Whether shifts of a group of columns are looked at."""
    return alignment in ("alignments2D", "alignments3D") or _CLASS.fullmatch(f"{alignment}/shift") is not None


def _of_alignment(table: CsTable) -> tuple[str, FloatArray]:
    """Which alignment counts, and its shifts in Angstrom, ``(n, 2)`` in (y, x) order; zeros where there is none."""
    classes = [match[1] for name in table.columns if (match := _CLASS.fullmatch(name))]
    if _has_shift(table, "alignments3D"):
        return "alignments3D", _angstrom(table, "alignments3D")
    if classes := [one for one in classes if _has_shift(table, one) and f"{one}/class_posterior" in table]:
        return classes[0].rstrip("0123456789_"), _of_likeliest(table, classes)
    if _has_shift(table, "alignments2D"):
        return "alignments2D", _angstrom(table, "alignments2D")
    return "", np.zeros((len(table), 2))


def _has_shift(table: CsTable, prefix: str) -> bool:
    return f"{prefix}/shift" in table and f"{prefix}/psize_A" in table


def _angstrom(table: CsTable, prefix: str) -> FloatArray:
    shift = table.numbers(f"{prefix}/shift", 2).astype(np.float64)
    moved: npt.NDArray[np.float64] = (shift * table.floats(f"{prefix}/psize_A")[:, None])[:, ::-1]
    # Pixels of no size that are not shifted say nothing.
    return np.where(shift[:, ::-1] == 0, 0, moved)


def _of_likeliest(table: CsTable, classes: list[str]) -> FloatArray:
    best, moved = np.full(len(table), -np.inf), np.zeros((len(table), 2))
    for one in classes:
        posterior = table.numbers(f"{one}/class_posterior").astype(np.float64)
        better = posterior > best
        best = np.where(better, posterior, best)
        moved = np.where(better[:, None], _angstrom(table, one), moved)
    return moved
