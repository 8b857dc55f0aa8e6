"""Tables of cryoSPARC: loaded without running any code, joined by the number of each particle, and read by column."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray
from napari_drpnet.errors import UserError, short
from napari_drpnet.io.files import reading

Rows = npt.NDArray[Any]

AGAIN = "Export the particles from cryoSPARC anew."
_UID = "uid"
# The stream that cryosparc-tools calls CSDAT, in the two versions that were seen.
_COMPRESSED = (b"\x94CSDAT", b"\x95CSDAT")
# What numpy raises for headers that are no dictionary, or too deep, and for types that cannot be.
_DAMAGE = (
    *(ValueError, TypeError, LookupError, AttributeError, SyntaxError, TokenError),
    *(EOFError, MemoryError, OverflowError, RecursionError),
)
# Bytes of the names of columns: a classification into a thousand classes has two million.
_LONGEST_HEADER = 10_000_000


def load_table(path: Path) -> Rows:
    """The rows of a .cs file, ``(n,)`` of named columns.

    Raises
    ------
    UserError
        When the file is missing, half-written, compressed, or no such table.
    """
    with reading(path), path.open("rb") as file:
        if file.read(len(_COMPRESSED[0])) in _COMPRESSED:
            raise UserError(
                f"{path} is in cryoSPARC's compressed format.",
                f"Save it as numpy with cryosparc-tools: Dataset.load({path.name!r}).save('plain.cs').",
            )
        file.seek(0)
        try:
            table = np.lib.format.read_array(file, allow_pickle=False, max_header_size=_LONGEST_HEADER)
        except _DAMAGE as error:
            reason = " ".join(str(error).split())[:80]
            raise UserError(f"{path} is not a table of cryoSPARC, or only a part of it: {reason}.", AGAIN) from error
    if table.ndim != 1 or table.dtype.names is None:
        raise UserError(f"{path} is not a table of cryoSPARC.", "Choose another file.")
    return table


def joined(tables: Sequence[tuple[Rows, Path]]) -> Rows:
    """Several tables of the same particles as one, in the order of the first: rows of equal ``uid`` belong together.

    Columns of earlier tables go before those of later ones. Particles that a table lacks are left out.

    Raises
    ------
    UserError
        When a table has no ``uid``, or one twice, or they have no particle in common.
    """
    (first, first_path), *others = tables
    if not others:
        return first
    numbers = [_numbers(table, path) for table, path in tables]
    common = numbers[0]
    for more in numbers[1:]:
        common = common[np.isin(common, more)]
    if not len(common) and all(map(len, numbers)):
        raise UserError(f"{first_path} and {others[0][1]} have no particle in common.", "Give files of one job.")
    columns: dict[str, Rows] = {}
    for (table, _), own in zip(tables, numbers, strict=True):
        order = np.argsort(own, kind="stable")
        which = order[np.searchsorted(own, common, sorter=order)] if len(common) else np.empty(0, np.intp)
        columns |= {name: table[name][which] for name in table.dtype.names or () if name not in columns}
    whole = np.empty(len(common), [(name, values.dtype, values.shape[1:]) for name, values in columns.items()])
    for name, values in columns.items():
        whole[name] = values
    return whole


def _numbers(table: Rows, path: Path) -> npt.NDArray[np.uint64]:
    if _UID not in (table.dtype.names or ()) or table[_UID].ndim != 1 or table[_UID].dtype.kind not in "iu":
        raise UserError(f"{path}: its particles have no uid, by which it could be joined with others.", AGAIN)
    numbers: npt.NDArray[np.uint64] = table[_UID].astype(np.uint64)
    if len(np.unique(numbers)) < len(numbers):
        raise UserError(f"{path}: a particle is in it twice.", AGAIN)
    return numbers


def names_of(table: Rows, name: str, path: Path) -> list[str]:
    """A column of names as text; letters that are no UTF-8 come back when they are written."""
    values = table[name]
    if values.ndim != 1 or values.dtype.kind not in "SU":
        raise _odd(path, name, values)
    return [one.decode("utf-8", "surrogateescape") if isinstance(one, bytes) else str(one) for one in values.tolist()]


def column(table: Rows, name: str, path: Path) -> FloatArray:
    """``(n,)`` float64; NaN when the column is missing."""
    if name not in (table.dtype.names or ()):
        return np.full(len(table), np.nan)
    values = table[name]
    if values.ndim != 1 or values.dtype.kind not in "iuf":
        raise _odd(path, name, values)
    # Shortest digits: 1.77 stored in 32 bits is 1.77, not 1.7699999809.
    return np.array([float(str(value)) for value in values], dtype=np.float64)


def pairs(table: Rows, name: str, path: Path) -> FloatArray:
    """``(n, 2)`` float64 of a column that holds two numbers each."""
    values = table[name]
    if values.shape != (len(table), 2) or values.dtype.kind not in "iuf":
        raise _odd(path, name, values)
    return values.astype(np.float64)


def _odd(path: Path, name: str, values: Rows) -> UserError:
    kind = f"{short(str(values.dtype), 30)} of shape {values.shape[1:]}"
    return UserError(f"{path}: the column {short(name, 40)} has values of another kind ({kind}).", AGAIN)
