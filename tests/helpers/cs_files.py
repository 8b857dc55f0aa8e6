"""Tables of cryoSPARC, in numpy's format and as the compressed streams of cryosparc-tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np

PATH = b"J5/m/001234567890123456789_mic_a.mrc"
SHAPE = (300, 400)


def particles(n: int = 4, *more: tuple[Any, ...], path: bytes = PATH) -> np.ndarray[Any, np.dtype[Any]]:
    """Particles of one micrograph of 300 x 400 pixels of 1.5 A, at whole pixels: (x, y from the bottom) = 40, 30 ..."""
    fields: list[Any] = [("uid", "<u8"), ("location/micrograph_path", f"S{len(path)}")]
    fields += [("location/micrograph_shape", "<u4", (2,)), ("location/micrograph_psize_A", "<f4")]
    fields += [("location/center_x_frac", "<f4"), ("location/center_y_frac", "<f4")]
    table = np.zeros(n, [*fields, *more])
    table["uid"] = np.arange(n) + 7
    table["location/micrograph_path"] = path
    table["location/micrograph_shape"] = SHAPE
    table["location/micrograph_psize_A"] = 1.5
    table["location/center_x_frac"] = table["location/center_y_frac"] = (np.arange(n) + 1) / 10
    return table


def only(table: np.ndarray[Any, np.dtype[Any]], *names: str) -> np.ndarray[Any, np.dtype[Any]]:
    """A table of some of the columns."""
    found = np.zeros(len(table), [(name, table.dtype[name].base, table.dtype[name].shape) for name in names])
    for name in names:
        found[name] = table[name]
    return found


def save(path: Path, table: np.ndarray[Any, np.dtype[Any]], allow_pickle: bool = False) -> Path:
    with path.open("wb") as file:
        np.save(file, table, allow_pickle=allow_pickle)
    return path


def lz4_stream(table: np.ndarray[Any, np.dtype[Any]]) -> bytes:
    """As cryosparc-tools 4.4 and later write it: names in a heap, all columns but uid packed."""
    heap, columns, kinds = b"\0", [], []
    for name in table.dtype.names or ():
        values = table[name]
        kind: list[Any] = [name, values.dtype.str, *([list(values.shape[1:])] if values.ndim > 1 else [])]
        if values.dtype.kind == "S":
            starts = {}
            for text in dict.fromkeys(values.tolist()):
                starts[text] = len(heap)
                heap += text + b"\0"
            values, kind = np.array([starts[text] for text in values.tolist()], "<u8"), [name, "|O"]
        raw = values.tobytes()
        columns.append(raw if name == "uid" else imagecodecs.lz4_encode(raw))
        kinds.append(kind)
    packed = [kind[0] for kind in kinds if kind[0] != "uid"]
    head = {"length": len(table), "dtype": kinds, "compression": "lz4", "compressed_fields": packed}
    return _stream(b"\x95CSDAT", head, columns if len(table) else []) + heap


def snappy_stream(table: np.ndarray[Any, np.dtype[Any]]) -> bytes:
    """As cryosparc-tools 4.1 to 4.3 wrote it: names in their column, and no number of rows."""
    names = table.dtype.names or ()
    kinds = [[n, table[n].dtype.str, *([list(table[n].shape[1:])] if table[n].ndim > 1 else [])] for n in names]
    raw = [table[name].tobytes() for name in names]
    columns = [
        data if name == "uid" else imagecodecs.snappy_encode(data) for name, data in zip(names, raw, strict=True)
    ]
    packed = [name for name in names if name != "uid"]
    return _stream(b"\x94CSDAT", {"dtype": kinds, "compression": "snap", "compressed_fields": packed}, columns)


def _stream(mark: bytes, head: Any, columns: list[bytes]) -> bytes:
    parts = [json.dumps(head).encode(), *columns]
    return mark + b"".join(len(part).to_bytes(4, "little") + part for part in parts)
