"""What labels have changed, what they would change, and which to give next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial import cKDTree

from napari_drpnet.candidates import inside
from napari_drpnet.data import FloatArray, ImageArray, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.jobs.retrain.harvest import within
from napari_drpnet.jobs.retrain.labelled import ScoredMicrograph, harvest_settings, labelled_in_project, look
from napari_drpnet.jobs.retrain.learning import judged_candidates, looks
from napari_drpnet.jobs.retrain.retrain import FEWEST
from napari_drpnet.settings import HarvestSettings
from napari_drpnet.steps import Job, Progress, translate

if TYPE_CHECKING:
    from napari_drpnet.io.project.project import Project

# Numbers of labels of a learning curve, as far as there are so many.
SIZES = (5, 10, 20, 50, 100, 200, 500, 1000)
# Rings around the centre of a patch by whose grey levels two candidates are compared.
_RINGS = 8


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
    project: Project,
    names: Sequence[str],
    old: Mapping[str, str | None],
    new: Mapping[str, str | None],
    truth: Mapping[str, Picks] | None = None,
) -> Job[list[Change]]:
    """Pick micrographs with two choices of networks, and compare; nothing is written.

    Parameters
    ----------
    project
        With the settings that both share.
    names
        Of the micrographs.
    old, new
        Names of the networks that differ, ``detector`` and ``classifier``, as `RetrainReport.use` has them; what is
        not named is as in the project.
    truth
        True particles by the name of the micrograph; of others those of micrographs that are done.

    Raises
    ------
    UserError
        When a network is not there, or does not go with the other stage.
    """
    from napari_drpnet.pickers.drpnet import DRPnet

    pickers = [DRPnet(harvest_settings(project, **_networks(project, use))) for use in (old, new)]
    changes = []
    for done, name in enumerate(names):
        found: list[Picks] = []
        error = ""
        try:
            micrograph = project.read_micrograph(name)
            for part, picker in enumerate(pickers):
                here = Progress(done, len(names), message=name, fraction=part / 2)
                yield here
                steps = translate(picker.score_steps(micrograph), _half(here))
                found.append(picker.picks_from((yield from steps), min_distance=project.settings.min_distance))
        except UserError as wrong:
            error, none = str(wrong), project.read_picks(name).select(np.zeros(0, int))
            found = [none, none]
        told = (truth or {}).get(name) or _known(project, name)
        changes.append(replace(compared(name, found[0], found[1], told, _pixels(project, found[1])), error=error))
    yield Progress(len(names), len(names))
    return changes


def _half(here: Progress) -> Any:
    return lambda part: replace(here, fraction=here.fraction + part / 2)


def _networks(project: Project, use: Mapping[str, str | None]) -> dict[str, str | None]:
    return {role: project.weights(name) if name else None for role, name in use.items()}


def _known(project: Project, name: str) -> Picks | None:
    if project.row(name).state != "done":
        return None
    picks = project.read_picks(name)
    return picks.select(picks.label != "background")


def _pixels(project: Project, picks: Picks) -> float:
    """The particle's diameter in micrograph pixels."""
    diameter = project.settings.diameter
    assert diameter is not None, "the pickers were told"
    return picks.frame.micrograph_pixels(diameter) if picks.frame.pixel_size else float("nan")


def compared(name: str, before: Picks, after: Picks, truth: Picks | None, diameter: float) -> Change:
    """Two sets of picks side by side; nearer than half a ``diameter``, in micrograph pixels, they are the same."""
    from napari_drpnet.training.calibration import hits

    stays = hits(after.yx, after.score, before.yx, diameter / 2)
    left = hits(before.yx, before.score, after.yx, diameter / 2)
    old, new = (_f1(picks, truth, diameter) for picks in (before, after))
    return Change(name, before, after, after.select(~stays), before.select(~left), after.select(stays), old, new)


def _f1(picks: Picks, truth: Picks | None, diameter: float) -> float | None:
    from napari_drpnet.training.calibration import hits

    if truth is None:
        return None
    right = int(hits(picks.yx, picks.score, truth.yx, diameter / 2).sum())
    return 2 * right / max(len(picks) + len(truth), 1)


# ---------------------------------------------------------------- what to label next


@dataclass(frozen=True, eq=False)
class Suggestion:
    """A candidate that a label would teach something.

    Attributes
    ----------
    name
        Of its micrograph.
    yx
        ``(2,)`` in micrograph pixels.
    score
        Its probability.
    gain
        0 to 1: how uncertain it is, times how unlike all that is labelled.
    """

    name: str
    yx: FloatArray
    score: float
    gain: float


def suggest(project: Project, names: Sequence[str] | None = None, limit: int = 200) -> Job[list[Suggestion]]:
    """Candidates in the order of how much a label would teach, the best first.

    Parameters
    ----------
    project
        With or without labels.
    names
        Micrographs to look at; None: all that are not done.
    limit
        Most candidates to give back.

    Raises
    ------
    UserError
        When no micrograph can be read.
    """
    from napari_drpnet.pickers.drpnet import DRPnet

    chosen = harvest_settings(project)
    wanted = [row.name for row in project.rows() if row.state != "done"] if names is None else list(names)
    told = labelled_in_project(project)
    known = {one.name for one in told}
    fields = [*told, *labelled_in_project(project, [name for name in wanted if name not in known])]
    picker = DRPnet(chosen)
    labelled: list[FloatArray] = []
    open_: list[tuple[str, FloatArray, FloatArray, FloatArray]] = []
    notes: list[str] = []
    for done, one in enumerate(fields):
        here = Progress(done, len(fields), len(open_), one.name)
        yield here
        try:
            seen = yield from translate(look(one, picker), within(here))
        except UserError as error:
            notes.append(str(error))
            continue
        labelled.append(described(seen.patches(np.concatenate([one.particles, one.background]))))
        if one.name in wanted and not one.complete:
            open_.append((one.name, *_unlabelled(seen, chosen)))
    if not open_:
        raise UserError(
            f"There is nothing to suggest. {' '.join(notes)}".strip(), "Open micrographs that are not done yet."
        )
    yield Progress(len(fields), len(fields))
    return ordered(open_, np.concatenate(labelled), limit)


def _unlabelled(seen: ScoredMicrograph, settings: HarvestSettings) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Places of candidates that could become picks and nobody judged, their probabilities, and what they look like."""
    from napari_drpnet.training.labels.patches import AGREE, away

    found = seen.candidates
    told = np.concatenate([seen.field.particles, seen.field.background])
    free = away(found.yx, told, AGREE * seen.frame.micrograph_pixels(settings.diameter))
    if seen.frame.shape is not None:
        free &= inside(found.yx, seen.frame.shape, seen.frame.micrograph_pixels(settings.margin))
    yx = found.yx[free]
    return yx, found.probability[free], described(seen.patches(yx))


def described(patches: ImageArray) -> FloatArray:
    """What a patch looks like whichever way it is turned: mean and spread of grey levels in rings, ``(n, 16)``."""
    side = patches.shape[-1]
    away = np.hypot(*(np.indices((side, side)) - side / 2))
    ring = np.minimum((away / (side / 2) * _RINGS).astype(int), _RINGS)
    columns = [f(patches[:, ring == r], axis=1) for r in range(_RINGS) for f in (np.mean, np.std)]
    return np.stack(columns, axis=1).astype(np.float64)


def ordered(
    candidates: Sequence[tuple[str, FloatArray, FloatArray, FloatArray]], labelled: FloatArray, limit: int
) -> list[Suggestion]:
    """Suggestions from candidates by micrograph: their places, probabilities and looks; the best first."""
    looks_ = np.concatenate([features for *_, features in candidates])
    score = np.concatenate([probability for _, _, probability, _ in candidates])
    unlike = np.ones(len(score))
    if len(labelled) and len(score):
        spread = looks_.std(axis=0) + 1e-9
        distance = cKDTree(labelled / spread).query(looks_ / spread)[0]
        unlike = distance / (distance + np.median(distance) + 1e-9)
    gain = (1 - np.abs(2 * score - 1)) * unlike
    names = [name for name, yx, *_ in candidates for _ in yx]
    places = np.concatenate([yx for _, yx, *_ in candidates])
    best = np.argsort(-gain, kind="stable")[:limit]
    return [Suggestion(names[i], places[i], float(score[i]), float(gain[i])) for i in best]


def suggested_micrographs(suggestions: Iterable[Suggestion]) -> list[tuple[str, float]]:
    """Micrographs by the sum of what their suggestions would teach, the best first."""
    sums: dict[str, float] = {}
    for one in suggestions:
        sums[one.name] = sums.get(one.name, 0.0) + one.gain
    return sorted(sums.items(), key=lambda item: -item[1])


# ---------------------------------------------------------------- what labels are worth


@dataclass(frozen=True)
class CurvePoint:
    """What so many labels are worth.

    Attributes
    ----------
    labels
        Labelled particles that were fitted to; 0: the picker as it is.
    f1
        At probability 0.5, on labels that were left out; the mean over random choices.
    spread
        Standard deviation over them.
    estimated
        Whether it was estimated, since not every particle is labelled; by about 0.05 it may be wrong.
    """

    labels: int
    f1: float
    spread: float
    estimated: bool


def learning_curve(project: Project, sizes: Sequence[int] | None = None, seed: int = 0) -> Job[list[CurvePoint]]:
    """F1 of the recalibrated picker against the number of labels, by labels that were left out in turn.

    Parameters
    ----------
    project
        With labels.
    sizes
        Numbers of labels, as far as there are so many; None: `SIZES`.
    seed
        Of the random choices.

    Raises
    ------
    UserError
        When there are too few labels to leave some out, or no micrograph can be read.
    """
    from napari_drpnet.training.labels.judged import cross_validate

    fields = labelled_in_project(project)
    if not fields:
        raise UserError("Nothing is labelled in this project.", "Label particles, or mark micrographs as done.")
    chosen = harvest_settings(project)
    notes: list[str] = []
    judged = [judged_candidates(seen, chosen.diameter) for seen in (yield from looks(fields, chosen, notes))]
    everything = cross_validate(judged, seed)
    if everything is None:
        raise UserError(
            "There are too few labels to leave some out and judge by them.", f"Label at least {FEWEST} particles."
        )
    half = sum(int(j.particle.sum()) for j in judged) // 2
    points = [CurvePoint(0, everything.before, 0.0, everything.estimated)]
    for size in (size for size in sizes or SIZES if size < half):
        yield Progress(0, 1, message=f"{size} labels")
        found = cross_validate(judged, seed, size)
        if found is not None:
            points.append(CurvePoint(size, found.after, found.spread, found.estimated))
    return [*points, CurvePoint(half, everything.after, everything.spread, everything.estimated)]
