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

from napari_drpnet.data import Frame, MaskArray, Picks
from napari_drpnet.errors import UserError, short
from napari_drpnet.io.picks.rows import checked
from napari_drpnet.io.picks.star import (
    note_of,
    orientation_columns,
    read_note,
    score_columns,
    score_texts,
    star_columns,
    whole_pixels,
)
from napari_drpnet.io.picks.star_fields import SCORE, X, Y
from napari_drpnet.io.star_table import Table, format_table, parse_tables, read_text
from napari_drpnet.io.words import Words, as_array
from napari_drpnet.regions import covered

_LABEL, _ORIGIN = "drpnetLabel", "drpnetOrigin"
_LABELS = {"particle", "background"}
_DECIMALS = 3
# A comment, which RELION reads over.
_FRAME = re.compile(
    r"^# micrograph shape=(?P<shape>[1-9]\d{0,6},[1-9]\d{0,6}|unknown) "
    r"pixel_size=(?P<pixel_size>\d{1,20}(\.\d{1,20})?(e[+-]?\d{1,2})?|unknown)$",
    re.M,
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
    seen = in_sight(picks, region)
    extracted, kept = (picks.label != "background") & seen, picks.by_hand | ~seen
    return picks if extracted.all() else picks.select(extracted), picks.select(kept)


def in_sight(picks: Picks, region: MaskArray | None) -> MaskArray:
    """``(n,)`` which picks lie on the micrograph, and outside its contaminated region."""
    inside = _inside(picks)
    return inside if region is None else inside & ~covered(picks.yx, picks.frame, region)


def _inside(picks: Picks) -> MaskArray:
    if picks.frame.shape is None:
        return np.ones(len(picks), dtype=bool)
    at = whole_pixels(picks.yx)
    return np.asarray(((at >= 0) & (at < np.array(picks.frame.shape))).all(axis=1))


def picks_text(extracted: Picks, picker: str) -> str:
    """The file that RELION extracts from; ``picker`` is kept for the picks nobody labelled."""
    return format_table(star_columns(extracted), comments=_comments(extracted, picker))


def labels_text(labels: Picks) -> str:
    """The file of what a person said, and of what is hidden."""
    columns = {
        X: [f"{value:.{_DECIMALS}f}" for value in labels.yx[:, 1].tolist()],
        Y: [f"{value:.{_DECIMALS}f}" for value in labels.yx[:, 0].tolist()],
        SCORE: score_texts(labels.score),
        _LABEL: labels.label.tolist(),
        _ORIGIN: labels.source.tolist(),
    }
    if labels.class_number.any() or labels.psi.any():
        columns |= orientation_columns(labels)
    return format_table(columns, comments=_comments(labels, ""))


def _comments(picks: Picks, picker: str) -> list[str]:
    frame, known = picks.frame, set(picks.diameter[np.isfinite(picks.diameter)].tolist())
    line = note_of(known.pop() if len(known) == 1 else np.nan, picker)
    shape = "{},{}".format(*frame.shape) if frame.shape else "unknown"
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
    if picks_file is None and labels_file is None:
        return Stored(_empty(frame))
    picks, labels, picker = _empty(frame), _empty(frame), ""
    if picks_file is not None:
        text = read_text(picks_file)
        frame = _frame(text, frame)
        _, picker = read_note(text)
        picks = _read(text, picks_file, frame, picker)
    if labels_file is not None:
        text = read_text(labels_file)
        frame = _frame(text, frame)
        labels = _read(text, labels_file, frame, "")
    # Labels may stand in both files, one of them older: they go before.
    said = set(map(tuple, whole_pixels(labels.yx).tolist()))
    alone = np.array([tuple(at) not in said for at in whole_pixels(picks.yx).tolist()], dtype=bool)
    both = picks.select(alone), labels.select(~labels.by_hand), labels.select(labels.by_hand)
    return Stored(Picks.joined(both, frame), picker)


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
        frame = replace(frame, pixel_size=float(found["pixel_size"]) or None)
    return frame


def _read(text: str, path: Path, frame: Frame, picker: str) -> Picks:
    tables = parse_tables(text, path)
    table = next((table for table in tables if X in table and Y in table), tables[-1])
    yx = np.column_stack([table.numbers(Y), table.numbers(X)])
    label = _words(table, _LABEL, "particle")
    if odd := set(label.tolist()) - _LABELS:
        raise UserError(f"{path}: {short(min(odd))} in the column {_LABEL}.", f"It is {' or '.join(sorted(_LABELS))}.")
    diameter, _ = read_note(text)
    picks = Picks(
        frame,
        yx,
        diameter=np.array(diameter),
        label=label,
        source=_words(table, _ORIGIN, picker),
        **score_columns(table),
    )
    return checked(picks, path)


def _words(table: Table, column: str, default: str) -> Words:
    return as_array(table.texts(column) if column in table else [default] * len(table), table.path)
