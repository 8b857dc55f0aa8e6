"""The command that gathers patches: harvest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_drpnet import jobs
from napari_drpnet.cli.options import Given, Inputs, JsonFlag, Networks, OptionTexts, option, options
from napari_drpnet.cli.terminal import print_json, print_table, run_job, tell
from napari_drpnet.cli.values import picker_options
from napari_drpnet.settings import HarvestSettings, PickerSettings, PickRun

ProjectFolder = Annotated[Path | None, typer.Option("--project", help="Folder of a project with labels.")]


def harvest(
    inputs: Inputs = None,
    project: ProjectFolder = None,
    coordinates: Annotated[
        list[Path] | None,
        typer.Option(help="Labels or picks of the micrographs, a file or a folder; once for each set to compare."),
    ] = None,
    complete: Annotated[bool, typer.Option("--complete", help="The coordinates are of all particles.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the patch set. Default: patches, or patches/NAME of the project.")
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the patch set in the project.")] = "patches",
    *,
    told: Annotated[Given, options(HarvestSettings)],
    seen: Annotated[Given, options(PickerSettings, "diameter", "invert", "device")],
    picker: Annotated[str | None, option(PickRun, "picker")] = None,
    networks: Networks,
    own: OptionTexts = None,
    pixel_size: Annotated[float | None, option(PickRun, "pixel_size")] = None,
    json: JsonFlag = False,
) -> None:
    """Gather patches of particles and of background, to train a classifier on.

    Without labels, averages of the candidates say which of them are particles, where they prove enough.

    Example: napari-drpnet harvest Micrographs/ --coordinates labels/ --diameter 180 --out patches/
    """
    chosen = seen | networks | picker_options(own, seen, networks)
    micrographs, settings, loaded, folder = jobs.harvest_inputs(
        project, inputs or (), coordinates or (), pixel_size, complete, told, picker, chosen, out, name
    )
    report = run_job(jobs.harvest(micrographs, settings, loaded, folder), "micrographs, {task.fields[picks]} patches")
    for note in report.notes:
        tell("note", note)
    rows = [(*kind, str(count)) for kind, count in report.patches.counts().items()]
    if json:
        fields_ = ("label", "split", "origin", "patches")
        print_json(
            {
                "folder": report.folder,
                "source": report.source,
                "levels": report.levels,
                "counts": [dict(zip(fields_, row, strict=True)) for row in rows],
            }
        )
        return
    print_table(("label", "split", "origin", "patches"), rows)
    typer.echo(f"{len(report.patches)} patches, written to {report.folder}")
    if report.levels is not None:
        typer.echo(jobs.levels_in_words(report.levels))
