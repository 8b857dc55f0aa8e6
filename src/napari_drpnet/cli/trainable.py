"""The commands that make the networks of a picker, one for each entry of `training.commands`."""

# No ``from __future__ import annotations`` here: the annotations are of the entry in hand.

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from napari_drpnet import jobs
from napari_drpnet.cli.options import Given, options
from napari_drpnet.cli.training import SettingsFile, run_training
from napari_drpnet.training.commands import TrainingCommand


def training_command(entry: TrainingCommand) -> Callable[..., None]:
    """The function of one of these commands."""

    def train(
        settings: SettingsFile = None,
        out: Annotated[Path, typer.Option(help=entry.out_help)] = entry.out,
        *,
        told: Annotated[Given, options(entry.model, *entry.options)],
    ) -> None:
        run_training(jobs.train(entry, jobs.make_train_settings(entry.model, told, file=settings), out))

    train.__doc__ = entry.help
    return train
