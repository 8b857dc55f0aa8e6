"""What is averaged: the picks of a project, of files, or of a picker, with their micrographs and their CTF."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np

from napari_drpnet.data import Micrograph, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.ctf import KnownCTF
from napari_drpnet.io.ctf_files import ctf_beside, read_ctf
from napari_drpnet.io.paths import exists
from napari_drpnet.io.picks.cryosparc_group import CRYOSPARC_SUFFIXES
from napari_drpnet.io.picks.folder import picks_of
from napari_drpnet.io.project.project import Project
from napari_drpnet.io.star_lists import MicrographEntry
from napari_drpnet.jobs.averaging.picked import PickedMicrograph
from napari_drpnet.jobs.browse import outside
from napari_drpnet.jobs.inputs import PickTask, find_micrographs
from napari_drpnet.jobs.picked_files import read_task
from napari_drpnet.jobs.picking import learn
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.pickers.protocol.registry import load_picker
from napari_drpnet.steps import Job


@dataclass(frozen=True, eq=False)
class Source:
    """Micrographs with picks.

    Attributes
    ----------
    micrographs
        In their order.
    diameter
        Of the particle in Angstrom, as the picks or the project say; None where they do not.
    ctf
        Of the micrographs, by their names.
    lenses
        Voltage and the like by RELION's columns, by the name of the micrograph.
    """

    micrographs: tuple[PickedMicrograph, ...]
    diameter: float | None = None
    ctf: KnownCTF = field(default_factory=lambda: KnownCTF({}))
    lenses: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def picked_in_project(project: Project, ctf: Path | None = None, names: Sequence[str] | None = None) -> Source:
    """The particles of a project, picked or labelled.

    Parameters
    ----------
    project
        Whose micrographs are read when it is their turn.
    ctf
        File or folder that tells it; None: what lies beside the micrographs.
    names
        Of the micrographs; None for all.

    Raises
    ------
    UserError
        When no micrograph has picks, or the CTF cannot be read.
    """
    rows = project.rows() if names is None else [project.row(name) for name in names]
    entries = [project.entry(row.name) for row in rows if row.picks]
    if not entries:
        which = "no micrograph of the project has picks" if names is None else f"{', '.join(names)} has no picks"
        raise UserError(f"{project.folder}: {which}.", "Pick its micrographs first.")
    lens = known_ctf(ctf, [(entry.name, entry.path) for entry in entries])

    def load(name: str) -> tuple[Micrograph, Picks]:
        picks = outside(project.read_picks(name), project.read_region(name))
        return project.read_micrograph(name), _particles(picks)

    micrographs = tuple(
        PickedMicrograph(e.name, partial(load, e.name), lens.of(e.name), _told_by(lens)) for e in entries
    )
    return Source(micrographs, project.settings.diameter, lens)


def picked_in_view(read: Callable[[], Micrograph], picks: Picks, ctf: KnownCTF | None = None) -> Source:
    """The picks of one micrograph that is open.

    Parameters
    ----------
    read
        Gives its pixels when they are needed.
    picks
        Of it.
    ctf
        That it may be among; None: it is not known.

    Raises
    ------
    UserError
        When none of the picks is a particle.
    """
    name, lens, particles = picks.frame.micrograph, ctf or KnownCTF({}), _particles(picks)
    if not len(particles):
        raise UserError(f"{name}: there are no picks to average.", "Pick the micrograph first, or choose other points.")
    one = PickedMicrograph(name, lambda: (read(), particles), lens.of(name), _told_by(lens))
    return Source((one,), _diameter([particles]), lens)


def ctf_of(name: str, path: Path | None) -> KnownCTF | None:
    """The CTF of a micrograph that files beside its own tell; None where they do not.

    Raises
    ------
    UserError
        When such a file cannot be read.
    """
    return None if path is None else known_ctf(None, [(name, path)])


def picked_in_files(
    picks: Path, inputs: Sequence[str], pixel_size: float | None = None, ctf: Path | None = None
) -> Source:
    """Picks in a file or a folder, in any format that is read, of micrographs.

    Parameters
    ----------
    picks
        Their file or folder.
    inputs
        Micrographs, as `find_micrographs` takes them.
    pixel_size
        Of the micrographs, in Angstrom; None: what the inputs say.
    ctf
        File or folder that tells it; None: the STAR file among the inputs, or what lies beside the micrographs.

    Raises
    ------
    UserError
        When there is no micrograph, none has picks, or a file cannot be read.

    Warns
    -----
    UserWarning
        For inputs that cannot be used, and picks that are left out.
    """
    tasks = _tasks(inputs)
    found = picks_of([picks], [task.micrograph for task in tasks], pixel_size)
    used = [task for task in tasks if len(found.get(task.micrograph.name, ()))]
    empty = [task for task in tasks if not len(found.get(task.micrograph.name, ()))]
    _tell_missing([task.micrograph.path for task in empty], bool(used))
    if not used:
        raise UserError(f"{picks}: it has no picks of these micrographs.", "Name the micrographs that they are of.")

    def load(task: PickTask) -> tuple[Micrograph, Picks]:
        return read_task(task, pixel_size), found[task.micrograph.name]

    return _source(used, load, inputs, ctf, _diameter([found[task.micrograph.name] for task in used]))


def averaging_picker(name: str, diameter: float | None, options: Mapping[str, Any]) -> LoadedPicker:
    """A picker whose picks are to be averaged.

    Raises
    ------
    UserError
        When there is no such picker, it needs a diameter, or a setting cannot be used.
    """
    return load_picker(name, **({} if diameter is None else {"diameter": diameter}), **options)


def picked_by(
    picker: LoadedPicker, inputs: Sequence[str], pixel_size: float | None = None, ctf: Path | None = None
) -> Job[Source]:
    """What a picker finds on micrographs, each of which is read once; one that learns does so first.

    Parameters
    ----------
    picker
        Any.
    inputs, pixel_size, ctf
        See `picked_in_files`.

    Raises
    ------
    UserError
        When there is no micrograph, or the CTF cannot be read.
    """
    tasks = _tasks(inputs)
    yield from learn(picker, [partial(read_task, task, pixel_size) for task in tasks])

    def load(task: PickTask) -> tuple[Micrograph, Picks]:
        micrograph = read_task(task, pixel_size)
        return micrograph, picker.pick(micrograph)

    return _source(tasks, load, inputs, ctf, picker.settings.diameter or None)


def _tell_missing(unused: Sequence[Path], others: bool) -> None:
    """Of files that are not there a wrong name is the reason why nobody has picks of them; without others it is all."""
    missing = [path for path in unused if not exists(path)]
    if not missing:
        return
    more = f", nor {len(missing) - 1} others" if len(missing) > 1 else ""
    error = UserError(f"{missing[0]}: there is no such file or folder{more}.", "Check the name.")
    if not others:
        raise error
    warn(str(error), stacklevel=3)


def _tasks(inputs: Sequence[str]) -> list[PickTask]:
    tasks, refusals = find_micrographs(inputs)
    if not tasks:
        raise refusals[0].error if refusals else UserError("There are no micrographs.", "Name some.")
    for refusal in refusals:
        warn(str(refusal.error), stacklevel=3)
    return tasks


def _source(
    tasks: Sequence[PickTask],
    load: Callable[[PickTask], tuple[Micrograph, Picks]],
    inputs: Sequence[str],
    ctf: Path | None,
    diameter: float | None,
) -> Source:
    entries: list[MicrographEntry] = [task.micrograph for task in tasks]
    lens = known_ctf(ctf, [(entry.name, entry.path) for entry in entries], lists_among(inputs))
    micrographs = tuple(
        PickedMicrograph(task.micrograph.name, partial(load, task), lens.of(task.micrograph.name), _told_by(lens))
        for task in tasks
    )
    return Source(micrographs, diameter, lens, {entry.name: entry.lens for entry in entries if entry.lens})


def lists_among(inputs: Iterable[str]) -> list[Path]:
    """Those of the inputs that list micrographs, and may tell their CTF."""
    return [Path(text) for text in inputs if text.lower().endswith((".star", *CRYOSPARC_SUFFIXES))]


def known_ctf(ctf: Path | None, files: Sequence[tuple[str, Path]], lists: Sequence[Path] = ()) -> KnownCTF:
    """The CTF of micrographs as it is told, by a file that lists them, or by files beside them."""
    names, paths = [name for name, _ in files], dict(files)
    if ctf is not None:
        return read_ctf(ctf).settled(names, paths)
    for listed in lists:
        try:
            return read_ctf(listed).settled(names, paths)
        except UserError:  # a list of micrographs need not tell it
            continue
    beside = ctf_beside(paths.values())
    return beside.settled(names, paths) if len(beside) else beside


def _told_by(ctf: KnownCTF) -> str:
    """Its file or folder, within a sentence."""
    return str(ctf.where) if isinstance(ctf.where, Path) else "the files beside the micrographs"


def _particles(picks: Picks) -> Picks:
    return picks.select(picks.label == "particle")


def _diameter(found: Sequence[Picks]) -> float | None:
    """Of the picks, in Angstrom; None where they do not tell."""
    known = [
        picks.diameter[np.isfinite(picks.diameter)] * picks.frame.pixel_size
        for picks in found
        if picks.frame.pixel_size
    ]
    values = np.concatenate([np.empty(0), *known])
    return float(np.median(values)) if len(values) else None
