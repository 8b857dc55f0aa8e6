"""The command that makes and shows projects."""

from __future__ import annotations

import math
import shlex
from pathlib import Path
from typing import Annotated

import typer

from napari_drpnet import jobs
from napari_drpnet.cli.options import Given, JsonFlag, Networks, OptionTexts, argument, options
from napari_drpnet.cli.terminal import print_json, print_table, run_job
from napari_drpnet.cli.values import picker_options
from napari_drpnet.io.project.project import Project, Row
from napari_drpnet.pickers import settings_class
from napari_drpnet.settings import ProjectSettings, networks_of

_COUNTED = ("picks", "particles", "background")
_STATES = ("new", "picked", "edited", "done")


def project(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the project; made where there is none.")],
    inputs: Annotated[list[str] | None, argument(ProjectSettings, "inputs")] = None,
    *,
    told: Annotated[
        Given,
        options(
            ProjectSettings, "diameter", "pixel_size", "picker", "threshold", "min_distance", "invert", "keep_unproved"
        ),
    ],
    networks: Networks,
    own: OptionTexts = None,
    json: JsonFlag = False,
) -> None:
    """Make a project of micrographs, or show one.

    A project keeps picks, labels, networks and settings in files, for the window and for the command line.

    Example: napari-drpnet project DIR Micrographs/ --diameter 180
    """
    own_values = picker_options(own, networks, told) | networks
    only_shown = not inputs and not told and not own_values
    with run_job(jobs.opening(folder, inputs or (), only_shown, own_values, fresh=True, **told)) as opened:
        if json:
            print_json(_document(opened))
        else:
            _show(opened, folder)


def _show(opened: Project, folder: Path) -> None:
    rows = opened.rows()
    head = ["micrograph", *_COUNTED, "state", "score"]
    print_table(head, [*(_cells(row) for row in rows), _total(rows)])
    if rows and all(row.state == "new" for row in rows):
        typer.echo(f"Pick them:  {shlex.join(['napari-drpnet', 'pick', '--project', str(folder)])}")


def _cells(row: Row) -> list[str]:
    score = "-" if math.isnan(row.score) else f"{row.score:.3f}"
    return [
        row.name,
        *(str(getattr(row, name)) for name in _COUNTED),
        row.state + ", no proof" * bool(row.doubt),
        score,
    ]


def _total(rows: list[Row]) -> list[str]:
    states = [(state, sum(row.state == state for row in rows)) for state in _STATES]
    summary = ", ".join(f"{count} {state}" for state, count in states if count)
    sums = [str(sum(getattr(row, name) for row in rows)) for name in _COUNTED]
    return [f"all {len(rows)}", *sums, summary, ""]


def _document(opened: Project) -> dict[str, object]:
    roles = networks_of(settings_class(opened.settings.picker))
    return {
        "folder": opened.folder,
        "settings": opened.settings.model_dump(mode="json"),
        "networks": {field: opened.networks(role) for field, role in roles.items()},
        "micrographs": [
            {
                "name": entry.name,
                "path": entry.path,
                "pixel_size": entry.pixel_size,
                **{name: getattr(row, name) for name in (*_COUNTED, "state", "score", "doubt")},
            }
            for entry, row in zip(opened.micrographs, opened.rows(), strict=True)
        ],
    }
