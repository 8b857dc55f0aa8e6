"""What labels are worth: F1 against how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from napari_drpnet.errors import UserError
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs.project import learn_project, project_picker
from napari_drpnet.jobs.retrain.labelled import labelled_in_project
from napari_drpnet.jobs.retrain.retrain import FEWEST
from napari_drpnet.jobs.retrain.scored import score_all
from napari_drpnet.steps import Job, Progress
from napari_drpnet.training.labels.judged import cross_validate

# Numbers of labels of a learning curve, as far as there are so many.
SIZES = (5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True)
class CurvePoint:
    """What so many labels are worth.

    Attributes
    ----------
    labels
        Labelled particles that were fitted to; 0: the picker as it is.
    f1
        At probability 0.5; the mean over random choices.
    spread
        Standard deviation over them, with the error of the estimate where it is estimated.
    estimated
        Whether it was estimated by all labels, since not every particle is labelled; else it was counted on labels that
        were left out.
    """

    labels: int
    f1: float
    spread: float
    estimated: bool


def learning_curve(project: Project, sizes: Sequence[int] | None = None, seed: int = 0) -> Job[list[CurvePoint]]:
    """F1 of the recalibrated picker against the number of labels, by all labels or by those left out in turn.

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
    micrographs = labelled_in_project(project)
    if not micrographs:
        raise UserError("Nothing is labelled in this project.", "Label particles, or mark micrographs as done.")
    picker = project_picker(project)
    yield from learn_project(project, picker)
    judged = [seen.judged for seen in (yield from score_all(picker, micrographs, []))]
    everything = cross_validate(judged, seed)
    if everything is None:
        raise UserError(
            "There are too few labels to leave some out and judge by them.", f"Label at least {FEWEST} particles."
        )
    most = sum(int(j.particle.sum()) for j in judged) // (1 if everything.estimated else 2)
    points = [CurvePoint(0, everything.before, 0.0, everything.estimated)]
    for size in (size for size in sizes or SIZES if size < most):
        yield Progress(0, 1, message=f"{size} labels")
        found = cross_validate(judged, seed, size)
        if found is not None:
            points.append(CurvePoint(size, found.after, found.spread, found.estimated))
    return [*points, CurvePoint(most, everything.after, everything.spread, everything.estimated)]
