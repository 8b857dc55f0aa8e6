"""EMAN2's ``info/NAME_info.json``: centres in pixels beside all else that EMAN2 knows of a micrograph."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from napari_drpnet.data import MANUAL, Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import micrograph_stem, reading, write_text

_BOXES = "boxes"
_INFO = re.compile(r"_info$")
_EXPORT = "Give the file NAME_info.json of EMAN2's folder info, or export it anew."


def read_eman_json(path: str | Path) -> list[Picks]:
    """Picks of one micrograph, named after the file without ``_info``.

    Parameters
    ----------
    path
        An object whose ``boxes`` are lists of x, y, how it was made (which becomes the source), and perhaps a score.
        An ``_info.json`` without ``boxes`` has no picks.

    Raises
    ------
    UserError
        When the file is missing, half-written, or not of this kind.
    """
    path = Path(path)
    info, stem = _read_object(path), micrograph_stem(path)
    if _BOXES not in info and not _INFO.search(stem):
        raise UserError(f"{path} holds no boxes.", _EXPORT)
    boxes = info.get(_BOXES, [])
    if not isinstance(boxes, list):
        raise UserError(f"{path}: its boxes are not a list.", _EXPORT)
    rows = [_row(path, number, box) for number, box in enumerate(boxes, start=1)]
    x, y, source, score = zip(*rows, strict=True) if rows else ((), (), (), ())
    return [
        Picks(
            Frame(_INFO.sub("", stem)),
            np.column_stack([y, x]),
            score=np.array(score, dtype=np.float64),
            source=np.array(source, dtype=np.str_),
        )
    ]


def is_eman_json(path: Path) -> bool:
    """Whether this is an object with boxes."""
    try:
        return _BOXES in _read_object(path)
    except UserError:
        return False


def _read_object(path: Path) -> dict[str, Any]:
    with reading(path):
        data = path.read_bytes()
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:  # of which JSON's and Unicode's errors are kinds
        raise UserError(f"{path} is not JSON, or only a part of it: {error}.", _EXPORT) from error
    if not isinstance(found, dict):
        raise UserError(f"{path} is not EMAN2's: it holds no object.", _EXPORT)
    return found


def _row(path: Path, number: int, box: Any) -> tuple[float, float, str, float]:
    """One box as x, y, source and score."""
    try:
        x, y = (float(value) for value in box[:2])
        source = str(box[2]) if len(box) > 2 else ""
        score = float(box[3]) if len(box) > 3 and isinstance(box[3], int | float) else np.nan
    except (TypeError, ValueError, OverflowError, KeyError) as error:
        raise UserError(f"{path}, box {number}: {str(box)[:60]} is not [x, y, how].", _EXPORT) from error
    if not np.isfinite([x, y]).all():
        raise UserError(f"{path}, box {number}: a coordinate is not finite.", _EXPORT)
    return x, y, source, score


def write_eman_json(picks: Picks, path: str | Path) -> Path:
    """Write the boxes; whatever else EMAN2 wrote into that file stays in it.

    Picks without a source are called ``manual``, as EMAN2 shows no others.

    Raises
    ------
    UserError
        When the file that is there is not EMAN2's, or it cannot be written.
    """
    path = Path(path)
    info = _read_object(path) if path.exists() else {}
    info[_BOXES] = [
        [float(x), float(y), str(source) or MANUAL, *([float(score)] if np.isfinite(score) else [])]
        for (y, x), source, score in zip(picks.yx, picks.source, picks.score, strict=True)
    ]
    return write_text(json.dumps(info, indent=1) + "\n", path)
