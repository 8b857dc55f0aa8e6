"""The survey that brings a project's index up to date with its inputs and its files."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from glob import has_magic
from pathlib import Path, PurePath
from typing import Any
from warnings import warn

import numpy as np

from napari_drpnet.data import Frame, MaskArray, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.images import is_image
from napari_drpnet.io.inputs import expand
from napari_drpnet.io.names import NameIndex, some
from napari_drpnet.io.paths import exists, shown
from napari_drpnet.io.project.candidates import Measured, packed, read_measured, write_measured
from napari_drpnet.io.project.files import NO_FILES, PICKS_ENDING, Layout
from napari_drpnet.io.project.imports import Offer, offered
from napari_drpnet.io.project.index import Index, Record, stamp
from napari_drpnet.io.project.naming import named
from napari_drpnet.io.project.picks import in_sight, read_stored, split
from napari_drpnet.io.project.regions import read_region
from napari_drpnet.io.safe_names import is_safe
from napari_drpnet.io.star_lists import MicrographEntry, read_coordinate_list
from napari_drpnet.labels import labels_of
from napari_drpnet.settings import ProjectSettings


def find_entries(
    inputs: Sequence[str], root: Path, former: Mapping[str, Record], trouble: list[UserError] | None = None
) -> list[Record]:
    """The micrographs that the inputs mean, each once.

    Parameters
    ----------
    inputs, root
        What was named, and where relative names start.
    former
        What the project knew until now, by name: a micrograph keeps its name.
    trouble
        Takes what is wrong, and the rest goes on; None: it is raised.

    Raises
    ------
    UserError
        When an input cannot be used, or two files would have the same name.
    """
    found: list[MicrographEntry] = []
    wrong: list[UserError] = []
    for text in inputs:
        try:
            entries = expand(text, root)
            if entries and entries[0].name == text and not is_image(text) and not exists(entries[0].path):
                raise UserError(f"{shown(text)}: there is no such file or folder.", f"It is looked for in {root}.")
            found += entries
        except UserError as error:
            wrong.append(error)
    entries_by_name = named(_each_meant(found, wrong), former, root, wrong)
    if trouble is not None:
        trouble.extend(wrong)
    elif wrong:
        raise wrong[0]
    return [_record(name, entry, root) for name, entry in entries_by_name.items()]


def _each_meant(entries: Sequence[MicrographEntry], wrong: list[UserError]) -> list[MicrographEntry]:
    """The micrographs without those that are not there under a name by which others are meant, as picks call them."""
    there = {entry.name: entry.path for entry in entries if exists(entry.path)}
    if all(entry.name in there for entry in entries):
        return list(entries)
    index, kept = NameIndex(there, {name: path.absolute() for name, path in there.items()}), []
    for entry in entries:
        meant = [] if entry.name in there else index.find(entry.name)
        if len(meant) > 1:
            wrong.append(UserError(f"{entry.name} may be {some(meant, 'or')}.", "Name it with its folder."))
        elif not meant:
            kept.append(entry)
    return kept


def _record(name: str, entry: MicrographEntry, root: Path) -> Record:
    path = "" if entry.path == root / entry.name else os.path.relpath(entry.path, root)
    return Record(name, entry.name, path, entry.pixel_size)


def survey(
    files: Layout, settings: ProjectSettings, root: Path, index: Index, writable: bool
) -> tuple[list[str], dict[str, list[Offer]]]:
    """Bring an index up to date with the inputs and the files of the project.

    Returns
    -------
    changed, offers
        Names of the micrographs whose files were changed by others, and the picks that came with the inputs for
        micrographs that have none, see `imports.offered`.
    """
    inputs, folders = _inputs_stamp(settings.inputs, root), files.stamp()
    if index.folders == folders:
        looks = {name: record.stamp for name, record in index.records.items() if record.stamp not in ("", NO_FILES)}
    else:
        looks = files.stamps()
        index.folders, index.unwritten = folders, True
    renewed = index.inputs != inputs or not inputs
    if renewed:
        index.inputs, index.unwritten = inputs, index.unwritten or bool(inputs)
        _list_anew(files, settings, root, index, looks)
    changed = _count_anew(files, index, looks, writable)
    free = {name for name in index.records if name not in looks} if renewed else set()
    offers = offered(settings.inputs, root, list(index.records.values()), free)
    index.unfinished = bool(offers)
    index.unwritten |= index.unfinished
    return changed, offers


def _inputs_stamp(inputs: Sequence[str], root: Path) -> str:
    """What the inputs look like, without looking at each file of a folder; empty when that cannot be told."""
    if any(has_magic(text) for text in inputs):
        return ""
    looks = stamp(root / text for text in inputs if not is_image(text))
    return hashlib.sha256("\0".join([*inputs, looks]).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _list_anew(files: Layout, settings: ProjectSettings, root: Path, index: Index, looks: dict[str, str]) -> None:
    """Take the micrographs from the inputs; those that are gone stay where they have picks or labels."""
    former, trouble = index.records or _listed(files), list[UserError]()
    records: dict[str, Record] = {}
    for found in find_entries(settings.inputs, root, former, trouble):
        known = former.get(found.name, found)
        records[found.name] = replace(known, listed=found.listed, path=found.path, pixel_size=found.pixel_size)
    for error in trouble:
        warn(str(error), stacklevel=5)
    # All of a disk that is away for now.
    gone = [name for name in ({**former, **looks} if trouble else looks) if name not in records]
    names = _listed(files) if any(name not in former for name in gone) else {}
    for name in gone:
        records[name] = former.get(name) or names.get(name) or Record(name, name)
    if list(records.items()) != list(former.items()):
        index.unwritten = True
    index.records = records


def _listed(files: Layout) -> dict[str, Record]:
    """The micrographs in the project's own list, by name."""
    try:
        pairs = read_coordinate_list(files.list)
    except UserError:
        return {}
    names = [(PurePath(file).name.removesuffix(PICKS_ENDING), listed) for listed, file in pairs]
    return {name: Record(name, listed) for name, listed in names if is_safe(name)}


def _count_anew(files: Layout, index: Index, looks: dict[str, str], writable: bool) -> list[str]:
    """Count the picks of every micrograph whose files do not look like those that were counted."""
    changed: list[str] = []
    for name, record in list(index.records.items()):
        now = looks.get(name, NO_FILES)
        if now != (record.stamp or NO_FILES):
            index.records[name] = counted(files, replace(record, stamp=now), writable)
            index.unwritten = True
            changed.append(name)
    return changed


def counted(files: Layout, record: Record, writable: bool) -> Record:
    """A record with what its files hold now; a file that cannot be read is a warning, and counts nothing.

    Another program may have changed them: where ``writable``, the candidates learn what became of its picks.
    """
    here = [path if exists(path) else None for path in (files.picks(record.name), files.labels(record.name))]
    painted = exists(files.region(record.name))
    try:
        stored = read_stored(Frame(record.name, pixel_size=record.pixel_size), *here)
        known = painted and stored.picks.frame.shape is not None
        region = read_region(files.region(record.name)) if known else None
        measured = _beside(files.candidates(record.name), stored.picks, writable)
        numbers = counts(*split(stored.picks, region), measured, region)
        return replace(record, picker=stored.picker, region=painted, **numbers)
    except UserError as error:
        warn(str(error), stacklevel=5)
        return replace(record, region=painted, picks=0, particles=0, background=0, score=float("nan"))


def _beside(path: Path, picks: Picks, writable: bool) -> Measured | None:
    measured = read_measured(path, picks.frame)
    if measured is None or measured.candidates is None:
        return measured
    now = measured.beside(picks)
    if writable and now is not measured:
        with suppress(UserError):  # else it is seen anew with the next look
            write_measured(now, path)
    return now


def counts(
    extracted: Picks, labels: Picks, measured: Measured | None = None, region: MaskArray | None = None
) -> dict[str, Any]:
    """The numbers of a `Record`, from what its files hold and what was ``measured``."""
    score, by_hand = extracted.score[np.isfinite(extracted.score)], labels.by_hand
    return {
        "picks": len(extracted),
        "particles": int(np.sum(by_hand & (labels.label == "particle"))),
        "background": int(np.sum(by_hand & (labels.label == "background"))),
        "score": round(float(score.mean()), 4) if len(score) else float("nan"),
        **_measured(extracted, labels, measured, region),
    }


def _measured(extracted: Picks, labels: Picks, measured: Measured | None, region: MaskArray | None) -> dict[str, Any]:
    if measured is None:
        return {"levels": "", "evidence": None, "evidence_error": None, "ice": None}
    levels = ""
    if measured.candidates is not None:
        seen = in_sight(replace(measured.offered, frame=extracted.frame), region)
        levels = packed(measured.counts(labels_of(labels), seen, int(extracted.by_hand.sum())))
    told = {name: _rounded(getattr(measured, name)) for name in ("evidence", "evidence_error", "ice")}
    return {"levels": levels, **told}


def _rounded(value: float) -> float | None:
    """As the index keeps it."""
    return float(f"{value:.4g}") if math.isfinite(value) else None
