"""The commands that make a detector or a classifier, from coordinates, a patch set or the labels of a project."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_drpnet import jobs
from napari_drpnet.cli.options import Given, options
from napari_drpnet.cli.terminal import run_job, tell
from napari_drpnet.errors import UserError
from napari_drpnet.settings import RetrainSettings, TrainingSet, TrainSettings
from napari_drpnet.training.commands import LENGTH, WEIGHTS_FILE

if TYPE_CHECKING:
    from napari_drpnet.training.run import TrainingReport

SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="YAML file with the sets to learn from; see docs/training.md.")
]
WeightsFile = Annotated[Path, typer.Option("--out", help=WEIGHTS_FILE)]
LabelledSet = Annotated[Given, options(TrainingSet, leave_out=["weight"])]
ProjectFolder = Annotated[
    Path | None, typer.Option("--project", help="Learn from the labels of this project; the network goes to it.")
]
Name = Annotated[Given, options(RetrainSettings, "name")]


def prepare(
    recipe: Annotated[Path, typer.Argument(metavar="YAML", help="The sets; see docs/training.md.")],
    out: Annotated[Path, typer.Option(help="Folder for one file a set.")] = Path("prepared"),
    workers: Annotated[int | None, typer.Option(help="Processes. Default: one a processor.")] = None,
) -> None:
    """Simulate, or read, what networks learn from, once for all of them.

    Example: napari-drpnet prepare training/sets.yaml --out runs/prepared
    """
    for path in run_job(jobs.prepare(recipe, out, workers), "micrographs", log=sys.stderr):
        typer.echo(str(path))


def train_detector(
    settings: SettingsFile = None,
    out: WeightsFile = Path("detector.safetensors"),
    *,
    labelled: LabelledSet,
    told: Annotated[Given, options(TrainSettings, "start", "network", "size", "epochs", *LENGTH)],
    project: ProjectFolder = None,
    name: Name,
    calibrate_only: Annotated[
        bool, typer.Option("--calibrate-only", help="With --project: fit the probabilities only, in seconds.")
    ] = False,
) -> None:
    """Train a detector: the network that finds candidates (stage 1).

    For a protein that the shipped network picks badly, label 1 to 4 micrographs and begin from it:

    napari-drpnet train-detector --start detector --micrographs labelled/ --diameter 180 --out mine.safetensors

    A few labels of a project are enough to set right its probabilities:

    napari-drpnet train-detector --project DIR --calibrate-only
    """
    if project is not None:
        _refuse_beside(settings, labelled, told, "start", "network")
        what = "calibration" if calibrate_only else "detector"
        run_retraining(jobs.retrain_project(project, {"what": what} | _of_retraining(told) | name), project)
        return
    chosen = jobs.make_train_settings(TrainSettings, told, labelled, settings)
    run_training(jobs.train_detector(chosen, out))


def train_classifier(
    settings: SettingsFile = None,
    detector: Annotated[str, typer.Option(help="Weights of stage 1 whose candidates it learns from.")] = "detector",
    out: WeightsFile = Path("classifier.safetensors"),
    *,
    labelled: LabelledSet,
    told: Annotated[Given, options(TrainSettings, "start", "epochs", *LENGTH)],
    patches: Annotated[
        Path | None, typer.Option(help="Learn from this patch set; beside --project, in the place of its own patches.")
    ] = None,
    project: ProjectFolder = None,
    name: Name,
) -> None:
    """Train a classifier: the network that tells particles from the rest (stage 2).

    From the labels of a project; where they say that its calibration alone does as well, that is what is written:

    napari-drpnet train-classifier --project DIR
    """
    if project is not None or patches is not None:
        _refuse_beside(settings, labelled, told)
        asked = _of_retraining(told) | name
        job = (
            jobs.retrain_project(project, asked, patches)
            if project is not None
            else jobs.retrain_patch_set(patches or Path(), asked, out, detector)
        )
        run_retraining(job, project)
        return
    chosen = jobs.make_train_settings(TrainSettings, told, labelled, settings)
    run_training(jobs.train_classifier(chosen, detector, out))


def retrain(
    project: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a project with labels.")],
    told: Annotated[Given, options(RetrainSettings)],
    patches: Annotated[
        Path | None, typer.Option(help="Patch set that a classifier learns from, in the place of the project's own.")
    ] = None,
) -> None:
    """Fit the picker of a project to the labels of the project.

    Example: napari-drpnet retrain DIR --what calibration
    """
    run_retraining(jobs.retrain_project(project, told, patches), project)


def run_training(job: jobs.Job[TrainingReport | None]) -> None:
    """Run a training to its end and say what came of it."""
    # Of the processes that torchrun starts, one tells.
    report = run_job(job, "steps", log=sys.stderr if os.environ.get("RANK", "0") == "0" else None)
    if report is None:
        return
    if report.f1 is None:
        tell("warning", "no validation sets were given; the probabilities are calibrated on the training sets.")
    else:
        typer.echo(f"F1 at the best threshold, on {report.judged_on}: {report.f1:.3f}")
    if report.iou is not None:
        typer.echo(f"pixel IoU of the map at 0.5 with the masks, on {report.judged_on}: {report.iou:.3f}")
    typer.echo(f"weights: {report.weights}, made in {report.steps} steps; plots: {report.plot}")


def _refuse_beside(settings: Path | None, labelled: Given, told: Given, *odd: str) -> None:
    """Refuse options that mean other data than the project or the patch set, or that retraining does not have."""
    given = labelled | told | ({} if settings is None else {"settings": settings})
    flags = [f"--{name}" for name in ("micrographs", "settings", *odd) if name in given]
    if flags:
        raise UserError(f"{', '.join(flags)} beside a project or a patch set.", "Leave one of the two out.")


def _of_retraining(told: Given) -> Given:
    """Those settings of a training run that retraining has, too."""
    return {name: value for name, value in told.items() if name in RetrainSettings.model_fields}


def run_retraining(job: jobs.Job[jobs.RetrainReport], project: Path | None) -> None:
    """Run a retraining to its end and say what came of it."""
    report = run_job(job, "steps", log=sys.stderr)
    for note in report.notes:
        tell("note", note)
    if report.after is not None:
        before = "" if report.before is None else f"{report.before:.3f} -> "
        about = " (estimated)" if report.estimated else ""
        error = f" ± {report.error:.2f}" if report.estimated else ""
        typer.echo(f"F1{about}, on {report.judged_on}: {before}{report.after:.3f}{error}")
    if report.weights is None:
        typer.echo("nothing was written")
        return
    typer.echo(f"{report.role} {report.name}: {report.weights}, made in {report.seconds:.0f} s")
    if project is not None:
        options = " ".join(
            f"--{field} {name}" if name else f"--option {field}=null" for field, name in report.use.items()
        )
        typer.echo(f"Use it:  napari-drpnet pick --project {project} {options}")
