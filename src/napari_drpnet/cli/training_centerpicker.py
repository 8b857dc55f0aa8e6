"""The command that makes CenterPicker's network."""

from __future__ import annotations

from pathlib import Path

from napari_drpnet import jobs
from napari_drpnet.cli.options import given
from napari_drpnet.cli.training import (
    Batch,
    Device,
    Precision,
    Rate,
    Seed,
    SettingsFile,
    Start,
    Steps,
    WeightsFile,
    Workers,
    run_training,
)


def train_centerpicker(
    settings: SettingsFile = None,
    out: WeightsFile = Path("centerpicker.safetensors"),
    start: Start = None,
    steps: Steps = None,
    batch: Batch = None,
    rate: Rate = None,
    precision: Precision = None,
    workers: Workers = None,
    seed: Seed = None,
    device: Device = None,
) -> None:
    """Train the network of CenterPicker, from micrographs whose coordinate files tell the diameters, as simulated ones.

    napari-drpnet train-centerpicker --settings training/centerpicker.yaml --out mine.safetensors
    """
    asked = given(
        start=start,
        steps=steps,
        batch=batch,
        rate=rate,
        precision=precision,
        workers=workers,
        seed=seed,
        device=device,
    )
    run_training(jobs.train_centerpicker(jobs.make_train_settings(asked, file=settings), out))
