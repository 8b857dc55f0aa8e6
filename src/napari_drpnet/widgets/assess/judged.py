"""The picks that refinements were made of, judged in the thread of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs import Job
from napari_drpnet.jobs.assess_picks import COMPARED, PickedAssessment, assess_picks, set_names
from napari_drpnet.jobs.assess_unsaved import GIVEN, labelled_particles, write_given
from napari_drpnet.jobs.compare.lineup import TRUTH
from napari_drpnet.settings import PickedSettings

LABELS = "labels of the project"


@dataclass(frozen=True, eq=False)
class AskedPicks:
    """What a run needs to know of picks, taken in the main thread.

    Attributes
    ----------
    picks
        By the name of the refinement: a file or a folder, or those of a layer, one for each micrograph.
    settings
        Of which micrographs they are, and what is true; no picks.
    diameter
        Of the particle in Angstrom.
    labelled
        The project whose labels are the truth.
    """

    picks: Mapping[str, Path | tuple[Picks, ...]] = field(default_factory=dict)
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
    with TemporaryDirectory(prefix="assess-") as place:
        folder = Path(place)
        # Nobody knows the folder of the time of the run: such picks are called by their set.
        given = f"{folder / COMPARED / GIVEN}/"
        try:
            known, problems = yield from assess_picks(_in_files(asked, folder), asked.diameter, folder, drawn=0)
        except UserError as error:
            told = error.plain.replace(given, "")
            return Judged({}, dict.fromkeys(asked.picks, f"The picks are not judged. {told}"))
    return Judged(known, {name: text.replace(given, "") for name, text in problems.items()})


def _in_files(asked: AskedPicks, folder: Path) -> PickedSettings:
    """The settings with all picks and labels; those that are in no file are written for the time of the run."""
    sets, out = set_names(asked.picks), folder / COMPARED
    picks = {
        name: one if isinstance(one, Path) else write_given(sets[name], one, out) for name, one in asked.picks.items()
    }
    truth = asked.settings.truth
    if asked.labelled is not None:
        truth = str(write_given(TRUTH, labelled_particles(asked.labelled), out))
    return asked.settings.model_copy(update={"picks": picks, "truth": truth})
