"""Picks as CSV, without loss: pixels of the micrograph from 0, row 0 first, no flip."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from napari_drpnet.data import FloatArray, Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import atomic_write, micrograph_stem, reading

_COLUMNS = ("x", "y", "diameter", "score", "label", "source", "class", "psi")
_LABELS = ("particle", "background")


def read_csv(path: str | Path) -> list[Picks]:
    """Picks of one micrograph, named after the file.

    Parameters
    ----------
    path
        The first line names the columns, separated by commas, semicolons or tabs: ``x`` and ``y`` are
        needed; ``diameter`` (pixels), ``score``, ``label``, ``source``, ``class`` and ``psi`` (degrees) are
        taken when there, others are passed over.

    Raises
    ------
    UserError
        When the file is missing, has no such header, or a value that is not a number.
    """
    path = Path(path)
    return [_picks(path, read_columns(path, ("x", "y"), "(centres in pixels, row 0 first)"))]


def read_columns(path: Path, needed: Sequence[str], meaning: str = "") -> dict[str, tuple[str, ...]]:
    """The columns of a table with names in its first line, by their names in small letters.

    Parameters
    ----------
    path
        Commas, semicolons or tabs stand between the values.
    needed
        Columns without which this is not the right file.
    meaning
        Of those columns, for the error message.

    Raises
    ------
    UserError
        When the file is missing, lacks a needed column, or a row has not one value for each column.
    """
    with reading(path):
        text = path.read_bytes().decode("utf-8-sig", errors="surrogateescape")
    header, *rows = _parse(text) or [[]]
    names = [name.strip().lower() for name in header]
    if not set(needed) <= set(names):
        there = ", ".join(header[:12]) or "nothing"
        raise UserError(
            f"{path}: the first line must name the columns {' and '.join(needed)}; it has {there[:200]}.",
            f"Add that line {meaning} or name your columns so.".replace("  ", " "),
        )
    named = [name for name in names if name]
    if len(set(named)) < len(named):
        raise UserError(f"{path}: two columns have one name: {', '.join(header[:12])}.", "Rename or remove one.")
    for number, row in enumerate(rows, start=2):
        if len(row) != len(names):
            raise UserError(
                f"{path}, row {number}: {len(row)} values for {len(names)} columns.", "Correct or export it anew."
            )
    return dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True))


def _parse(text: str) -> list[list[str]]:
    first = text.lstrip().splitlines()[0] if text.strip() else ""
    delimiter = next((mark for mark in ",;\t" if mark in first), ",")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return [row for row in rows if any(value.strip() for value in row)]


def _picks(path: Path, columns: Mapping[str, Sequence[str]]) -> Picks:
    n = len(columns["x"])
    yx = points(path, columns, "y", "x")
    labels = [label or "particle" for label in columns.get("label", ["particle"] * n)]
    if wrong := set(labels) - set(_LABELS):
        raise UserError(f"{path}: {sorted(wrong)[0]!r} is no label.", f"Labels are {' and '.join(_LABELS)}.")
    return Picks(
        Frame(micrograph_stem(path)),
        yx,
        score=numbers(path, columns, "score", n),
        diameter=numbers(path, columns, "diameter", n),
        class_number=np.nan_to_num(numbers(path, columns, "class", n)).astype(np.int64),
        psi=np.nan_to_num(numbers(path, columns, "psi", n)),
        label=np.array(labels, dtype=np.str_),
        source=np.array(columns.get("source", [""] * n), dtype=np.str_),
    )


def numbers(path: Path, columns: Mapping[str, Sequence[str]], name: str, n: int) -> FloatArray:
    """A column as ``(n,)`` float64; empty values, and a missing column, are NaN."""
    values = columns.get(name, [""] * n)
    try:
        return np.array([float(value) if value.strip() else np.nan for value in values], dtype=np.float64)
    except ValueError as error:
        raise UserError(f"{path}: the column {name} has a value that is no number: {error}.", "Correct it.") from error


def points(path: Path, columns: Mapping[str, Sequence[str]], y: str, x: str) -> FloatArray:
    """Two columns as ``(n, 2)`` points in (y, x) order, all of them finite."""
    n = len(columns[x])
    yx = np.column_stack([numbers(path, columns, y, n), numbers(path, columns, x, n)])
    if not np.isfinite(yx).all():
        raise UserError(f"{path}: a coordinate is missing or not finite.", "Correct the file, or export it anew.")
    return yx


def write_csv(picks: Picks, path: str | Path) -> Path:
    """Write all that is known of the picks of one micrograph; unknown values stay empty.

    Raises
    ------
    UserError
        When the file cannot be written.
    """
    path = Path(path)
    numbers = (picks.yx[:, 1], picks.yx[:, 0], picks.diameter, picks.score)
    sources = [" ".join(source.splitlines()) for source in picks.source.tolist()]
    columns = [*map(texts, numbers), picks.label, sources, picks.class_number.astype(str), texts(picks.psi)]
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows(zip(*columns, strict=True))
    return path


def texts(values: FloatArray) -> list[str]:
    """The shortest text that reads back as the same number."""
    return ["" if np.isnan(value) else repr(float(value)) for value in values]
