"""STAR files without any meaning: starfile reads them, made ready for it where RELION is laxer than it is.

RELION's block names may be empty and repeat, blocks may be empty, comments start with ``#`` anywhere between
words, and names may have any character.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray
from napari_drpnet.errors import UserError, cut, short
from napari_drpnet.io.files import reading

# Comments, and words that starfile would not hand back as they are written.
_ODD = re.compile(
    r"""(?<!\S) (?:
        (?P<comment> \#.* )
      | "(?P<double> (?: [^"\n] | "(?=\S) )* )" (?!\S)  # a quotation mark inside a word does not end it
      | '(?P<single> (?: [^'\n] | '(?=\S) )* )' (?!\S)
      | (?P<plain>
            (?:nan|NaN|<NA>) (?!\S)                    # pandas: a missing value
          | data_\S* (?=[ \t]+[^\s\#])                # starfile: a new block; with values after it, a row
          | [^\s"'\#%\\]* (?:["'\#%\\]|[^\s -~]) \S*  # quotation marks, hashes and the like, not ASCII
        )
    )""",
    re.ASCII | re.VERBOSE,
)
# With a second group, perhaps empty, when there is nothing in the block.
_BLOCK = re.compile(r"^[ \t]*data_(\S*)[ \t]*\n?(?=([ \t]*data_\S*[ \t]*$|\Z)?)", re.ASCII | re.MULTILINE)
# The head of one loop after comments, as far as its rows.
_LOOP = re.compile(
    r"""(?: \#[^\n]*\n | [ \t]*\n )*
        data_(?P<name>[^\s"'\#%\\]*) [ \t]*\n (?: [ \t]*\n )* loop_ [ \t]*\n
        (?P<columns> (?: _[^\s"'\#%\\]+ (?:[ \t]+\#[ \t]*[0-9]+)? [ \t]*\n )+ )""",
    re.VERBOSE,
)
_ELSE_THAN_ROWS = re.compile(r"^[ \t]*(?:_|data_|loop_)", re.MULTILINE)
_COLUMN = re.compile(r"^_(\S+)", re.MULTILINE)
_NEEDS_QUOTES = re.compile(r"\s|^([\"'#_]|data_|loop_|save_|global_|stop_)", re.IGNORECASE)
# A word of these alone is none of the above.
_PLAIN_SIGNS = re.compile(r"[A-Za-z0-9.+\-/@]*")
_CLOSED_BY = {'"': re.compile(r'"\s', re.ASCII), "'": re.compile(r"'\s", re.ASCII)}
# How much of a file an error message repeats, in characters.
_SHOWN = 100
_DAMAGED = "The file is damaged: copy or export it anew."


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

    @property
    def title(self) -> str:
        """As error messages name it."""
        return "data_" + cut(self.name, 40)

    def require(self, *columns: str) -> None:
        """Raise a `UserError` that names what is missing and what is there."""
        missing = [column for column in columns if column not in self]
        if missing:
            there = cut(", ".join(self.columns) or "no columns", _SHOWN)
            raise UserError(
                f"{self.path}: the table {self.title} lacks {', '.join(missing)}; it has {there}.",
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
                f"{self.path}: {short(text)} in the column {column} is not a number.",
                "Correct the file, or export it anew.",
            ) from error


def read_tables(path: Path) -> list[Table]:
    """All tables of a STAR file, in their order.

    Raises
    ------
    UserError
        When the file cannot be read, holds no ``data_`` block, or a row has not one value for each column.
    """
    return parse_tables(read_text(path), path)


def read_text(path: Path) -> str:
    """The text of a STAR file. Names need not be UTF-8: whatever bytes they have come back when written."""
    with reading(path):
        return path.read_text(encoding="utf-8-sig", errors="surrogateescape")


def parse_tables(text: str, path: Path) -> list[Table]:
    """`read_tables`, of a text that was read from ``path``."""
    simple = _simple(text, path)
    if simple is not None:
        return [simple]
    import starfile  # pandas, slow to load

    names: list[str] = []
    text = _plain(text, names)
    if not names:
        raise UserError(f"{path} is not a STAR file: it has no data_ block.", "Choose another file.")
    texts = list(set(re.findall(r"^[ \t]*_(\S*)", text, re.MULTILINE)))
    with reading(path), TemporaryDirectory() as folder:
        file = Path(folder, "plain.star")  # a new name each time: starfile keeps lines by file name
        file.write_text(text, encoding="ascii")
        try:
            blocks = starfile.read(file, always_dict=True, parse_as_string=texts)
        # What starfile and pandas raise for rows and blocks that do not fit.
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            reason = f"{cut(' '.join(str(error).split()), _SHOWN)}, lines counted from the table's first row"
            raise UserError(f"{path} cannot be read: a table is not as it should be ({reason}).", _DAMAGED) from error
    return [_table(path, name, blocks.get(str(i), {})) for i, name in enumerate(names)]


def _simple(text: str, path: Path) -> Table | None:
    """The one loop of plain words that lists of picks are; None for everything that starfile must look at.

    Splitting its lines takes a fiftieth of starfile's time, and a project has tens of thousands of such files.
    """
    match = _LOOP.match(text)
    if match is None or not text.isascii():
        return None
    below = text[match.end() :]
    if not _are_plain_rows(below):
        return None
    columns = _COLUMN.findall(match["columns"])
    rows = [row for row in map(str.split, below.split("\n")) if row]
    if len(set(columns)) < len(columns) or not set(map(len, rows)) <= {len(columns)}:
        return None
    return Table(path, match["name"], columns, rows)


def _are_plain_rows(text: str) -> bool:
    """Whether all lines are rows, without quotation marks, hashes, control characters and the like."""
    if any(mark in text for mark in "\"'#%\\") or not text.replace("\n", "").replace("\t", "").isprintable():
        return False
    return "_" not in text or not _ELSE_THAN_ROWS.search(text)


def _plain(text: str, names: list[str]) -> str:
    """Words that starfile hands back as they are, in lines that are not blank; blocks numbered, named in ``names``."""

    def block(match: re.Match[str]) -> str:
        names.append(_decoded(match[1]))
        # starfile fails on a block without anything, but not on an empty loop.
        return f"data_{len(names) - 1}\n" + ("loop_\n" if match[2] is not None else "")

    # Blanks to RELION, but not to starfile.
    lines = re.sub(r"[\v\f]", " ", _ODD.sub(_encoded, text)).split("\n")
    return _BLOCK.sub(block, "\n".join(line for line in lines if line.strip()))


def _encoded(match: re.Match[str]) -> str:
    kind = match.lastgroup or ""
    return "" if kind == "comment" else "%" + match[kind].encode("utf-8", "surrogateescape").hex()


def _decoded(word: str) -> str:
    return bytes.fromhex(word[1:]).decode("utf-8", "surrogateescape") if word.startswith("%") else word


def _table(path: Path, name: str, block: Any) -> Table:
    if isinstance(block, dict):
        return Table(path, name, list(block), [[_decoded(value) for value in block.values()]] if block else [])
    table = Table(path, name, list(block))
    if not block.columns.is_unique:
        raise UserError(f"{path}: the table {table.title} has two columns of one name.", _DAMAGED)
    # starfile fills short rows with empty words; those that are written are "%" here.
    for number, count in enumerate((block != "").sum(axis=1), start=1):
        if count != block.shape[1]:
            message = f"row {number} of the table {table.title}: {count} values for {block.shape[1]} columns"
            raise UserError(f"{path}, {message}.", _DAMAGED)
    table.rows = [[_decoded(value) for value in row] for row in block.to_numpy().tolist()]
    return table


def format_table(columns: Mapping[str, Sequence[str]], name: str = "", comments: Sequence[str] = ()) -> str:
    """A STAR file of one loop, with values as given; those with spaces are quoted.

    Raises
    ------
    UserError
        For a value that no STAR file can hold.
    """
    # Not by starfile, which writes the time of day into the file, quotes for spaces only, and fails on tabs.
    lines = [*(f"# {comment}" for comment in comments), "", f"data_{name}", "", "loop_"]
    lines += [f"_{column} #{i}" for i, column in enumerate(columns, start=1)]
    texts = [values if _plain_words(values) else list(map(_quoted, values)) for values in columns.values()]
    lines += map("\t".join, zip(*texts, strict=True))
    return "\n".join(lines) + "\n\n"


def number_texts(values: npt.NDArray[Any], form: str) -> list[str]:
    """The numbers ``(n,)`` of a column, each written by ``form``, such as ``%.6f``."""
    numbers: list[float] = values.tolist()
    # Most columns of angles and classes are all 0, down to the sign.
    if numbers and values.tobytes() == values[:1].tobytes() * len(numbers):
        return [form % numbers[0]] * len(numbers)
    return list(map(form.__mod__, numbers))


def format_values(values: Mapping[str, str], name: str) -> str:
    """A block of names with one value each, as RELION writes what there is once; a `UserError` as of `format_table`."""
    lines = ["", f"data_{name}", "", *(f"_{one}\t{_quoted(value)}" for one, value in values.items())]
    return "\n".join(lines) + "\n\n"


def star_row(*values: str) -> str:
    """One line of a loop; a `UserError` as of `format_table`."""
    return "\t".join(map(_quoted, values))


def _plain_words(values: Sequence[str]) -> bool:
    """Whether none of the values needs quotes, by one look at all of them: most columns are numbers."""
    return all(values) and _PLAIN_SIGNS.fullmatch("".join(values)) is not None


def _quoted(value: str) -> str:
    if not value.isascii() and not _is_text(value):
        raise _impossible(value)
    if value and not _NEEDS_QUOTES.search(value):
        return value
    if "\n" in value or "\r" in value:
        raise _impossible(value)
    # One that is nowhere inside is what every program understands.
    for mark in sorted(_CLOSED_BY, key=value.count):
        if not _CLOSED_BY[mark].search(value):
            return f"{mark}{value}{mark}"
    raise _impossible(value)


def _is_text(value: str) -> bool:
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _impossible(value: str) -> UserError:
    return UserError(
        f"{short(value)} cannot be written into a STAR file: it breaks lines, has both kinds of quotation marks, or is "
        "no text.",
        "Rename what is called so, or choose CSV.",
    )
