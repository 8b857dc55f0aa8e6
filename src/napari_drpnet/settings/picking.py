"""How micrographs are prepared, picked and scored."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PositiveInt, ValidationInfo, field_validator, model_validator

from napari_drpnet.errors import short
from napari_drpnet.settings.base import (
    AUTO,
    CALIBRATION,
    DEFAULT_PICKER,
    EVEN,
    OF_NETWORK,
    USUAL_DISTANCE,
    WEIGHTS,
    AnyGrey,
    Diameter,
    Inputs,
    Invert,
    KeepUnproved,
    MinDistance,
    PickerName,
    PixelSize,
    RunsOn,
    Settings,
    Threshold,
    extra_of,
    network,
    networks_of,
    unit,
)
from napari_drpnet.settings.decision import Decision

_PART = re.compile(r"[1-9]\d{0,4}/[1-9]\d{0,4}")
PARTS = "parts"  # folder of the parts of a run, in that of the run
# Queueing systems, and what dask-jobqueue calls its part for each.
QUEUES = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "lsf": "LSFCluster", "sge": "SGECluster"}
_CLUSTER = re.compile(rf"(local:[1-9]\d{{0,3}}|(tcp|tls)://\S+|{'|'.join(QUEUES)})?")
_NONE = "none"  # what a network that may be left out is called without one


class PreprocessSettings(Settings):
    """What `preprocess.prepare` does, in the order of its fields."""

    rescale: float = Field(
        1.0,
        gt=0,
        le=16,
        title="Scale",
        description="Size of the result relative to the input: 0.25 makes it four times smaller.",
    )
    illumination: float = Field(
        0.0,
        ge=0,
        title="Even out brightness over",
        description="Evens out brightness that changes over distances longer than this (a Gaussian, eq. 1 of the "
        "paper); 0 leaves it.",
        json_schema_extra=unit("A"),
    )
    smoothing: float = Field(
        0.0,
        ge=0,
        description="Blurs details smaller than about this (sigma of a Gaussian); 0 leaves the image as sharp as it "
        "is.",
        json_schema_extra=unit("A"),
    )
    stretch: bool = Field(
        True, title="Stretch the contrast", description="Stretch grey levels between the two percentiles below to 0..1."
    )
    low: float = Field(
        1.0, ge=0, lt=50, title="Black at", description="Percentile that becomes 0.", json_schema_extra=unit("%")
    )
    high: float = Field(
        99.0, gt=50, le=100, title="White at", description="Percentile that becomes 1.", json_schema_extra=unit("%")
    )
    invert: bool = Field(
        False,
        title="Turn bright particles dark",
        description="Turn bright particles dark (negative stain, or already inverted images).",
    )


class PickerSettings(Settings):
    """What every picker is told."""

    diameter: Diameter
    threshold: Threshold = AUTO
    min_distance: MinDistance = None
    border: float | None = Field(
        None,
        ge=0,
        title="Distance to the border",
        description="Drop picks nearer to the border than this. Default: half a diameter.",
        json_schema_extra=unit("A"),
    )
    invert: Invert = False
    device: RunsOn = "auto"
    memory: int = Field(
        600,
        ge=50,
        description="Memory for looking at one image; larger images are looked at in parts.",
        json_schema_extra=unit("MB"),
    )

    calibration: str | None = Field(
        None,
        title="Correction of the scores",
        description="Correction of the probabilities that retraining found: its name, or its file. Default: none.",
        json_schema_extra=network(CALIBRATION, none=_NONE),
    )

    @field_validator("*", mode="before")
    @classmethod
    def _none_in_words(cls, value: Any, info: ValidationInfo) -> Any:
        """No network may be told by its word, too."""
        is_none = value == _NONE and extra_of(cls, str(info.field_name), "none") == _NONE
        return None if is_none else value

    @property
    def least(self) -> float:
        """The threshold as a number, for a picker that is asked on its own: even odds where it is to be chosen."""
        return float(EVEN if self.threshold == AUTO else self.threshold)

    @property
    def spacing(self) -> float:
        """The minimum distance in force, in Angstrom."""
        return USUAL_DISTANCE * self.diameter if self.min_distance is None else self.min_distance

    @property
    def margin(self) -> float:
        """The border in force, in Angstrom."""
        return 0.5 * self.diameter if self.border is None else self.border

    @property
    def files(self) -> dict[str, str]:
        """The files that probabilities depend on, by field: names of weights, and paths."""
        named = {name: getattr(self, name) for name in networks_of(type(self)) if name != CALIBRATION}
        paths = {name: value for name, value in self if isinstance(value, Path)}
        return {name: str(value) for name, value in (named | paths).items() if value is not None}


_STAGE_1 = (
    "The network that finds particles: a name from the package, a .safetensors file, or an .onnx file of another "
    "program."
)
_DETECTOR = network("detector", learns_from="micrographs", leaves_out="classifier", suffixes=f"{WEIGHTS} .onnx")
_CLASSIFIER = network("classifier", none=_NONE, learns_from="patches")


class DRPnetSettings(PickerSettings):
    """DRPnet: a regression network finds candidates; a classifier, where one is chosen, keeps or rejects them."""

    detector: str = Field(
        "detector",
        title="Finds particles",
        description=_STAGE_1,
        json_schema_extra=_DETECTOR,
    )
    detector_diameter: float | None = Field(
        None,
        ge=4,
        le=1000,
        title="ONNX file: diameter",
        description="Diameter of a particle on the images that the network learnt from, where it is an ONNX file that "
        "does not say it itself.",
        json_schema_extra=unit("network px") | OF_NETWORK,
    )
    detector_grey: AnyGrey | None = Field(
        None,
        title="ONNX file: grey levels",
        description="Grey levels of these images, where an ONNX file does not say it itself: robust, those of this "
        "package; percentiles, the 1st is -0.5 and the 99th 0.5; standard, mean 0 and standard deviation 1.",
        json_schema_extra=OF_NETWORK,
    )
    classifier: str | None = Field(
        None,
        title="Checks each pick",
        description="A second network that looks at each pick and drops what is no particle: a name from the package, "
        "or a .safetensors file. Default: none.",
        json_schema_extra=_CLASSIFIER,
    )


class DRPnetPaperSettings(DRPnetSettings):
    """DRPnet by the paper: its networks, its scale rule, and its extended maxima, with published numbers."""

    detector: str = Field(
        "fcrn",
        title="Finds particles",
        description=_STAGE_1,
        json_schema_extra=_DETECTOR,
    )
    classifier: str | None = Field(
        "paper-classifier",
        title="Checks each pick",
        description="The second network, which looks at each pick and drops what is no particle: a name from the "
        "package, or a .safetensors file. None: the first alone.",
        json_schema_extra=_CLASSIFIER,
    )
    box: float | None = Field(
        None,
        gt=0,
        title="Box size",
        description="Box of the particle. The scale rule counts with it, and picks nearer to the border are dropped. "
        "Default: 1.5 diameters.",
        json_schema_extra=unit("micrograph px"),
    )
    sigma: float = Field(
        9.0,
        ge=0,
        title="Smoothing of the score map",
        description="Gaussian smoothing of the detector's map.",
        json_schema_extra=unit("reduced px"),
    )
    height: float = Field(
        5.0,
        gt=0,
        title="Height of a peak, T",
        description="Unit T of the extended maxima; the levels stand at 1, 2 and 3 T.",
        json_schema_extra=unit("1/255 of the map's maximum"),
    )
    level: Literal[1, 2, 3] = Field(
        2, title="Confidence from", description="Keep candidates of this confidence or better: 1 low, 2 normal, 3 high."
    )
    class_cutoff: float = Field(
        0.5,
        ge=0,
        le=1,
        title="Reject if surer than",
        description="Reject a candidate when the classifier is surer than this that it is no particle.",
    )
    min_distance: MinDistance = 0.0
    border: float | None = Field(
        0.0,
        ge=0,
        title="Distance to the border",
        description="Drop picks nearer to the border than this; those nearer than a box are dropped anyway.",
        json_schema_extra=unit("A"),
    )

    @model_validator(mode="after")
    def _no_correction_of_rules(self) -> DRPnetPaperSettings:
        if self.calibration is not None:
            raise ValueError("the paper's rules know no probability that a calibration could correct")
        return self


class PickRun(Settings):
    """One run of picking: everything that is needed to repeat it."""

    inputs: Inputs = Field(min_length=1)
    out: Path = Field(Path("picks"), description="Folder for the STAR files, summary.tsv and settings.yaml.")
    pixel_size: PixelSize = None
    picker: PickerName = DEFAULT_PICKER
    options: dict[str, Any] = Field(default_factory=dict, description="The picker's own settings.")
    keep_unproved: KeepUnproved = False
    decision: Decision | None = Field(None, description="What was chosen where the threshold is auto, and why.")
    decided_in: Path | None = Field(
        None, exclude=True, description="Folder of the averages that it was decided by; without one, that of the run."
    )
    again: bool = Field(
        False,
        exclude=True,
        description="Pick all micrographs anew, also those that an earlier run into the folder finished; needed where "
        "its settings were others.",
    )
    workers: int | None = Field(
        None,
        ge=1,
        le=1024,
        exclude=True,
        description="Micrographs that are worked on at once. Default: as many as there are processor cores.",
    )
    part: str = Field(
        "",
        description="K/N: only every N-th micrograph, from the K-th on, as one of N jobs of a cluster. Lists and "
        "summary go to a folder below parts/, until collect joins them. A threshold is chosen by the whole data set.",
    )
    cluster: str = Field(
        "",
        exclude=True,
        description="Who picks: local:N, so many processes on this computer; the address of a dask scheduler, such as "
        "tcp://HOST:8786; or jobs of slurm, pbs, lsf or sge. Default: this process.",
    )
    cluster_settings: Path | None = Field(
        None,
        exclude=True,
        description="YAML file of what dask-jobqueue takes, such as cores, memory, walltime and queue; and jobs, their "
        "number.",
    )
    version: str = Field("", description="Version of napari-drpnet that made the run; empty when it is not recorded.")

    @field_validator("part")
    @classmethod
    def _part_of(cls, value: str) -> str:
        if value and not _PART.fullmatch(value):
            raise ValueError(f"{short(value)} is no part: give the number of one and how many there are, such as 3/10")
        number, _, count = value.partition("/")
        if value and int(number) > int(count):
            raise ValueError(f"part {number} of {count} does not exist")
        return value

    @field_validator("cluster")
    @classmethod
    def _cluster_of_a_kind(cls, value: str) -> str:
        if not _CLUSTER.fullmatch(value):
            raise ValueError(f"can be local:4, tcp://HOST:8786, {', '.join(QUEUES)}")
        return value

    @model_validator(mode="after")
    def _cluster_or_part(self) -> PickRun:
        if self.cluster and self.part:
            raise ValueError("part: parts are for jobs without a cluster's scheduler")
        if self.cluster and self.workers:
            raise ValueError("workers: the threads of a cluster's workers are said where these are started")
        if self.cluster_settings and self.cluster not in QUEUES:
            raise ValueError(f"cluster_settings: they are for cluster {', '.join(QUEUES)}")
        return self

    @property
    def folder(self) -> Path:
        """Of the lists, the summary and the settings: that of the run, or of its part."""
        if not self.part:
            return self.out
        number, _, count = self.part.partition("/")
        return self.out / PARTS / f"{number.zfill(len(count))}-of-{count}"

    def is_mine(self, index: int) -> bool:
        """Whether the micrograph at an index, from 0 on, belongs to the part."""
        number, _, count = self.part.partition("/")
        return not self.part or index % int(count) == int(number) - 1


class EvaluationSettings(Settings):
    """How picks are compared with the truth."""

    diameter: Diameter
    pixel_size: float = Field(gt=0, description="Pixel size of the micrographs.", json_schema_extra=unit("A"))
    radius_fraction: float = Field(
        0.5, gt=0, le=2, description="Largest distance of a right pick from its particle, as a part of the diameter."
    )
    edge: float = Field(
        0, ge=0, description="Width of the band along the border that is not scored.", json_schema_extra=unit("px")
    )
    shape: tuple[PositiveInt, PositiveInt] | None = Field(
        None,
        description="HEIGHT,WIDTH of the micrographs, for a band along the border (--edge) where no file says it.",
        json_schema_extra=unit("px"),
    )
