"""Every parameter once: its type, default, bounds, unit and help text.

Forms, tooltips, command-line help and the file that records a run all read these models.
The unit of a length is in ``json_schema_extra["unit"]``; an unknown name in a settings file is an error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, PositiveInt, Tag, model_validator

Device = Literal["auto", "cpu", "cuda", "mps"]

# The minimum distance of picks where nobody chose one, in diameters.
USUAL_DISTANCE = 0.55


def _unit(unit: str) -> dict[str, Any]:
    return {"unit": unit}


class Settings(BaseModel):
    """Frozen, and strict about names: a misspelt key is an error, not a silent default."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PreprocessSettings(Settings):
    """What `preprocess.prepare` does, in the order of its fields."""

    rescale: float = Field(
        1.0, gt=0, le=16, description="Size of the result relative to the input: 0.25 makes it four times smaller."
    )
    illumination: float = Field(
        0.0,
        ge=0,
        description="Sigma of the wide Gaussian whose brightness is evened out (eq. 1 of the paper); 0 leaves it.",
        json_schema_extra=_unit("A"),
    )
    smoothing: float = Field(
        0.0,
        ge=0,
        description="Sigma of the Gaussian smoothing; 0 leaves the image as sharp as it is.",
        json_schema_extra=_unit("A"),
    )
    stretch: bool = Field(True, description="Stretch grey levels between the two percentiles below to 0..1.")
    low: float = Field(1.0, ge=0, lt=50, description="Percentile that becomes 0.", json_schema_extra=_unit("%"))
    high: float = Field(99.0, gt=50, le=100, description="Percentile that becomes 1.", json_schema_extra=_unit("%"))
    invert: bool = Field(False, description="Turn bright particles dark (negative stain, or already inverted images).")


class PickerSettings(Settings):
    """What every picker is told."""

    diameter: float = Field(
        gt=0, description="Diameter of the particle, its longest extent.", json_schema_extra=_unit("A")
    )
    threshold: float = Field(
        0.5, ge=0, le=1, description="Keep picks whose probability of being a particle is at least this."
    )
    min_distance: float | None = Field(
        None,
        ge=0,
        description="Of two picks nearer than this, the better one stays. Default: 0.55 of the diameter.",
        json_schema_extra=_unit("A"),
    )
    border: float | None = Field(
        None,
        ge=0,
        description="Drop picks nearer to the border than this. Default: half a diameter.",
        json_schema_extra=_unit("A"),
    )
    invert: bool = Field(False, description="Particles are brighter than their background.")
    device: Device = Field("auto", description="Where networks run: auto takes a GPU when there is one.")
    memory: int = Field(
        600,
        ge=50,
        description="Memory a network pass may use; larger images run in tiles.",
        json_schema_extra=_unit("MB"),
    )

    @property
    def spacing(self) -> float:
        """The minimum distance in force, in Angstrom."""
        return USUAL_DISTANCE * self.diameter if self.min_distance is None else self.min_distance

    @property
    def margin(self) -> float:
        """The border in force, in Angstrom."""
        return 0.5 * self.diameter if self.border is None else self.border


class CompatibleSettings(Settings):
    """The authors' own scale rule and detection levels, so that their published parameters can be used."""

    box: float = Field(gt=0, description="Box of the particle.", json_schema_extra=_unit("micrograph px"))
    sigma: float = Field(
        9.0, ge=0, description="Gaussian smoothing of the detector's map.", json_schema_extra=_unit("reduced px")
    )
    height: float = Field(
        5.0,
        gt=0,
        description="Unit T of the extended maxima; the levels stand at 1, 2 and 3 T.",
        json_schema_extra=_unit("distance in px"),
    )
    level: Literal[1, 2, 3] = Field(
        2, description="Keep candidates of this confidence or better: 1 low, 2 normal, 3 high."
    )
    class_cutoff: float = Field(
        0.5, ge=0, le=1, description="Reject a candidate when the classifier is surer than this that it is no particle."
    )


class DRPnetSettings(PickerSettings):
    """DRPnet: a regression network finds candidates; a classifier, where one is chosen, keeps or rejects them."""

    detector: str | None = Field(
        None,
        description="Weights of stage 1: a name from the package, or a .safetensors file. Default: detector, or fcrn "
        "where the authors' rules are used.",
    )
    classifier: str | None = Field(
        None,
        description="Weights of stage 2: a name from the package, or a .safetensors file. Default: none, or classifier "
        "where the authors' rules are used.",
    )
    compatible: CompatibleSettings | None = Field(None, description="Use the authors' scale rule and thresholds.")

    @property
    def stage1(self) -> str:
        """The detector in force."""
        return self.detector or ("detector" if self.compatible is None else "fcrn")

    @property
    def stage2(self) -> str | None:
        """The classifier in force."""
        return self.classifier or (None if self.compatible is None else "classifier")


class SimulationSettings(Settings):
    """What `simulation.simulate` makes; a pair is a range that every micrograph draws its own value from."""

    structures: tuple[Path, ...] = Field(
        (),
        description="PDB, mmCIF or MRC files, gzipped or not, one per micrograph. None: made-up particles.",
    )
    count: int = Field(1, ge=1, description="Number of micrographs.")
    seed: int = Field(0, ge=0, description="The same seed gives the same bytes.")
    size: int = Field(
        4096, ge=128, le=16384, description="Edge of the square micrograph.", json_schema_extra=_unit("px")
    )
    pixel_size: float = Field(1.0, gt=0, description="Size of a pixel.", json_schema_extra=_unit("A"))
    diameter_px: tuple[float, float] | None = Field(
        None,
        description="Choose the pixel size so that the particle spans this many pixels; overrides pixel_size.",
        json_schema_extra=_unit("px"),
    )
    views: int = Field(
        100, ge=1, description="Orientations projected per structure, each placed at any in-plane angle."
    )
    coverage: tuple[float, float] = Field(
        (0.06, 0.6), description="Part of the ice covered by particles, a disc of one diameter each: 0.5 is crowded."
    )
    clumping: tuple[float, float] = Field((0.0, 0.6), description="Part of the particles that touch another one.")
    broken: tuple[float, float] = Field(
        (0.0, 0.15), description="Broken particles per whole one; they are not in the truth."
    )
    preferred_views: tuple[float, float] = Field(
        (0.0, 0.8), description="Part of the particles seen from one to three preferred directions."
    )
    surface: tuple[float, float] = Field(
        (0.0, 1.0), description="Part of the particles at the surfaces of the ice; the others lie at any height in it."
    )
    aggregates: float = Field(
        0.25, ge=0, le=1, description="Probability of heaps of particles; they are not in the truth."
    )
    empty: float = Field(0.04, ge=0, le=1, description="Probability of a micrograph without particles.")
    voltage: tuple[Literal[200, 300], ...] = Field(
        (300, 300, 200), min_length=1, description="Drawn from these.", json_schema_extra=_unit("kV")
    )
    defocus: tuple[float, float] = Field((0.7, 3.5), description="Underfocus.", json_schema_extra=_unit("um"))
    astigmatism: float = Field(300.0, ge=0, description="Largest defocus difference.", json_schema_extra=_unit("A"))
    cs: float = Field(2.7, ge=0, description="Spherical aberration.", json_schema_extra=_unit("mm"))
    amplitude_contrast: tuple[float, float] = Field(
        (0.02, 0.1), description="Part of the contrast due to lost electrons."
    )
    phase_plate: float = Field(0.0, ge=0, le=1, description="Probability of a phase plate (a shift of 90 degrees).")
    b_factor: tuple[float, float] = Field(
        (60.0, 300.0), description="Envelope of the contrast transfer function.", json_schema_extra=_unit("A^2")
    )
    dose: tuple[float, float] = Field((15.0, 60.0), description="Electrons counted.", json_schema_extra=_unit("e/A^2"))
    contrast: tuple[float, float] = Field(
        (0.3, 1.0), description="Strength of the particles relative to their calculated potential."
    )
    visibility: tuple[float, float] = Field(
        (2.0, 25.0),
        description="Bounds on a particle's signal-to-noise ratio at low resolution; its strength is changed to fit.",
    )
    ice: tuple[float, float] = Field(
        (250.0, 1200.0), description="Thickness of the vitreous ice.", json_schema_extra=_unit("A")
    )
    structural_noise: tuple[float, float] = Field(
        (1.5, 10.0), description="Power of the ice's own texture relative to that of pure water."
    )
    negative_stain: float = Field(
        0.0, ge=0, le=1, description="Probability of negative stain in place of ice; its particles are bright."
    )
    contamination: float = Field(
        0.35, ge=0, le=1, description="Probability of crystals, droplets, frost, cracks, wrinkles or dirt."
    )
    carbon: float = Field(
        0.2, ge=0, le=1, description="Probability of the edge of the carbon or gold film in the picture."
    )
    defects: float = Field(
        0.15, ge=0, le=1, description="Probability of dead or hot pixels, scratches, and the detector's pattern."
    )
    mtf: Path | None = Field(
        None,
        description="Modulation transfer of the detector, a STAR file as RELION reads. Default: a Gaussian falloff.",
    )
    processed: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Probability that somebody denoised, sharpened or quantised the micrograph to 8 bits.",
    )
    noise_like: tuple[Path, ...] = Field(
        (), description="Real micrographs; half of the simulated ones get the noise spectrum of one of them."
    )
    masks: bool = Field(
        False, description="Write masks/: 0 ice, 1 particle, 2 film and contamination that hide particles."
    )
    noise_free: bool = Field(False, description="Write clean/: the images without noise of ice and counting.")

    @model_validator(mode="after")
    def _ranges_ascend(self) -> Self:
        for name, value in self:
            if name in {"structures", "noise_like", "voltage"} or not isinstance(value, tuple):
                continue
            if not 0 <= value[0] <= value[1]:
                raise ValueError(f"{name}: a range goes from a number, at least 0, to a larger one, not {value}")
        return self


class PickRun(Settings):
    """One run of picking: everything that is needed to repeat it."""

    inputs: tuple[str, ...] = Field(
        min_length=1,
        description="Micrographs, folders of them (without their subfolders), quoted patterns such as 'data/**/*.mrc', "
        "or a RELION micrographs STAR file.",
    )
    out: Path = Field(Path("picks"), description="Folder for the STAR files, summary.tsv and settings.yaml.")
    pixel_size: float | None = Field(
        None,
        gt=0,
        description="Pixel size of all micrographs. Default: what the STAR file or the image's header says.",
        json_schema_extra=_unit("A"),
    )
    picker: str = Field("drpnet", description="Name of the picker.")
    options: dict[str, Any] = Field(default_factory=dict, description="The picker's own settings.")
    version: str = Field("", description="Version of napari-drpnet that made the run; empty when it is not recorded.")


class ProjectSettings(Settings):
    """What ``project.yaml`` holds: which micrographs a project is about, how they are picked, and how far one is."""

    version: int = Field(1, description="Version of the project's files.")
    inputs: tuple[str, ...] = Field(
        (),
        description="Micrographs, folders of them (without their subfolders), quoted patterns such as 'data/**/*.mrc', "
        "or a RELION micrographs STAR file; an autopick.star brings its picks.",
    )
    root: str = Field(
        "",
        description="Folder that the names in inputs and in autopick.star start from, relative to the project's own; "
        "RELION's project where there is one.",
    )
    pixel_size: float | None = Field(
        None,
        gt=0,
        description="Pixel size of all micrographs. Default: what the STAR file or the image's header says.",
        json_schema_extra=_unit("A"),
    )
    picker: str = Field("drpnet", description="Name of the picker.")
    diameter: float | None = Field(
        None, gt=0, description="Diameter of the particle, its longest extent.", json_schema_extra=_unit("A")
    )
    invert: bool = Field(False, description="Particles are brighter than their background.")
    detector: str | None = Field(
        None, description="Network of stage 1: one of the package or of the project. Default: detector."
    )
    classifier: str | None = Field(
        None, description="Network of stage 2: one of the package or of the project. Default: none."
    )
    threshold: float = Field(
        0.5, ge=0, le=1, description="Keep picks whose probability of being a particle is at least this."
    )
    min_distance: float | None = Field(
        None,
        ge=0,
        description="Of two picks nearer than this, the better one stays. Default: 0.55 of the diameter.",
        json_schema_extra=_unit("A"),
    )
    current: str = Field("", description="The micrograph that was open last.")
    done: tuple[str, ...] = Field((), description="Micrographs that are finished.")

    @property
    def spacing(self) -> float:
        """The minimum distance in force, in Angstrom; 0 where it is not known."""
        return USUAL_DISTANCE * (self.diameter or 0.0) if self.min_distance is None else self.min_distance


class EvaluationSettings(Settings):
    """How picks are compared with the truth."""

    diameter: float = Field(
        gt=0, description="Diameter of the particle, its longest extent.", json_schema_extra=_unit("A")
    )
    pixel_size: float = Field(gt=0, description="Pixel size of the micrographs.", json_schema_extra=_unit("A"))
    radius_fraction: float = Field(
        0.5, gt=0, le=2, description="Largest distance of a right pick from its particle, as a part of the diameter."
    )
    edge: float = Field(
        0, ge=0, description="Width of the band along the border that is not scored.", json_schema_extra=_unit("px")
    )
    shape: tuple[PositiveInt, PositiveInt] | None = Field(
        None,
        description="HEIGHT,WIDTH of the micrographs; needed with --edge where no file says it.",
        json_schema_extra=_unit("px"),
    )


class TrainingSet(Settings):
    """Micrographs with true coordinates of one kind of particle, or of several with a diameter each."""

    micrographs: str = Field(description="A folder or a glob of micrographs.")
    coordinates: str | None = Field(
        None,
        description="Their coordinates: a folder of STAR or CSV files of the same names, or one file for all of them. "
        "Default: beside them.",
    )
    pixel_size: float | None = Field(
        None,
        gt=0,
        description="Pixel size of the micrographs, where their headers do not tell.",
        json_schema_extra=_unit("A"),
    )
    diameter: float | None = Field(
        None,
        gt=0,
        description="Diameter of the particle. Default: the diameters in the coordinate files.",
        json_schema_extra=_unit("A"),
    )
    unlabelled_border: float = Field(
        0.0,
        ge=0,
        description="Width along the edges where particles are not labelled.",
        json_schema_extra=_unit("diameters"),
    )
    invert: bool = Field(False, description="Particles are brighter than their background.")
    weight: float = Field(1.0, gt=0, description="How often it is drawn from, relative to the other sets.")
    judged_by: str | None = Field(
        None,
        description="Of a validation set that is learnt from, too: weights of a detector that never saw it, whose "
        "candidates there are calibrated on.",
    )


class SimulatedSet(Settings):
    """Micrographs simulated while the network learns from them, or once, to validate with."""

    simulate: SimulationSettings = Field(
        description="What to simulate; structures may be folders and globs. Its count is the number of micrographs to "
        "validate with, or for the classifier to learn from; a detector in training gets new ones to the end."
    )
    pool: int = Field(64, ge=1, description="Micrographs to draw crops from; a new one takes the oldest's place.")
    every: int = Field(10, ge=1, description="Steps after which there is a new micrograph.")
    weight: float = Field(1.0, gt=0, description="How often it is drawn from, relative to the other sets.")


def _kind_of_set(fields: Any) -> str:
    simulated = "simulate" in fields if isinstance(fields, dict) else isinstance(fields, SimulatedSet)
    return "simulated" if simulated else "files"


AnySet = Annotated[
    Annotated[TrainingSet, Tag("files")] | Annotated[SimulatedSet, Tag("simulated")], Discriminator(_kind_of_set)
]

# What suits a few labelled micrographs, where training begins from weights; whatever is given goes before it.
FINE_TUNING: dict[str, Any] = {"steps": 200, "rate": 5e-4, "average": 0.97, "check_every": 50}


class TrainSettings(Settings):
    """What a training run is told; with the same seed and data on one CPU thread it gives the same weights."""

    training: tuple[AnySet, ...] = Field(min_length=1, description="Sets to learn from.")
    validation: tuple[AnySet, ...] = Field((), description="Sets of other proteins, to choose and calibrate by.")
    network: Literal["unet", "fcrn"] = Field("unet", description="Architecture of the detector.")
    start: str | None = Field(
        None,
        description="Weights to begin from instead of an untrained network, at the scale they were trained at: a name "
        "from the package, or a .safetensors file. Other defaults then: "
        + ", ".join(f"{name} {value}" for name, value in FINE_TUNING.items())
        + ".",
    )
    diameter: float = Field(
        32.0, gt=8, description="Diameter every particle is brought to.", json_schema_extra=_unit("network px")
    )
    label: float = Field(
        0.3,
        gt=0,
        le=0.5,
        description="Radius of the target's cone; the paper's is the particle's own, 0.5.",
        json_schema_extra=_unit("diameters"),
    )
    steps: int = Field(6000, ge=1, description="Number of optimisation steps.")
    batch: int = Field(8, ge=1, description="Crops or patches a step, on each of several processes.")
    crop: int = Field(
        224, ge=64, multiple_of=16, description="Side of a training crop.", json_schema_extra=_unit("network px")
    )
    rate: float = Field(2e-3, gt=0, description="Highest learning rate; it rises for the first 5 % and falls to 0.")
    scale_jitter: float = Field(
        0.25, ge=0, lt=1, description="A wrong diameter, up to this fraction, is learnt to be borne."
    )
    average: float = Field(
        0.998, ge=0, lt=1, description="Decay of the moving average of the weights, which is what is kept."
    )
    check_every: int = Field(
        250, ge=1, description="Steps after which the network is validated and a checkpoint written."
    )
    checked: int = Field(
        16, ge=1, description="Validation micrographs looked at during training; at its end it is all of them."
    )
    patience: int = Field(
        10, ge=0, description="Stop after so many validations without a better F1; 0 never stops early."
    )
    precision: Literal["auto", "full", "mixed"] = Field(
        "auto",
        description="mixed computes in 16 bits where that is safe; auto does so on graphics cards, and on processors "
        "that have instructions for it.",
    )
    workers: int | None = Field(
        None,
        ge=0,
        description="Threads that draw, and processes that simulate, ahead of the training. They change no number. "
        "Default: 1, or beside a graphics card as many as there are processors, at most 8.",
    )
    seed: int = Field(0, ge=0, description="Seed of everything random.")
    device: Device = Field("auto", description="Where to train: auto takes a GPU when there is one.")

    @model_validator(mode="before")
    @classmethod
    def _gentler_from_weights(cls, fields: Any) -> Any:
        return {**FINE_TUNING, **fields} if isinstance(fields, dict) and fields.get("start") else fields


class HarvestSettings(DRPnetSettings):
    """How patches of particles and of background are gathered; the picker's settings say what the detector sees."""

    source: Literal["labels", "agreement", "confidence"] = Field(
        "labels",
        description="What tells particles from background: a person's labels; the agreement of two or more sets of "
        "picks; or, without any person, how sure the detector is, as in the paper.",
    )
    random: int = Field(
        50,
        ge=0,
        description="Random background patches a micrograph, away from every label, pick and likely candidate.",
    )
    regions: bool = Field(True, description="Take background from the regions painted as contaminated.")
    difference: bool = Field(True, description="Of several sets of picks: what only one of them has is background.")
    likely: float = Field(
        0.05,
        gt=0,
        le=1,
        description="A candidate that nobody has judged may be a particle from this probability on; no background is "
        "taken near it.",
    )
    height: float = Field(
        0.2,
        gt=0,
        le=1,
        description="Without any person: a candidate is background where its maximum in the detector's map stands this "
        "high above its surroundings, and a particle from three times that on, in parts of the map's clear particles.",
    )
    mean: float = Field(
        10.0,
        ge=0,
        lt=100,
        description="Without any person: particles are darker than this part of the candidates.",
        json_schema_extra=_unit("%"),
    )
    deviation: float = Field(
        10.0,
        ge=0,
        lt=100,
        description="Without any person: the patch of a particle has a greater standard deviation than this part of "
        "the candidates; those below are background.",
        json_schema_extra=_unit("%"),
    )
    balance: bool = Field(False, description="As many patches of background as of particles: the fewer decide.")
    validation: float = Field(
        0.3, ge=0, lt=1, description="Part of the micrographs to validate with; of a single one, its right side."
    )
    seed: int = Field(0, ge=0, description="Seed of everything random.")


class RetrainSettings(Settings):
    """How a picker is fitted to labels."""

    name: str = Field("", description="Name of the new network. Default: retrained-1, retrained-2 and so on.")
    what: Literal["best", "calibration", "classifier", "detector"] = Field(
        "best",
        description="calibration: the probabilities only, in seconds; classifier: stage 2; detector: stage 1, in "
        "minutes; best: the calibration, and the classifier where labels it has not seen say that it adds to it.",
    )
    start: str = Field(
        "classifier",
        description="Weights that a classifier begins from: a name from the package, or a .safetensors file; empty: "
        "from scratch.",
    )
    steps: int | None = Field(
        None, ge=1, description="Optimisation steps. Default: 150 of a classifier, 200 of a detector."
    )
    batch: int | None = Field(
        None, ge=2, description="Patches or crops a step. Default: 32 of a classifier, 8 of a detector."
    )
    rate: float = Field(5e-4, gt=0, description="Highest learning rate.")
    seed: int = Field(0, ge=0, description="Seed of everything random.")
    device: Device = Field("auto", description="Where to train: auto takes a GPU when there is one.")
