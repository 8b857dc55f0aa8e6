"""The commands that pick: pick, sample, demo."""

from __future__ import annotations

import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from napari_drpnet import jobs
from napari_drpnet.cli.log import Log
from napari_drpnet.cli.options import Given, Inputs, JsonFlag, Networks, OptionTexts, OutFolder, option, options
from napari_drpnet.cli.profile import profiled
from napari_drpnet.cli.terminal import print_json, run_job, tell, tell_some
from napari_drpnet.cli.values import picker_options
from napari_drpnet.errors import UserError
from napari_drpnet.io.paths import exists
from napari_drpnet.settings import Device, PickerSettings, PickRun


def pick(
    inputs: Inputs = None,
    *,
    told: Annotated[Given, options(PickerSettings, "diameter", "threshold", "min_distance", "invert")],
    run: Annotated[
        Given,
        options(
            PickRun,
            "out",
            "pixel_size",
            "picker",
            "keep_unproved",
            "again",
            "workers",
            "part",
            "cluster",
            "cluster_settings",
        ),
    ],
    networks: Networks,
    where: Annotated[Given, options(PickerSettings, "device")],
    own: OptionTexts = None,
    settings: Annotated[
        Path | None, typer.Option(help="The settings.yaml of an earlier run, to repeat it; other options go before it.")
    ] = None,
    project: Annotated[
        Path | None,
        typer.Option(
            help="Pick the micrographs of this project, or those named, and keep all labels; options that are given "
            "become the project's. Made of the inputs where there is none."
        ),
    ] = None,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch", help="Go on with micrographs that come, until Ctrl-C, or until a file STOP is in the folder."
        ),
    ] = False,
    log: Annotated[
        bool,
        typer.Option("--log", help="Write a line a micrograph to standard error, for jobs of a cluster, and no bar."),
    ] = False,
    profile: Annotated[
        bool, typer.Option("--profile", help="Print to standard error what took how long, a row for each stage.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the job script that --cluster would submit, and do nothing else.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Find particles and write STAR files for RELION.

    Example: napari-drpnet pick Micrographs/ --diameter 180 --out picks/
    """
    own_values = picker_options(own, networks, told, where) | networks
    lines = Log(sys.stderr) if log else None
    if project is None:
        if inputs:
            run["inputs"] = inputs
        asked = jobs.make_run(run, told | where | own_values, settings)
        if dry_run:
            typer.echo(jobs.job_script(asked.cluster, asked.cluster_settings))
            return
        with profiled(profile):
            report = run_job(jobs.watch(asked) if watch else jobs.pick(asked), instead=lines)
        rest = f"see {report.out / 'summary.tsv'}"
    else:
        if settings or watch or dry_run or {"out", "part", "cluster", "cluster_settings"} & run.keys():
            raise UserError(
                "A project has its own folder and settings.",
                "Leave out --out, --settings, --part, --watch, --cluster, --dry-run.",
            )
        workers, again = run.pop("workers", None), run.pop("again", False)
        new = () if jobs.is_project(project) else inputs or ()
        with run_job(jobs.opening(project, new, options=own_values, **run, **told)) as opened:
            names = jobs.names_of(opened, inputs) if inputs else None
            with profiled(profile):
                report = run_job(jobs.pick_project(opened, names, workers, again, **where), instead=lines)
        rest = "--json lists them"
    _end(report, rest, json)


def _end(report: jobs.PickReport, rest: str, json: bool) -> None:
    """Tell what became of a run; exit status 1 where some micrographs failed, 2 where all did."""
    tell_report(report, rest, json)
    if report.failed:
        raise typer.Exit(1 if report.picked else 2)


def tell_report(report: jobs.PickReport, rest: str, json: bool = False) -> None:
    """Tell what became of a run; ``rest`` says where all errors are."""
    tell_some("error", [result.error for result in report.failed], f", {rest}")
    for note in report.notes:
        tell("warning", note)
    if json:
        print_json(_document(report))
    else:
        typer.echo(
            f"{report.picks} picks on {len(report.picked)} of {len(report.results)} micrographs "
            f"in {report.seconds:.1f} s, written to {report.out}"
        )
        if exists(page := report.out / "report.html"):
            typer.echo(f"Look at it in a browser: {page}")
        if report.earlier:
            typer.echo(f"{report.earlier} of them finished before (--again picks all anew)")
        if report.chosen:
            typer.echo(report.chosen)
        if report.confidence:
            typer.echo(report.confidence)


def collect(
    out: Annotated[Path, typer.Argument(help="Folder of a run that was picked in parts.")],
    json: JsonFlag = False,
) -> None:
    """Join the parts of a run, as jobs of a cluster picked them.

    Writes the lists, the summary and the settings, as if it had been one run. It may be called at any time, and again.

    Example: napari-drpnet pick Micrographs/ --diameter 180 --out picks/ --part 1/10, and so on to 10/10; then:
    napari-drpnet collect picks/
    """
    _end(jobs.collect(out), f"see {out / 'summary.tsv'}", json)


def report(
    folder: Annotated[Path, typer.Argument(help="Folder of a run, as pick wrote it.")],
) -> None:
    """Write the page of a run anew: report.html, for any browser.

    Each run writes it, too. Needed for runs of older versions, and after averages were made in the folder.

    Example: napari-drpnet report picks/
    """
    typer.echo(jobs.page_of_run(folder))


def _document(report: jobs.PickReport) -> dict[str, object]:
    return {
        "out": report.out,
        "picks": report.picks,
        "seconds": round(report.seconds, 3),
        "decision": None
        if report.decision is None
        else report.decision.model_dump(mode="json", exclude={"shares", "halves"}),
        "micrographs": [_result(result) for result in report.results],
    }


def _result(result: jobs.PickResult) -> dict[str, object]:
    told = asdict(result) | {"error": result.error or None}
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in told.items()}


def sample(
    out: OutFolder = Path("sample"),
    seed: Annotated[int, typer.Option(help="The same seed gives the same micrograph.")] = 0,
    size: Annotated[int, typer.Option(help="Edge of the square micrograph. [px]", min=512)] = 4096,
) -> None:
    """Write the built-in sample micrograph.

    The true centres of its particles come with it.
    """
    files = jobs.write_sample(out, seed, size)
    typer.echo(f"micrograph: {files.micrograph}\ntrue centres: {files.truth}")
    typer.echo(f"Pick it:  napari-drpnet pick {files.micrograph} --diameter {files.diameter:g} --out {out}")


def demo(
    out: OutFolder = Path("demo"),
    device: Annotated[Device, option(PickerSettings, "device")] = "auto",
    size: Annotated[int, typer.Option(help="Edge of the square micrograph. [px]", min=512)] = 4096,
) -> None:
    """Make the sample, pick it, and score the picks.

    Writes the micrograph, the STAR files, a picture of right, wrong and missed picks, and the summary.
    """
    result = run_job(jobs.demo(out, device, size=size))
    counts, height_width = result.evaluation.counts, " x ".join(map(str, result.sample.frame.shape or ()))
    typer.echo(
        f"{result.report.picks} picks on {result.sample.micrograph} ({height_width}) in {result.report.seconds:.1f} s"
    )
    typer.echo(
        f"precision {counts.precision:.3f}, recall {counts.recall:.3f}, F1 {counts.f1:.3f} "
        f"against the true centres ({counts.true + counts.missed} particles; the outer half diameter is not scored)"
    )
    typer.echo(f"picture: {result.overlay}")
    picks = result.report.results[0].coordinates
    typer.echo(f"See it in napari:  {_napari()} --plugin napari-drpnet {result.sample.micrograph} {picks}")


def _napari() -> str:
    """How to call the napari of this environment from here."""
    napari = Path(sys.executable).with_name("napari")
    if not exists(napari):
        return "napari"
    return str(napari.relative_to(Path.cwd()) if napari.is_relative_to(Path.cwd()) else napari)
