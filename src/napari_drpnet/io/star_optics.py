"""Whose pixels a STAR file counts in: pixel sizes of micrographs and of particle images, from its optics groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_drpnet.data import FloatArray
from napari_drpnet.errors import UserError, short
from napari_drpnet.io.star_table import Table

GROUP = "rlnOpticsGroup"
MICROGRAPH_PIXEL, ORIGINAL_PIXEL, IMAGE_PIXEL = (
    "rlnMicrographPixelSize",
    "rlnMicrographOriginalPixelSize",
    "rlnImagePixelSize",
)
# Whether the phases of the images are flipped, "1" or "0".
PHASE_FLIPPED = "rlnCtfDataArePhaseFlipped"
_MAGNIFIED = ("rlnDetectorPixelSize", "rlnMagnification")
# Without any of these a file says nothing of pixel sizes.
_TELLING = {MICROGRAPH_PIXEL, ORIGINAL_PIXEL, IMAGE_PIXEL, *_MAGNIFIED}
# What RELION needs beside the pixel size.
LENS = ("rlnOpticsGroupName", "rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast")
# Rounding of sizes that programs write.
SAME_SIZE = 1e-3


@dataclass(frozen=True, eq=False)
class PixelSizes:
    """Angstrom per pixel for each row of a table, NaN where the file does not tell.

    Attributes
    ----------
    micrograph
        ``(n,)`` of the micrograph, in whose pixels coordinates count.
    image
        ``(n,)`` of the extracted particle, which is binned as often as not; RELION 3.0 gives origins in these.
    """

    micrograph: FloatArray
    image: FloatArray


def pixel_sizes(tables: Sequence[Table], table: Table) -> PixelSizes:
    """The pixel sizes of the rows of ``table``, one of the ``tables`` of a file.

    Magnification and detector pixel size (RELION 3.0) tell that of what the table lists: micrographs or particles. The
    original pixel size is that of the movies, which may have been binned (super-resolution): it is the micrograph's
    only where it is the particle's, too.
    """
    if not any(_TELLING & set(one.columns) for one in tables):
        unknown = np.full(len(table), np.nan)
        return PixelSizes(unknown, unknown)
    micrograph, original, image = (
        _of_rows(tables, table, column) for column in (MICROGRAPH_PIXEL, ORIGINAL_PIXEL, IMAGE_PIXEL)
    )
    if "rlnCoordinateX" in table or "rlnImageName" in table:
        image = _first_known(image, _magnified(table))
        unbinned = np.isclose(original, image, rtol=SAME_SIZE, atol=0)
        micrograph = _first_known(micrograph, np.where(unbinned, image, np.nan))
    else:
        micrograph = _first_known(micrograph, _magnified(table))
    return PixelSizes(micrograph, image)


def _first_known(one: FloatArray, other: FloatArray) -> FloatArray:
    return np.where(np.isnan(one), other, one)


def lens(tables: Sequence[Table], table: Table) -> list[dict[str, str]]:
    """Name of the optics group, voltage, spherical aberration and amplitude contrast of each row, as far as known."""
    known = [(name, texts) for name in LENS if (texts := _texts(tables, table, name)) is not None]
    return [{name: texts[row] for name, texts in known if texts[row]} for row in range(len(table))]


def _of_rows(tables: Sequence[Table], table: Table, column: str) -> FloatArray:
    """A pixel size of each row."""
    own = _sizes(table, column, table.texts(column) if column in table else None)
    of_groups = _sizes(table, column, _group_texts(tables, table, column))
    other = ~np.isclose(own, of_groups, rtol=SAME_SIZE, atol=0) & np.isfinite(own + of_groups)
    if other.any():
        one, two = own[other][0], of_groups[other][0]
        raise UserError(
            f"{table.path}: {column} is {one:g} A in a row, and {two:g} A in its optics group.", "Remove the wrong one."
        )
    return _first_known(own, of_groups)


def _sizes(table: Table, column: str, texts: Sequence[str] | None) -> FloatArray:
    """Texts of a column as sizes, NaN where they are none."""
    if texts is None:
        return np.full(len(table), np.nan)
    return _positive(Table(table.path, table.name, [column], [[text or "nan"] for text in texts]).numbers(column))


def _texts(tables: Sequence[Table], table: Table, column: str) -> list[str] | None:
    """What a column says of each row, from the table itself or from its optics groups; empty where they do not tell."""
    return table.texts(column) if column in table else _group_texts(tables, table, column)


def _group_texts(tables: Sequence[Table], table: Table, column: str) -> list[str] | None:
    """What a column of the optics groups says of each row; None where there is no such column."""
    optics = _optics(tables, table)
    if optics is None or column not in optics:
        return None
    values = optics.texts(column)
    if GROUP in table and GROUP in optics:
        groups: dict[float | str, str] = {}
        for group, value in zip(optics.texts(GROUP), values, strict=True):
            first = groups.setdefault(_group(group), value)
            if _group(first) != _group(value):
                raise UserError(
                    f"{table.path}: optics group {short(group, 20)} is there twice, with {column} "
                    f"{short(first, 20)} and {short(value, 20)}.",
                    "Give each optics group a number of its own.",
                )
        return [groups.get(_group(text), "") for text in table.texts(GROUP)]
    return [values[0] if len(values) == 1 else ""] * len(table)


def _optics(tables: Sequence[Table], table: Table) -> Table | None:
    """The optics groups before a table, as files joined by ``cat`` have one for each; or else the first after it."""
    at = next(i for i, one in enumerate(tables) if one is table)
    return next((one for one in [*reversed(tables[:at]), *tables[at:]] if one.name == "optics"), None)


def _group(text: str) -> float | str:
    """A number of a group, or a value of it: 1 and 1.000000 are the same."""
    try:
        return float(text)
    except ValueError:
        return text


def _magnified(table: Table) -> FloatArray:
    if not all(name in table for name in _MAGNIFIED):
        return np.full(len(table), np.nan)
    micrometres, magnification = map(table.numbers, _MAGNIFIED)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return _positive(micrometres * 1e4 / magnification)


def _positive(values: FloatArray) -> FloatArray:
    return np.where((values > 0) & np.isfinite(values), values, np.nan)
