"""The command that simulates micrographs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from napari_drpnet import jobs
from napari_drpnet.cli.options import Given, OutFolder, options
from napari_drpnet.cli.terminal import run_job
from napari_drpnet.settings import SimulationSettings, validated


class GenerousCommand(TyperCommand):
    """Options take values as people write them: ``--structure A B C``, and one number where a range is meant."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Write such options as click wants them: a list once for each value, a range with both its ends."""
        lists = {name for p in self.params if getattr(p, "multiple", False) for name in p.opts}
        ranges = {name for p in self.params if p.nargs == 2 for name in p.opts}
        plain: list[str] = []
        while args:
            name, *args = args
            count = next((i for i, value in enumerate(args) if value.startswith("--")), len(args))
            if name in lists and count > 1:
                values, args = args[:count], args[count:]
                plain += [word for value in values for word in (name, value)]
            elif name in ranges and count == 1:
                plain += [name, args[0], args[0]]
                args = args[1:]
            else:
                plain.append(name)
        return super().parse_args(ctx, plain)


_OFFERED = (
    "structures",
    "count",
    "size",
    "pixel_size",
    "diameter_px",
    "defocus",
    "dose",
    "coverage",
    "visibility",
    "preferred_views",
    "empty",
    "contamination",
    "carbon",
    "negative_stain",
    "phase_plate",
    "mtf",
    "noise_like",
    "backgrounds",
    "background_px",
    "on_carbon",
    "processed",
    "masks",
    "noise_free",
    "seed",
)


def simulate(
    out: OutFolder = Path("simulated"),
    *,
    told: Annotated[
        Given,
        options(SimulationSettings, *_OFFERED, flags={"structures": "--structure", "backgrounds": "--background"}),
    ],
    settings: Annotated[
        Path | None, typer.Option(help="A simulation.yaml with any of the settings; options overrule it.")
    ] = None,
) -> None:
    """Simulate micrographs with exact truth.

    Writes an MRC file and a STAR file of the true particles with their orientations for each, and simulation.yaml.
    """
    recorded = jobs.read_run_file(settings) if settings else {}
    chosen = validated(SimulationSettings, recorded | told)
    written = run_job(jobs.simulate(chosen, out), "micrographs, {task.fields[picks]} particles")
    typer.echo(f"{len(written)} micrographs, written to {out}")
