"""The command that makes a map of picks: reconstruct."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from napari_drpnet import jobs
from napari_drpnet.cli.options import CtfFile, Given, JsonFlag, OutFolder, options
from napari_drpnet.cli.terminal import NOTHING, print_json, run_job, tell, tell_some
from napari_drpnet.errors import UserError
from napari_drpnet.settings import ReconstructionSettings, validated


def reconstruct(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="PICKS MICROGRAPHS...",
            help="Picks, a file or a folder in any format, and their micrographs: files, folders, patterns, or a STAR "
            "file that lists them. Or a project.",
        ),
    ],
    reference: Annotated[
        Path,
        typer.Option(help="Map of the particle (MRC, cubic, particle bright), of which coarse detail alone is used."),
    ],
    out: OutFolder = Path("reconstruction"),
    *,
    told: Annotated[Given, options(ReconstructionSettings)],
    ctf: CtfFile = None,
    json: JsonFlag = False,
) -> None:
    """Make a map of picks, to see how much signal they carry. It does not replace a refinement in RELION.

    Each pick is compared with projections of the reference, in two halves that go their own way from there. How far the
    two maps agree says what the picks are worth.

    Writes run_class001.mrc, run_half1_class001_unfil.mrc, run_half2_class001_unfil.mrc, fsc.tsv, and for RELION
    run_data.star and particles.mrcs, whose phases are flipped (relion_reconstruct --ctf --ctf_phase_flipped).

    napari-drpnet reconstruct picks/ micrographs_ctf.star --reference map.mrc --diameter 180 --out map
    """
    given = float(told["pixel_size"]) if "pixel_size" in told else None
    if len(sources) == 1:
        if not jobs.is_project(sources[0]):
            raise UserError(
                f"{sources[0]} is not a project.", "Name the picks and then their micrographs, or a project."
            )
        with jobs.open_project(sources[0], read_only=True) as project:
            report = _run(jobs.picked_in_project(project, ctf), reference, told, out)
    else:
        picks, *micrographs = sources
        report = _run(jobs.picked_in_files(Path(picks), micrographs, given, ctf), reference, told, out)
    _tell(report, json)
    if report.failed:
        raise typer.Exit(1)


def _run(source: jobs.Source, reference: Path, told: Given, out: Path) -> jobs.ReconstructionReport:
    fields = ({"diameter": source.diameter} if source.diameter else {}) | told
    settings = validated(ReconstructionSettings, fields)
    job = jobs.reconstruct_picks(source, reference, settings, out, Path.cwd())
    return run_job(job, "steps, {task.fields[picks]} picks", ended=NOTHING)


def _tell(report: jobs.ReconstructionReport, json: bool) -> None:
    tell_some("error", [f"{name}: {why}" if not why.startswith(name) else why for name, why in report.failed])
    for note in report.notes:
        tell("note", note)
    if json:
        print_json(
            {
                "folder": report.folder,
                "particles": report.particles,
                "resolution": report.resolution,
                "median_score": float(np.median(report.scores)),
                "notes": report.notes,
            }
        )
        return
    typer.echo(
        f"{report.particles} particles, half maps agree to {report.resolution:.1f} A, written to {report.folder}"
    )
