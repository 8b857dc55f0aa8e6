"""Train the networks of DRPnet from a settings file."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from napari_drpnet.errors import UserError
from napari_drpnet.io.files import reading
from napari_drpnet.jobs.progress import Job, Progress
from napari_drpnet.jobs.run_file import validated
from napari_drpnet.settings import TrainSettings
from napari_drpnet.steps import translate

if TYPE_CHECKING:
    from napari_drpnet.training.detector import TrainingReport
    from napari_drpnet.training.fit import Step


def read_train_settings(path: Path, overrides: dict[str, Any] | None = None) -> TrainSettings:
    """The settings of a training run from a YAML file; ``overrides`` go before what it says.

    Raises
    ------
    UserError
        When the file is missing, no YAML mapping, or a field is unknown or unusable.
    """
    try:
        with reading(path):
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not a YAML file.", "See docs/training.md for an example.") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} does not hold settings.", "See docs/training.md for an example.")
    return validated(TrainSettings, {**content, **(overrides or {})})


def train_detector(settings: TrainSettings, out: Path) -> Job[TrainingReport]:
    """Train stage 1 and write its weights to ``out``; see `training.detector.train_detector`."""
    from napari_drpnet.training.detector import train_detector as train

    return _told(train(settings, out))


def train_classifier(settings: TrainSettings, detector: str, out: Path) -> Job[TrainingReport]:
    """Train stage 2 and write its weights to ``out``; see `training.classifier.train_classifier`."""
    from napari_drpnet.training.classifier import train_classifier as train

    return _told(train(settings, detector, out))


def _told(steps: Generator[Step, None, TrainingReport]) -> Job[TrainingReport]:
    return translate(steps, lambda step: Progress(step.done, step.total, message=f"loss {step.loss:.4f}"))
