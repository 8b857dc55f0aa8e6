"""crYOLO's .cbox: a STAR file of boxes by their corner with the low indices, which need not be whole pixels.

Nothing is flipped. Older versions wrote columns without names, as in .box: x, y, width, height, the confidence, and the
estimated width and height.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from warnings import warn

import numpy as np

from napari_drpnet.data import FloatArray, Picks
from napari_drpnet.errors import UserError, short
from napari_drpnet.io.files import write_text
from napari_drpnet.io.picks.box import boxes_to_picks, known_sizes, parse_rows
from napari_drpnet.io.picks.plain_text import listed, read_plain, tell_if_cut, tell_passed_over
from napari_drpnet.io.star_table import Table, format_table, parse_tables

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
_TABLES = ("global", "cryolo", "cryolo_include")
_VERSION, _KNOWN_VERSION = "cbox_format_version", "1.0"
# Without names: the boxes, with a confidence, and with two estimates; some programs leave the confidence out of these.
_WIDTHS, _ESTIMATES_ALONE, _OLD_COLUMNS = range(4, 10), 6, 7


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
        For columns and tables that are not crYOLO's, which are passed over, a version that is not known, and
        a last line without an end.
    """
    path = Path(path)
    text = read_plain(path)
    if "data_" not in text:
        boxes = _unnamed(text, path)
    else:
        tell_if_cut(text, path)
        boxes = _named(parse_tables(text.replace("\r\n", "\n").replace("\r", "\n"), path), path)
    return [boxes_to_picks(path, boxes, boxes[:, 2:4] / 2)]


def _unnamed(text: str, path: Path) -> FloatArray:
    """Boxes of the old versions: x, y, width, height, the confidence, and then what crYOLO estimated."""
    boxes = parse_rows(text, path, _WIDTHS)
    columns = boxes.shape[1]
    if columns == _ESTIMATES_ALONE or columns > _OLD_COLUMNS:
        warn(f"{path}: columns without names after the boxes are passed over.", stacklevel=4)
    return boxes[:, :4] if columns == _ESTIMATES_ALONE else boxes[:, :5]


def _named(tables: Sequence[Table], path: Path) -> FloatArray:
    """Boxes of the table ``data_cryolo``, as ``(n, 5)``, or ``(n, 4)`` without a confidence."""
    table = next((table for table in tables if table.name == "cryolo"), None)
    if table is None:
        names = listed(f"data_{table.name}" for table in tables)
        raise UserError(f"{path} is not crYOLO's: it has no table data_cryolo, but {names}.", "Choose another file.")
    _look_for_more(tables, table, path)
    if len(table) == 0:
        return np.empty((0, 5))
    table.require(*_CORNER, *_SIZE)
    columns = [*_CORNER, *_SIZE, *([_SCORE] if _SCORE in table else [])]
    return np.column_stack([table.numbers(column) for column in columns])


def _look_for_more(tables: Sequence[Table], table: Table, path: Path) -> None:
    """Refuse tomograms, and tell of columns and tables that nobody will read."""
    if "CoordinateZ" in table and len(set(table.texts("CoordinateZ"))) > 1:
        raise UserError(f"{path}: these are boxes of a tomogram.", "Give the picks of one micrograph.")
    tell_passed_over(path, [column for column in table.columns if column not in _COLUMNS], stacklevel=5)
    others = [f"data_{other.name}" for other in tables if other is not table and other.name not in _TABLES]
    tell_passed_over(path, others, "tables", stacklevel=5)
    version = next((t.texts(_VERSION)[0] for t in tables if _VERSION in t and len(t)), _KNOWN_VERSION)
    if version != _KNOWN_VERSION:
        warn(f"{path}: version {short(version, 20)} of .cbox is not known, and read as {_KNOWN_VERSION}.", stacklevel=5)


def write_cbox(picks: Picks, path: str | Path) -> Path:
    """Write boxes as large as the particles, squares where only the diameter is known, to the last digit.

    Raises
    ------
    UserError
        When a diameter is unknown, or the file cannot be written.
    """
    path = Path(path)
    sides = known_sizes(picks, path)
    corner = picks.yx - sides / 2
    known = {
        "CoordinateX": [repr(float(x)) for x in corner[:, 1]],
        "CoordinateY": [repr(float(y)) for y in corner[:, 0]],
        "Width": [repr(float(width)) for width in sides[:, 1]],
        "Height": [repr(float(height)) for height in sides[:, 0]],
        _SCORE: [repr(float(score)) if np.isfinite(score) else _UNKNOWN for score in picks.score],
    }
    columns = {name: known.get(name, [_UNKNOWN] * len(picks)) for name in _COLUMNS}
    head = f"\ndata_global\n\n_{_VERSION} {_KNOWN_VERSION}\n"
    return write_text(head + format_table(columns, "cryolo"), path)
