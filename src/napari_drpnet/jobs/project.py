"""Projects: open or make one, and pick its micrographs."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_drpnet.curation import labels_of, with_labels
from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import micrograph_stem
from napari_drpnet.io.inputs import expand
from napari_drpnet.io.project import Project
from napari_drpnet.jobs.picking import PickReport, PickResult, find_particles
from napari_drpnet.jobs.progress import Job, Progress
from napari_drpnet.pickers.base import Picker, load_picker, settings_class
from napari_drpnet.settings import ProjectSettings

_ROLES = ("detector", "classifier")


def open_project(folder: str | Path, inputs: Sequence[str] = (), read_only: bool = False, **settings: Any) -> Project:
    """Open a project, or make one when there are inputs.

    Parameters
    ----------
    folder
        Of the project.
    inputs
        Micrographs, folders, patterns and STAR files, from the working folder; a project that is there gets those
        that it does not have.
    read_only
        Open it without the right to write, so that another window may have it.
    **settings
        Fields of `ProjectSettings` to set.

    Raises
    ------
    UserError
        When there is neither a project nor an input, or what is given cannot be used.
    """
    folder = Path(folder)
    if not (folder / "project.yaml").exists():
        if not inputs:
            raise UserError(
                f"{folder} is not a project.",
                "Name its micrographs, and it is made: a folder, a pattern or a STAR file.",
            )
        return Project.create(folder, inputs=tuple(map(str, inputs)), **settings)
    project = Project.open(folder, read_only)
    given = [_from_root(str(text), project.root) for text in inputs]
    more = [text for text in given if text not in project.settings.inputs]
    if more:
        settings["inputs"] = (*project.settings.inputs, *more)
    changed = {name: value for name, value in settings.items() if getattr(project.settings, name, None) != value}
    try:
        for role in _ROLES:
            if changed.get(role):
                project.weights(changed[role])  # before it is written
        if changed:
            project.update(**changed)
    except UserError:
        project.close()
        raise
    return project


def is_project(folder: str | Path) -> bool:
    """Whether a folder is a project."""
    return (Path(folder) / "project.yaml").exists()


def names_of(project: Project, inputs: Sequence[str]) -> list[str]:
    """The micrographs of a project that inputs mean: their names in it, files, folders, patterns, or STAR files.

    Raises
    ------
    UserError
        When one means a micrograph that the project does not have.
    """
    known = {entry.name for entry in project.micrographs}
    names: dict[str, None] = {}
    for text in inputs:
        meant = [text] if text in known else [micrograph_stem(entry.name) for entry in expand(text)]
        for name in meant:
            if name not in known:
                raise UserError(
                    f"{project.folder} has no micrograph named {name!r}.",
                    f"Add it: napari-drpnet project {project.folder} {text}",
                )
            names[name] = None
    return list(names)


def _absolute(network: str) -> str:
    """A file of weights by its full path, since a project is opened from anywhere; other names as they are."""
    return str(Path(network).absolute()) if network.endswith(".safetensors") and Path(network).is_file() else network


def _from_root(text: str, root: Path) -> str:
    """An input as it reads from a project's root instead of the working folder."""
    if Path(text).is_absolute() or Path.cwd() == root:
        return text
    return Path(os.path.relpath(text, root)).as_posix()


def project_picker(project: Project, **settings: Any) -> Picker:
    """The picker of a project, with its settings and networks.

    Parameters
    ----------
    project
        Whose settings count.
    **settings
        What goes before them, and what they do not say: ``device``, ``memory``, ``border``.

    Raises
    ------
    UserError
        When the diameter is not known, or a setting or network cannot be used.
    """
    chosen = project.settings
    if chosen.diameter is None and not settings.get("diameter"):
        raise UserError(
            f"{project.folder} does not say how large the particle is.",
            "Give its diameter in Angstrom with --diameter.",
        )
    known = settings_class(chosen.picker).model_fields
    shared = set(ProjectSettings.model_fields) & set(known)
    options = {name: getattr(chosen, name) for name in shared} | settings
    for role in _ROLES:
        if options.get(role):
            options[role] = project.weights(options[role])
    return load_picker(chosen.picker, **options)


def pick_project(project: Project, names: Sequence[str] | None = None, **settings: Any) -> Job[PickReport]:
    """Pick micrographs of a project, and keep every label.

    What a person said stays, and the picker's picks near it give way. A micrograph that cannot be picked is reported
    and the others go on; those that are finished stay when the run is stopped.

    Parameters
    ----------
    project
        Open, and not for reading only.
    names
        Of the micrographs; None for all.
    **settings
        Of the picker, beside those of the project.

    Raises
    ------
    UserError
        For unusable settings, or when the project cannot be written.
    """
    project.require_writable()
    picker = project_picker(project, **settings)
    wanted = [entry.name for entry in project.micrographs] if names is None else [project.entry(n).name for n in names]
    results: list[PickResult] = []
    found = 0
    for done, name in enumerate(wanted):
        here = Progress(done, len(wanted), found, name)
        yield here
        result = yield from _pick_one(project, picker, name, here)
        results.append(result)
        found += result.picks
    yield Progress(len(wanted), len(wanted), found)
    return PickReport(project.folder, tuple(results))


def _pick_one(project: Project, picker: Picker, name: str, here: Progress) -> Job[PickResult]:
    """Read, pick and write one micrograph. Only what is wrong with the micrograph itself is a result."""
    start = time.perf_counter()
    try:
        micrograph = project.read_micrograph(name)
        proposed = yield from find_particles(picker, micrograph, here)
        distance = micrograph.frame.micrograph_pixels(picker.settings.spacing)
    except UserError as error:
        return PickResult(name, seconds=time.perf_counter() - start, error=str(error))
    merge_picks(project, name, proposed, distance, picker.name)
    row = project.row(name)
    coordinates = project.folder / "picks" / f"{name}_autopick.star"
    return PickResult(name, row.picks, time.perf_counter() - start, coordinates=coordinates)


def merge_picks(project: Project, name: str, proposed: Picks, distance: float, picker: str) -> Picks:
    """Put a picker's proposal into a project, with the labels that are there; gives what is kept.

    Parameters
    ----------
    project, name
        Which micrograph.
    proposed
        What the picker found.
    distance
        In micrograph pixels: nearer to a label than this, a proposed pick gives way.
    picker
        Its name.
    """
    with project.alone():
        merged = with_labels(proposed, labels_of(project.read_picks(name)), distance)
        project.write_picks(name, merged, picker)
    return merged
