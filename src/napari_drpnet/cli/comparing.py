"""The commands that compare sets of picks: compare, consensus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from napari_drpnet import jobs
from napari_drpnet.cli.options import JsonFlag, argument, given, named_values, option
from napari_drpnet.cli.terminal import print_json, print_table, run_job, tell
from napari_drpnet.errors import UserError
from napari_drpnet.jobs.compare.report import tables
from napari_drpnet.settings import ComparisonSettings, ConsensusSettings, Device, MatchSettings

# More lines than this hide what went wrong; all of them are on the page.
_SHOWN = 10


def compare(
    diameter: Annotated[float, option(MatchSettings, "diameter")],
    inputs: Annotated[list[str] | None, argument(ComparisonSettings, "inputs")] = None,
    pickers: Annotated[str | None, option(ComparisonSettings, "pickers")] = None,
    picks: Annotated[list[str] | None, option(ComparisonSettings, "picks")] = None,
    truth: Annotated[str | None, option(ComparisonSettings, "truth")] = None,
    out: Annotated[Path | None, option(ComparisonSettings, "out")] = None,
    options: Annotated[list[str] | None, option(ComparisonSettings, "options", "--option")] = None,
    pixel_size: Annotated[float | None, option(MatchSettings, "pixel_size")] = None,
    radius_fraction: Annotated[float | None, option(MatchSettings, "radius_fraction")] = None,
    edge: Annotated[float | None, option(ComparisonSettings, "edge")] = None,
    consensus: Annotated[int | None, option(ComparisonSettings, "consensus")] = None,
    overlays: Annotated[int | None, option(ComparisonSettings, "overlays")] = None,
    overlay_order: Annotated[Literal["disputed", "first"] | None, option(ComparisonSettings, "overlay_order")] = None,
    invert: Annotated[bool | None, option(ComparisonSettings, "invert", "--invert/--no-invert")] = None,
    device: Annotated[Device | None, option(ComparisonSettings, "device")] = None,
    json: JsonFlag = False,
) -> None:
    """Compare pickers, and the picks of other programs.

    Runs all pickers on the same micrographs, and writes the picks of each, tables, pictures, and one page to be sent.
    Example: napari-drpnet compare Micrographs/ --pickers drpnet,pixer,log --truth labels/ --diameter 180 --out compared
    """
    names = tuple(name.strip() for name in (pickers or "").split(",") if name.strip())
    settings = jobs.validated(
        ComparisonSettings,
        given(
            inputs=inputs or None,
            pickers=names,
            picks=_paths(picks or ()),
            truth=truth,
            out=out,
            options=_by_picker(named_values(options), names),
            diameter=diameter,
            pixel_size=pixel_size,
            radius_fraction=radius_fraction,
            edge=edge,
            consensus=consensus,
            overlays=overlays,
            overlay_order=overlay_order,
            invert=invert,
            device=device,
        ),
    )
    report = run_job(jobs.run_comparison(settings))
    _tell("warning", report.warnings)
    _tell("error", [f"{name}: {reason}" for name, reason in report.failed])
    if json:
        print_json(_document(report))
    else:
        columns, cells = tables.texts(tables.STANDINGS, tables.standings(report))
        print_table([column.head for column in columns], cells)
        typer.echo(f"written to {report.page}")
    if report.failed:
        raise typer.Exit(1)


def consensus(
    sets: Annotated[
        list[str],
        typer.Argument(metavar="SET...", help="Sets of picks: files, or folders with some; NAME=PATH to name one."),
    ],
    diameter: Annotated[float, option(MatchSettings, "diameter")],
    out: Annotated[Path, typer.Option(help="Folder for the STAR files and summary.tsv.")] = Path("consensus"),
    at_least: Annotated[int | None, option(ConsensusSettings, "at_least")] = None,
    pixel_size: Annotated[float | None, option(MatchSettings, "pixel_size")] = None,
    radius_fraction: Annotated[float | None, option(MatchSettings, "radius_fraction")] = None,
    weights: Annotated[list[str] | None, option(ConsensusSettings, "weights", "--weight")] = None,
    json: JsonFlag = False,
) -> None:
    """Join sets of picks: what at least so many of them have, each particle once.

    Example: napari-drpnet consensus drpnet/ topaz.txt --at-least 2 --diameter 180 --pixel-size 1.77 --out both
    """
    settings = jobs.validated(
        ConsensusSettings,
        given(
            diameter=diameter,
            at_least=at_least,
            pixel_size=pixel_size,
            radius_fraction=radius_fraction,
            weights=named_values(weights, "--weight"),
        ),
    )
    report = run_job(jobs.consensus(_paths(sets), settings, out))
    _tell("warning", report.warnings)
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


def _document(report: jobs.ComparisonReport) -> dict[str, object]:
    return {
        "out": report.settings.out,
        "page": report.page,
        "truth": report.comparison.truth,
        "pixel_size": report.pixel_size,
        "radius": report.radius,
        "edge": report.edge,
        "sets": tables.standings(report),
        "agreement": tables.agreement(report),
        "micrographs": tables.by_micrograph(report),
        "warnings": report.warnings,
        "failed": [{"name": name, "reason": reason} for name, reason in report.failed],
    }


def _paths(texts: Sequence[str]) -> dict[str, Path]:
    """Sets of picks by their name: as it is given, or that of the file or folder."""
    found: dict[str, Path] = {}
    for text in texts:
        name, equals, place = text.partition("=")
        named = bool(equals) and not Path(text).exists()
        path = Path(place if named else text)
        name = name if named else path.resolve().stem if path.is_file() else path.resolve().name
        if name in found:
            raise UserError(f"Two sets are named {name!r}: {found[name]} and {path}.", "Name them, as in NAME=PATH.")
        found[name] = path
    return found


def _by_picker(options: dict[str, Any], pickers: Sequence[str]) -> dict[str, dict[str, Any]]:
    """``PICKER.NAME`` settings by their picker."""
    split: dict[str, dict[str, Any]] = {}
    for key, value in options.items():
        picker, _, setting = key.partition(".")
        if picker not in pickers or not setting:
            raise UserError(
                f"--option {key} is of no picker of this comparison.",
                f"Write PICKER.NAME=VALUE; the pickers are: {', '.join(pickers) or 'none'}.",
            )
        split.setdefault(picker, {})[setting] = value
    return split


def _tell(kind: str, lines: Sequence[str]) -> None:
    for line in lines[:_SHOWN]:
        tell(kind, line)
    if len(lines) > _SHOWN:
        tell(kind, f"... and {len(lines) - _SHOWN} more.")
