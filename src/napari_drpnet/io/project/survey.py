"""The survey that brings a project's index up to date with its inputs and its files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from glob import has_magic
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np

from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import micrograph_stem
from napari_drpnet.io.images import is_image
from napari_drpnet.io.inputs import expand
from napari_drpnet.io.picks.star import read_listed, read_star
from napari_drpnet.io.project.files import NO_FILES, Layout
from napari_drpnet.io.project.index import Index, Record, stamp
from napari_drpnet.io.project.picks import read_stored, split
from napari_drpnet.io.project.regions import read_region
from napari_drpnet.io.star_lists import COORDINATES, find_in_project, read_coordinate_list
from napari_drpnet.io.star_table import read_tables
from napari_drpnet.settings import ProjectSettings


def find_entries(inputs: Sequence[str], root: Path, trouble: list[UserError] | None = None) -> list[Record]:
    """The micrographs that the inputs mean, each once.

    Parameters
    ----------
    inputs, root
        What was named, and where relative names start.
    trouble
        Takes what is wrong, and the rest goes on; None: it is raised.

    Raises
    ------
    UserError
        When an input cannot be used, or two files have the same stem.
    """
    found: dict[str, tuple[Record, Path]] = {}
    wrong: list[UserError] = []
    for text in inputs:
        try:
            entries = expand(text, root)
            if entries and entries[0].name == text and not is_image(text) and not entries[0].path.exists():
                raise UserError(f"{text}: there is no such file or folder.", f"It is looked for in {root}.")
        except UserError as error:
            wrong.append(error)
            continue
        for entry in entries:
            name = micrograph_stem(entry.name)
            path = "" if entry.path == root / entry.name else os.path.relpath(entry.path, root)
            other = found.setdefault(name, (Record(name, entry.name, path, entry.pixel_size), entry.path))[1]
            if other != entry.path and other.resolve() != entry.path.resolve():
                wrong.append(
                    UserError(
                        f"{other} and {entry.path} would have the same name in the project, {name}.",
                        "Rename one of them, or give each a project of its own.",
                    )
                )
    if trouble is not None:
        trouble.extend(wrong)
    elif wrong:
        raise wrong[0]
    return [record for record, _ in found.values()]


def survey(files: Layout, settings: ProjectSettings, root: Path, index: Index) -> tuple[list[str], dict[str, Picks]]:
    """Bring an index up to date with the inputs and the files of the project.

    Returns
    -------
    changed, imported
        Names of the micrographs whose files were changed by others, and the picks that came with the inputs for
        micrographs that have none.
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
    changed = _count_anew(files, index, looks)
    free = {name for name in index.records if name not in looks} if renewed else set()
    return changed, _imported(settings.inputs, root, free)


def _inputs_stamp(inputs: Sequence[str], root: Path) -> str:
    """What the inputs look like, without looking at each file of a folder; empty when that cannot be told."""
    if any(has_magic(text) for text in inputs):
        return ""
    looks = stamp(root / text for text in inputs if not is_image(text))
    return hashlib.sha256("\0".join([*inputs, looks]).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _list_anew(files: Layout, settings: ProjectSettings, root: Path, index: Index, looks: dict[str, str]) -> None:
    """Take the micrographs from the inputs; those that are gone stay where they have picks or labels."""
    former, trouble = index.records, list[UserError]()
    records: dict[str, Record] = {}
    for found in find_entries(settings.inputs, root, trouble):
        known = former.get(found.name, found)
        records[found.name] = replace(known, listed=found.listed, path=found.path, pixel_size=found.pixel_size)
    for error in trouble:
        warn(str(error), stacklevel=5)
    # All of a disk that is away for now.
    gone = [name for name in ({**former, **looks} if trouble else looks) if name not in records]
    names = _listed(files) if any(name not in former for name in gone) else {}
    for name in gone:
        records[name] = former.get(name) or Record(name, names.get(name, name))
    if list(records.items()) != list(former.items()):
        index.unwritten = True
    index.records = records


def _listed(files: Layout) -> dict[str, str]:
    """The names of micrographs in the project's own list, by stem."""
    try:
        return {micrograph_stem(listed): listed for listed, _ in read_coordinate_list(files.list)}
    except UserError:
        return {}


def _count_anew(files: Layout, index: Index, looks: dict[str, str]) -> list[str]:
    """Count the picks of every micrograph whose files do not look like those that were counted."""
    changed: list[str] = []
    for name, record in list(index.records.items()):
        now = looks.get(name, NO_FILES)
        if now != (record.stamp or NO_FILES):
            index.records[name] = counted(files, replace(record, stamp=now))
            index.unwritten = True
            changed.append(name)
    return changed


def counted(files: Layout, record: Record) -> Record:
    """A record with what its files hold now; a file that cannot be read is a warning, and counts nothing."""
    here = [path if path.exists() else None for path in (files.picks(record.name), files.labels(record.name))]
    painted = files.region(record.name).exists()
    try:
        stored = read_stored(Frame(record.name, pixel_size=record.pixel_size), *here)
        known = painted and stored.picks.frame.shape is not None
        region = read_region(files.region(record.name)) if known else None
        numbers = counts(*split(stored.picks, region))
        return replace(record, picker=stored.picker, region=painted, **numbers)
    except UserError as error:
        warn(str(error), stacklevel=5)
        return replace(record, region=painted, picks=0, particles=0, background=0, score=float("nan"))


def counts(extracted: Picks, labels: Picks) -> dict[str, Any]:
    """The numbers of a `Record`."""
    score, by_hand = extracted.score[np.isfinite(extracted.score)], labels.by_hand
    return {
        "picks": len(extracted),
        "particles": int(np.sum(by_hand & (labels.label == "particle"))),
        "background": int(np.sum(by_hand & (labels.label == "background"))),
        "score": round(float(score.mean()), 4) if len(score) else float("nan"),
    }


def _imported(inputs: Sequence[str], root: Path, wanted: set[str]) -> dict[str, Picks]:
    """Picks that STAR files among the inputs bring, by name; a file that cannot be read is a warning."""
    found: dict[str, Picks] = {}
    for text in inputs:
        if not wanted or Path(text).suffix.lower() != ".star":
            continue
        for picks in _picks_of(root / text, root, wanted):
            name = micrograph_stem(picks.frame.micrograph)
            if name in wanted:
                found.setdefault(name, picks)
    return found


def _picks_of(star: Path, root: Path, wanted: set[str]) -> list[Picks]:
    found: list[Picks] = []
    try:
        tables = read_tables(star)
        if any("rlnCoordinateX" in table for table in tables):
            return read_star(star)
        pairs = read_coordinate_list(star) if any(COORDINATES in table for table in tables) else []
    except UserError as error:
        warn(str(error), stacklevel=5)
        return []
    for listed, file in pairs:
        if micrograph_stem(listed) in wanted:
            try:
                found.append(read_listed(listed, find_in_project(file, star, root)))
            except UserError as error:
                warn(str(error), stacklevel=5)
    return found
