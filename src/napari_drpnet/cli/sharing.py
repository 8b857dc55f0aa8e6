"""The command that writes networks for other programs: export-model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_drpnet import jobs
from napari_drpnet.cli.options import Given, options
from napari_drpnet.settings import ExportSettings, validated


def export_model(
    name: Annotated[str, typer.Argument(help="A network of the package by its name, or a .safetensors file.")],
    told: Annotated[Given, options(ExportSettings)],
    out: Annotated[
        Path | None, typer.Option(help="The file to write. Default: NAME.zip or NAME.onnx.", show_default=False)
    ] = None,
) -> None:
    """Write the score map of a network for other programs: a package of the BioImage Model Zoo, or one ONNX file.

    Each says at which scale and with which grey levels the network works, what it learnt from, and its licence.
    Needs the packages onnx and onnxruntime: pip install "napari-drpnet[onnx]".

    napari-drpnet export-model detector --format bioimageio --out detector.zip
    """
    report = jobs.export_model(name, validated(ExportSettings, told), out)
    typer.echo(
        f"{report.path}, {report.size / 1e6:.1f} MB; onnxruntime's map differs from torch's by at most "
        f"{report.difference:.0e}"
    )
    typer.echo(f"It expects {report.diameter:g} pixels a particle diameter; grey levels: {report.grey}.")
