"""EMAN2's ``info/NAME_info.json``: centres in pixels beside all else that EMAN2 knows of a micrograph."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np

from napari_drpnet.data import MANUAL, Frame, Picks
from napari_drpnet.errors import UserError, short
from napari_drpnet.io.files import micrograph_stem, reading, write_text
from napari_drpnet.io.paths import exists
from napari_drpnet.io.picks.plain_text import listed, tell_passed_over
from napari_drpnet.io.words import as_array

_BOXES = "boxes"
# Of one box that are read: x, y, how, and the score.
_VALUES = 4
_INFO = re.compile(r"_info$")
_EXPORT = "Give the file NAME_info.json of EMAN2's folder info, or export it anew."


def read_eman_json(path: str | Path) -> list[Picks]:
    """Picks of one micrograph, named after the file without ``_info``.

    Parameters
    ----------
    path
        An object whose ``boxes`` are lists of x, y, how it was made (which becomes the source), and perhaps a score.
        An ``_info.json`` without ``boxes`` has no picks. What else EMAN2 keeps there is no pick.

    Raises
    ------
    UserError
        When the file is missing, half-written, not of this kind, or of a tomogram.

    Warns
    -----
    UserWarning
        For boxes of other kinds, and for values after the score, which are passed over.
    """
    path = Path(path)
    info, stem = _read_object(path), micrograph_stem(path)
    others = [key for key in info if key.startswith(_BOXES) and key != _BOXES]
    if _BOXES not in info and others:
        raise UserError(f"{path} holds no boxes of a micrograph, but {listed(others)}.", _EXPORT)
    if _BOXES not in info and not _INFO.search(stem):
        raise UserError(f"{path} holds no boxes.", _EXPORT)
    tell_passed_over(path, others, "boxes", stacklevel=3)
    boxes = info.get(_BOXES, [])
    if not isinstance(boxes, list):
        raise UserError(f"{path}: its boxes are not a list.", _EXPORT)
    rows = [_row(path, at, box) for at, box in enumerate(boxes, start=1)]
    if any(len(box) > _VALUES for box in boxes):
        warn(f"{path}: values after the score of a box are passed over.", stacklevel=3)
    x, y, source, score = zip(*rows, strict=True) if rows else ((), (), (), ())
    return [
        Picks(
            Frame(_INFO.sub("", stem)),
            np.column_stack([y, x]),
            score=np.array(score, dtype=np.float64),
            source=as_array(source, path),
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
        found = json.loads(data, object_pairs_hook=_each_once)
    except RecursionError as error:
        raise UserError(f"{path} is not EMAN2's: too many brackets are inside each other.", _EXPORT) from error
    except ValueError as error:  # of which JSON's and Unicode's errors are kinds
        raise UserError(f"{path} is not JSON, or only a part of it: {str(error)[:80]}.", _EXPORT) from error
    if not isinstance(found, dict):
        raise UserError(f"{path} is not EMAN2's: it holds no object.", _EXPORT)
    return found


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; a `ValueError` where ``boxes`` are there twice, of which JSON would keep the last."""
    found = dict(pairs)
    if len(found) < len(pairs) and sum(key == _BOXES for key, _ in pairs) > 1:
        raise ValueError("its boxes are there twice")
    return found


def _row(path: Path, at: int, box: Any) -> tuple[float, float, str, float]:
    """One box as x, y, source and score."""
    if not isinstance(box, list) or len(box) < 2:
        raise UserError(f"{path}, box {at}: this is not [x, y, how].", _EXPORT)
    how, score = box[2] if len(box) > 2 else "", box[3] if len(box) > 3 else None
    if not isinstance(how, str | int | float | None) or not isinstance(score, int | float | None):
        raise UserError(f"{path}, box {at}: this is not [x, y, how, score].", _EXPORT)
    try:
        x, y, score = (float(value) for value in (*box[:2], np.nan if score is None else score))
    except (TypeError, ValueError, OverflowError) as error:
        raise UserError(f"{path}, box {at}: {short(str(box[:2]), 40)} are no coordinates.", _EXPORT) from error
    if not np.isfinite([x, y]).all():
        raise UserError(f"{path}, box {at}: a coordinate is not finite.", _EXPORT)
    return x, y, "" if how is None else str(how), score


def write_eman_json(picks: Picks, path: str | Path) -> Path:
    """Write the boxes; whatever else EMAN2 wrote into that file stays in it.

    Picks without a source are called ``manual``, as EMAN2 shows no others.

    Raises
    ------
    UserError
        When the file that is there is not EMAN2's, or it cannot be written.
    """
    path = Path(path)
    info = _read_object(path) if exists(path) else {}
    info[_BOXES] = [
        [float(x), float(y), str(source) or MANUAL, *([float(score)] if np.isfinite(score) else [])]
        for (y, x), source, score in zip(picks.yx, picks.source, picks.score, strict=True)
    ]
    return write_text(json.dumps(info, indent=1) + "\n", path)
