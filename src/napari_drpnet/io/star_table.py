"""The grammar of STAR files, line by line as RELION reads it, without any meaning.

The dialect of cryo-EM is smaller than STAR, and laxer: block names may be empty and repeat, loops may have
no rows, comments start with ``#`` anywhere between words, values are quoted only to hold spaces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from napari_drpnet.data import FloatArray
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import reading

_WORD = re.compile(r"""(?P<comment>\#.*)|"(?P<double>[^"]*)"(?!\S)|'(?P<single>[^']*)'(?!\S)|(?P<plain>\S+)""")


@dataclass
class Table:
    """One ``data_`` block: a loop, or name-value pairs as a loop of one row.

    Attributes
    ----------
    path
        The file, for error messages.
    name
        What follows ``data_``; often empty.
    columns
        Names without the leading underscore, such as ``rlnCoordinateX``.
    rows
        Values as they are written, without quotes.
    """

    path: Path
    name: str
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, column: str) -> bool:
        return column in self.columns

    def require(self, *columns: str) -> None:
        """Raise a `UserError` that names what is missing and what is there."""
        missing = [column for column in columns if column not in self]
        if missing:
            there = ", ".join(self.columns) or "no columns"
            raise UserError(
                f"{self.path}: the table data_{self.name} lacks {', '.join(missing)}; it has {there}.",
                "Choose another file, or export it with these columns.",
            )

    def texts(self, column: str) -> list[str]:
        """A column as it is written."""
        self.require(column)
        at = self.columns.index(column)
        return [row[at] for row in self.rows]

    def numbers(self, column: str) -> FloatArray:
        """A column as ``(n,)`` float64; ``<NA>`` becomes NaN."""
        texts = self.texts(column)
        try:
            return np.array(texts, dtype=np.float64)
        except ValueError:
            return np.array([self._number(column, text) for text in texts])

    def _number(self, column: str, text: str) -> float:
        try:
            return float("nan" if text == "<NA>" else text)
        except ValueError as error:
            raise UserError(
                f"{self.path}: {text!r} in the column {column} is not a number.", "Correct the file, or export it anew."
            ) from error


def read_tables(path: Path) -> list[Table]:
    """All tables of a STAR file, in their order.

    Raises
    ------
    UserError
        When the file cannot be read, holds no ``data_`` block, or a row has not one value for each column.
    """
    with reading(path):
        # Names need not be UTF-8: whatever bytes they have come back when written.
        text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
    tables: list[Table] = []
    in_loop = False
    for number, line in enumerate(text.split("\n"), start=1):
        words = _words(line)
        if not words:
            continue
        if _is_block(words, tables, in_loop):
            tables.append(Table(path, words[0].removeprefix("data_")))
            in_loop = False
        elif not tables:
            break
        elif words == ["loop_"]:
            in_loop = True
        else:
            _add(tables[-1], words, in_loop, number)
    if not tables:
        raise UserError(f"{path} is not a STAR file: it does not begin with a data_ block.", "Choose another file.")
    return tables


def _words(line: str) -> list[str]:
    if not any(mark in line for mark in "#\"'"):
        return line.split()
    matches = (match for match in _WORD.finditer(line) if match.lastgroup != "comment")
    return [match[match.lastgroup or 0] for match in matches]


def _is_block(words: Sequence[str], tables: Sequence[Table], in_loop: bool) -> bool:
    """A line such as ``data_optics``; a micrograph called ``data_1.mrc`` has other values beside it."""
    return words[0].startswith("data_") and (len(words) == 1 or not (tables and in_loop))


def _add(table: Table, words: list[str], in_loop: bool, number: int) -> None:
    if words[0].startswith("_") and not (in_loop and table.rows):
        table.columns.append(words[0][1:])
        if not in_loop:
            table.rows = table.rows or [[]]
            table.rows[0].append(" ".join(words[1:]))
    elif len(words) == len(table.columns):
        table.rows.append(words)
    else:
        raise UserError(
            f"{table.path}, line {number}: {len(words)} values for {len(table.columns)} columns.",
            "The file is damaged: copy or export it anew.",
        )


def format_table(columns: Mapping[str, Sequence[str]], name: str = "", comments: Sequence[str] = ()) -> str:
    """A STAR file of one loop, with values as given; those with spaces are quoted."""
    lines = [*(f"# {comment}" for comment in comments), "", f"data_{name}", "", "loop_"]
    lines += [f"_{column} #{i}" for i, column in enumerate(columns, start=1)]
    lines += ["\t".join(map(_quoted, row)) for row in zip(*columns.values(), strict=True)]
    return "\n".join(lines) + "\n\n"


def _quoted(value: str) -> str:
    if value and not re.search(r"\s|^[\"'#]", value):
        return value
    return f"'{value}'" if '"' in value else f'"{value}"'
