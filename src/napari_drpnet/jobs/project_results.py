"""What became of the micrographs of a project, now and before, for those who are told of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs.pick_report import PickResult
from napari_drpnet.jobs.run_page.keep import Told
from napari_drpnet.settings import SHARED


def with_earlier(project: Project, asked: Sequence[str], now: Sequence[PickResult]) -> list[PickResult]:
    """What became of all that was asked for, those included that had their picks before."""
    new = {result.micrograph: result for result in now}
    return [new.get(name) or _before(project, name) for name in asked]


def settings_told(project: Project) -> Told:
    """What the page of a project says of its settings."""
    said = project.settings
    options = {name: getattr(said, name) for name in SHARED} | dict(said.options)
    fields = {"picker": said.picker, "pixel_size": said.pixel_size, "keep_unproved": said.keep_unproved}
    return fields | {"out": project.folder.as_posix(), "options": options}, project.evidence.decision


def all_results(project: Project, noted: Sequence[PickResult]) -> list[PickResult]:
    """What became of the micrographs of a project, now and before."""
    now = {result.micrograph: result for result in noted}
    return [
        now.get(row.name) or _before(project, row.name)
        for row in project.rows()
        if row.name in now or row.state != "new"
    ]


def _before(project: Project, name: str) -> PickResult:
    row = project.row(name)
    return PickResult(name, row.picks, coordinates=picks_file(project, name), doubt=row.doubt, earlier=True)


def picks_file(project: Project, name: str) -> Path:
    """The file of a project that RELION extracts from."""
    return project.folder / "picks" / f"{name}_autopick.star"
