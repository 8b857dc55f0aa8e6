"""Which candidates to label next: those that are uncertain, and unlike all that is labelled."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from napari_drpnet.candidates import inside
from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.errors import UserError
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs.judging import Judgement
from napari_drpnet.jobs.project import learn_project, project_judgement, project_picker
from napari_drpnet.jobs.retrain.labelled import LabelledMicrograph, labelled_in_project
from napari_drpnet.jobs.retrain.scored import ScoredMicrograph, score_read
from napari_drpnet.labels import near
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.settings import EVEN
from napari_drpnet.steps import Job, Progress, translate, within
from napari_drpnet.training.labels.patches import AGREE

# Rings around the centre of a patch by whose grey levels two candidates are compared.
_RINGS = 8
# A threshold is taken to be at least so far from certainty.
_EDGE = 0.01


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
        Its probability: the data set's own, where it is known.
    gain
        0 to 1: how near to the threshold it is, times how unlike all that is labelled.
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
    picker = project_picker(project)
    yield from learn_project(project, picker)
    judgement = project_judgement(project, picker)
    wanted = [row.name for row in project.rows() if row.state != "done"] if names is None else list(names)
    told = labelled_in_project(project)
    known = {one.name for one in told}
    micrographs = [*told, *labelled_in_project(project, [name for name in wanted if name not in known])]
    labelled: list[FloatArray] = []
    open_: list[tuple[str, FloatArray, FloatArray, FloatArray]] = []
    notes: list[str] = []
    for done, one in enumerate(micrographs):
        here = Progress(done, len(micrographs), len(open_), one.name)
        yield here
        try:
            seen = yield from translate(_seen(one, picker, judgement), within(here))
        except UserError as error:
            notes.append(str(error))
            continue
        labelled.append(described(seen.patches(np.concatenate([one.particles, one.background]))))
        if one.name in wanted and not one.complete:
            open_.append((one.name, *_unlabelled(seen)))
    if not open_:
        raise UserError(
            f"There is nothing to suggest. {' '.join(notes)}".strip(), "Open micrographs that are not done yet."
        )
    yield Progress(len(micrographs), len(micrographs))
    threshold = EVEN if judgement is None else judgement.decision.threshold
    return ordered(open_, np.concatenate(labelled), limit, threshold)


def _seen(
    one: LabelledMicrograph, picker: LoadedPicker, judgement: Judgement | None
) -> Generator[float, None, ScoredMicrograph]:
    """A micrograph with the probabilities that its picks have: the data set's own, where they are known."""
    micrograph = one.read()
    seen = yield from score_read(one, micrograph, picker)
    if judgement is None:
        return seen
    return replace(seen, map=judgement.adapted(judgement.measured_on(picker, micrograph, seen.map)))


def _unlabelled(seen: ScoredMicrograph) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Places of candidates that could become picks and nobody judged, their probabilities, and what they look like."""
    found = seen.candidates
    told = np.concatenate([seen.labelled.particles, seen.labelled.background])
    free = ~near(found.yx, told, AGREE * seen.pixels) & inside(found.yx, seen.shape, seen.pixels / 2)
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
    candidates: Sequence[tuple[str, FloatArray, FloatArray, FloatArray]],
    labelled: FloatArray,
    limit: int,
    threshold: float = EVEN,
) -> list[Suggestion]:
    """Suggestions from candidates by micrograph, the best first.

    Parameters
    ----------
    candidates
        Name of the micrograph, places ``(n, 2)``, probabilities ``(n,)`` and looks ``(n, 16)``, see `described`.
    labelled
        ``(m, 16)`` looks of what is labelled.
    limit
        Most suggestions to give back.
    threshold
        Of the picks, in these probabilities: nobody knows less of a candidate than there.
    """
    looks_ = np.concatenate([features for *_, features in candidates])
    score = np.concatenate([probability for _, _, probability, _ in candidates])
    unlike = np.ones(len(score))
    if len(labelled) and len(score):
        spread = looks_.std(axis=0) + 1e-9
        distance = cKDTree(labelled / spread).query(looks_ / spread)[0]
        unlike = distance / (distance + np.median(distance) + 1e-9)
    least = float(np.clip(threshold, _EDGE, 1 - _EDGE))
    gain = np.minimum(score / least, (1 - score) / (1 - least)) * unlike
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
