"""The command that makes templates for the template picker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_drpnet import jobs
from napari_drpnet.cli.options import Given, Inputs, option, options
from napari_drpnet.cli.terminal import run_job
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import require_folder
from napari_drpnet.settings import TEMPLATE_PICKER, PickRun, TemplateSetSettings, validated


def templates(
    inputs: Inputs = None,
    coordinates: Annotated[
        Path | None, typer.Option(help="Picks of the micrographs, a file or a folder: templates are their averages.")
    ] = None,
    structure: Annotated[
        Path | None,
        typer.Option("--map", help="Density map (MRC) or atomic model (PDB, mmCIF): templates are its projections."),
    ] = None,
    out: Annotated[Path, typer.Option(help="The MRC stack to write.")] = Path("templates.mrc"),
    *,
    told: Annotated[Given, options(TemplateSetSettings)],
    pixel_size: Annotated[float | None, option(PickRun, "pixel_size")] = None,
) -> None:
    """Make templates for the template picker, from picks or from a map.

    napari-drpnet templates Micrographs/ --coordinates picks/ --diameter 180 --out templates.mrc

    napari-drpnet templates --map emd_1234.map --count 20 --out templates.mrc
    """
    require_folder(out.parent)
    settings = validated(TemplateSetSettings, told)
    if (structure is None) == (coordinates is None) or bool(inputs) == (structure is not None):
        raise UserError("Templates are made of micrographs and their picks, or of a map.", "See --help.")
    if structure is not None:
        report = jobs.templates_of_structure(structure, settings, out)
        typer.echo(f"{report.count} projections, written to {report.path}")
    elif coordinates is not None:
        fields = jobs.labelled_in_files(inputs or (), [coordinates], pixel_size)
        report = run_job(jobs.templates_of_picks(fields, settings, out), "micrographs, {task.fields[picks]} particles")
        shown = ", ".join(map(str, report.members))
        typer.echo(f"{report.count} averages of {shown} particles, written to {report.path}")
    typer.echo(
        f"Use them:  napari-drpnet pick MICROGRAPHS --picker {TEMPLATE_PICKER} --diameter ... --option templates={out}"
    )
