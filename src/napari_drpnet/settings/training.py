"""What networks learn from, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from napari_drpnet.settings.base import DEVICES, Device, Grey, Invert, Seed, Settings, unit
from napari_drpnet.settings.simulation import SimulationSettings


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
        json_schema_extra=unit("A"),
    )
    diameter: float | None = Field(
        None,
        gt=0,
        description="Diameter of the particle. Default: the diameters in the coordinate files.",
        json_schema_extra=unit("A"),
    )
    unlabelled_border: float = Field(
        0.0,
        ge=0,
        description="Width along the edges where particles are not labelled.",
        json_schema_extra=unit("diameters"),
    )
    invert: Invert = False
    weight: float = Field(1.0, gt=0, description="How often it is drawn from, relative to the other sets.")


class SimulatedSet(Settings):
    """Micrographs that are simulated when training begins."""

    simulate: SimulationSettings = Field(
        description="What to simulate; structures may be folders and globs. Many are better made once, for all "
        "networks: napari-drpnet prepare."
    )
    only: tuple[str, ...] = Field(
        (),
        description="Of the structures those whose file names begin so, such as 1abc; or text files with one such "
        "beginning a line.",
    )
    without: tuple[str, ...] = Field(
        (), description="Leave out the structures whose file names begin so: those for validation and testing."
    )
    weight: float = Field(1.0, gt=0, description="How often it is drawn from, relative to the other sets.")


GREY: Any = Field(
    "robust",
    description="How grey levels are brought to the network. robust: by their median and spread, which no outlier "
    "moves. percentiles: the 1st and 99th become -0.5 and 0.5, as for networks of the first generation.",
)


class PreparedSet(Settings):
    """Micrographs that `napari-drpnet prepare` brought to the scale of the networks."""

    prepared: Path = Field(description="A file that napari-drpnet prepare wrote.")
    weight: float = Field(1.0, gt=0, description="How often it is drawn from, relative to the other sets.")


_KINDS = {"prepared": PreparedSet, "simulate": SimulatedSet, "micrographs": TrainingSet}


def _kind_of_set(fields: Any) -> str:
    if isinstance(fields, dict):
        return next((kind for kind in _KINDS if kind in fields), "micrographs")
    return next((kind for kind, model in _KINDS.items() if isinstance(fields, model)), "micrographs")


AnySet = Annotated[
    Annotated[TrainingSet, Tag("micrographs")]
    | Annotated[SimulatedSet, Tag("simulate")]
    | Annotated[PreparedSet, Tag("prepared")],
    Discriminator(_kind_of_set),
]


class PrepareSettings(Settings):
    """What is made ready for training, once for all networks that learn from it."""

    sets: dict[str, AnySet] = Field(min_length=1, description="Sets by the name of the file that each becomes.")
    diameter: float = Field(
        32.0, gt=8, description="Diameter every particle is brought to.", json_schema_extra=unit("network px")
    )
    grey: Grey = GREY
    workers: int | None = Field(None, ge=1, le=256, description="Processes. Default: as many as there are processors.")


# What suits a few labelled micrographs, where training begins from weights; whatever is given goes before it.
FINE_TUNING: dict[str, Any] = {"steps": 200, "rate": 5e-4, "average": 0.97, "check_every": 50}


class TrainSettings(Settings):
    """What a training run is told; with the same seed and data on one CPU thread it gives the same weights."""

    fine_tuning: ClassVar[dict[str, Any]] = FINE_TUNING

    training: tuple[AnySet, ...] = Field(min_length=1, description="Sets to learn from.")
    validation: tuple[AnySet, ...] = Field((), description="Sets of other proteins, to choose and calibrate by.")
    network: Literal["unet", "fcrn"] = Field("unet", description="Architecture of the detector.")
    size: int = Field(
        0, ge=0, le=4, description="Size of the U-Net: 0.23, 0.55, 1.0, 2.2 or 4.3 million weights. Of fcrn: 0."
    )
    start: str | None = Field(
        None,
        description="Weights to begin from instead of an untrained network, at the scale they were trained at: a name "
        "from the package, or a .safetensors file. Other defaults then: "
        + ", ".join(f"{name} {value}" for name, value in FINE_TUNING.items())
        + ".",
    )
    diameter: float = Field(
        32.0, gt=8, description="Diameter every particle is brought to.", json_schema_extra=unit("network px")
    )
    grey: Grey = GREY
    label: float = Field(
        0.3,
        gt=0,
        le=0.5,
        description="Radius of a particle's part of the target; the paper's is the particle's own, 0.5.",
        json_schema_extra=unit("diameters"),
    )
    label_kind: Literal["cone", "distance"] = Field(
        "cone",
        description="Target of the detector. cone: 1 at each centre, falling to 0 at the radius. distance, as in the "
        "paper, for fcrn: in pixels to the nearest place outside of all particles, so that particles that touch are "
        "one hill.",
    )
    centred: bool = Field(
        False, description="A crop of the detector for each particle, centred on it, in the place of random places."
    )
    augment: bool = Field(True, description="Turn, mirror and rescale crops and patches, and change their looks.")
    steps: int = Field(6000, ge=1, description="Number of optimisation steps.")
    epochs: int | None = Field(
        None,
        ge=1,
        description="In the place of steps: how often everything is learnt from. An epoch of the detector is a crop "
        "for each particle, one of the classifier as many patches of each class as the rarer one has.",
    )
    minutes: float | None = Field(
        None,
        gt=0,
        description="End the training of each network after so many minutes, with what it learnt.",
    )
    batch: int = Field(8, ge=1, le=4096, description="Crops or patches a step, on each of several processes.")
    crop: int = Field(
        224,
        ge=64,
        le=4096,
        multiple_of=16,
        description="Side of a training crop.",
        json_schema_extra=unit("network px"),
    )
    rate: float = Field(
        2e-3, gt=0, description="Highest learning rate. With adamw it rises for the first 5 % and falls to 0."
    )
    optimiser: Literal["adamw", "adam"] = Field(
        "adamw", description="adamw: weights decay, and the rate has one cycle. adam: as in the paper, at one rate."
    )
    clip: float = Field(1.0, ge=0, description="Greatest norm of a gradient, larger ones are shortened; 0: no limit.")
    scale_jitter: float = Field(
        0.25,
        ge=0,
        lt=1,
        description="How wrong the diameter may be that the network is told later, as a fraction: it is shown crops "
        "at scales that are off by up to this.",
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
        le=256,
        description="Threads that draw crops ahead of the training. They change no number. Default: 1.",
    )
    seed: Seed = 0
    device: Device = Field(
        "auto",
        description="Where to train: auto takes a GPU when there is one; cuda:1 is the second of several.",
        json_schema_extra=DEVICES,
    )

    @model_validator(mode="before")
    @classmethod
    def _gentler_from_weights(cls, fields: Any) -> Any:
        return {**cls.fine_tuning, **fields} if isinstance(fields, dict) and fields.get("start") else fields
