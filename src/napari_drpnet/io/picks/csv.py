"""Picks as CSV, without loss: pixels of the micrograph from 0, row 0 first, no flip."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from warnings import warn

import numpy as np

from napari_drpnet.data import FloatArray, Frame, Picks
from napari_drpnet.errors import UserError, cut, short
from napari_drpnet.io.files import micrograph_stem, reading, write_text
from napari_drpnet.io.images import is_image
from napari_drpnet.io.picks.plain_text import (
    decoded,
    listed,
    number,
    read_plain,
    tell_if_cut,
    tell_passed_over,
)
from napari_drpnet.io.picks.rows import class_numbers, rows_by_name
from napari_drpnet.io.words import as_array

Columns = Mapping[str, Sequence[str]]

_COLUMNS = ("x", "y", "diameter", "score", "label", "source", "class", "psi")
# Not "height" and "width": other programs have these beside the corner of a box, not its centre.
_BOX = ("box_height", "box_width")
_BESIDE_CORNERS = ("w", "h", "width", "height", "x2", "y2", "xmax", "ymax", "x_max", "y_max")
_LABELS = ("particle", "background")
# Any of these, whatever marks are between its words, names the micrograph of each row; later ones are passed over.
_MICROGRAPH = (
    *("micrograph", "micrographname", "micrographpath", "micrographfile", "micrographfilename", "micrographid"),
    *("mic", "micname", "micpath", "micid", "rlnmicrographname", "imagename", "imagepath", "imagefile", "imageid"),
    *("image", "img", "imgname", "imagefilename", "filename", "filepath", "file"),
    *("micrographsfilename", "mrc", "mrcname", "mrcfile"),
)
# These may: who wrote them only knows.
_UNCLEAR = ("frame", "movie", "moviename", "exposure", "tomogram", "tomo", "slice", "series")
_MARKS = re.compile(r"[\W_]+")
_DEPTH = ("z", "z_coord", "z-coordinate", "rlncoordinatez", "_rlncoordinatez")
_LONGEST_NAME = 1024
# What napari writes of a layer of points.
_NAPARI = {"axis-0", "axis-1"}
_OF_NAPARI = "Of napari's axes the last is x, and the one before it y: rename them so."
_CORRECT = "Correct the file, or export it anew."
_HEAD = 1 << 16


def read_csv(path: str | Path) -> list[Picks]:
    """Picks of each micrograph that a column names; of one micrograph, named after the file, without such a column.

    Parameters
    ----------
    path
        The first line names the columns, separated by commas, semicolons or tabs: ``x`` and ``y`` are
        needed; ``diameter``, ``box_height`` and ``box_width`` (pixels), ``score``, ``label``, ``source``, ``class``,
        ``psi`` (degrees), and ``micrograph`` (or ``Micrograph Name``, ``mic``, ``filename``, ``rlnMicrographName`` and
        the like) are taken when there.

    Raises
    ------
    UserError
        When the file is missing, has no such header, a value that is not a number, or picks of a tomogram.

    Warns
    -----
    UserWarning
        For other columns, which are passed over, above all those that corners of boxes have beside them; and for a last
        line without an end.
    """
    path = Path(path)
    columns = read_columns(path, ("x", "y"), "(centres in pixels, row 0 first)")
    refuse_depth(path, columns)
    name = micrograph_column(path, columns)
    tell_passed_over(path, [column for column in columns if column not in (*_COLUMNS, *_BOX, name)])
    if corners := [column for column in columns if column in _BESIDE_CORNERS]:
        warn(
            f"{path}: x and y are read as centres. If they are corners of boxes, as {listed(corners)} may mean, add "
            "half of each side.",
            stacklevel=3,
        )
    every = _picks(path, columns)
    return by_micrograph(every, path, columns[name]) if name and len(every) else [every]


def read_columns(path: Path, needed: Sequence[str], meaning: str = "") -> dict[str, tuple[str, ...]]:
    """The columns of a table with names in its first line, by their names in small letters.

    Parameters
    ----------
    path
        Commas, semicolons or tabs stand between the values. Lines that begin with ``#`` are comments, but for one that
        names the columns.
    needed
        Columns without which this is not the right file.
    meaning
        Of those columns, for the error message.

    Raises
    ------
    UserError
        When the file is missing, lacks a needed column, or a row has not one value for each column.
    """
    text = read_plain(path)
    lines = _rows(path, text)
    names = _header(path, lines, needed, meaning)
    rows = []
    for at, row in lines:
        if len(row) == len(names):
            rows.append(row)
        elif not row[0].lstrip().startswith("#"):
            raise UserError(f"{path}, line {at}: {len(row)} values for {len(names)} columns.", _CORRECT)
    tell_if_cut(text, path, stacklevel=5)
    return dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True))


def _rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, each with the number of its last line."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        for row in reader:
            if any(value.strip() for value in row):
                yield reader.line_num, row
    except csv.Error as error:  # a value that is too long, or whose quotation mark is not closed
        raise UserError(f"{path}, line {reader.line_num}: {cut(str(error), 80)}.", _CORRECT) from error


def _delimiter(text: str) -> str:
    lines = [line for line in text[:_HEAD].splitlines() if line.strip()]
    first = next((line for line in lines if not line.lstrip().startswith("#")), lines[0] if lines else "")
    return next((mark for mark in ",;\t" if mark in first), ",")


def _header(path: Path, lines: Iterator[tuple[int, list[str]]], needed: Sequence[str], meaning: str) -> list[str]:
    """The names of the columns, in small letters; ``lines`` goes on with the row after them."""
    header: list[str] = []
    for _, header in lines:
        names = [name.strip().lower() for name in header]
        comment = names[0].startswith("#")
        names[0] = names[0].lstrip("# ") if comment else names[0]
        if set(needed) <= set(names):
            named = [name for name in names if name]
            if len(set(named)) < len(named):
                raise UserError(f"{path}: two columns have one name: {listed(header)}.", "Rename or remove one.")
            return names
        if not comment:
            break
    raise UserError(
        f"{path}: the first line must name the columns {' and '.join(needed)}; it has {listed(header) or 'nothing'}.",
        _OF_NAPARI
        if {name.strip() for name in header} >= _NAPARI
        else f"Add that line {meaning} or name your columns so.".replace("  ", " "),
    )


def column_names(path: Path) -> set[str] | None:
    """Names in the first line of a table and in comments above it, in small letters; None for an unreadable file."""
    try:
        with reading(path), path.open("rb") as file:
            text = decoded(file.read(_HEAD & ~1))
    except UserError:
        return None
    names: set[str] = set()
    for line in (text or "").splitlines():
        if line := line.strip().lower():
            names |= {name.strip(' "#') for name in line.replace(";", ",").replace("\t", ",").split(",")}
            if not line.startswith("#"):
                break
    return names


def _picks(path: Path, columns: Columns) -> Picks:
    n = len(columns["x"])
    yx = points(path, columns, "y", "x")
    labels = [label or "particle" for label in columns.get("label", ["particle"] * n)]
    if wrong := set(labels) - set(_LABELS):
        raise UserError(
            f"{path}: {short(min(wrong))} is no label.",
            f"Labels are {' and '.join(_LABELS)}. A column of other words needs another name, such as micrograph.",
        )
    return Picks(
        Frame(micrograph_stem(path)),
        yx,
        score=numbers(path, columns, "score", n),
        diameter=numbers(path, columns, "diameter", n),
        class_number=class_numbers(numbers(path, columns, "class", n), path),
        psi=known(numbers(path, columns, "psi", n)),
        label=np.array(labels, dtype=np.str_),
        source=as_array(columns.get("source", [""] * n), path),
        box=np.column_stack([numbers(path, columns, side, n) for side in _BOX]),
    )


def micrograph_column(path: Path, columns: Columns) -> str | None:
    """The column that names the micrograph of each row; None where there is none.

    Raises
    ------
    UserError
        When none does, and another one that differs from row to row may.
    """
    plain = {_MARKS.sub("", name): name for name in reversed(list(columns))}
    if found := [plain[name] for name in _MICROGRAPH if name in plain]:
        return found[0]
    several = {mark: name for mark, name in plain.items() if len(set(columns[name])) > 1}
    unclear = [several[mark] for mark in _UNCLEAR if mark in several]
    unclear += [name for name in several.values() if all(map(is_image, columns[name]))]
    if unclear:
        raise UserError(
            f"{path}: the column {cut(unclear[0], 40)} may name several micrographs.",
            "Call it micrograph if so, or else remove it.",
        )
    return None


def by_micrograph(every: Picks, path: Path, names: Sequence[str]) -> list[Picks]:
    """Picks of several micrographs apart, in the order in which ``names``, one a pick, first names them."""
    names = [name.strip() for name in names]
    if not all(names):
        raise UserError(f"{path}: a row does not name its micrograph.", _CORRECT)
    if any(len(name) > _LONGEST_NAME for name in names):
        raise UserError(f"{path}: the name of a micrograph has over {_LONGEST_NAME} letters.", _CORRECT)
    return [replace(every.select(which), frame=Frame(name)) for name, which in rows_by_name(names).items()]


def refuse_depth(path: Path, columns: Columns) -> None:
    """Raise a `UserError` when the picks lie at several heights of a tomogram."""
    if any(len(set(columns[name])) > 1 for name in _DEPTH if name in columns):
        raise UserError(f"{path}: these are picks of a tomogram, at several z.", "Give the picks of micrographs.")


def numbers(path: Path, columns: Columns, name: str, n: int) -> FloatArray:
    """A column as ``(n,)`` float64; empty values, and a missing column, are NaN."""
    if name not in columns:
        return np.full(n, np.nan)
    return np.array([_number(path, name, value) for value in columns[name]], dtype=np.float64)


def _number(path: Path, name: str, value: str) -> float:
    try:
        return number(value) if value.strip() else np.nan
    except ValueError as error:
        message = f"{path}: the column {name} has a value that is no number: {short(value, 40)}."
        raise UserError(message, "Correct it.") from error


def known(values: FloatArray) -> FloatArray:
    """The values, 0 where they are unknown."""
    return np.where(np.isnan(values), 0, values)


def points(path: Path, columns: Columns, y: str, x: str) -> FloatArray:
    """Two columns as ``(n, 2)`` points in (y, x) order, all of them finite."""
    n = len(columns[x])
    yx = np.column_stack([numbers(path, columns, y, n), numbers(path, columns, x, n)])
    if not np.isfinite(yx).all():
        raise UserError(f"{path}: a coordinate is missing or not finite.", _CORRECT)
    return yx


def write_csv(picks: Picks, path: str | Path) -> Path:
    """Write all that is known of the picks of one micrograph; unknown values stay empty.

    Raises
    ------
    UserError
        When the file cannot be written.
    """
    path = Path(path)
    measured = (picks.yx[:, 1], picks.yx[:, 0], picks.diameter, picks.score)
    one_line = [" ".join(source.splitlines()) for source in picks.source.tolist()]
    columns = [*map(texts, measured), picks.label.tolist(), one_line, picks.class_number.tolist(), texts(picks.psi)]
    names = [*_COLUMNS]
    if np.isfinite(picks.box).any():
        names += _BOX
        columns += map(texts, picks.box.T)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(zip(*columns, strict=True))
    return write_text(text.getvalue(), path)


def texts(values: FloatArray) -> list[str]:
    """The shortest text that reads back as the same number."""
    if np.isnan(values).all():
        return [""] * len(values)
    numbers: list[float] = values.tolist()
    return [repr(value) if value == value else "" for value in numbers]  # NaN is not itself
