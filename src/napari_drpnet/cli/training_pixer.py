"""The command that makes the networks of PIXER."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_drpnet import jobs
from napari_drpnet.cli.options import given, option
from napari_drpnet.cli.training import (
    Batch,
    Device,
    Precision,
    Rate,
    Seed,
    SettingsFile,
    Steps,
    Workers,
    run_training,
)
from napari_drpnet.settings import PixerTrainSettings


def train_pixer(
    settings: SettingsFile = None,
    out: Annotated[
        Path,
        typer.Option(
            help="Folder for pixer-segmenter.safetensors and pixer-sorter.safetensors; logs, plots and checkpoints "
            "come beside them."
        ),
    ] = Path(),
    steps: Steps = None,
    batch: Batch = None,
    sorter_steps: Annotated[int | None, option(PixerTrainSettings, "sorter_steps")] = None,
    sorter_batch: Annotated[int | None, option(PixerTrainSettings, "sorter_batch")] = None,
    core: Annotated[float | None, option(PixerTrainSettings, "core")] = None,
    rate: Rate = None,
    precision: Precision = None,
    workers: Workers = None,
    seed: Seed = None,
    device: Device = None,
) -> None:
    """Train both networks of PIXER, from micrographs simulated with masks.

    napari-drpnet simulate --structure models/ --count 200 --masks --out simulated/

    napari-drpnet train-pixer --settings training/pixer.yaml --out networks/
    """
    asked = given(
        steps=steps,
        batch=batch,
        sorter_steps=sorter_steps,
        sorter_batch=sorter_batch,
        core=core,
        rate=rate,
        precision=precision,
        workers=workers,
        seed=seed,
        device=device,
    )
    run_training(jobs.train_pixer(jobs.make_pixer_settings(asked, settings), out))
