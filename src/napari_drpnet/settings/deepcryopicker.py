"""How DeepCryoPicker learns from a data set's own micrographs, and picks them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from napari_drpnet.settings.base import Seed, network, unit
from napari_drpnet.settings.picking import PickerSettings


class DeepCryoPickerSettings(PickerSettings):
    """DeepCryoPicker: learns from the micrographs themselves, without labels, and slides a classifier over them."""

    weights: str | None = Field(
        None,
        title="Learnt earlier",
        description="What it learnt earlier, a .safetensors file that it saved. Default: none, it learns from the "
        "micrographs it is given before it picks them.",
        json_schema_extra=network("window classifier", none="none"),
    )
    shape: Literal["auto", "round", "square", "irregular"] = Field(
        "auto",
        title="Particle shape",
        description="Shape of the particles, which decides what is good to learn from; auto sees for itself.",
    )
    micrographs: int = Field(
        8,
        ge=1,
        title="Micrographs to learn from",
        description="Micrographs to learn from, evenly spread over the data set.",
    )
    clusters: int = Field(
        4,
        ge=2,
        le=16,
        title="Grey levels to tell apart",
        description="Grey levels that pixels are clustered into; the darkest is taken for particles.",
    )
    negative: bool = Field(
        False,
        title="Learn dirt as well",
        description="Learn objects that are no good particles as a class of their own; worse in the paper.",
    )
    examples: int = Field(
        1500,
        ge=10,
        title="Examples to learn from",
        description="Examples of each class to learn from; fewer particles are turned by quarters.",
    )
    window: Literal[67, 99, 131, 163, 195, 227] = Field(
        99,
        title="Size of an example",
        description="Side of the square around a place that is looked at, a little more than a particle. The paper's "
        "227 is five times "
        "the pixels.",
        json_schema_extra=unit("network px"),
    )
    width: float = Field(
        0.12,
        ge=0.01,
        le=1,
        title="Size of the network",
        description="Channels of the convolutions, as a part of the paper's (1); a GPU bears 1.",
    )
    dense: int = Field(
        256,
        ge=1,
        le=4096,
        title="Size of its last layers",
        description="Channels of the two dense layers; the paper has 4096.",
    )
    steps: int = Field(
        120, ge=1, title="Training steps", description="Optimisation steps for each shape that is learnt."
    )
    batch: int = Field(32, ge=2, title="Examples at once", description="Windows a step; the paper takes 16 to 64.")
    rate: float = Field(3e-3, gt=0, title="Learning rate", description="Highest learning rate.")
    step: Literal[4, 8, 16, 32] = Field(
        8,
        title="Distance of places tried",
        description="Distance of windows when picking.",
        json_schema_extra=unit("network px"),
    )
    overlap: float = Field(
        0.25,
        gt=0,
        le=1,
        title="Overlap up to",
        description="Of two windows whose intersection is more than this part of their union, the better one stays.",
    )
    largest: float = Field(
        12.0,
        gt=0,
        title="Largest area",
        description="A connected area of the score map larger than this is ice or carbon, and dropped.",
        json_schema_extra=unit("particle areas"),
    )
    seed: Seed = 0


class DeepCryoPickerPaperSettings(DeepCryoPickerSettings):
    """DeepCryoPicker trained as published; hours on a processor."""

    examples: int = Field(
        1200, ge=10, title="Examples to learn from", description="Examples of each class to learn from."
    )
    window: Literal[67, 99, 131, 163, 195, 227] = Field(
        227,
        title="Size of an example",
        description="Side of the classifier's window.",
        json_schema_extra=unit("network px"),
    )
    width: float = Field(
        1.0,
        ge=0.01,
        le=1,
        title="Size of the network",
        description="Channels of the convolutions, as a part of the paper's.",
    )
    dense: int = Field(
        4096, ge=1, le=4096, title="Size of its last layers", description="Channels of the two dense layers."
    )
    steps: int = Field(
        1500,
        ge=1,
        title="Training steps",
        description="Optimisation steps for each shape: 20 epochs of 1,200 examples of two classes.",
    )
    rate: float = Field(1e-4, gt=0, title="Learning rate", description="Learning rate.")
