"""What a job found, from the files in its folder; of an unfinished one, what is there so far."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.picks.formats import read_picks
from napari_drpnet.jobs.pick_report import PickResult, remarks
from napari_drpnet.jobs.prospect import in_words
from napari_drpnet.jobs.resume import finished, recorded
from napari_drpnet.jobs.run_file import SETTINGS, recorded_decision
from napari_drpnet.settings import Decision


@dataclass(frozen=True)
class Outcome:
    """The results of a run, as its folder has them.

    Attributes
    ----------
    results
        What became of each micrograph.
    settings
        Of the run.
    decision
        The threshold that was chosen and why; None where a number was given.
    """

    results: tuple[PickResult, ...]
    settings: dict[str, Any]
    decision: Decision | None

    @classmethod
    def read(cls, folder: Path) -> Outcome:
        """What is in the folder of a run; no results where it has not begun."""
        file = folder / SETTINGS
        return cls(tuple(finished(folder, ())), recorded(file), recorded_decision(file))

    @property
    def picked(self) -> list[PickResult]:
        """Micrographs that were picked."""
        return [result for result in self.results if not result.error]

    @property
    def odd(self) -> list[PickResult]:
        """Micrographs that could not be picked, or whose picks are in doubt."""
        return [result for result in self.results if result.error or result.doubt]

    @property
    def picks(self) -> int:
        """Particles on all micrographs together."""
        return sum(result.picks for result in self.results)

    @property
    def picker(self) -> str:
        """Name of the picker."""
        return str(self.settings.get("picker", "unknown"))

    @property
    def usual(self) -> PickResult | None:
        """The micrograph with the median number of picks, of those that have some."""
        found = sorted((result for result in self.picked if result.picks), key=lambda result: result.picks)
        return found[len(found) // 2] if found else None

    def words(self) -> list[str]:
        """What there is to say of the run, in sentences."""
        counted = f"{self.picks:,} picks on {len(self.picked):,} of {len(self.results):,} micrographs."
        chosen = [in_words(self.decision)] if self.decision and self.decision.micrographs else []
        return [counted, *chosen, *remarks(self.results)]

    def metadata(self) -> dict[str, Any]:
        """For the pipeliner's reports."""
        counts = [result.picks for result in self.picked]
        found: dict[str, Any] = {
            "ParticleCount": self.picks,
            "PickedMicrographs": len(counts),
            "FailedMicrographs": len(self.results) - len(counts),
            "MicrographsInDoubt": sum(bool(result.doubt) for result in self.results),
            "Picker": self.picker,
            "PickerSettings": self.settings.get("options", {}),
        }
        if counts:
            found["MeanPartsPerMicrograph"] = fmean(counts)
            found["StdPartsPerMicrograph"] = pstdev(counts)
            found["MinPartsPerMicrograph"], found["MaxPartsPerMicrograph"] = min(counts), max(counts)
        if self.decision is not None:
            found["Threshold"], found["ThresholdChosenBy"] = self.decision.threshold, self.decision.basis
            for name in ("precision", "recall", "f1"):
                found[f"Expected{name.capitalize()}"] = getattr(self.decision, name)[0]
        return found


def picks_of(result: PickResult) -> Picks | None:
    """The picks of a micrograph; None where they cannot be read."""
    try:
        return read_picks(result.coordinates)[0] if result.coordinates else None
    except (UserError, IndexError):
        return None
