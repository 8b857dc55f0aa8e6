"""What a project remembers."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from napari_drpnet.settings.base import USUAL_DISTANCE, Settings, unit


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
        json_schema_extra=unit("A"),
    )
    picker: str = Field("drpnet", description="Name of the picker.")
    diameter: float | None = Field(
        None, gt=0, description="Diameter of the particle, its longest extent.", json_schema_extra=unit("A")
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
        json_schema_extra=unit("A"),
    )
    options: dict[str, Any] = Field(
        default_factory=dict,
        description="Further settings of the picker, by name; files start in the project's folder.",
    )
    current: str = Field("", description="The micrograph that was open last.")
    done: tuple[str, ...] = Field((), description="Micrographs that are finished.")

    @property
    def spacing(self) -> float:
        """The minimum distance in force, in Angstrom; 0 where it is not known."""
        return USUAL_DISTANCE * (self.diameter or 0.0) if self.min_distance is None else self.min_distance
