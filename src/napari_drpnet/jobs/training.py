"""Train the networks of the pickers from a settings file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from napari_drpnet.errors import UserError
from napari_drpnet.io.fields import read_fields
from napari_drpnet.io.files import require_folder
from napari_drpnet.settings import PrepareSettings, TrainSettings, validated
from napari_drpnet.steps import Job, Progress, translate

if TYPE_CHECKING:
    from napari_drpnet.training.commands import TrainingCommand
    from napari_drpnet.training.run import Training, TrainingReport
    from napari_drpnet.training_loop.fit import Step

Model = TypeVar("Model", bound=TrainSettings)


def make_train_settings(
    model: type[Model], given: dict[str, Any], training_set: dict[str, Any] | None = None, file: Path | None = None
) -> Model:
    """The settings of a training run from what was given on the command line, which goes before what a file says.

    Parameters
    ----------
    model
        The settings to make.
    given
        Its fields by name.
    training_set
        Fields of a `TrainingSet` to learn from, beside those of the file.
    file
        A recipe in YAML.

    Raises
    ------
    UserError
        When there is nothing to learn from, the file is missing or no YAML mapping, or a field is unknown or unusable.
    """
    return validated(model, _recipe(given, training_set, file))


def _recipe(given: dict[str, Any], training_set: dict[str, Any] | None, file: Path | None) -> dict[str, Any]:
    recipe = {**(read_fields(file, "See docs/training.md for an example.") if file else {}), **given}
    if training_set:
        if "micrographs" not in training_set:
            options = ", ".join("--" + name.replace("_", "-") for name in training_set)
            raise UserError(f"{options} without --micrographs.", "Name the folder of the labelled micrographs.")
        recipe["training"] = [*_listed(recipe.get("training")), training_set]
    if not recipe.get("training"):
        raise UserError("There is nothing to learn from.", "Give --micrographs, or a recipe with --settings.")
    return recipe


def _listed(sets: Any) -> list[Any]:
    """The sets of a recipe; what is no list of them is left to the check of the settings."""
    return sets if isinstance(sets, list) else [] if sets is None else [sets]


def prepare(recipe: Path, out: Path, processes: int | None = None) -> Job[list[Path]]:
    """Simulate, or read, the sets of a recipe, and write each at the scale of the networks to the folder ``out``.

    The recipe is a YAML file of `PrepareSettings`; ``processes`` goes before what it says.

    Raises
    ------
    UserError
        When the recipe or a set cannot be read, or the folder cannot be written.
    """
    from napari_drpnet.training.preparing import prepare_sets  # torch

    require_folder(out)
    fields = read_fields(recipe, "See docs/training.md for an example.")
    settings = validated(PrepareSettings, fields | ({} if processes is None else {"workers": processes}))
    return translate(prepare_sets(settings, out), lambda done: Progress(*done))


def train(command: TrainingCommand, settings: TrainSettings, out: Path) -> Job[TrainingReport | None]:
    """Train the networks that a command is for, and write their weights to ``out``; see its function."""
    return _told(command.train(settings, out), out)


def train_detector(settings: TrainSettings, out: Path) -> Job[TrainingReport | None]:
    """Train stage 1 and write its weights to ``out``; see `training.detector.train_detector`."""
    from napari_drpnet.training import detector  # torch

    return _told(detector.train_detector(settings, out), out)


def train_classifier(settings: TrainSettings, detector: str, out: Path) -> Job[TrainingReport | None]:
    """Train stage 2 and write its weights to ``out``; see `training.classifier.train_classifier`."""
    from napari_drpnet.training import classifier  # torch

    return _told(classifier.train_classifier(settings, detector, out), out)


def _told(steps: Training, out: Path) -> Job[TrainingReport | None]:
    require_folder(out.parent)
    yield Progress(0, 0, message="reading what to learn from")
    return (yield from translate(steps, _progress))


def _progress(step: Step) -> Progress:
    f1 = "" if step.f1 is None else f", F1 {step.f1:.3f}"
    return Progress(step.done, step.total, message=step.what or f"loss {step.loss:.4f}{f1}")
