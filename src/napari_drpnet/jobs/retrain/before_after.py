"""What other networks, or another calibration, change: which picks came and which went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_drpnet.data import MaskArray, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.evaluation.counting import Counts, paired
from napari_drpnet.evaluation.matching import match
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs.picking import Found, find
from napari_drpnet.jobs.project import learn_project, project_picker
from napari_drpnet.jobs.retrain.labelled import labelled_in_project
from napari_drpnet.jobs.retrain.scored import judged_map
from napari_drpnet.labels import near
from napari_drpnet.steps import Job, Progress, one_of, translate, within
from napari_drpnet.training.labels.belief import Told
from napari_drpnet.training.labels.judged import JudgedCandidates, believed

# Labelled particles from which F1 is estimated.
_FEWEST = 10
# Micrograph pixels: a pick is the candidate that lies where it does.
_SAME = 1.0

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
        Against the truth where it is known: given, or of a micrograph that is done with every pick reviewed; else
        None.
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


@dataclass(frozen=True, eq=False)
class BeforeAfter:
    """What other networks change on several micrographs.

    Attributes
    ----------
    changes
        One a micrograph.
    before, after
        F1 of all together: counted where the truth is known of a micrograph, else estimated from the labels; None where
        there are too few.
    """

    changes: list[Change]
    before: Told | None = None
    after: Told | None = None


def before_after(project: Project, names: Sequence[str], old: Networks, new: Networks) -> Job[BeforeAfter]:
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

    Raises
    ------
    UserError
        When a network is not there, or does not go with the others.
    """
    pickers = [project_picker(project, use) for use in (old, new)]
    for picker in pickers:
        yield from learn_project(project, picker)
    changes = []
    labels = _Labels(project, names)
    for done, name in enumerate(names):
        found: list[Picks] = []
        error = ""
        try:
            micrograph = project.read_micrograph(name)
            both: list[Found] = []
            for part, picker in enumerate(pickers):
                here = Progress(done, len(names), message=name)
                yield one_of(part, 2)(here)
                steps = translate(find(picker, micrograph), within(here))
                both.append((yield from translate(steps, one_of(part, 2))))
            # Only where both could pick it: F1 before and after are of the same micrographs.
            for part, one in enumerate(both):
                labels.note(part, name, one)
            found = [one.picks for one in both]
        except UserError as wrong:
            error, none = str(wrong), project.read_picks(name).select(np.zeros(0, int))
            found = [none, none]
        change = compared(name, found[0], found[1], labels.truth(name), _pixels(project, found[1]))
        changes.append(replace(change, error=error))
    yield Progress(len(names), len(names))
    return BeforeAfter(changes, labels.f1(0), labels.f1(1))


class _Labels:
    """What a person said about some micrographs, and what each of two pickers makes of these."""

    def __init__(self, project: Project, names: Sequence[str]) -> None:
        self._project = project
        self._said = {one.name: one for one in labelled_in_project(project, names)}
        self._judged: tuple[list[JudgedCandidates], list[JudgedCandidates]] = ([], [])
        self._chosen: tuple[list[MaskArray], list[MaskArray]] = ([], [])
        self._counts = [Counts(), Counts()]

    def truth(self, name: str) -> Picks | None:
        """All particles of a micrograph that is done, with every pick reviewed."""
        said = self._said[name]
        if not said.complete:
            return None
        labels = said.sets[0]
        return labels.select(labels.label == "particle")

    def note(self, part: int, name: str, found: Found) -> None:
        """What the picker before (0) or after (1) has found on a micrograph."""
        said, picks, truth = self._said[name], found.picks, self.truth(name)
        frame, reach = picks.frame, _pixels(self._project, picks) / 2
        if not reach > 0 or frame.shape is None:
            return
        if truth is not None:
            self._counts[part] += paired(picks, truth, reach).counts
            return
        judged = judged_map(said, found.score_map, frame.shape, reach)
        self._judged[part].append(judged)
        self._chosen[part].append(near(judged.yx, picks.yx, _SAME))

    def f1(self, part: int) -> Told | None:
        """F1 of all picks of one picker: counted, or estimated by labels that are a sample; None by too few."""
        counts, judged = self._counts[part], self._judged[part]
        if counts.true + counts.missed:
            return Told(counts.f1, 0.0)
        if sum(int(j.particle.sum()) for j in judged) < _FEWEST:
            return None
        return believed(judged).f1(np.concatenate(self._chosen[part]))


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
