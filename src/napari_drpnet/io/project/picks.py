"""The two files that keep the picks of one micrograph of a project.

``picks/NAME_autopick.star`` is what RELION extracts: particles, at whole pixels, outside contaminated regions.
``labels/NAME.star`` is all that the first file cannot say: what a person labelled, with decimals, and the picks of a
picker that a region hides. Both together are the picks as they were written, and the labels alone lose nothing that a
person did.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_drpnet.data import FloatArray, Frame, MaskArray, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.picks.star import note, whole_pixels
from napari_drpnet.io.star_table import Table, format_table, parse_tables, read_text
from napari_drpnet.regions import covered

_X, _Y, _SCORE = "rlnCoordinateX", "rlnCoordinateY", "rlnAutopickFigureOfMerit"
_CLASS, _PSI = "rlnClassNumber", "rlnAnglePsi"
_LABEL, _ORIGIN = "drpnetLabel", "drpnetOrigin"
_UNKNOWN = "-999"
_DECIMALS = 3
# Comments, which RELION reads over.
_NOTE = re.compile(r"^# napari-drpnet picks(?: diameter=(?P<diameter>[\d.e+-]+))?(?: source=(?P<source>.*))?$", re.M)
_FRAME = re.compile(
    r"^# micrograph shape=(?P<shape>\d+,\d+|unknown) pixel_size=(?P<pixel_size>[\d.e+-]+|unknown)$", re.M
)


@dataclass(frozen=True, eq=False)
class Stored:
    """The picks of one micrograph as its files hold them.

    Attributes
    ----------
    picks
        The picker's first, then those labelled.
    picker
        Who proposed; empty when no picker has seen the micrograph.
    """

    picks: Picks
    picker: str = ""


def split(picks: Picks, region: MaskArray | None) -> tuple[Picks, Picks]:
    """What each of the two files holds: particles that RELION may extract, and labels with what is hidden."""
    picks = replace(picks, yx=np.round(picks.yx, _DECIMALS))
    hidden = np.zeros(len(picks), dtype=bool) if region is None else covered(picks.yx, picks.frame, region)
    extracted = (picks.label != "background") & ~hidden & _inside(picks)
    return picks.select(extracted), picks.select(picks.by_hand | hidden | ~_inside(picks))


def _inside(picks: Picks) -> MaskArray:
    if picks.frame.shape is None:
        return np.ones(len(picks), dtype=bool)
    at = whole_pixels(picks.yx)
    return np.asarray(((at >= 0) & (at < np.array(picks.frame.shape))).all(axis=1))


def picks_text(extracted: Picks, picker: str) -> str:
    """The file that RELION extracts from; ``picker`` is kept for the picks nobody labelled."""
    y, x = whole_pixels(extracted.yx).T
    columns = {
        _X: [str(value) for value in x.tolist()],
        _Y: [str(value) for value in y.tolist()],
        _SCORE: _scores(extracted),
        _CLASS: [str(value) for value in extracted.class_number.tolist()],
        _PSI: [f"{value:.6f}" for value in extracted.psi.tolist()],
    }
    return format_table(columns, comments=_comments(extracted, picker))


def labels_text(labels: Picks) -> str:
    """The file of what a person said, and of what is hidden."""
    columns = {
        _X: [f"{value:.{_DECIMALS}f}" for value in labels.yx[:, 1].tolist()],
        _Y: [f"{value:.{_DECIMALS}f}" for value in labels.yx[:, 0].tolist()],
        _SCORE: _scores(labels),
        _LABEL: labels.label.tolist(),
        _ORIGIN: labels.source.tolist(),
    }
    if labels.class_number.any() or labels.psi.any():
        columns[_CLASS] = [str(value) for value in labels.class_number.tolist()]
        columns[_PSI] = [f"{value:.6f}" for value in labels.psi.tolist()]
    return format_table(columns, comments=_comments(labels, ""))


def _scores(picks: Picks) -> list[str]:
    return [f"{value:.6f}" if np.isfinite(value) else _UNKNOWN for value in picks.score.tolist()]


def _comments(picks: Picks, picker: str) -> list[str]:
    frame, known = picks.frame, set(picks.diameter[np.isfinite(picks.diameter)].tolist())
    diameter = known.pop() if len(known) == 1 else np.nan
    shape = "{},{}".format(*frame.shape) if frame.shape else "unknown"
    (line,) = note(replace(picks, diameter=np.array(diameter), source=np.array("")))
    line += f" source={picker}" if picker else ""
    return [line, f"micrograph shape={shape} pixel_size={frame.pixel_size or 'unknown'}"]


def read_stored(frame: Frame, picks_file: Path | None, labels_file: Path | None) -> Stored:
    """The picks of one micrograph.

    Parameters
    ----------
    frame
        Its name, and what is known of its shape and pixel size; what is not is taken from the files.
    picks_file, labels_file
        None where there is none.

    Raises
    ------
    UserError
        When a file is damaged.
    """
    picks, labels, picker = _empty(frame), _empty(frame), ""
    if picks_file is not None:
        text = read_text(picks_file)
        frame = _frame(text, frame)
        found = _NOTE.search(text)
        picker = ((found["source"] if found else "") or "").strip()
        picks = _read(text, picks_file, frame, picker)
    if labels_file is not None:
        text = read_text(labels_file)
        frame = _frame(text, frame)
        labels = _read(text, labels_file, frame, "")
    # Labels may stand in both files, one of them older: they go before.
    said = set(map(tuple, whole_pixels(labels.yx).tolist()))
    alone = np.array([tuple(at) not in said for at in whole_pixels(picks.yx).tolist()], dtype=bool)
    both = picks.select(alone), labels.select(~labels.by_hand), labels.select(labels.by_hand)
    columns = ("yx", "score", "diameter", "class_number", "psi", "label", "source")
    return Stored(Picks(frame, **{c: np.concatenate([getattr(part, c) for part in both]) for c in columns}), picker)


def _empty(frame: Frame) -> Picks:
    return Picks(frame, np.empty((0, 2)))


def _frame(text: str, frame: Frame) -> Frame:
    """The frame, with what the file's comment knows and it does not."""
    found = _FRAME.search(text)
    if found is None:
        return frame
    if frame.shape is None and found["shape"] != "unknown":
        height, width = found["shape"].split(",")
        frame = replace(frame, shape=(int(height), int(width)))
    if frame.pixel_size is None and found["pixel_size"] != "unknown":
        frame = replace(frame, pixel_size=float(found["pixel_size"]))
    return frame


def _read(text: str, path: Path, frame: Frame, picker: str) -> Picks:
    tables = parse_tables(text, path)
    table = next((table for table in tables if _X in table and _Y in table), tables[-1])
    yx = np.column_stack([table.numbers(_Y), table.numbers(_X)])
    if not np.isfinite(yx).all():
        raise UserError(f"{path}: a coordinate is not a finite number.", "Correct the file, or delete it.")
    found = _NOTE.search(text)
    return Picks(
        frame,
        yx,
        score=_known(table, _SCORE),
        diameter=np.array(float((found["diameter"] if found else None) or "nan")),
        class_number=np.nan_to_num(_known(table, _CLASS)).astype(np.int64),
        psi=np.nan_to_num(_known(table, _PSI)),
        label=_words(table, _LABEL, "particle"),
        source=_words(table, _ORIGIN, picker),
    )


def _known(table: Table, column: str) -> FloatArray:
    values = table.numbers(column) if column in table else np.full(len(table), np.nan)
    return np.where(values == float(_UNKNOWN), np.nan, values)


def _words(table: Table, column: str, default: str) -> np.ndarray[tuple[int, ...], np.dtype[np.str_]]:
    return np.array(table.texts(column) if column in table else [default] * len(table), dtype=np.str_)
