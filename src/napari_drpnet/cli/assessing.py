"""The command that assesses refinements: assess."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_drpnet import jobs
from napari_drpnet.cli.options import Given, JsonFlag, options
from napari_drpnet.cli.terminal import print_json, print_table, run_job, tell_some
from napari_drpnet.settings import AssessSettings, validated


def assess(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="REFINEMENT...",
            help="Folders of refinements, of RELION or cryoSPARC; or their files: two half maps, particles with angles "
            "(run_data.star, .cs), postprocess.star. Files of one folder are one refinement.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("assessment"),
    *,
    told: Annotated[Given, options(AssessSettings, flags={"growth": "--rh"})],
    json: JsonFlag = False,
) -> None:
    """Judge picks by what was refined from them: resolution, local resolution, views, B-factor.

    Several refinements, of the picks of several pickers for example, are shown side by side.

    napari-drpnet assess Refine3D/job012 --mask MaskCreate/job011/mask.mrc --symmetry D2

    napari-drpnet assess Refine3D/job012 Refine3D/job015 --out compared
    """
    found = run_job(jobs.assess(sources, validated(AssessSettings, told)), "refinements")
    page = jobs.write_assessments(found, out)
    tell_some("error", [problem for one in found for problem in one.problems])
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
                        "problems": one.problems,
                    }
                    for one in found
                ],
            }
        )
    else:
        print_table(*jobs.assessment_rows(found))
        typer.echo(f"Written to {out}; see {page}")
    if any(one.problems for one in found):
        raise typer.Exit(1)
