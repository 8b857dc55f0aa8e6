"""What a comparison found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_drpnet.data import Picks
from napari_drpnet.evaluation.comparison import Comparison
from napari_drpnet.jobs.averaging.result import Averages
from napari_drpnet.jobs.compare.proof import Proof
from napari_drpnet.jobs.inputs import PickTask
from napari_drpnet.settings import ComparisonSettings


@dataclass(frozen=True, eq=False)
class ComparisonReport:
    """What a comparison found and wrote.

    Attributes
    ----------
    settings
        As they were asked for.
    tasks
        The micrographs that could be opened.
    sets
        Picks by the name of their set, the truth included and last, unless it is one of the others.
    comparison
        Standings, agreement and warnings.
    pixel_size, radius, edge
        In force: Angstrom, and micrograph pixels.
    cpu_seconds
        Of each picker, for all micrographs.
    used
        Settings of each picker, as they were in force.
    failed
        What could not be used or picked, by name, with the reason.
    warnings
        All that a user should know, those of the comparison included.
    proofs
        What averages prove of each set but the truth, by its name.
    averages
        Class averages of some picks of each set, where they were made.
    remarks
        What was not measured of the sets without a truth, and why: a sentence each.
    """

    settings: ComparisonSettings
    tasks: tuple[PickTask, ...]
    sets: dict[str, tuple[Picks, ...]]
    comparison: Comparison
    pixel_size: float
    radius: float
    edge: float
    cpu_seconds: dict[str, float]
    used: dict[str, dict[str, Any]]
    failed: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    proofs: Mapping[str, Proof] = field(default_factory=dict)
    averages: Mapping[str, Averages] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def page(self) -> Path:
        """The HTML page."""
        return self.settings.out / "report.html"
