"""The threshold of a project: the same for all its micrographs, also where it is changed after picking."""

from __future__ import annotations

from collections.abc import Sequence

from napari_drpnet.io.project.project import Project
from napari_drpnet.settings import AUTO
from napari_drpnet.steps import Job, Progress


def own_threshold(project: Project) -> float | None:
    """The threshold of a project in the probability of its picks; None where it is not decided yet."""
    asked, decision = project.settings.threshold, project.evidence.decision
    if asked != AUTO:
        return float(asked)
    return None if decision is None or decision.basis == "rule" else decision.threshold


def bring_there(project: Project, names: Sequence[str] | None = None) -> Job[list[str]]:
    """Let the picks of all micrographs be those of the project's threshold, from candidates that were kept.

    What a person labelled stays. Micrographs without candidates keep their picks: they must be picked again. When it is
    stopped, the next call goes on with the rest.

    Parameters
    ----------
    project
        Open, and not for reading only.
    names
        Of the micrographs; None for all.

    Returns
    -------
    list
        Names of those that changed; each is told of as the message of its step, too.
    """
    threshold = own_threshold(project)
    if threshold is None:
        return []
    behind = project.behind(threshold)
    if names is not None:
        wanted = frozenset(names)
        behind = [name for name in behind if name in wanted]
    brought = []
    for done, name in enumerate(behind):
        yield Progress(done, len(behind), message=name)
        if project.bring(name, threshold):
            brought.append(name)
    return brought
