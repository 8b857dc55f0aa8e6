"""The command that makes masks of real particles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_drpnet import jobs
from napari_drpnet.cli.options import Given, Inputs, OutFolder, options
from napari_drpnet.cli.terminal import run_job
from napari_drpnet.settings import MaskSettings, validated


def masks(
    inputs: Inputs = None,
    particles: Annotated[
        Path, typer.Option(help="Particles STAR of a 3D refinement, with angles (RELION's run_data.star).")
    ] = Path("run_data.star"),
    structure: Annotated[
        Path, typer.Option("--map", help="Map of that refinement (MRC), of the same hand and in the same box.")
    ] = Path("run_class001.mrc"),
    out: OutFolder = Path("masks"),
    *,
    told: Annotated[Given, options(MaskSettings)],
) -> None:
    """Make masks of the particles on real micrographs, to train a segmentation network with.

    The map is projected at each particle's angles, and is the mask where the projection is more than a fifth of its
    maximum. The angles must be of this map: of its mirror image the masks are wrong, and nothing here can tell.

    napari-drpnet masks Micrographs/ --particles run_data.star --map run_class001.mrc --out Micrographs/masks
    """
    job = jobs.make_masks(inputs or (), particles, structure, validated(MaskSettings, told), out)
    report = run_job(job, "micrographs, {task.fields[picks]} particles")
    typer.echo(f"map above {report.level:.4g}, {report.diameter:.0f} A across")
    typer.echo(f"{len(report.paths)} masks with {report.particles} particles, written to {out}")
    typer.echo("Training reads masks from the folder masks beside the micrographs.")
