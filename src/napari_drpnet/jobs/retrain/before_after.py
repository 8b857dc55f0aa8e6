"""What other networks, or another calibration, change: which picks came and which went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError
from napari_drpnet.evaluation.counting import paired
from napari_drpnet.evaluation.matching import match
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs.picking import find
from napari_drpnet.jobs.project import learn_project, project_picker
from napari_drpnet.steps import Job, Progress, one_of, translate, within

Networks = Mapping[str, str | None]


@dataclass(frozen=True, eq=False)
class Change:
    """What another network changes on one micrograph.

    Attributes
    ----------
    name
        Of the micrograph.
    before, after
        All picks of both.
    came, went, stayed
        New picks, those no longer there, and those that both have, as they are after.
    f1_before, f1_after
        Against the truth where it is known: given, or of a micrograph that is done; else None.
    error
        Why there are no picks; empty when all went well.
    """

    name: str
    before: Picks
    after: Picks
    came: Picks
    went: Picks
    stayed: Picks
    f1_before: float | None = None
    f1_after: float | None = None
    error: str = ""


def before_after(
    project: Project, names: Sequence[str], old: Networks, new: Networks, truth: Mapping[str, Picks] | None = None
) -> Job[list[Change]]:
    """Pick micrographs with two choices of networks, and compare; nothing is written but what a picker learns first.

    Parameters
    ----------
    project
        With the settings that both share.
    names
        Of the micrographs.
    old, new
        Names of the networks that differ, by the field of the picker's settings, as `RetrainReport.use` has them; what
        is not named is as in the project.
    truth
        True particles by the name of the micrograph; of others those of micrographs that are done.

    Raises
    ------
    UserError
        When a network is not there, or does not go with the others.
    """
    pickers = [project_picker(project, use) for use in (old, new)]
    for picker in pickers:
        yield from learn_project(project, picker)
    changes = []
    for done, name in enumerate(names):
        found: list[Picks] = []
        error = ""
        try:
            micrograph = project.read_micrograph(name)
            for part, picker in enumerate(pickers):
                here = Progress(done, len(names), message=name)
                yield one_of(part, 2)(here)
                steps = translate(find(picker, micrograph), within(here))
                found.append((yield from translate(steps, one_of(part, 2))).picks)
        except UserError as wrong:
            error, none = str(wrong), project.read_picks(name).select(np.zeros(0, int))
            found = [none, none]
        told = (truth or {}).get(name) or _known(project, name)
        changes.append(replace(compared(name, found[0], found[1], told, _pixels(project, found[1])), error=error))
    yield Progress(len(names), len(names))
    return changes


def _known(project: Project, name: str) -> Picks | None:
    if project.row(name).state != "done":
        return None
    picks = project.read_picks(name)
    return picks.select(picks.label != "background")


def _pixels(project: Project, picks: Picks) -> float:
    """The particle's diameter in micrograph pixels; that of the picks where the project does not know it."""
    diameter = project.settings.diameter
    if diameter is not None and picks.frame.pixel_size:
        return picks.frame.micrograph_pixels(diameter)
    known = picks.diameter[np.isfinite(picks.diameter)]
    return float(np.median(known)) if len(known) else float("nan")


def compared(name: str, before: Picks, after: Picks, truth: Picks | None, diameter: float) -> Change:
    """Two sets of picks side by side; nearer than half a ``diameter``, in micrograph pixels, they are the same."""
    same = match(after.yx, before.yx, diameter / 2)
    came, went = np.ones(len(after), bool), np.ones(len(before), bool)
    came[same.pick], went[same.particle] = False, False
    old, new = (_f1(picks, truth, diameter / 2) for picks in (before, after))
    return Change(name, before, after, after.select(came), before.select(went), after.select(~came), old, new)


def _f1(picks: Picks, truth: Picks | None, radius: float) -> float | None:
    """None where there is nothing to count."""
    if truth is None or not len(picks) + len(truth):
        return None
    return paired(picks, truth, radius).counts.f1
