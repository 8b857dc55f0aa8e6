"""The commands that make networks, from sets with coordinates, a patch set or the labels of a project."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_drpnet import jobs
from napari_drpnet.cli.options import given, option
from napari_drpnet.cli.terminal import run_job, tell
from napari_drpnet.errors import UserError
from napari_drpnet.settings import RetrainSettings, TrainingSet, TrainSettings

if TYPE_CHECKING:
    from napari_drpnet.training.run import TrainingReport

SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="YAML file with the sets to learn from; see docs/training.md.")
]
WeightsFile = Annotated[
    Path, typer.Option("--out", help="The .safetensors file to write; a log, plots and a checkpoint come beside it.")
]
Micrographs = Annotated[str | None, option(TrainingSet, "micrographs")]
Coordinates = Annotated[str | None, option(TrainingSet, "coordinates")]
PixelSize = Annotated[float | None, option(TrainingSet, "pixel_size")]
Diameter = Annotated[float | None, option(TrainingSet, "diameter")]
UnlabelledBorder = Annotated[float | None, option(TrainingSet, "unlabelled_border")]
Invert = Annotated[bool | None, option(TrainingSet, "invert", "--invert/--no-invert")]
Start = Annotated[str | None, option(TrainSettings, "start")]
Steps = Annotated[int | None, option(TrainSettings, "steps")]
Batch = Annotated[int | None, option(TrainSettings, "batch")]
Rate = Annotated[float | None, option(TrainSettings, "rate")]
Precision = Annotated[str | None, option(TrainSettings, "precision")]
Workers = Annotated[int | None, option(TrainSettings, "workers")]
Seed = Annotated[int | None, option(TrainSettings, "seed")]
Device = Annotated[str | None, option(TrainSettings, "device")]
ProjectFolder = Annotated[
    Path | None, typer.Option("--project", help="Learn from the labels of this project; the network goes to it.")
]
Name = Annotated[str | None, option(RetrainSettings, "name")]


def train_detector(
    settings: SettingsFile = None,
    out: WeightsFile = Path("detector.safetensors"),
    micrographs: Micrographs = None,
    coordinates: Coordinates = None,
    pixel_size: PixelSize = None,
    diameter: Diameter = None,
    unlabelled_border: UnlabelledBorder = None,
    invert: Invert = None,
    start: Start = None,
    network: Annotated[str | None, option(TrainSettings, "network")] = None,
    steps: Steps = None,
    batch: Batch = None,
    rate: Rate = None,
    precision: Precision = None,
    workers: Workers = None,
    seed: Seed = None,
    device: Device = None,
    project: ProjectFolder = None,
    name: Name = None,
    calibrate_only: Annotated[
        bool, typer.Option("--calibrate-only", help="With --project: fit the probabilities only, in seconds.")
    ] = False,
) -> None:
    """Train stage 1 of DRPnet: the network that finds candidates.

    For a protein that the shipped network picks badly, label 1 to 4 micrographs and begin from it:

    napari-drpnet train-detector --start detector --micrographs labelled/ --diameter 180 --out mine.safetensors

    A few labels of a project are enough to set right its probabilities:

    napari-drpnet train-detector --project DIR --calibrate-only
    """
    if project is not None:
        _refuse_beside(micrographs=micrographs, settings=settings, start=start, network=network)
        what = "calibration" if calibrate_only else "detector"
        asked = given(name=name, steps=steps, batch=batch, rate=rate, seed=seed, device=device)
        _tell_retrained(run_job(jobs.retrain_project(project, {"what": what, **asked}), "steps", log=True), project)
        return
    chosen = jobs.make_train_settings(
        given(
            start=start,
            network=network,
            steps=steps,
            batch=batch,
            rate=rate,
            precision=precision,
            workers=workers,
            seed=seed,
            device=device,
        ),
        given(
            micrographs=micrographs,
            coordinates=coordinates,
            pixel_size=pixel_size,
            diameter=diameter,
            unlabelled_border=unlabelled_border,
            invert=invert,
        ),
        settings,
    )
    run_training(jobs.train_detector(chosen, out))


def train_classifier(
    settings: SettingsFile = None,
    detector: Annotated[str, typer.Option(help="Weights of stage 1 whose candidates it learns from.")] = "detector",
    out: WeightsFile = Path("classifier.safetensors"),
    micrographs: Micrographs = None,
    coordinates: Coordinates = None,
    pixel_size: PixelSize = None,
    diameter: Diameter = None,
    unlabelled_border: UnlabelledBorder = None,
    invert: Invert = None,
    start: Start = None,
    steps: Steps = None,
    batch: Batch = None,
    rate: Rate = None,
    precision: Precision = None,
    workers: Workers = None,
    seed: Seed = None,
    device: Device = None,
    patches: Annotated[
        Path | None, typer.Option(help="Learn from this patch set; beside --project, in the place of its own patches.")
    ] = None,
    project: ProjectFolder = None,
    name: Name = None,
) -> None:
    """Train stage 2 of DRPnet: the network that tells particles from the rest.

    From the labels of a project; where they say that its calibration alone does as well, that is what is written:

    napari-drpnet train-classifier --project DIR
    """
    if project is not None or patches is not None:
        _refuse_beside(micrographs=micrographs, settings=settings)
        asked = given(name=name, start=start, steps=steps, batch=batch, rate=rate, seed=seed, device=device)
        job = (
            jobs.retrain_project(project, asked, patches)
            if project is not None
            else jobs.retrain_patch_set(patches or Path(), asked, out, detector)
        )
        _tell_retrained(run_job(job, "steps", log=True), project)
        return
    chosen = jobs.make_train_settings(
        given(
            start=start,
            steps=steps,
            batch=batch,
            rate=rate,
            precision=precision,
            workers=workers,
            seed=seed,
            device=device,
        ),
        given(
            micrographs=micrographs,
            coordinates=coordinates,
            pixel_size=pixel_size,
            diameter=diameter,
            unlabelled_border=unlabelled_border,
            invert=invert,
        ),
        settings,
    )
    run_training(jobs.train_classifier(chosen, detector, out))


def run_training(job: jobs.Job[TrainingReport | None]) -> None:
    """Run a training to its end and say what came of it."""
    # Of the processes that torchrun starts, one tells.
    report = run_job(job, "steps", log=os.environ.get("RANK", "0") == "0")
    if report is None:
        return
    if report.f1 is None:
        tell("warning", "no validation sets were given; the probabilities are calibrated on the training sets.")
    else:
        typer.echo(f"F1 at the best threshold, on {report.judged_on}: {report.f1:.3f}")
    typer.echo(f"weights: {report.weights}, made in {report.steps} steps; plots: {report.plot}")


def _refuse_beside(**options: object) -> None:
    """Refuse options that mean other data than the project or the patch set."""
    odd = [f"--{name}" for name, value in options.items() if value is not None]
    if odd:
        raise UserError(f"{', '.join(odd)} beside a project or a patch set.", "Leave one of the two out.")


def _tell_retrained(report: jobs.RetrainReport, project: Path | None) -> None:
    for note in report.notes:
        tell("note", note)
    if report.after is not None:
        before = "" if report.before is None else f"{report.before:.3f} -> "
        about = " (estimated)" if report.estimated else ""
        typer.echo(f"F1{about}, on {report.judged_on}: {before}{report.after:.3f}")
    if report.weights is None:
        typer.echo("no network was written")
        return
    typer.echo(f"{report.role} {report.name}: {report.weights}, made in {report.seconds:.0f} s")
    if project is not None:
        options = " ".join(f"--{role} {name}" for role, name in report.use.items())
        typer.echo(f"Use it:  napari-drpnet pick --project {project} {options}")
