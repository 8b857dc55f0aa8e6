"""A labelled set: micrographs with the labels of their particles, and what is known of both."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError, short
from napari_drpnet.io.fields import read_fields
from napari_drpnet.io.files import reading
from napari_drpnet.io.images import size_of
from napari_drpnet.io.names import places
from napari_drpnet.io.paths import exists, is_dir, resolved
from napari_drpnet.io.picks.folder import NoPicksError
from napari_drpnet.io.picks.known_micrographs import KnownMicrographs
from napari_drpnet.jobs.compare.contenders import FilePicks, read_set
from napari_drpnet.jobs.inputs import PickTask, find_micrographs
from napari_drpnet.settings import LabelledSetSettings, validated

SET_FILE = "set.yaml"
NO_LABELS = "It has no labels."
_LABELS = "labels"
# Pixels: labels that differ less are the same ones, written with fewer digits.
_ROUNDING = 0.01
# So many times larger or smaller are labels of other particles than was said, or of several kinds.
_UNLIKE = 1.5


@dataclass(frozen=True, eq=False)
class Labelled:
    """One micrograph of a set.

    Attributes
    ----------
    name
        What results call it: without suffix, and without the folders that all have in common.
    task
        Its file.
    truth
        Its particles, in its frame, whose shape and pixel size are known.
    edge
        Width of the band along the border that is not scored, in pixels.
    digest
        Of its labels.
    """

    name: str
    task: PickTask
    truth: Picks
    edge: float
    digest: str


@dataclass(frozen=True, eq=False)
class LabelledSet:
    """A set that can be scored on.

    Attributes
    ----------
    name, diameter
        Of the set; the diameter of its particles in Angstrom.
    settings
        What else is known of it.
    micrographs
        Those with labels.
    left_out
        The others, with the reason.
    known
        What tells whose picks are whose.
    notes
        What a user should know: a sentence each.
    """

    name: str
    diameter: float
    settings: LabelledSetSettings
    micrographs: tuple[Labelled, ...]
    left_out: tuple[tuple[str, str], ...]
    known: KnownMicrographs
    notes: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Of the names of all its micrographs and of their labels."""
        return digest(f"{one.name} {one.digest}" for one in sorted(self.micrographs, key=lambda one: one.name))


def read_labelled_set(source: Path, given: Mapping[str, Any]) -> LabelledSet:
    """Read what is known of a set, find its micrographs, and read their labels.

    Parameters
    ----------
    source
        A folder, with a ``set.yaml`` or without, or such a file of any name.
    given
        Fields of `LabelledSetSettings`, which go before those of the file.

    Raises
    ------
    UserError
        For fields that are unknown or unusable, when the diameter is not known, when there are no micrographs or no
        labels of them, when labels are of other micrographs, or when the name of one is not UTF-8.
    """
    settings, folder = _settings(source, given)
    if settings.diameter is None:
        raise UserError(
            f"{source}: the diameter of the particles is not known.",
            f"Give it in Angstrom (--diameter), or write it into {SET_FILE}.",
        )
    where = folder / (settings.micrographs or "")
    named, left_out = _micrographs(where, settings)
    known = KnownMicrographs([task.micrograph for task, _ in named.values()], settings.pixel_size)
    with heard() as told:
        read = _labels(settings.labels and folder / settings.labels, where, known)
    labels = {picks.frame.micrograph: picks for picks in read.picks}
    found = []
    for name, (task, frame) in named.items():
        if (picks := labels.get(task.micrograph.name)) is None:
            left_out.append((name, read.refused.get(task.micrograph.name, NO_LABELS)))
            continue
        truth = replace(picks.select(picks.label != "background"), frame=frame)
        edge = frame.micrograph_pixels(settings.diameter) / 2 if settings.edge is None else settings.edge
        found.append(Labelled(name, task, truth, edge, picks_digest(replace(truth, score=np.array(np.nan)))))
    _require_text([*(one.name for one in found), *(name for name, _ in left_out)], source)
    _require_scored(found, source)
    name = settings.name or resolved(folder).name
    told += read.notes
    told += _sizes([one.truth for one in found], settings.diameter)
    return LabelledSet(name, settings.diameter, settings, tuple(found), tuple(left_out), known, tuple(told))


@contextmanager
def heard() -> Iterator[list[str]]:
    """What is warned of meanwhile, as sentences that results keep, each once."""
    told: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield told
    told += dict.fromkeys(" ".join(str(one.message).split()) for one in caught)


def _settings(source: Path, given: Mapping[str, Any]) -> tuple[LabelledSetSettings, Path]:
    """What is known of a set, and the folder where its paths start."""
    if not exists(source):
        raise UserError(f"{source}: there is no such set.", "Name a folder with micrographs and their labels.")
    file = source / SET_FILE if is_dir(source) else source
    folder = file.parent
    if is_dir(source) and not exists(file):
        return validated(LabelledSetSettings, _from_here(given)), folder
    fields = read_fields(file, f"Name the folder of a set, or its {SET_FILE}.")
    validated(LabelledSetSettings, fields, file)  # so that an error names the file only where that is to blame
    return validated(LabelledSetSettings, {**fields, **_from_here(given)}), folder


def _from_here(given: Mapping[str, Any]) -> dict[str, Any]:
    """Paths that a user gave start where the user is, not at the set."""
    return {name: value.absolute() if isinstance(value, Path) else value for name, value in given.items()}


def _micrographs(
    where: Path, settings: LabelledSetSettings
) -> tuple[dict[str, tuple[PickTask, Frame]], list[tuple[str, str]]]:
    """The micrographs that can be opened, by the name that results give them, and the others with the reason."""
    tasks, refusals = find_micrographs([where.as_posix()])
    if not tasks and is_dir(where):
        raise UserError(
            f"{where}: no micrograph lies in this folder.",
            f"For other folders give a pattern (--micrographs '{where.as_posix()}/**/*.mrc'), or write it into "
            f"{SET_FILE}.",
        )
    if not tasks:
        raise refusals[0].error if refusals else UserError(f"{where} lists no micrograph.", "Name another list.")
    common = os.path.commonpath([task.micrograph.path.absolute().parent for task in tasks])
    below = {os.path.relpath(task.micrograph.path.absolute(), common): task for task in tasks}
    good: dict[str, tuple[PickTask, Frame]] = {}
    failed = [(refusal.name, str(refusal.error)) for refusal in refusals]
    for name, place in places(below).items():
        try:
            good[place.as_posix()] = below[name], _frame(below[name], settings.pixel_size)
        except UserError as error:
            failed.append((place.as_posix(), str(error)))
    if not good:
        raise UserError(f"{where}: no micrograph of the set can be used. {failed[0][1]}")
    return good, failed


def _frame(task: PickTask, pixel_size: float | None) -> Frame:
    entry = task.micrograph
    shape, told = size_of(entry.path)
    frame = Frame(entry.name, shape, pixel_size or entry.pixel_size or told)
    frame.known_pixel_size()
    return frame


def _labels(source: Path | None, where: Path, known: KnownMicrographs) -> FilePicks:
    """Labels; by default those beside the micrographs, or, where these are a pattern, in the folder where it begins."""
    beside = where
    while not is_dir(beside) and beside != beside.parent:
        beside = beside.parent
    try:
        return read_set(_LABELS, source or beside, known, alone=source is not None)
    except NoPicksError as error:
        raise UserError(
            f"{source or beside}: there are no labels.",
            f"Name a file of picks, or a folder with some (--labels), or write it into {SET_FILE}.",
        ) from error


def _require_scored(found: Sequence[Labelled], source: Path) -> None:
    """Refuse a set of which the border leaves nothing: its figures would all be missing, without a word."""
    if found and all(2 * one.edge >= min(one.truth.frame.shape or (0,)) for one in found):
        first = found[0]
        sides = "{} x {}".format(*first.truth.frame.shape or (0, 0))
        raise UserError(
            f"{source}: the border that is not scored, {first.edge:.4g} px, leaves nothing of {sides} px.",
            "Check the diameter and the pixel size, or give another border (--edge).",
        )


def _require_text(names: Sequence[str], source: Path) -> None:
    """Refuse names of files that results, which are JSON, cannot keep, before anything is picked."""
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise UserError(
                f"{source}: {short(name)} is not UTF-8, and results cannot keep it.",
                "Rename the micrograph, and its labels.",
            ) from error


def _sizes(truth: Sequence[Picks], diameter: float) -> Iterator[str]:
    """Labels that are of another size than was said: a set has one diameter."""
    known = [float(np.median(one.diameter)) * one.frame.known_pixel_size() for one in truth if len(one)]
    sizes = [size for size in known if np.isfinite(size)]
    if sizes and not (max(sizes) / _UNLIKE <= diameter <= min(sizes) * _UNLIKE):
        told = " to ".join(dict.fromkeys(f"{size:.0f}" for size in (min(sizes), max(sizes))))
        yield (
            f"The labels say a diameter of {told} A, and {diameter:g} A is used for all. A set is of one kind of "
            "particles: make one for each."
        )


def picks_digest(picks: Picks) -> str:
    """Of places and scores, whatever their order; places that differ by rounding are the same."""
    places, scores = np.round(picks.yx / _ROUNDING).astype(np.int64).tolist(), picks.score.tolist()
    rows = sorted(f"{y} {x} {score:.4g}" for (y, x), score in zip(places, scores, strict=True))
    return digest([str(picks.frame.shape), *rows])


def digest(lines: Iterable[str]) -> str:
    """Of a text."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def image_digest(path: Path) -> str:
    """Of an image file.

    Raises
    ------
    UserError
        When it cannot be read.
    """
    with reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
