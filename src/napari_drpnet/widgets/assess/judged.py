"""The picks that refinements were made of, judged in the thread of a run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from napari_drpnet.errors import UserError
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs import Job
from napari_drpnet.jobs.assess_picks import PickedAssessment, assess_picks, write_truth
from napari_drpnet.settings import PickedSettings

LABELS = "labels of the project"


@dataclass(frozen=True, eq=False)
class AskedPicks:
    """What a run needs to know of picks, taken in the main thread.

    Attributes
    ----------
    settings
        Whose picks, by the name of the refinement, and of which micrographs; none where there are no picks.
    diameter
        Of the particle in Angstrom.
    labelled
        The project whose labels are the truth.
    """

    settings: PickedSettings = field(default_factory=PickedSettings)
    diameter: float | None = None
    labelled: Project | None = None


@dataclass(frozen=True, eq=False)
class Judged:
    """What is known of picks.

    Attributes
    ----------
    known
        By the name of the refinement.
    problems
        Why others cannot be judged, by the name.
    """

    known: dict[str, PickedAssessment] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


def judged(asked: AskedPicks) -> Job[Judged]:
    """Judge all picks together; what cannot be done is told, since the refinements can be assessed without.

    Nothing is kept on disk: `jobs.write_assessments` writes what `compare` does when the page is written.
    """
    try:
        with TemporaryDirectory(prefix="assess-") as place:
            settings, folder = asked.settings, Path(place)
            if asked.labelled is not None:
                write_truth(asked.labelled, folder / "labels")
                settings = settings.model_copy(update={"truth": str(folder / "labels")})
            known, problems = yield from assess_picks(settings, asked.diameter, folder, drawn=0)
    except UserError as error:
        return Judged({}, dict.fromkeys(asked.settings.picks, f"The picks are not judged. {error}"))
    return Judged(_told_as_asked(known, asked), problems)


def _told_as_asked(known: dict[str, PickedAssessment], asked: AskedPicks) -> dict[str, PickedAssessment]:
    """Without the name of the folder that labels were in for the time of the run."""
    if asked.labelled is None or not known:
        return known
    report = next(iter(known.values())).report
    report = replace(report, settings=report.settings.model_copy(update={"truth": LABELS}))
    return {name: replace(one, report=report) for name, one in known.items()}
