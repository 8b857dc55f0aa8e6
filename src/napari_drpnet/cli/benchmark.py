"""The command that scores pickers and picks on labelled sets: benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_drpnet import jobs
from napari_drpnet.cli.comparing import by_picker
from napari_drpnet.cli.options import Given, JsonFlag, options
from napari_drpnet.cli.terminal import harmless, print_json, print_table, run_job, tell, tell_some
from napari_drpnet.cli.values import named_paths
from napari_drpnet.errors import UserError
from napari_drpnet.io.paths import exists
from napari_drpnet.pickers.protocol.registry import available_pickers
from napari_drpnet.settings import BenchmarkSettings, LabelledSetSettings, validated


def benchmark(
    entries: Annotated[
        list[str],
        typer.Argument(
            metavar="PICKS_OR_PICKER...",
            help="Names of pickers, and files or folders of picks; NAME=PICKER or NAME=PATH to name one. With --join, "
            "files of results or folders with some.",
        ),
    ],
    *,
    sets: Annotated[
        list[Path] | None,
        typer.Option(
            "--set",
            metavar="DIR",
            help="A folder with micrographs and their labels, or its set.yaml; several times for several sets.",
        ),
    ] = None,
    join: Annotated[
        bool, typer.Option("--join", help="Put results that are there already into one page and one table.")
    ] = False,
    told: Annotated[Given, options(BenchmarkSettings, leave_out=["pickers", "picks"], flags={"options": "--option"})],
    of_set: Annotated[Given, options(LabelledSetSettings)],
    json: JsonFlag = False,
) -> None:
    """Score pickers and picks of any program on labelled sets, by the same rules.

    Writes a JSON file for each entry on each set, with counts of each micrograph from which all figures follow; a page;
    and a table in Markdown. What a set is says its set.yaml, or the options from --name to --labels.
    Example: napari-drpnet benchmark FIRST topaz=topaz.txt --set labelled/ --out benchmark
    """
    if join:
        report = _joined(entries, told, of_set, sets)
    else:
        if not sets:
            raise UserError("There is no labelled set.", "Name a folder with micrographs and labels (--set DIR).")
        report = run_job(jobs.run_benchmark(sets, of_set, _settings(entries, told)))
    tell_some("warning", report.joined.warnings)
    tell_some("warning", report.notes)
    faults = [said for said, fault in report.not_scored if fault]
    tell_some("warning", [said for said, fault in report.not_scored if not fault], ": they are on the page")
    tell_some("error", faults, ": they are on the page")
    tell_some("error", [f"{name}: {reason}" for name, reason in report.failed])
    if json:
        print_json(_document(report))
    else:
        _print(report)
    if report.failed or faults:
        raise typer.Exit(1)


def _settings(entries: Sequence[str], told: Given) -> BenchmarkSettings:
    pickers, picks = _entries(entries)
    told["options"] = by_picker(told.get("options", {}), list(pickers))
    return validated(BenchmarkSettings, told | {"pickers": pickers, "picks": picks})


def _entries(texts: Sequence[str]) -> tuple[dict[str, str], dict[str, Path]]:
    """Pickers and sets of picks by the names of their entries."""
    pickers: dict[str, str] = {}
    paths: list[str] = []
    for text in texts:
        name, _, picker = text.rpartition("=")
        if picker not in available_pickers() or (name and exists(text)):
            paths.append(text)
            continue
        if exists(picker) and not name:
            tell("warning", f"{picker} is taken for the picker; for the picks of this name write ./{picker}.")
        if (name or picker) in pickers:
            raise UserError(f"Two entries are called {name or picker!r}.", "Name them, as in NAME=PICKER.")
        pickers[name or picker] = picker
    return pickers, named_paths(paths)


def _joined(entries: Sequence[str], told: Given, of_set: Given, sets: Sequence[Path] | None) -> jobs.BenchmarkReport:
    settings = validated(BenchmarkSettings, told)
    if strange := sorted({*told, *of_set, *(["set"] if sets else [])} - {"average", "out"}):
        raise UserError(
            f"Results that are there are joined as they are, without {strange[0]}.", "Leave it out, or --join."
        )
    return jobs.join_benchmarks([Path(entry) for entry in entries], settings.average, settings.out)


def _print(report: jobs.BenchmarkReport) -> None:
    from napari_drpnet.jobs.benchmark.tables import columns  # SciPy, which --help does not need

    for table in report.joined.tables:
        found = columns(report.joined, table)
        typer.echo(f"{harmless(table.title)}:")
        print_table([one.head for one in found], list(zip(*(one.cells for one in found), strict=True)))
        typer.echo()
    typer.echo(f"written to {report.page}")


def _document(report: jobs.BenchmarkReport) -> dict[str, Any]:
    tables = [
        {
            "set": table.title,
            "entries": [
                {"name": one.name, "figures": {name: list(pair) for name, pair in one.result.figures.items()}}
                for one in table.entries
            ],
        }
        for table in report.joined.tables
    ]
    return {
        "out": report.out,
        "page": report.page,
        "tables": tables,
        "warnings": report.joined.warnings,
        "notes": report.notes,
        "not_scored": [said for said, _ in report.not_scored],
        "failed": [{"name": name, "reason": reason} for name, reason in report.failed],
    }
