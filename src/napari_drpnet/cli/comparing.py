"""The commands that compare sets of picks: compare, consensus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_drpnet import jobs
from napari_drpnet.cli.options import Given, Inputs, JsonFlag, options
from napari_drpnet.cli.terminal import print_json, print_table, run_job, tell_some
from napari_drpnet.cli.values import named_paths
from napari_drpnet.errors import UserError
from napari_drpnet.settings import ComparisonSettings, ConsensusSettings, validated


def compare(
    inputs: Inputs = None,
    *,
    told: Annotated[
        Given, options(ComparisonSettings, leave_out=["inputs"], flags={"options": "--option"}, needed=True)
    ],
    json: JsonFlag = False,
) -> None:
    """Compare pickers, and the picks of other programs.

    Runs all pickers on the same micrographs, and writes the picks of each, tables, pictures, and one page to be sent.
    Example: napari-drpnet compare Micrographs/ --pickers FIRST,SECOND --truth labels/ --diameter 180 --out compared
    """
    from napari_drpnet.jobs.compare.report import tables  # SciPy, which --help does not need

    if inputs:
        told["inputs"] = inputs
    told["options"] = by_picker(told.get("options", {}), told.get("pickers", ()))
    settings = validated(ComparisonSettings, told)
    report = run_job(jobs.run_comparison(settings))
    tell_some("warning", report.warnings)
    tell_some("error", [f"{name}: {reason}" for name, reason in report.failed])
    if json:
        rows = {"sets": tables.standings, "agreement": tables.agreement, "micrographs": tables.by_micrograph}
        print_json(_document(report, {name: table(report) for name, table in rows.items()}))
    else:
        columns, cells = tables.texts(tables.STANDINGS, tables.standings(report))
        print_table([column.head for column in columns], cells)
        for remark in report.remarks:
            typer.echo(remark)
        typer.echo(f"written to {report.page}")
    if report.failed:
        raise typer.Exit(1)


def consensus(
    sets: Annotated[
        list[str],
        typer.Argument(metavar="SET...", help="Sets of picks: files, or folders with some; NAME=PATH to name one."),
    ],
    told: Annotated[Given, options(ConsensusSettings, flags={"weights": "--weight"}, needed=True)],
    out: Annotated[Path, typer.Option(help="Folder for the STAR files and summary.tsv.")] = Path("consensus"),
    json: JsonFlag = False,
) -> None:
    """Join sets of picks: what at least so many of them have, each particle once.

    Example: napari-drpnet consensus picks/ topaz.txt --at-least 2 --diameter 180 --pixel-size 1.77 --out both
    """
    settings = validated(ConsensusSettings, told)
    report = run_job(jobs.consensus(named_paths(sets), settings, out))
    tell_some("warning", report.warnings)
    written = report.written
    if json:
        print_json(
            {
                "out": written.out,
                "picks": written.picks,
                "micrographs": [asdict(result) for result in written.results],
                "agreement": [asdict(pair) | {"f1": pair.f1} for pair in report.comparison.pairs],
                "warnings": report.warnings,
            }
        )
    else:
        typer.echo(f"{written.picks} picks on {len(written.results)} micrographs, written to {written.out}")


def _document(report: jobs.ComparisonReport, rows: dict[str, Any]) -> dict[str, object]:
    return {
        "out": report.settings.out,
        "page": report.page,
        "truth": report.comparison.truth,
        "pixel_size": report.pixel_size,
        "radius": report.radius,
        "edge": report.edge,
        **rows,
        "warnings": report.warnings,
        "remarks": report.remarks,
        "failed": [{"name": name, "reason": reason} for name, reason in report.failed],
    }


def by_picker(settings: dict[str, Any], pickers: Sequence[str]) -> dict[str, dict[str, Any]]:
    """``PICKER.NAME`` settings by their picker."""
    split: dict[str, dict[str, Any]] = {}
    for key, value in settings.items():
        picker, _, setting = key.partition(".")
        if picker not in pickers or not setting:
            raise UserError(
                f"--option {key} is of no picker that takes part.",
                f"Write PICKER.NAME=VALUE; the pickers are: {', '.join(pickers) or 'none'}.",
            )
        split.setdefault(picker, {})[setting] = value
    return split
