"""What PIXER is told, to pick and to be trained."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from napari_drpnet.settings.base import network, unit
from napari_drpnet.settings.picking import PickerSettings
from napari_drpnet.settings.training import FINE_TUNING, TrainSettings


class PixerSettings(PickerSettings):
    """PIXER: a network segments the micrograph, its local maxima are candidates, a second network sorts them."""

    segmenter: str = Field(
        "pixer-segmenter",
        title="Finds particles",
        description="The network that finds particles (segmentation): a name from the package, or a .safetensors file.",
        json_schema_extra=network("segmenter"),
    )
    sorter: str = Field(
        "pixer-sorter",
        title="Tells them from dirt",
        description="The network that tells particles from dirt and background, trained together with the first: a "
        "name from the package, or a .safetensors file.",
        json_schema_extra=network("sorter"),
    )
    bound: float = Field(
        0.2,
        ge=0,
        le=1,
        title="Reject below",
        description="Reject a pick unless the second network gives it at least this probability of being a "
        "particle rather than dirt or background; 0 rejects none. The paper's 0.6 rejects more of the dirt, "
        "and of faint particles.",
    )
    most: int | None = Field(
        None,
        ge=1,
        title="Picks at most",
        description="Keep so many picks of a micrograph at most, the best ones. Default: no limit; the paper's is 500, "
        "fewer than the particles of a crowded micrograph.",
    )


class PixerTrainSettings(TrainSettings):
    """What a training run of both networks of PIXER is told."""

    fine_tuning: ClassVar[dict[str, Any]] = FINE_TUNING | {"sorter_steps": 100}

    start: str | None = Field(
        None,
        description="Weights of a segmentation network to begin from instead of an untrained one: a name from the "
        "package, or a .safetensors file. The classification network of the same training is taken from beside it. "
        "Other defaults then: " + ", ".join(f"{name} {value}" for name, value in fine_tuning.items()) + ".",
    )
    sorter: str | None = Field(
        None,
        description="Weights of a classification network that is kept, in the place of one that is trained: the "
        "segmentation network begins from its trunk.",
    )
    branches: int = Field(
        4, ge=1, le=5, description="Parallel atrous branches of the segmentation network, of the rates 2, 4, 6, 8, 10."
    )
    core: float = Field(
        0.3,
        gt=0,
        description="Only this part of a particle's mask, a disc about its centre, is its label; the paper's is all of "
        "the mask, which 1 leaves.",
        json_schema_extra=unit("diameters"),
    )
    sorter_steps: int = Field(1500, ge=1, description="Optimisation steps of the classification network, before.")
    sorter_batch: int = Field(48, ge=3, description="Patches a step of the classification network.")
