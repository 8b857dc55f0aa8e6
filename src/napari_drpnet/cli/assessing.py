"""The command that assesses refinements: assess."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from napari_drpnet import jobs
from napari_drpnet.cli.options import Given, JsonFlag, options
from napari_drpnet.cli.terminal import NOTHING, print_json, print_table, run_job, tell_some
from napari_drpnet.cli.values import named_sources
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import require_folder
from napari_drpnet.io.images import is_image, open_image
from napari_drpnet.io.paths import is_file
from napari_drpnet.io.refinements import find_refinements
from napari_drpnet.settings import AssessSettings, PickedSettings, validated


def _job(
    sources: Sequence[str], settings: AssessSettings, picks: PickedSettings, diameter: float | None, out: Path
) -> jobs.Job[list[jobs.Assessment]]:
    """Picks, refinements, or both."""
    if not picks.picks and (picks.micrographs or picks.truth):
        raise UserError("There are no picks to be judged.", "Give them (--picks NAME=PATH).")
    paths, names = named_sources(sources)
    if picks.picks and (images := [path for path in paths if _is_micrograph(path)]):
        raise UserError(
            f"{images[0]} is a micrograph, and no refinement.",
            "Name micrographs with commas between them, by their folder, or by a pattern in quotes (--micrographs).",
        )
    refinements = find_refinements(paths, names) if paths or not picks.picks else []
    if picks.picks:
        return jobs.assess_with_picks(refinements, picks, settings, diameter, out)
    return jobs.assess(refinements, settings)


def _is_micrograph(path: Path) -> bool:
    """Whether it is one image; of a file that cannot be read more is said where it is used."""
    try:
        return is_file(path) and is_image(path) and open_image(path).array.ndim == 2
    except UserError:
        return False


def assess(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=]REFINEMENT",
            help="Folders of refinements, of RELION, cryoSPARC or reconstruct; or their files: two half maps, "
            "particles with angles (run_data.star, .cs), postprocess.star. Files of one folder or of one NAME are one "
            "refinement.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("assessment"),
    *,
    told: Annotated[Given, options(AssessSettings, flags={"growth": "--rh"})],
    picked: Annotated[Given, options(PickedSettings)],
    json: JsonFlag = False,
) -> None:
    """Judge picks by what was refined from them: resolution, local resolution, views, B-factor; and by themselves.

    Several refinements, of the picks of several pickers for example, are shown side by side. With --picks there are
    also the number of picks, F1 where the truth is given, and what averages prove.

    napari-drpnet assess Refine3D/job012 --mask MaskCreate/job011/mask.mrc --symmetry D2

    napari-drpnet assess a=Refine3D/job012 b=Refine3D/job015 --picks a=picks/ --picks b=b.star --micrographs
    Micrographs/ --truth labels/ --diameter 180
    """
    require_folder(out)
    settings, picks = validated(AssessSettings, told), validated(PickedSettings, picked)
    found = run_job(_job(sources or [], settings, picks, told.get("diameter"), out), "steps", ended=NOTHING)
    page = jobs.write_assessments(found, out)
    tell_some("warning", jobs.doubts(found))
    tell_some("error", jobs.assessment_problems(found))
    if json:
        print_json(
            {
                "page": page,
                "refinements": [
                    {
                        "name": one.name,
                        "figures": {
                            name: {"value": value, "unit": unit, "error": error}
                            for name, unit, value, error in jobs.figures(one)
                        },
                        "notes": [] if one.maps is None else one.maps.notes,
                        "problems": one.problems,
                    }
                    for one in found
                ],
            }
        )
    else:
        print_table(*jobs.assessment_rows(found))
        typer.echo(f"Written to {out}; see {page}")
    if jobs.assessment_problems(found):
        raise typer.Exit(1)
