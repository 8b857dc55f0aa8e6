"""EMAN's .box: one line a particle, the corner with the low indices and the sides of a box, and perhaps a score.

The centre is ``x + w // 2``, as EMAN and RELION divide. Nothing is flipped: row 0 of the file is row 0.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from warnings import warn

import numpy as np

from napari_drpnet.data import FloatArray, Frame, Picks
from napari_drpnet.errors import UserError, short
from napari_drpnet.io.files import micrograph_stem, write_text
from napari_drpnet.io.picks.plain_text import number, read_plain, tell_if_cut

# EMAN's own marks in the fifth column: an ordinary box, and the two ends of a helix.
_ORDINARY, _HELIX = -3, {-1.0, -2.0}
# crYOLO's comment before the boxes along one filament.
_FILAMENT = "#helix"
_ANEW = "Choose another file, or export this one anew."


def read_box(path: str | Path) -> list[Picks]:
    """Picks of one micrograph, named after the file; the diameter is the side of the box, or the mean of its two.

    Parameters
    ----------
    path
        Four or five columns between blanks: x, y, width, height (pixels), and a score. A file without lines has no
        picks. Lines that begin with ``#``, and a first line of these names, are passed over.

    Raises
    ------
    UserError
        When the file is missing, has other columns, a value that is no number, or the ends of helices.

    Warns
    -----
    UserWarning
        When the last line has no end, and for filaments, which are passed over.
    """
    path = Path(path)
    text = read_plain(path)
    boxes = parse_rows(text, path, (4, 5))
    marks = set(boxes[:, 4].tolist()) if boxes.shape[1] == 5 else set()
    if marks & _HELIX and marks <= {*_HELIX, _ORDINARY}:
        raise UserError(f"{path} holds the ends of helices, not particles.", "Export the single boxes from EMAN.")
    if _FILAMENT in text:
        warn(f"{path}: which particles lie along one filament is passed over.", stacklevel=3)
    return [boxes_to_picks(path, boxes, np.floor(boxes[:, 2:4] / 2))]


def parse_rows(text: str, path: Path, widths: Collection[int]) -> FloatArray:
    """The lines of a table without names, as ``(n, one of the widths)``: x, y, width, height, and what follows."""
    tell_if_cut(text, path)
    lines = enumerate(text.splitlines(), start=1)
    rows = [(at, line.split()) for at, line in lines if line.strip() and not line.lstrip().startswith("#")]
    if rows and _names_columns(rows[0][1]):
        del rows[0]
    if not rows:
        return np.empty((0, min(widths)))
    columns = len(rows[0][1])
    for at, row in rows:
        if columns not in widths or len(row) != columns:
            raise UserError(
                f"{path}, line {at}: {len(row)} values, where a box has x, y, width, height and perhaps a score "
                f"({short(' '.join(row), 40)}).",
                _ANEW,
            )
    return np.array([_numbers(path, at, row) for at, row in rows])


def _names_columns(row: Sequence[str]) -> bool:
    """Whether this is a line of names for x, y, width and height, in this order."""
    return [name.lstrip("_\"'").lower()[:1] for name in row[:4]] == ["x", "y", "w", "h"]


def _numbers(path: Path, at: int, row: list[str]) -> list[float]:
    try:
        return [number(value) for value in row]
    except ValueError as error:
        message = f"{path}, line {at}: {short(' '.join(row), 40)} is not a box of numbers."
        raise UserError(message, _ANEW) from error


def boxes_to_picks(path: Path, boxes: FloatArray, half: FloatArray) -> Picks:
    """Picks from ``(n, 4)`` boxes, or ``(n, 5)`` with a score.

    ``half`` is ``(n, 2)``, from the corner to the centre, in (x, y) order.
    """
    sides = boxes[:, 2:4]
    if not np.isfinite(boxes[:, :4]).all() or (sides < 0).any():
        raise UserError(f"{path}: a box has no finite corner and size.", "Correct the file, or export it anew.")
    score = boxes[:, 4] if boxes.shape[1] > 4 else np.full(len(boxes), np.nan)
    diameter = sides.mean(axis=1)
    return Picks(
        Frame(micrograph_stem(path)),
        (boxes[:, :2] + half)[:, ::-1],
        score=np.where(score == _ORDINARY, np.nan, score),
        diameter=np.where(diameter > 0, diameter, np.nan),
        box=np.where(sides[:, :1] != sides[:, 1:], sides[:, ::-1], np.nan),
    )


def write_box(picks: Picks, path: str | Path) -> Path:
    """Write boxes as large as the particles, squares where only the diameter is known, in whole pixels.

    Raises
    ------
    UserError
        When a diameter is unknown, or the file cannot be written.
    """
    path = Path(path)
    sides = np.maximum(np.rint(known_sizes(picks, path)), 1).astype(np.int64)
    centres = np.floor(picks.yx + 0.5).astype(np.int64)
    corners = centres - sides // 2
    known = np.isfinite(picks.score)
    columns: list[list[float]] = [*corners.T[::-1].tolist(), *sides.T[::-1].tolist()]
    if known.any():
        score = picks.score.tolist()
        columns.append([score[row] if told else _ORDINARY for row, told in enumerate(known.tolist())])
    return write_text("".join("\t".join(map(repr, row)) + "\n" for row in zip(*columns, strict=True)), path)


def known_sizes(picks: Picks, path: Path) -> FloatArray:
    """`Picks.sides`; a `UserError` where one is unknown, as a box must have a size."""
    unknown = int(np.sum(~np.isfinite(picks.sides).all(axis=1)))
    if unknown:
        raise UserError(
            f"{path}: boxes need a size, and the diameter of {unknown} picks is not known.",
            "Give one in pixels (--box-size), or choose a format without boxes.",
        )
    return picks.sides
