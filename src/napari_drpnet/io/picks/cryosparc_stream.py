r"""cryoSPARC's compressed stream: a table column by column, packed by LZ4 (``\x95CSDAT``) or Snappy (``\x94CSDAT``).

After the mark come the length of a header, the header in JSON, and for each column its length and its bytes. Texts are
in a heap at the end, each up to a zero byte, and their column has where they begin; in the older kind they are in their
column. Of cryosparc-tools, 4.4 and later write the former, 4.1 to 4.3 the latter.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedReader
from typing import Any

import numpy as np
import numpy.typing as npt

MARKS = (b"\x94CSDAT", b"\x95CSDAT")
_HEADER = 2**20  # bytes
_LENGTH = 4
# More than LZ4 and Snappy can pack into a byte; and bytes that are always granted.
_PACKED, _GRANTED = 256, 2**16
_LONGEST_TEXT = 4096
_DIMENSIONS, _WIDEST = 3, 2**16

Column = npt.NDArray[Any]


@dataclass(frozen=True)
class _Field:
    name: str
    dtype: np.dtype[Any]
    in_heap: bool
    packed: bool


def read_stream(file: BufferedReader, wanted: Callable[[str], bool]) -> tuple[list[str], dict[str, Column]]:
    """The names of all columns, and those that are wanted, ``(n, ...)`` each; texts as objects.

    Parameters
    ----------
    file
        At its beginning.
    wanted
        Whether a column of this name is to be read.

    Raises
    ------
    ValueError
        When the stream is damaged; says how in a few words.
    """
    file.read(len(MARKS[0]))
    head = json.loads(file.read(_number(file, _HEADER)))
    unpack = {"lz4": _lz4, "snap": _snappy, None: None}[head["compression"]]
    fields = [_field(one, head["compressed_fields"]) for one in head["dtype"]]
    n = head.get("length")
    columns = {}
    for field in fields if n != 0 else ():
        data = _read(file, _number(file))
        # The older kind does not tell its rows; its first column, which is never packed, does.
        n = len(data) // field.dtype.itemsize if n is None and not field.packed else n
        if wanted(field.name):
            columns[field.name] = _column(field, data, n, unpack if field.packed else None)
    heap = file.read()
    for field in fields:
        if field.name in columns and field.in_heap:
            columns[field.name] = _texts(columns[field.name], heap)
        elif field.name not in columns and wanted(field.name):
            columns[field.name] = np.empty(0, "O" if field.in_heap else field.dtype)
    return [field.name for field in fields], columns


def _field(one: Any, packed: Any) -> _Field:
    name, kind, *shape = one
    in_heap = kind == "|O"
    dtype = np.dtype("<u8" if in_heap else kind)
    sides = tuple(shape[0]) if shape else ()
    if not isinstance(name, str) or dtype.hasobject or dtype.names or not dtype.itemsize or dtype.shape:
        raise ValueError("a column is not of numbers or text")
    if len(sides) > _DIMENSIONS or not all(type(side) is int and 0 < side < _WIDEST for side in sides):
        raise ValueError("a column has an impossible shape")
    return _Field(name, np.dtype((dtype, sides)), in_heap, name in packed)


def _number(file: BufferedReader, most: int | None = None) -> int:
    value = int.from_bytes(_read(file, _LENGTH), "little")
    if most is not None and value > most:
        raise ValueError("its header is too long")
    return value


def _read(file: BufferedReader, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise ValueError("it ends too early")
    return data


def _column(field: _Field, data: bytes, n: Any, unpack: Callable[[bytes, int], bytes] | None) -> Column:
    if type(n) is not int or n < 0:
        raise ValueError("its header does not tell how many rows there are")
    size = n * field.dtype.itemsize
    if size > max(_GRANTED, _PACKED * len(data)):
        raise ValueError("its header asks for more than there is")
    raw = unpack(data, size) if unpack else data
    if len(raw) != size:
        raise ValueError("a column is too short or too long")
    values: Column = np.frombuffer(raw, field.dtype.base).reshape(n, *field.dtype.shape)
    return values


def _lz4(data: bytes, size: int) -> bytes:
    from imagecodecs import lz4_decode  # slow to load

    return _unpacked(lz4_decode, data, size)


def _snappy(data: bytes, size: int) -> bytes:
    from imagecodecs import snappy_decode

    return _unpacked(snappy_decode, data, size)


def _unpacked(decode: Callable[..., Any], data: bytes, size: int) -> bytes:
    if size == 0:
        return b""
    try:
        return bytes(decode(data, out=size))
    except RuntimeError as error:  # what imagecodecs raises for damaged data
        raise ValueError("a packed column is damaged") from error


def _texts(starts: Column, heap: bytes) -> Column:
    """The text that begins at each place of the heap."""
    places, which = np.unique(starts, return_inverse=True)
    found = np.empty(len(places), "O")
    for i, place in enumerate(places.tolist()):
        end = heap.find(b"\0", place, place + _LONGEST_TEXT) if place < len(heap) else -1
        if end < 0:
            raise ValueError("a text is not in its heap, or too long")
        found[i] = heap[place:end]
    return found[which.reshape(starts.shape)]
