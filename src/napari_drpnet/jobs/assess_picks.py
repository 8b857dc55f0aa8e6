"""Picks judged beside the refinements that were made of them: counted by `compare`, whose figures these are."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from napari_drpnet.errors import UserError
from napari_drpnet.evaluation.comparison import Standing
from napari_drpnet.io.safe_names import safe_name
from napari_drpnet.jobs.assess_unsaved import moved
from napari_drpnet.jobs.averaging.proof import good_classes, mean_evidence
from napari_drpnet.jobs.averaging.result import Averages
from napari_drpnet.jobs.compare.compare import run_comparison
from napari_drpnet.jobs.compare.consensus import CONSENSUS
from napari_drpnet.jobs.compare.lineup import TRUTH
from napari_drpnet.jobs.compare.proof import Proof
from napari_drpnet.jobs.compare.report.write import write_files
from napari_drpnet.jobs.compare.result import ComparisonReport
from napari_drpnet.settings import ComparisonSettings, PickedSettings
from napari_drpnet.steps import Job, finish

# The folder of what `compare` writes.
COMPARED = "picks"
_DRAWN = 4  # micrographs with everyone's picks
_NO_FOLDER = re.compile(r'[/\\:*?"<>|]')  # what `compare` has in no name of a set


@dataclass(frozen=True, eq=False)
class PickedAssessment:
    """What is known of the picks of one picker.

    Attributes
    ----------
    report
        Of all pickers together.
    standing
        How many picks there are, and how good against a truth.
    proof
        How many of them are particles, by averages.
    averages
        Class averages of some of them; None where none could be made.
    source
        Their file or folder.
    failed
        Micrographs that could not be used, and why; the same for all pickers.
    """

    report: ComparisonReport
    standing: Standing
    proof: Proof
    averages: Averages | None
    source: Path
    failed: tuple[tuple[str, str], ...] = ()

    @property
    def set_name(self) -> str:
        """What `compare` calls the set."""
        return self.standing.name

    def within(self, report: ComparisonReport) -> PickedAssessment:
        """The same picks in the same report, which is in another folder."""
        return replace(self, report=report, source=report.settings.picks[self.set_name])

    def figures(self) -> Iterator[tuple[str, str, float, float]]:
        """As `assessing.figures`."""
        nan = math.nan
        yield "picks", "", self.standing.picks, nan
        if (judged := self.standing.evaluation) is not None:
            yield "precision", "", judged.counts.precision, nan
            yield "recall", "", judged.counts.recall, nan
            yield "F1", "", judged.counts.f1, nan
            yield "AP", "", self.standing.area, nan
        if self.averages is not None:
            good = good_classes(self.averages)
            within = sum(self.averages.classes[number - 1].picks for number in good)
            yield "evidence", "", *mean_evidence(self.averages)
            yield "good classes", "", len(good), nan
            yield "picks in good classes", "%", 100 * within / max(self.averages.picks, 1), nan


def assess_picks(
    settings: PickedSettings, diameter: float | None, out: Path, drawn: int = _DRAWN
) -> Job[tuple[dict[str, PickedAssessment], dict[str, str]]]:
    """Compare the picks of all pickers on the same micrographs, and with a truth where there is one.

    Parameters
    ----------
    settings
        Whose picks, and of which micrographs.
    diameter
        Of the particle, in Angstrom; None where nobody gave it.
    out
        Where the folder ``picks`` is made: all that `compare` writes.
    drawn
        Micrographs with everyone's picks, at most.

    Returns
    -------
    dict, dict
        What is known of the picks, by the name of the picker; and why those of others cannot be used.

    Raises
    ------
    UserError
        When something is missing, no picks can be used, and as `run_comparison`.
    """
    if not settings.micrographs:
        raise UserError("The micrographs of the picks are not known.", "Give them (--micrographs).")
    if diameter is None:
        raise UserError("The diameter of the particle is not known.", "Give it in Angstrom (--diameter).")
    sets = set_names(settings.picks)
    asked = ComparisonSettings(
        inputs=settings.micrographs,
        picks={sets[name]: path for name, path in settings.picks.items()},
        truth=sets.get(settings.truth or "", settings.truth),
        diameter=diameter,
        pixel_size=settings.pixel_size,
        overlays=drawn,
        out=out / COMPARED,
    )
    report = yield from run_comparison(asked, least=1)
    standings = {one.name: one for one in report.comparison.standings}
    others = tuple((name, why) for name, why in report.failed if name not in sets.values())
    found = {
        name: PickedAssessment(
            report,
            standings[own],
            report.proofs.get(own, Proof()),
            report.averages.get(own),
            settings.picks[name],
            others,
        )
        for name, own in sets.items()
        if own in standings
    }
    reasons = dict(report.failed)
    return found, {name: reasons[own] for name, own in sets.items() if own in reasons}


def set_names(names: Iterable[str]) -> dict[str, str]:
    """What `compare` calls the picks of each name: names of refinements may have folders in them, and those none.

    Raises
    ------
    UserError
        For a name that no folder can have.
    """
    found: dict[str, str] = {}
    for name in names:
        for part in name.split("/"):
            safe_name(part)
        plain = _NO_FOLDER.sub("_", name).strip(". ") or "_"
        while plain in (TRUTH, CONSENSUS, *found.values()):
            plain += "_"
        found[name] = plain
    return found


def picks_written(one: PickedAssessment, out: Path) -> ComparisonReport:
    """What all picks were judged by, with all that `compare` writes in the folder ``picks``: written, if it is not yet.

    Raises
    ------
    UserError
        When a file cannot be written, or a micrograph that is to be drawn is no longer there.
    """
    if one.report.settings.out == out / COMPARED:
        return one.report
    report = moved(one.report, out / COMPARED)
    report = replace(report, settings=report.settings.model_copy(update={"overlays": _DRAWN}))
    finish(write_files(report))
    return report


def picks_in_words(one: PickedAssessment) -> str:
    """How many picks there are, and how good by a truth, in a sentence; without one, what is known of them."""
    judged = one.standing.evaluation
    said = f"{one.standing.picks:,} picks"
    if judged is not None and math.isfinite(judged.counts.f1):
        counts = judged.counts
        return f"{said}: F1 {counts.f1:.3f}, precision {counts.precision:.3f}, recall {counts.recall:.3f}."
    return f"{said}. {one.proof.in_words(one.standing.picks)}"


def unpaired(picks: Sequence[str], refinements: Sequence[str]) -> str:
    """What to say where some picks and some refinements lack the other; empty where at most one kind does."""
    alone, others = [name for name in picks if name not in refinements], [n for n in refinements if n not in picks]
    if not alone or not others:
        return ""
    return (
        f"There is no refinement named {alone[0]}, and there are no picks named {others[0]}: they are shown apart. "
        "Where the one was made of the other, give both the same name (NAME=PATH)."
    )
