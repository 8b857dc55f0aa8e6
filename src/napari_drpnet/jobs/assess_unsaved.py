"""Picks and labels that are in no file: written beside the report of `compare`, whose command reads them there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import writing
from napari_drpnet.io.names import places
from napari_drpnet.io.picks.formats import write_picks
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs.compare.lineup import TRUTH
from napari_drpnet.jobs.compare.result import ComparisonReport
from napari_drpnet.jobs.retrain.labelled import labelled_in_project

# The folder of such picks, below that of `compare`.
GIVEN = "given"


def write_given(name: str, found: Sequence[Picks], out: Path) -> Path:
    """Write the picks of a set, in the place of those that were written there before.

    Parameters
    ----------
    name
        Of the set.
    found
        One for each micrograph. Nothing of them is lost in a CSV file; a STAR file has whole pixels.
    out
        The folder of `compare`.

    Returns
    -------
    Path
        The folder with a file for each micrograph.

    Raises
    ------
    UserError
        When a file cannot be written.
    """
    folder = out / GIVEN / name
    for old in folder.rglob("*.csv"):
        with writing(old):
            old.unlink()
    where = places(picks.frame.micrograph for picks in found)
    for picks in found:
        place = where[picks.frame.micrograph]
        write_picks(picks, folder / place.with_name(f"{place.name}.csv"))
    return folder


def labelled_particles(project: Project) -> list[Picks]:
    """The particles that a person labelled, of micrographs on which nothing is left to be said, called by their files.

    Raises
    ------
    UserError
        When there is no such micrograph.
    """
    found = []
    for one in labelled_in_project(project):
        if one.complete:
            (labels,) = one.sets
            particles = labels.select(labels.label == "particle")
            found.append(replace(particles, frame=replace(particles.frame, micrograph=one.path.as_posix())))
    if not found:
        raise UserError(
            "No micrograph of the project is done and has a label on every pick.",
            "Label its picks and mark it as done, or choose a file as the truth.",
        )
    return found


def moved(report: ComparisonReport, out: Path) -> ComparisonReport:
    """A comparison as one that is in another folder: what `write_given` wrote is written there, and read from there.

    Raises
    ------
    UserError
        When a file cannot be written.
    """
    asked, given = report.settings, report.settings.out / GIVEN
    picks = {}
    for name, path in asked.picks.items():
        if not path.is_relative_to(given):
            picks[name] = path
        elif name in report.sets:  # else it could not be used, and is nothing to repeat
            picks[name] = write_given(name, report.sets[name], out)
    truth = asked.truth
    if truth is not None and Path(truth).is_relative_to(given):
        truth = str(write_given(TRUTH, report.sets[TRUTH], out))
    return replace(report, settings=asked.model_copy(update={"out": out, "picks": picks, "truth": truth}))
