"""What came of retraining, the name of the new network, and what is recorded beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from napari_drpnet.errors import UserError, short
from napari_drpnet.io.fields import dump
from napari_drpnet.io.files import write_text
from napari_drpnet.io.paths import exists
from napari_drpnet.io.project.project import Project
from napari_drpnet.io.safe_names import is_safe
from napari_drpnet.io.weights import PACKAGED
from napari_drpnet.jobs.retrain.labelled import LabelledMicrograph
from napari_drpnet.settings import RetrainSettings


@dataclass(frozen=True)
class RetrainReport:
    """What came of retraining.

    Attributes
    ----------
    name
        Of the new network.
    weights
        Its file; None where nothing better was found, and then nothing was written.
    role
        What it is: ``calibration``, or the field of the picker's settings that takes it; empty without a file.
    picker
        Whose it is.
    use
        Names of networks that put it to use, by the field of the picker's settings; None as a name means the default.
    before, after
        F1 at probability 0.5; None where there were too few labels.
    estimated
        Whether these were estimated, since not every particle is labelled; else they were counted on labels that it did
        not learn from.
    error
        Standard error of ``after`` where it is estimated.
    judged_on
        Which labels those were, as words.
    notes
        What the user should know, a sentence each.
    steps
        Optimisation steps that were made.
    seconds
        That it took.
    stopped
        Whether it was stopped, and is the best so far.
    labels
        Labelled particles it was fitted to.
    """

    name: str
    weights: Path | None = None
    role: str = ""
    picker: str = ""
    use: dict[str, str | None] = field(default_factory=dict)
    before: float | None = None
    after: float | None = None
    estimated: bool = False
    error: float = 0.0
    judged_on: str = ""
    notes: tuple[str, ...] = ()
    steps: int = 0
    seconds: float = 0.0
    stopped: bool = False
    labels: int = 0


def free_name(project: Project, wanted: str) -> str:
    """The name of a new network of a project.

    Raises
    ------
    UserError
        When the wanted one is taken, or cannot be a file's name.
    """
    folder = project.folder / "networks"
    if not wanted:
        number = 1
        while exists(folder / f"retrained-{number}.safetensors"):
            number += 1
        return f"retrained-{number}"
    if not is_safe(wanted) or wanted.startswith("."):
        raise UserError(f"{short(wanted)} cannot be the name of a network.", "Use letters, digits, dots and dashes.")
    if exists(folder / f"{wanted}.safetensors") or exists(PACKAGED / f"{wanted}.safetensors"):
        raise UserError(f"There is a network named {wanted!r} already.", "Choose another name.")
    return wanted


def write_record(report: RetrainReport, settings: RetrainSettings, micrographs: Sequence[LabelledMicrograph]) -> None:
    """Settings, scores and labels of a network, in YAML beside its weights."""
    assert report.weights is not None, "there is something to tell of"
    told = {name: value for name, value in asdict(report).items() if name not in ("weights", "use")}
    told["notes"] = list(report.notes)
    rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in told.items()}
    known = [
        {
            "name": one.name,
            "particles": len(one.particles),
            "background": len(one.background),
            "complete": one.complete,
        }
        for one in micrographs
    ]
    content = {**rounded, "settings": settings.model_dump(mode="json"), "micrographs": known}
    text = dump(content, allow_unicode=True)
    write_text(text, report.weights.with_suffix(".yaml"))
