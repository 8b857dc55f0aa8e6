"""What a person's labels are made of: patch sets, and networks of a project."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from napari_drpnet.settings.base import DEVICES, Device, Seed, Settings, network, unit


class HarvestSettings(Settings):
    """How patches of particles and of background are gathered."""

    source: Literal["auto", "labels", "agreement", "evidence", "confidence"] = Field(
        "auto",
        title="Told by",
        description="What tells particles from background: a person's labels; the agreement of two or more sets of "
        "picks; or, without any person, the evidence of averages, or how sure the detector is, as in the paper. auto: "
        "agreement of two sets; else labels where there are some; else evidence where it is significant; else "
        "confidence.",
    )
    proved: float = Field(
        0.7,
        gt=0.5,
        le=1,
        title="A particle from",
        description="By evidence: a candidate is a particle from this probability on. The probability is that of the "
        "data set: what averages prove of candidates with such a score.",
    )
    refuted: float = Field(
        0.1,
        ge=0,
        lt=0.5,
        title="Background up to",
        description="By evidence: a candidate is background up to this probability.",
    )
    random: int = Field(
        50,
        ge=0,
        title="Random background",
        description="Random background patches a micrograph, away from every label, pick and likely candidate.",
    )
    regions: bool = Field(
        True,
        title="Painted areas are background",
        description="Take background from the regions painted as contaminated.",
    )
    difference: bool = Field(
        True,
        title="Picks of one set alone are background",
        description="Of several sets of picks: what only one of them has is background.",
    )
    likely: float = Field(
        0.05,
        gt=0,
        le=1,
        title="Possible particles from",
        description="A candidate that nobody has judged may be a particle from this probability on; no background is "
        "taken near it.",
    )
    height: float = Field(
        0.2,
        gt=0,
        le=1,
        title="Peak height",
        description="By confidence, of pickers without levels: a candidate is background where its maximum in the "
        "detector's map stands this high above its surroundings, and a particle from three times that on, in parts of "
        "the map's clear particles.",
    )
    positive_sigma: float | None = Field(
        None,
        ge=0,
        title="Particles: smoothing",
        description="By confidence, of pickers with levels: smoothing of the map in which particles are found. "
        "Default: the picker's own.",
        json_schema_extra=unit("reduced px"),
    )
    positive_height: float | None = Field(
        None,
        gt=0,
        title="Particles: peak",
        description="Height from which a maximum there is a particle. Default: 3 T of the picker, high confidence.",
        json_schema_extra=unit("1/255 of the map's maximum"),
    )
    negative_sigma: float | None = Field(
        None,
        ge=0,
        title="Background: smoothing",
        description="By confidence, of pickers with levels: smoothing of the map in which background is found. "
        "Default: the picker's own.",
        json_schema_extra=unit("reduced px"),
    )
    negative_height: float | None = Field(
        None,
        gt=0,
        title="Background: peak",
        description="Height from which a maximum there is background, where no particle is near. Default: 1 T of the "
        "picker, low confidence.",
        json_schema_extra=unit("1/255 of the map's maximum"),
    )
    apart: float = Field(
        1 / 3,
        ge=0,
        le=10,
        title="Gap to particles",
        description="By confidence: background is at least this far from each particle.",
        json_schema_extra=unit("radii"),
    )
    mean: float = Field(
        10.0,
        ge=0,
        lt=100,
        title="Particles darker than",
        description="By confidence: particles are darker than this part of the candidates.",
        json_schema_extra=unit("%"),
    )
    deviation: float = Field(
        10.0,
        ge=0,
        lt=100,
        title="Particles: contrast over",
        description="By confidence: the patch of a particle has a greater standard deviation than this part of "
        "the candidates; those below are background.",
        json_schema_extra=unit("%"),
    )
    least_deviation: float = Field(
        0.0,
        ge=0,
        lt=1,
        title="Particles: contrast from",
        description="By confidence: the same with a number for all micrographs, in parts of the grey levels between "
        "the 1st and the 99th percentile; the greater one counts.",
    )
    balance: bool = Field(
        False,
        title="As many of both",
        description="As many patches of background as of particles: the fewer decide. By confidence it is always so.",
    )
    validation: float = Field(
        0.3,
        ge=0,
        lt=1,
        title="Kept for testing",
        description="Part of the micrographs to validate with; of a single one, its right side.",
    )
    seed: Seed = 0


class RetrainSettings(Settings):
    """How a picker is fitted to labels."""

    name: str = Field(
        "", title="Name", description="Name of the new network. Default: retrained-1, retrained-2 and so on."
    )
    what: str = Field(
        "best",
        title="What",
        description="calibration: only the scores are corrected, in seconds, of any picker; classifier: also the "
        "network that checks each pick, in a minute; detector: the network that finds particles, in minutes; best: "
        "the scores, and the classifier where labels it has not seen say that this helps.",
    )
    start: str = Field(
        "classifier",
        title="Begin from",
        description="Weights that a classifier begins from: a name from the package, or a .safetensors file; empty: "
        "from scratch.",
        json_schema_extra=network("classifier", none="none"),
    )
    steps: int | None = Field(
        None,
        ge=1,
        title="Training steps",
        description="Optimisation steps. Default: 150 of a classifier, 200 of a detector.",
    )
    epochs: int | None = Field(
        None,
        ge=1,
        description="In the place of steps: how often everything is learnt from, as many patches of each class as the "
        "rarer one has.",
    )
    batch: int | None = Field(
        None,
        ge=2,
        le=4096,
        title="Examples at once",
        description="Patches or crops a step. Default: 32 of a classifier, 8 of a detector.",
    )
    rate: float = Field(5e-4, gt=0, title="Learning rate", description="Highest learning rate.")
    optimiser: Literal["adamw", "adam"] = Field(
        "adamw", description="adamw, with a rate that rises and falls, or adam at one rate, as in the DRPnet paper."
    )
    seed: Seed = 0
    device: Device = Field(
        "auto",
        description="Where to train: auto takes a GPU when there is one; cuda:1 is the second of several.",
        json_schema_extra=DEVICES,
    )
