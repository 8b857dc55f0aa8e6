"""The command that converts picks: convert."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from napari_drpnet import jobs
from napari_drpnet.cli.options import Given, options
from napari_drpnet.cli.terminal import run_job, tell
from napari_drpnet.errors import cut
from napari_drpnet.settings import ConversionSettings, validated

_SHOWN = 10  # names in a line


def convert(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="IN...", help="Files of picks, or folders with some; several are read together."),
    ],
    out: Annotated[
        Path, typer.Argument(help="File to write, or a folder for formats with one file for each micrograph.")
    ],
    told: Annotated[Given, options(ConversionSettings, flags={"flip_y": "--flip-y"})],
    micrographs: Annotated[
        Path | None,
        typer.Option(
            help="STAR file that lists the micrographs, or exposures of cryoSPARC (.cs): picks get their names, size "
            "and pixel size from it."
        ),
    ] = None,
) -> None:
    """Convert picks from one program's files to another's.

    Reads and writes RELION STAR, CSV, EMAN .box and JSON, crYOLO .cbox, Topaz, cryoSPARC .cs and CryoPPP CSV.
    Several files are read together. Where the pixel size in IN is not that of the micrographs, --micrographs,
    --pixel-size and --scale decide.
    Example: napari-drpnet convert particles.cs picks/ --to star --micrographs micrographs.star
    """
    settings = validated(ConversionSettings, told)
    report = run_job(jobs.convert(sources, out, settings, micrographs), "files, {task.fields[picks]} picks")
    _warn(report)
    if report.picks == 0:
        tell("warning", "there is not one pick.")
    typer.echo(f"{report.picks} picks of {report.micrographs} micrographs in {_place(report)}")
    if report.failed:
        raise typer.Exit(1)


def _warn(report: jobs.Conversion) -> None:
    for refusal in report.failed:
        tell("error", str(refusal.error))
    lists = (
        ("not in the list of micrographs; written under their own names", report.unmatched),
        ("micrographs without picks", report.without),
        ("passed over, as they hold no picks", [path.name for path in report.passed_over]),
    )
    for what, names in lists:
        if names:
            tell("warning", f"{what}: {_some(names)}.")
    if report.below:
        tell("warning", f"{report.below} picks below --threshold are left out.")
    if report.lost:
        tell("warning", f"this format has no place for: {report.lost}")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(cut(name, 60) for name in names[:_SHOWN]) + more


def _place(report: jobs.Conversion) -> str:
    one = len({file.with_suffix("") for file in report.files}) == 1  # perhaps with another that belongs to it
    return str(report.files[0] if one else Path(os.path.commonpath([file.parent for file in report.files])))
