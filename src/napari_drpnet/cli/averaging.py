"""The command that averages picks: average."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from napari_drpnet import jobs
from napari_drpnet.cli.options import CtfFile, Given, JsonFlag, OptionTexts, OutFolder, options
from napari_drpnet.cli.terminal import print_json, print_table, run_job, tell, tell_some
from napari_drpnet.cli.values import picker_options
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import require_folder
from napari_drpnet.settings import AveragingSettings, validated

_LENS = {"voltage": "rlnVoltage", "cs": "rlnSphericalAberration", "amplitude_contrast": "rlnAmplitudeContrast"}


def average(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="PICKS MICROGRAPHS...",
            help="Picks, a file or a folder in any format, and their micrographs: files, folders, patterns, or a STAR "
            "file that lists them. Or a project. With --picker, micrographs only.",
        ),
    ],
    out: OutFolder = Path("averages"),
    *,
    told: Annotated[Given, options(AveragingSettings)],
    picker: Annotated[
        str | None, typer.Option(help="Average what this picker finds, in the place of PICKS; see --option.")
    ] = None,
    own: OptionTexts = None,
    ctf: CtfFile = None,
    json: JsonFlag = False,
) -> None:
    """Sort picks into classes, average each, and say what it is worth.

    Writes averages.png and classes.tsv, and for RELION averages.mrcs, run_model.star and run_data.star.

    napari-drpnet average picks/ Micrographs/ --diameter 180 --classes 20 --out averages

    napari-drpnet average project/
    """
    require_folder(out)
    lens = {_LENS[name]: f"{value:g}" for name, value in told.items() if name in _LENS}
    if picker is not None:
        own_values = picker_options(own, {"diameter": told["diameter"]} if "diameter" in told else {})
        loaded = jobs.averaging_picker(picker, told.get("diameter"), own_values)
        source = run_job(jobs.picked_by(loaded, sources, told.get("pixel_size"), ctf))
        averages = run_job(jobs.average(source.micrographs, _settings(told, source)))
    elif len(sources) == 1:
        if not jobs.is_project(sources[0]):
            raise UserError(
                f"{sources[0]} is not a project.", "Name the picks and then their micrographs, or a project."
            )
        with jobs.open_project(sources[0], read_only=True) as project:
            source = jobs.picked_in_project(project, ctf)
            averages = run_job(jobs.average(source.micrographs, _settings(told, source)))
    else:
        picks, *micrographs = sources
        source = jobs.picked_in_files(Path(picks), micrographs, told.get("pixel_size"), ctf)
        averages = run_job(jobs.average(source.micrographs, _settings(told, source)))
    jobs.write_averages(averages, out, source.ctf, _lenses(source, lens), Path.cwd())
    _tell(averages, out, json)
    if averages.failed:
        raise typer.Exit(1)


def _settings(told: Given, source: jobs.Source) -> AveragingSettings:
    """What was given, with the diameter that the source tells."""
    return validated(AveragingSettings, ({"diameter": source.diameter} if source.diameter else {}) | told)


def _lenses(source: jobs.Source, lens: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
    """What is known of the lens of each micrograph; what was given goes before what files say."""
    return {one.name: {**source.lenses.get(one.name, {}), **lens} for one in source.micrographs}


def _tell(averages: jobs.Averages, out: Path, json: bool) -> None:
    tell_some("error", [f"{name}: {why}" if not why.startswith(name) else why for name, why in averages.failed])
    notes = (jobs.evidence_in_words(averages), *averages.notes)
    for note in notes:
        tell("note", note)
    if json:
        print_json({"folder": out, "classes": [vars(one) for one in averages.classes], "notes": notes})
        return
    rows = [
        (
            str(number),
            str(one.picks),
            f"{one.evidence:.2f} ± {one.error:.2f}" if math.isfinite(one.evidence) else "-",
            f"{one.share:.0%}" if math.isfinite(one.share) else "-",
            f"{one.resolution:.0f} A" if math.isfinite(one.resolution) else f"> {averages.diameter / 4:.0f} A",
            f"{one.micrographs:.0%}",
        )
        for number, one in enumerate(averages.classes, 1)
    ]
    print_table(("class", "picks", "evidence", "of all evidence", "resolution", "micrographs"), rows)
    typer.echo(
        f"{averages.picks} picks in {len(averages.classes)} classes, written to {out}; see {out / 'averages.png'}"
    )
