"""cryoSPARC's .cs as a table: read from numpy's format or from the compressed stream, checked, and joined by uid."""

from __future__ import annotations

import re
import sys
import tokenize
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray
from napari_drpnet.errors import UserError, cut, short
from napari_drpnet.io.files import reading
from napari_drpnet.io.picks.cryosparc_stream import MARKS, Column, read_stream

UID = "uid"
# What is read of a table that may be wide and long: where particles are and how aligned, or which micrographs.
_WANTED = re.compile(
    r"uid|location/.+|pick_stats/ncc_score|alignments.*/(shift|psize_A|class_posterior)|(micrograph|movie)_blob.*/.+"
    r"|(mscope_params|ctf)/exp_group_id"
)
# What two tables of one particle cannot both be right about.
_PLACED = re.compile(r"location/(micrograph_path|center_[xy]_frac)|alignments.*/(shift|psize_A)")
_SAME = 1e-5
_OLD_NUMBER = re.compile(rb"(?<=[(, ])([0-9]+)L(?=[,) ])")
_HEADER = 2**20  # bytes; a hundred classes take a tenth of it
_CHUNK = 2**26  # bytes
_MARK = 6
_REASON = 100
# What numpy and Python raise for a header that is none.
_BROKEN = (
    *(ValueError, TypeError, SyntaxError, EOFError, LookupError, AttributeError),
    *(ArithmeticError, MemoryError, RecursionError, tokenize.TokenError),
)
_EXPORT = "Copy or export it from cryoSPARC anew."
_RESAVE = "Save it by cryosparc-tools: Dataset.load(IN).save(OUT), which writes numpy's format."


@dataclass(frozen=True)
class CsTable:
    """Columns of particles or micrographs.

    Attributes
    ----------
    path
        The file, for messages.
    names
        Of all columns that the file has.
    columns
        Those that are read, ``(n, ...)`` each.
    """

    path: Path
    names: frozenset[str]
    columns: dict[str, Column]
    n: int

    def __len__(self) -> int:
        return self.n

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    def numbers(self, name: str, *shape: int) -> npt.NDArray[Any]:
        """A column of numbers, ``(n, *shape)``, as it is stored; a `UserError` when it is another."""
        values = self.columns[name]
        if values.dtype.kind not in "iuf" or values.shape != (self.n, *shape):
            what = f"{shape[0]} numbers" if shape else "one number"
            raise self._wrong(name, values, what)
        return values

    def floats(self, name: str) -> FloatArray:
        """A column as ``(n,)`` float64, with the digits that it was stored with; NaN where it is missing."""
        if name not in self:
            return np.full(self.n, np.nan)
        # Shortest digits: 1.77 stored in 32 bits is 1.77, not 1.7699999809.
        values, which = np.unique(self.numbers(name), return_inverse=True)
        return np.array([float(str(value)) for value in values], dtype=np.float64)[which]

    def texts(self, name: str) -> list[str]:
        """A column of text; a `UserError` when it is another."""
        values = self.columns[name]
        if values.dtype.kind not in "SUO" or values.shape != (self.n,):
            raise self._wrong(name, values, "one text")
        if values.dtype.kind == "U" and not _are_letters(values):
            raise UserError(f"{self.path}: the column {name} has text that is none: the file is damaged.", _EXPORT)
        return [_text(value) for value in values.tolist()]

    def uids(self) -> npt.NDArray[np.uint64]:
        """The number of each row, ``(n,)``; a `UserError` when there are none, or one twice."""
        if UID not in self or self.numbers(UID).dtype.kind not in "iu":
            raise UserError(f"{self.path} has no column uid, by which files are joined.", _EXPORT)
        values = self.columns[UID].astype(np.uint64)
        if len(np.unique(values)) < self.n:
            raise UserError(f"{self.path}: a uid is there twice, and files are joined by it.", _EXPORT)
        return values

    def require(self, names: Sequence[str], what: str, hint: str) -> None:
        """Raise a `UserError` where columns are missing."""
        if missing := [name for name in names if name not in self]:
            raise UserError(f"{self.path} has no {what}: {', '.join(missing)} is missing.", hint)

    def rows(self, which: npt.NDArray[np.intp]) -> CsTable:
        """Some of the rows, by their numbers."""
        columns = {name: values[which] for name, values in self.columns.items()}
        return CsTable(self.path, self.names, columns, len(which))

    def joined(self, other: CsTable) -> CsTable:
        """The rows that both have, by uid, with the columns of both; those of this one where both have them."""
        _, mine, others = np.intersect1d(self.uids(), other.uids(), return_indices=True)
        order = np.argsort(mine)
        left, right = self.rows(mine[order]), other.rows(others[order])
        return CsTable(self.path, self.names | other.names, {**right.columns, **left.columns}, len(left))

    def contradictions(self, other: CsTable) -> list[str]:
        """Columns in which the two tell different places or shifts of one uid."""
        _, mine, others = np.intersect1d(self.uids(), other.uids(), return_indices=True)
        left, right = self.rows(mine), other.rows(others)
        shared = [name for name in self.columns if name in other and _PLACED.fullmatch(name)]
        return [name for name in shared if left._differs(right, name)]

    def _differs(self, other: CsTable, name: str) -> bool:
        """Whether a column has other values in another table of the same uids."""
        one, two = self.columns[name], other.columns[name]
        if one.dtype.kind in "iuf" and two.dtype.kind in "iuf" and one.shape == two.shape:
            return not np.allclose(one, two, rtol=_SAME, atol=_SAME, equal_nan=True)
        return self.texts(name) != other.texts(name)

    def _wrong(self, name: str, values: Column, what: str) -> UserError:
        there = short(f"{values.dtype}, {values.shape[1:]}", 40)
        return UserError(f"{self.path}: the column {name} has not {what} for each row, but {there}.", _EXPORT)


def _are_letters(values: Column) -> bool:
    """Whether text of 32 bits a letter is one that can be written again; Python fails on some that is not."""
    codes = np.ascontiguousarray(values).view(np.dtype(np.uint32).newbyteorder(values.dtype.byteorder))
    # Half a pair of UTF-16 is no letter, but those that stand for odd bytes are.
    half = (codes >= 0xD800) & (codes < 0xE000) & ~((codes >= 0xDC80) & (codes <= 0xDCFF))
    return not (half | (codes > sys.maxunicode)).any()


def _text(name: object) -> str:
    return name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else str(name)


def read_table(path: Path, wanted: Callable[[str], bool] | None = None) -> CsTable:
    """What of a .cs is needed here, or the columns whose names are wanted.

    Raises
    ------
    UserError
        When it is missing, half-written, of another format, or has Python's objects in it, which are never loaded.
    """
    with reading(path), path.open("rb") as file:
        mark = file.read(_MARK)
        file.seek(0)
        if mark.startswith(b"PAR1"):
            raise UserError(f"{path} is in Parquet format.", _RESAVE)
        try:
            read = read_stream if mark in MARKS else _read_numpy
            names, columns = read(file, wanted or _is_wanted)
        except _BROKEN as error:
            reason = cut(" ".join(str(error).split()), _REASON) or "its header is damaged"
            what, hint = ("not a compressed table", _RESAVE) if mark in MARKS else ("not a table", _EXPORT)
            raise UserError(f"{path} is {what} of cryoSPARC, or only a part of it: {reason}.", hint) from error
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise UserError(f"{path}: its columns are not of one length.", _EXPORT)
    return CsTable(path, frozenset(names), columns, max(lengths, default=0))


def _is_wanted(name: str) -> bool:
    return _WANTED.fullmatch(name) is not None


def _read_numpy(file: BufferedReader, wanted: Callable[[str], bool]) -> tuple[list[str], dict[str, Column]]:
    """The names of all columns, and those that are wanted, read a chunk of rows after the other."""
    version = np.lib.format.read_magic(file)
    brief, read = version == (1, 0), np.lib.format.read_array_header_2_0
    length = file.read(2 if brief else 4) + bytes(2 if brief else 0)  # of the header
    header = file.read(int.from_bytes(length, "little"))
    # numpy warns of whole numbers as Python 2 wrote them.
    old = _OLD_NUMBER.sub(rb"\1 ", header)
    shape, _, dtype = read(BytesIO(length + old), max_header_size=_HEADER)
    if dtype.hasobject:
        raise ValueError("it has Python objects (pickle) in it, which are not loaded. Save names as bytes, dtype S")
    if dtype.names is None or len(shape) != 1 or shape[0] < 0 or dtype.itemsize == 0:
        raise ValueError("it is no list of rows with named columns")
    (n,) = shape
    start = file.tell()
    there = file.seek(0, 2) - start
    file.seek(start)
    if n * dtype.itemsize > there:
        raise ValueError(f"{there} bytes of rows where its header has {n * dtype.itemsize}")
    columns = {name: np.empty((n, *dtype[name].shape), dtype[name].base) for name in dtype.names if wanted(name)}
    if not columns:
        return list(dtype.names), columns
    step = max(1, _CHUNK // dtype.itemsize)
    for first in range(0, n, step):
        count = min(step, n - first)
        rows = np.frombuffer(file.read(count * dtype.itemsize), dtype)
        for name, values in columns.items():
            values[first : first + count] = rows[name]
    return list(dtype.names), columns
