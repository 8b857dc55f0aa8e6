"""What came of one entry on one labelled set, as a file that others can read, check and join with theirs."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from napari_drpnet.settings.base import Settings
from napari_drpnet.settings.benchmark import CountingSettings

# A figure and its standard error; None where it is not known.
KnownFigure = tuple[float | None, float | None]
Text = Annotated[str, Field(max_length=2000)]
Count = Annotated[int, Field(ge=0)]
# True, false and missed.
ThreeCounts = tuple[Count, Count, Count]


class SetFacts(Settings):
    """The labelled set."""

    name: Text
    protein: Text = ""
    source: Text = ""
    labelled_by: Text = ""
    complete: bool | None = None
    diameter: float = Field(gt=0, description="Of the particles, in Angstrom.")
    pixel_size: float = Field(gt=0, description="In Angstrom; the median of all micrographs.")
    edge: float = Field(ge=0, description="Width of the band that is not scored, in pixels; the median.")
    micrographs: int = Field(ge=1, description="With labels.")
    particles: int = Field(ge=0, description="Labels on all of them, those in the band at the border included.")
    digest: str = Field(pattern="^[0-9a-f]{16}$", description="Of the names of all micrographs and of their labels.")


class EntryFacts(Settings):
    """Who was scored."""

    name: Text
    kind: Literal["picker", "picks"]
    made_by: Text = Field("", description="Name of the picker, or of the file or folder of picks.")
    threshold: Text = Field("", description="What was in force, and why.")
    options: dict[str, Any] = Field(default_factory=dict, description="All settings of a picker in force.")
    digests: dict[str, str] = Field(
        default_factory=dict, description="Of the files that a picker's picks depend on, or of the picks themselves."
    )
    cpu_seconds: float | None = Field(None, ge=0, description="Each micrograph, with learning shared among them.")


class ScoredMicrograph(Settings):
    """One micrograph: what all figures follow from."""

    micrograph: Text
    image: str = Field("", max_length=64, description="Digest of the image file.")
    labels: str = Field(max_length=64, description="Digest of its labels.")
    in_force: ThreeCounts = Field(description="At the threshold in force.")
    at: ThreeCounts | None = Field(None, description="At the score that was asked for.")
    off: tuple[float, ...] = Field((), description="Of each true pick in force, its distance from the centre, in A.")
    particles: Count = Field(0, description="That the scores below are to find.")
    score: tuple[float, ...] | None = Field(
        None, description="Of all that could be picked, falling; None where there is none."
    )
    found: str = Field("", pattern="^[01]*$", description="For each score 1 where the pick finds one more particle.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.found) != len(self.score or ()):
            raise ValueError("found: is not as long as the scores")
        if any(one < other for one, other in zip((self.score or ())[:-1], (self.score or ())[1:], strict=True)):
            raise ValueError("score: must not rise")
        if self.found.count("1") > self.particles:
            raise ValueError("found: is more than there are particles")
        if len(self.off) not in (0, self.in_force[0]):
            raise ValueError("off: is not one for each true pick")
        return self


class NotScored(Settings):
    """A micrograph that does not count for an entry, and why."""

    micrograph: Text
    reason: Text
    fault: bool = Field(True, description="Whether something went wrong; else there was nothing to score.")


class BenchmarkResult(Settings):
    """The file."""

    format: Literal["napari-drpnet benchmark"] = "napari-drpnet benchmark"
    version: Literal[1] = 1
    made: Text = Field("", description="The day.")
    versions: dict[str, str] = Field(default_factory=dict, description="Of the programs.")
    entry: EntryFacts
    set: SetFacts
    rules: CountingSettings
    at: float | None = Field(None, description="The score at which figures are given, too.")
    figures: dict[str, KnownFigure] = Field(description="Each with its standard error.")
    micrographs: tuple[ScoredMicrograph, ...] = Field(min_length=1)
    not_scored: tuple[NotScored, ...] = ()
    notes: tuple[Text, ...] = Field((), description="What a reader should know: a sentence each.")

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        names = [one.micrograph for one in self.micrographs]
        if len(set(names)) < len(names):
            raise ValueError("micrographs: one is there twice")
        if len(names) > self.set.micrographs:
            raise ValueError("micrographs: are more than the set has")
        return self
