"""crYOLO's .cbox: a STAR file of boxes by their corner with the low indices, which need not be whole pixels.

Nothing is flipped. Older versions wrote five columns without names, as in .box.
"""

from __future__ import annotations

from pathlib import Path
from warnings import warn

import numpy as np

from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import write_text
from napari_drpnet.io.picks.box import boxes_to_picks, known_sizes, read_rows
from napari_drpnet.io.star_table import Table, format_table, parse_tables, read_text

_CORNER = ("CoordinateX", "CoordinateY")
_SIZE = ("Width", "Height")
_SCORE = "Confidence"
# In crYOLO's order. Of those that are not read, Z and Depth are of tomograms, the others are estimates.
_COLUMNS = (
    *(*_CORNER, "CoordinateZ"),
    *(*_SIZE, "Depth", "EstWidth", "EstHeight"),
    *(_SCORE, "NumBoxes", "Angle"),
)
_UNKNOWN = "<NA>"


def read_cbox(path: str | Path) -> list[Picks]:
    """Picks of one micrograph, named after the file: all boxes, those of low confidence too.

    Parameters
    ----------
    path
        A .cbox of any version; an empty file has no picks.

    Raises
    ------
    UserError
        When the file is missing, damaged, without boxes' corners and sizes, or of a tomogram.

    Warns
    -----
    UserWarning
        For columns that are not crYOLO's, which are passed over, and boxes that are not square.
    """
    path = Path(path)
    text = read_text(path)
    if "data_" not in text:
        boxes = read_rows(path)
        return [boxes_to_picks(path, boxes, boxes[:, 2:4] / 2)]
    tables = parse_tables(text, path)
    table = next((table for table in tables if table.name == "cryolo"), None)
    if table is None:
        names = ", ".join(f"data_{table.name}" for table in tables)
        raise UserError(f"{path} is not crYOLO's: it has no table data_cryolo, but {names}.", "Choose another file.")
    if len(table) == 0:
        return [boxes_to_picks(path, np.empty((0, 5)), np.empty((0, 2)))]
    table.require(*_CORNER, *_SIZE)
    _look_for_more(table)
    boxes = np.column_stack([table.numbers(column) for column in (*_CORNER, *_SIZE)])
    if _SCORE in table:
        boxes = np.column_stack([boxes, table.numbers(_SCORE)])
    return [boxes_to_picks(path, boxes, boxes[:, 2:4] / 2)]


def _look_for_more(table: Table) -> None:
    """Refuse tomograms, and tell of columns that nobody will read."""
    if "CoordinateZ" in table and len(set(table.texts("CoordinateZ"))) > 1:
        raise UserError(f"{table.path}: these are boxes of a tomogram.", "Give the picks of one micrograph.")
    if others := [column for column in table.columns if column not in _COLUMNS]:
        warn(f"{table.path}: these columns are passed over: {', '.join(others)}.", stacklevel=4)


def write_cbox(picks: Picks, path: str | Path) -> Path:
    """Write boxes as large as the particles, to the last digit.

    Raises
    ------
    UserError
        When a diameter is unknown, or the file cannot be written.
    """
    path = Path(path)
    side = known_sizes(picks, path)
    corner = picks.yx - side[:, None] / 2
    sides = [repr(float(value)) for value in side]
    known = {
        "CoordinateX": [repr(float(x)) for x in corner[:, 1]],
        "CoordinateY": [repr(float(y)) for y in corner[:, 0]],
        "Width": sides,
        "Height": sides,
        _SCORE: [repr(float(score)) if np.isfinite(score) else _UNKNOWN for score in picks.score],
    }
    columns = {name: known.get(name, [_UNKNOWN] * len(picks)) for name in _COLUMNS}
    head = "\ndata_global\n\n_cbox_format_version 1.0\n"
    return write_text(head + format_table(columns, "cryolo"), path)
