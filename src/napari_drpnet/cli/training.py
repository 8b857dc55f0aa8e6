"""The commands that make networks: simulate, train-detector, train-classifier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_drpnet import jobs
from napari_drpnet.cli.options import OutFolder, given, help_of, option
from napari_drpnet.cli.terminal import run_job, tell
from napari_drpnet.settings import SimulationSettings, TrainSettings

if TYPE_CHECKING:
    from napari_drpnet.training.detector import TrainingReport

Range = tuple[float, float]
SettingsFile = Annotated[
    Path, typer.Option("--settings", help="YAML file with the sets to learn from; see docs/training.md.")
]
WeightsFile = Annotated[Path, typer.Option("--out", help="The .safetensors file to write.")]
Steps = Annotated[int | None, option(TrainSettings, "steps")]
Batch = Annotated[int | None, option(TrainSettings, "batch")]
Rate = Annotated[float | None, option(TrainSettings, "rate")]
Seed = Annotated[int | None, option(TrainSettings, "seed")]
Device = Annotated[str | None, option(TrainSettings, "device")]


def _range(field: str) -> Any:
    return typer.Option(help=help_of(SimulationSettings, field) + " Two numbers.", show_default=False)


def simulate(
    out: OutFolder = Path("simulated"),
    structure: Annotated[list[Path] | None, typer.Option(help=help_of(SimulationSettings, "structures"))] = None,
    count: Annotated[int | None, option(SimulationSettings, "count")] = None,
    size: Annotated[int | None, option(SimulationSettings, "size")] = None,
    pixel_size: Annotated[float | None, option(SimulationSettings, "pixel_size")] = None,
    diameter_px: Annotated[Range | None, _range("diameter_px")] = None,
    defocus: Annotated[Range | None, _range("defocus")] = None,
    dose: Annotated[Range | None, _range("dose")] = None,
    coverage: Annotated[Range | None, _range("coverage")] = None,
    noise_like: Annotated[list[Path] | None, typer.Option(help=help_of(SimulationSettings, "noise_like"))] = None,
    seed: Annotated[int | None, option(SimulationSettings, "seed")] = None,
) -> None:
    """Simulate micrographs with exact truth.

    Writes an MRC file and a CSV file of true centres for each, and simulation.yaml.
    """
    settings = jobs.validated(
        SimulationSettings,
        given(
            structures=tuple(structure) if structure else None,
            count=count,
            size=size,
            pixel_size=pixel_size,
            diameter_px=diameter_px,
            defocus=defocus,
            dose=dose,
            coverage=coverage,
            noise_like=tuple(noise_like) if noise_like else None,
            seed=seed,
        ),
    )
    written = run_job(jobs.simulate(settings, out), "micrographs, {task.fields[picks]} particles")
    typer.echo(f"{len(written)} micrographs, written to {out}")


def train_detector(
    settings: SettingsFile,
    out: WeightsFile = Path("detector.safetensors"),
    network: Annotated[str | None, option(TrainSettings, "network")] = None,
    steps: Steps = None,
    batch: Batch = None,
    rate: Rate = None,
    seed: Seed = None,
    device: Device = None,
) -> None:
    """Train stage 1 of DRPnet: the network that finds candidates."""
    chosen = jobs.read_train_settings(
        settings, given(network=network, steps=steps, batch=batch, rate=rate, seed=seed, device=device)
    )
    _tell(run_job(jobs.train_detector(chosen, out), "steps", log=True))


def train_classifier(
    settings: SettingsFile,
    detector: Annotated[str, typer.Option(help="Weights of stage 1 whose candidates it learns from.")] = "detector",
    out: WeightsFile = Path("classifier.safetensors"),
    steps: Steps = None,
    batch: Batch = None,
    rate: Rate = None,
    seed: Seed = None,
    device: Device = None,
) -> None:
    """Train stage 2 of DRPnet: the network that tells particles from the rest."""
    chosen = jobs.read_train_settings(settings, given(steps=steps, batch=batch, rate=rate, seed=seed, device=device))
    _tell(run_job(jobs.train_classifier(chosen, detector, out), "steps", log=True))


def _tell(report: TrainingReport) -> None:
    if report.validation_f1 is None:
        tell("warning", "no validation sets were given; the probabilities are calibrated on the training sets.")
    else:
        typer.echo(f"F1 on the validation sets at their best threshold: {report.validation_f1:.3f}")
    typer.echo(f"weights: {report.weights}")
