"""The command that gathers patches: harvest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_drpnet import jobs
from napari_drpnet.cli.options import JsonFlag, argument, given, option
from napari_drpnet.cli.terminal import print_json, print_table, run_job, tell
from napari_drpnet.settings import Device, DRPnetSettings, HarvestSettings, PickerSettings, PickRun

ProjectFolder = Annotated[Path | None, typer.Option("--project", help="Folder of a project with labels.")]


def harvest(
    inputs: Annotated[list[str] | None, argument(PickRun, "inputs")] = None,
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
    diameter: Annotated[float | None, option(PickerSettings, "diameter")] = None,
    pixel_size: Annotated[float | None, option(PickRun, "pixel_size")] = None,
    source: Annotated[str | None, option(HarvestSettings, "source")] = None,
    random: Annotated[int | None, option(HarvestSettings, "random")] = None,
    regions: Annotated[bool | None, option(HarvestSettings, "regions", "--regions/--no-regions")] = None,
    difference: Annotated[bool | None, option(HarvestSettings, "difference", "--difference/--no-difference")] = None,
    likely: Annotated[float | None, option(HarvestSettings, "likely")] = None,
    height: Annotated[float | None, option(HarvestSettings, "height")] = None,
    mean: Annotated[float | None, option(HarvestSettings, "mean")] = None,
    deviation: Annotated[float | None, option(HarvestSettings, "deviation")] = None,
    balance: Annotated[bool | None, option(HarvestSettings, "balance", "--balance/--no-balance")] = None,
    validation: Annotated[float | None, option(HarvestSettings, "validation")] = None,
    detector: Annotated[str | None, option(DRPnetSettings, "detector")] = None,
    invert: Annotated[bool | None, option(PickerSettings, "invert", "--invert/--no-invert")] = None,
    seed: Annotated[int | None, option(HarvestSettings, "seed")] = None,
    device: Annotated[Device | None, option(PickerSettings, "device")] = None,
    json: JsonFlag = False,
) -> None:
    """Gather patches of particles and of background, to train a classifier on.

    Example: napari-drpnet harvest Micrographs/ --coordinates labels/ --diameter 180 --out patches/
    """
    options = given(diameter=diameter, detector=detector, invert=invert, device=device)
    chosen = given(
        source=source,
        random=random,
        regions=regions,
        difference=difference,
        likely=likely,
        height=height,
        mean=mean,
        deviation=deviation,
        balance=balance,
        validation=validation,
        seed=seed,
    )
    micrographs, settings, picker, folder = jobs.harvest_inputs(
        project, inputs or (), coordinates or (), pixel_size, complete, chosen, options, out, name
    )
    report = run_job(jobs.harvest(micrographs, settings, picker, folder), "micrographs, {task.fields[picks]} patches")
    for note in report.notes:
        tell("note", note)
    rows = [(*kind, str(count)) for kind, count in report.patches.counts().items()]
    if json:
        fields_ = ("label", "split", "origin", "patches")
        print_json({"folder": report.folder, "counts": [dict(zip(fields_, row, strict=True)) for row in rows]})
        return
    print_table(("label", "split", "origin", "patches"), rows)
    typer.echo(f"{len(report.patches)} patches, written to {report.folder}")
