"""Topaz: ``image_name  x_coord  y_coord  score`` between tabs, centres in pixels, many micrographs in a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from warnings import warn

import numpy as np

from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import micrograph_stem, write_text
from napari_drpnet.io.picks.csv import numbers, points, read_columns, texts
from napari_drpnet.io.picks.rows import rows_by_name

_NAME, _X, _Y, _SCORE = "image_name", "x_coord", "y_coord", "score"
TOPAZ_COLUMNS = (_NAME, _X, _Y)


def read_topaz(path: str | Path) -> list[Picks]:
    """Picks of each micrograph in the file, in the order of their first rows; names have no folder and no suffix.

    Raises
    ------
    UserError
        When the file is missing, half-written, or lacks one of the first three columns.

    Warns
    -----
    UserWarning
        For other columns, which are passed over.
    """
    path = Path(path)
    columns = read_columns(path, TOPAZ_COLUMNS, "(centres in pixels, row 0 first)")
    if others := [name for name in columns if name not in (*TOPAZ_COLUMNS, _SCORE)]:
        warn(f"{path}: these columns are passed over: {', '.join(others)}.", stacklevel=3)
    names = columns[_NAME]
    if not names:
        return [Picks(Frame(micrograph_stem(path)), np.empty((0, 2)))]
    if not all(name.strip() for name in names):
        raise UserError(f"{path}: a row does not name its micrograph.", "Correct the file, or export it anew.")
    rows = rows_by_name(name.strip() for name in names)
    every = Picks(Frame(""), points(path, columns, _Y, _X), score=numbers(path, columns, _SCORE, len(names)))
    return [Picks(Frame(name), every.yx[which], score=every.score[which]) for name, which in rows.items()]


def write_topaz(found: Sequence[Picks], path: str | Path) -> Path:
    """Write the picks of all micrographs into one file; the score is left out where none is known.

    Raises
    ------
    UserError
        When two micrographs have the same name without folder and suffix, or the file cannot be written.
    """
    path = Path(path)
    stems = [micrograph_stem(picks.frame.micrograph) for picks in found]
    if twice := sorted({stem for stem in stems if stems.count(stem) > 1}):
        raise UserError(
            f"{path}: Topaz names micrographs without folders, and two are called {twice[0]}.",
            "Convert them into two files.",
        )
    scored = any(np.isfinite(picks.score).any() for picks in found)
    lines = ["\t".join((*TOPAZ_COLUMNS, _SCORE)[: 4 if scored else 3])]
    for stem, picks in zip(stems, found, strict=True):
        values = [texts(picks.yx[:, 1]), texts(picks.yx[:, 0]), *([texts(picks.score)] if scored else [])]
        # Whole pixels without ".0", as Topaz writes them and some of its readers expect.
        lines += ["\t".join((stem, *(value.removesuffix(".0") for value in row))) for row in zip(*values, strict=True)]
    return write_text("\n".join(lines) + "\n", path)
