"""What was decided about the threshold of a data set, as files keep it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from napari_drpnet.settings.base import Settings, ThresholdValue

# Value and standard error; None where it is not known.
KnownEstimate = tuple[float | None, float | None]
_UNKNOWN: KnownEstimate = (None, None)


class KnownHalves(Settings):
    """The two halves of a sample."""

    side: dict[str, Literal[0, 1]] = Field(default_factory=dict, description="Of each micrograph.")
    axis: Literal[0, 1] = Field(0, description="Along which a single micrograph is divided: 0 for y, 1 for x.")
    middle: float | None = Field(None, description="Where it is divided, in particle diameters.", allow_inf_nan=False)


class Decision(Settings):
    """The threshold that a data set is picked at, and why."""

    version: int = Field(1, ge=1, le=1, description="Version of these fields.")
    threshold: float = Field(ge=0, le=1, description="In the probability of this data set.")
    basis: Literal["evidence", "probabilities", "rule"] = Field(
        description="Chosen by what averages prove, by the picker's own probabilities, or a rule of the picker's own."
    )
    reason: str = Field("", description="Why, in a sentence.")
    probability: float = Field(ge=0, le=1, description="The picker's own probability where the threshold is.")
    number: KnownEstimate = Field(_UNKNOWN, description="Particles on the micrographs it was measured on.")
    precision: KnownEstimate = Field(_UNKNOWN, description="Of the picks, at the threshold.")
    recall: KnownEstimate = Field(_UNKNOWN, description="Of the picks, at the threshold.")
    f1: KnownEstimate = Field(_UNKNOWN, description="Of the picks, at the threshold.")
    micrographs: int = Field(0, ge=0, description="On how many it was measured.")
    candidates: int = Field(0, ge=0, description="From how many.")
    tried: int = Field(0, ge=0, description="How many were read for that, those that failed included.")
    enough: bool = Field(True, description="Whether more micrographs would hardly change it.")
    made_for: dict[str, str] = Field(
        default_factory=dict, description="The picker, its networks and the diameter: for others it does not hold."
    )
    shares: dict[str, Any] | None = Field(
        None,
        description="The share of true particles by the picker's probability; none where the evidence was not "
        "significant.",
    )
    averages: str = Field("", description="Tells the averages it was measured by from others; empty without any.")
    diameter: float = Field(0.0, ge=0, description="Of the particles in these averages, in Angstrom.")
    halves: KnownHalves = Field(
        default_factory=KnownHalves, description="The halves of the sample, each measured by the other."
    )

    def outgrown_by(self, count: int) -> bool:
        """Whether it rests on so few micrographs that ``count`` of them, at least twice as many, decide anew."""
        return not self.enough and count >= 2 * max(self.tried, self.micrographs)

    def holds_for(self, made_for: dict[str, str]) -> bool:
        """Whether it was decided for this picker with these networks and this diameter."""
        return self.made_for == made_for


class Evidence(Settings):
    """What a project knows of its data set: ``evidence.yaml``."""

    version: int = Field(1, ge=1, le=1, description="Version of the file.")
    decision: Decision | None = Field(None, description="The threshold, and why.")
    left_out: dict[str, str] = Field(
        default_factory=dict, description="Micrographs on which nothing proves the picks, with a sentence each."
    )
    picked_with: str = Field("", description="What tells the settings of the picks from others.")
    picked_at: ThresholdValue | None = Field(None, description="The threshold that was asked for with them.")
    outdated: tuple[str, ...] = Field((), description="Micrographs whose picks were made with other settings.")
