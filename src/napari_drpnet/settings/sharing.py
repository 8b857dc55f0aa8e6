"""How a network is exported for other programs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from napari_drpnet.settings.base import Settings

ModelFormat = Literal["bioimageio", "onnx"]


class ExportSettings(Settings):
    """What is written, and whose it is."""

    format: ModelFormat = Field(
        "bioimageio",
        description="What to write: bioimageio, a package of the BioImage Model Zoo (.zip), or onnx, one file (.onnx).",
    )
    authors: tuple[str, ...] = Field(
        (),
        description="Who made the network, with commas between names. Needed for your own weights in a package; those "
        "of napari-drpnet are its developers'.",
    )
    license: str = Field(
        "BSD-3-Clause",
        pattern=r"^[A-Za-z0-9.+-]{1,60}$",
        description="Licence of the weights, by its SPDX identifier.",
    )

    @field_validator("authors")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any("/" in name or not name.isprintable() for name in value):
            raise ValueError("names of people, without a slash or control characters")
        return value
