"""Topaz: ``image_name  x_coord  y_coord  score`` between tabs, centres in pixels, many micrographs in a file."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import micrograph_stem, write_text
from napari_drpnet.io.picks.csv import by_micrograph, numbers, points, read_columns, refuse_depth, texts
from napari_drpnet.io.picks.plain_text import tell_passed_over

_NAME, _X, _Y, _SCORE = "image_name", "x_coord", "y_coord", "score"
TOPAZ_COLUMNS = (_NAME, _X, _Y)


def read_topaz(path: str | Path) -> list[Picks]:
    """Picks of each micrograph in the file, in the order of their first rows; names have no folder and no suffix.

    Raises
    ------
    UserError
        When the file is missing, half-written, of a tomogram, or lacks one of the first three columns.

    Warns
    -----
    UserWarning
        For other columns, which are passed over, and for a last line without an end.
    """
    path = Path(path)
    columns = read_columns(path, TOPAZ_COLUMNS, "(centres in pixels, row 0 first)")
    refuse_depth(path, columns)
    tell_passed_over(path, [name for name in columns if name not in (*TOPAZ_COLUMNS, _SCORE)])
    yx = points(path, columns, _Y, _X)
    every = Picks(Frame(micrograph_stem(path)), yx, score=numbers(path, columns, _SCORE, len(yx)))
    return by_micrograph(every, path, columns[_NAME]) if len(yx) else [every]


def write_topaz(found: Sequence[Picks], path: str | Path) -> Path:
    """Write the picks of all micrographs into one file; the score is left out where none is known.

    Raises
    ------
    UserError
        When two micrographs have the same name without folder and suffix, or the file cannot be written.
    """
    path = Path(path)
    stems = [micrograph_stem(picks.frame.micrograph) for picks in found]
    twice = next((stem for stem, times in Counter(stems).items() if times > 1), None)
    if twice is not None:
        raise UserError(
            f"{path}: Topaz names micrographs without folders, and two are called {twice}.",
            "Convert them into two files.",
        )
    scored = any(np.isfinite(picks.score).any() for picks in found)
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow((*TOPAZ_COLUMNS, _SCORE)[: 4 if scored else 3])
    for stem, picks in zip(stems, found, strict=True):
        values = [texts(picks.yx[:, 1]), texts(picks.yx[:, 0]), *([texts(picks.score)] if scored else [])]
        # Whole pixels without ".0", as Topaz writes them and some of its readers expect.
        writer.writerows((stem, *(value.removesuffix(".0") for value in row)) for row in zip(*values, strict=True))
    return write_text(text.getvalue(), path)
