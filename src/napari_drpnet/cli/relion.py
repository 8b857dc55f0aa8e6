"""The command that RELION calls as an External job."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from napari_drpnet import jobs
from napari_drpnet.cli.log import Log
from napari_drpnet.cli.picking import tell_report
from napari_drpnet.cli.terminal import run_job

ANY_PARAMETER = {"allow_extra_args": True, "ignore_unknown_options": True}


def relion_job(
    context: typer.Context,
    in_mics: Annotated[Path, typer.Option("--in_mics", help="RELION's micrographs STAR, from the project folder.")],
    out: Annotated[Path, typer.Option("--o", help="Folder of the External job.")],
    threads: Annotated[
        int | None, typer.Option("--j", min=1, help="Micrographs that are worked on at once. Default: one a core.")
    ] = None,
) -> None:
    """Pick as an External job of RELION; RELION calls this.

    In RELION's External job the executable is "napari-drpnet relion-job", the input are micrographs, and each parameter
    has a name and a value. Any setting of `pick` and of the picker is a parameter: diameter, picker, threshold, invert.
    """
    log = None if sys.stderr.isatty() else Log(sys.stdout)
    report = run_job(jobs.relion_job(in_mics, out, threads, jobs.relion_parameters(context.args)), instead=log)
    tell_report(report, f"see {out / 'summary.tsv'}")
