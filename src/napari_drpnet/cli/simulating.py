"""The command that simulates micrographs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from napari_drpnet import jobs
from napari_drpnet.cli.options import OutFolder, given, help_of, option
from napari_drpnet.cli.terminal import run_job
from napari_drpnet.settings import SimulationSettings

Range = tuple[float, float]


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


def _range(field: str) -> Any:
    default = SimulationSettings.model_fields[field].default
    shown = f" Default: {default[0]} {default[1]}." if default else ""
    return typer.Option(help=f"{help_of(SimulationSettings, field)} One number or two.{shown}", show_default=False)


def _files(field: str) -> Any:
    return typer.Option(help=help_of(SimulationSettings, field) + " One or more.", show_default=False)


def simulate(
    out: OutFolder = Path("simulated"),
    structure: Annotated[list[Path] | None, _files("structures")] = None,
    count: Annotated[int | None, option(SimulationSettings, "count")] = None,
    size: Annotated[int | None, option(SimulationSettings, "size")] = None,
    pixel_size: Annotated[float | None, option(SimulationSettings, "pixel_size")] = None,
    diameter_px: Annotated[Range | None, _range("diameter_px")] = None,
    defocus: Annotated[Range | None, _range("defocus")] = None,
    dose: Annotated[Range | None, _range("dose")] = None,
    coverage: Annotated[Range | None, _range("coverage")] = None,
    visibility: Annotated[Range | None, _range("visibility")] = None,
    preferred_views: Annotated[Range | None, _range("preferred_views")] = None,
    empty: Annotated[float | None, option(SimulationSettings, "empty")] = None,
    contamination: Annotated[float | None, option(SimulationSettings, "contamination")] = None,
    carbon: Annotated[float | None, option(SimulationSettings, "carbon")] = None,
    negative_stain: Annotated[float | None, option(SimulationSettings, "negative_stain")] = None,
    phase_plate: Annotated[float | None, option(SimulationSettings, "phase_plate")] = None,
    mtf: Annotated[Path | None, option(SimulationSettings, "mtf")] = None,
    noise_like: Annotated[list[Path] | None, _files("noise_like")] = None,
    masks: Annotated[bool | None, option(SimulationSettings, "masks")] = None,
    noise_free: Annotated[bool | None, option(SimulationSettings, "noise_free")] = None,
    seed: Annotated[int | None, option(SimulationSettings, "seed")] = None,
    settings: Annotated[
        Path | None, typer.Option(help="A simulation.yaml with any of the settings; options overrule it.")
    ] = None,
) -> None:
    """Simulate micrographs with exact truth.

    Writes an MRC file and a STAR file of the true particles with their orientations for each, and simulation.yaml.
    """
    chosen = given(
        structures=tuple(structure) if structure else None,
        count=count,
        size=size,
        pixel_size=pixel_size,
        diameter_px=diameter_px,
        defocus=defocus,
        dose=dose,
        coverage=coverage,
        visibility=visibility,
        preferred_views=preferred_views,
        empty=empty,
        contamination=contamination,
        carbon=carbon,
        negative_stain=negative_stain,
        phase_plate=phase_plate,
        mtf=mtf,
        noise_like=tuple(noise_like) if noise_like else None,
        masks=masks,
        noise_free=noise_free,
        seed=seed,
    )
    recorded = jobs.read_run_file(settings) if settings else {}
    validated = jobs.validated(SimulationSettings, {**recorded, **chosen})
    written = run_job(jobs.simulate(validated, out), "micrographs, {task.fields[picks]} particles")
    typer.echo(f"{len(written)} micrographs, written to {out}")
