"""Hand the picks of a project to another program, in its own format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_drpnet.errors import UserError
from napari_drpnet.io.inputs import read_list
from napari_drpnet.io.paths import exists, is_dir
from napari_drpnet.io.picks.formats import CRYOPPP, FORMATS
from napari_drpnet.io.picks.known_micrographs import KnownMicrographs
from napari_drpnet.io.project.listed import Entry
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs.conversion import Conversion, convert
from napari_drpnet.jobs.project_threshold import bring_there
from napari_drpnet.settings import ConversionSettings
from napari_drpnet.steps import Job

_LISTS = (".star", ".cs", ".csg")
_FOLDER = "export"  # in the folder of the project


def export_picks(
    project: Project, out: Path, to: str, only_done: bool = False, micrographs: Path | None = None
) -> Job[Conversion]:
    """Write the picks of a project, without background and without what lies in contaminated regions.

    Parameters
    ----------
    project
        Its files must be up to date.
    out
        A file, or a folder for formats with one file for each micrograph.
    to
        Name of the format, see `exports`.
    only_done
        Leave out micrographs that nobody marked as done.
    micrographs
        STAR file, or exposures of cryoSPARC, that list the micrographs, by whose names the picks are then called; by
        default the one that the project was made of, else the project's own names.

    Raises
    ------
    UserError
        When there is nothing to write, or as `convert` does.
    """
    if not project.read_only:
        yield from bring_there(project)
    rows = {row.name: row for row in project.rows()}
    chosen = [entry for entry in project.micrographs if not only_done or rows[entry.name].state == "done"]
    if not chosen:
        raise UserError("No micrograph is marked as done.", "Mark some with D, or export all.")
    if not any(rows[entry.name].picks for entry in chosen):
        raise UserError("These micrographs have no picks.", "Pick them first.")
    settings = ConversionSettings.model_validate({"to": to, "box_size": _box_size(project)})
    micrographs = micrographs or _its_list(project)
    wanted = _names(chosen, micrographs) if only_done else None
    return (yield from convert([project.folder], out, settings, micrographs, wanted))


def exports() -> dict[str, str]:
    """Names of the formats that a project can be written in, with what people call them; RELION's first."""
    told = {"star": "RELION: a STAR file for each micrograph", "particles": "RELION: one STAR file of all particles"}
    return told | {kind.name: kind.title for kind in FORMATS.values() if kind.name not in told and kind is not CRYOPPP}


def export_target(project: Project, to: str) -> Path:
    """Where the picks of a project go if nobody says: a folder, or a file in it."""
    kind, folder = FORMATS[to], project.folder / _FOLDER
    return folder / kind.ending if kind.several else folder / to


def _names(entries: Sequence[Entry], micrographs: Path | None) -> set[str]:
    """What picks call these micrographs: as the project lists them, or as a file that lists them does."""
    known = KnownMicrographs([] if micrographs is None else read_list(micrographs))
    found = ((entry.listed, known.entry(entry.listed)) for entry in entries)
    return {listed if other is None else other.name for listed, other in found}


def _box_size(project: Project) -> float | None:
    """The diameter of the particle in pixels, where all micrographs have one pixel size that is known."""
    sizes = {entry.pixel_size for entry in project.micrographs}
    size = sizes.pop() if len(sizes) == 1 else None
    return project.settings.diameter / size if project.settings.diameter and size else None


def _its_list(project: Project) -> Path | None:
    """The file that lists all micrographs, where the project was made of one."""
    if len(project.settings.inputs) != 1:
        return None
    path = project.root / project.settings.inputs[0]
    return path if path.suffix.lower() in _LISTS and exists(path) and not is_dir(path) else None
