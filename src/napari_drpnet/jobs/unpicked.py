"""Which micrographs of a project are to be picked: those that no picker saw, and those picked with other settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence

from napari_drpnet.io.project.project import Project
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.settings import AUTO, NO_PICK, ThresholdValue


def unpicked(project: Project, picker: LoadedPicker, names: Sequence[str]) -> list[str]:
    """Those of ``names`` that have no picks of this picker, as it is set now.

    Picks that somebody brought along are picks; so are those of a micrograph on which the picker found nothing.

    Parameters
    ----------
    project, picker
        Whose.
    names
        Of micrographs of the project.
    """
    if outgrown(project, picker):
        return [name for name in names if not _brought(project, name)]
    old = _outdated(project, picker)
    return [name for name in names if name in old or not project.row(name).picker or not _is_text(name)]


def outgrown(project: Project, picker: LoadedPicker) -> bool:
    """Whether the threshold was chosen on so few micrographs that it is chosen anew: there are twice as many now."""
    decision = project.evidence.decision
    return decision is not None and picker.auto and decision.outgrown_by(len(project.micrographs))


def begin(project: Project, picker: LoadedPicker, anew: bool) -> None:
    """Remember with which settings micrographs are picked from now on, and which were picked with others.

    Parameters
    ----------
    project, picker
        Whose.
    anew
        Whether the threshold is decided anew: then all picks are of another one.
    """
    old = _picked(project) if anew else _outdated(project, picker)
    outdated = tuple(sorted(filter(_is_text, old)))  # YAML has no others
    update = {"picked_with": _settings(picker), "picked_at": _threshold(picker), "outdated": outdated}
    project.keep_evidence(project.evidence.model_copy(update=update))


def note_picked(project: Project, names: Collection[str]) -> None:
    """Remember which micrographs were picked with the settings of now."""
    outdated = tuple(name for name in project.evidence.outdated if name not in names)
    project.keep_evidence(project.evidence.model_copy(update={"outdated": outdated}))


def _threshold(picker: LoadedPicker) -> ThresholdValue:
    return AUTO if picker.auto else picker.settings.least


def _outdated(project: Project, picker: LoadedPicker) -> set[str]:
    """Micrographs whose picks are of a picker, but not of this one as it is set now."""
    known = project.evidence
    if known.picked_with == _settings(picker):
        return set(known.outdated)
    decided = not picker.auto or known.decision is not None
    if decided and known.picked_at is not None and known.picked_with == _settings(picker, known.picked_at):
        return set(known.outdated) | (_picked(project) & project.fixed)  # of the others candidates know the threshold
    return _picked(project)


def _picked(project: Project) -> set[str]:
    return {row.name for row in project.rows() if row.picker and not _brought(project, row.name)}


def _is_text(name: str) -> bool:
    """Whether a name can be written into YAML; names of files may be any bytes."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def _brought(project: Project, name: str) -> bool:
    return project.row(name).picker == "imported"


def _settings(picker: LoadedPicker, threshold: ThresholdValue | None = None) -> str:
    """What tells settings apart that give other picks, with another ``threshold`` where one is given."""
    said = picker.in_force | {"picker": picker.name} | ({} if threshold is None else {"threshold": threshold})
    text = json.dumps({name: value for name, value in said.items() if name not in NO_PICK}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
