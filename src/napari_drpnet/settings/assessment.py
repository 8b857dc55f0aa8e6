"""How a reconstruction is assessed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from napari_drpnet.settings.base import ADDS_UP, USUAL_DIAMETER, PixelSize, Seed, Settings, unit

Symmetry = Annotated[
    str,
    Field(
        title="Symmetry",
        description="Point group that the particles were refined with, as RELION calls it: C1, C4, D2, T, O, I1 ... "
        "Particles that were refined with one lie in one part of the sphere, and cannot be judged without it.",
    ),
]


class HalfMapSettings(Settings):
    """How far two half maps agree, and where."""

    map_pixel_size: float | None = Field(
        None,
        gt=0,
        title="Pixel size",
        description="Pixel size of the half maps. Default: what their headers say.",
        json_schema_extra=unit("A"),
    )
    mask: Path | None = Field(
        None,
        title="Mask",
        description="MRC file of the size of the maps, 1 in the particle and 0 in the solvent, with a soft edge. "
        "Default: one is made from the maps.",
    )
    make_mask: bool = Field(
        True, title="Make a mask", description="Make a mask from the maps where none is given; else do without."
    )
    level: float | None = Field(
        None,
        title="Level of the mask",
        description="The particle is where the mean of the maps, low-passed to 15 A, is above this. Default: 0.15 of "
        "the 99.9th percentile, but at least four times the noise.",
    )
    extend: float | None = Field(
        None,
        ge=0,
        title="Extend the mask",
        description="By how much a mask grows before its edge begins. Default: 3 pixels.",
        json_schema_extra=unit("A"),
    )
    edge: float | None = Field(
        None,
        ge=0,
        title="Edge of the mask",
        description="Width of the soft edge of a mask that is made. Default: 6 pixels.",
        json_schema_extra=unit("A"),
    )
    local: bool = Field(True, title="Local resolution", description="Measure the resolution everywhere in the mask.")
    local_step: float = Field(
        25.0,
        gt=0,
        title="Step of the sphere",
        description="From one place at which local resolution is measured to the next.",
        json_schema_extra=unit("A"),
    )
    local_radius: float = Field(
        12.5,
        gt=0,
        title="Radius of the sphere",
        description="Radius of the sphere that local resolution is measured in.",
        json_schema_extra=unit("A"),
    )
    local_edge: float = Field(
        25.0,
        gt=0,
        title="Edge of the sphere",
        description="Width of the soft edge of this sphere, beyond its radius.",
        json_schema_extra=unit("A"),
    )
    local_random_from: float = Field(
        25.0,
        gt=0,
        title="Random phases from",
        description="From this resolution on, phases are made random to see what the sphere alone makes agree.",
        json_schema_extra=unit("A"),
    )
    local_worst: float = Field(
        50.0,
        gt=0,
        title="Worst resolution",
        description="No local resolution is worse than this.",
        json_schema_extra=unit("A"),
    )
    seed: Seed = 0


class ViewSettings(Settings):
    """From how many sides particles are seen, and how evenly these resolve the structure."""

    symmetry: Symmetry = "C1"
    mirrored: bool = Field(
        False,
        title="Opposite views are one",
        description="Count opposite views, which are mirror images of each other, as one.",
    )
    diameter: float = Field(
        USUAL_DIAMETER,
        ge=20,
        le=10000,
        title="Diameter",
        description="Diameter of the particle. It matters for the efficiency only where most views are missing.",
        json_schema_extra=unit("A"),
    )
    b_factor: float = Field(
        100.0,
        ge=1,
        le=2000,
        title="B-factor",
        description="How fast the signal is taken to fall in the efficiency, which hardly changes with it.",
        json_schema_extra=unit("A^2"),
    )
    seed: Seed = 0


class ConeSettings(Settings):
    """The correlation of half maps by direction."""

    cone: float = Field(
        20.0,
        ge=5,
        le=60,
        title="Cone",
        description="Half of the angle at the tip of the cones within which half maps are compared.",
        json_schema_extra=unit("degrees"),
    )


class GrowthSettings(Settings):
    """Resolution against the number of particles, from subsets that RELION reconstructs."""

    symmetry: Symmetry = "C1"
    smallest: int = Field(
        500,
        ge=20,
        title="Smallest subset",
        description="Of the parts that RELION reconstructs: particles are halved until there would be fewer.",
    )
    most: int = Field(
        6,
        ge=3,
        le=20,
        title="Subsets",
        description="At most so many such parts, from all particles downwards.",
    )
    ctf: bool = Field(
        True,
        title="Correct the CTF",
        description="Correct the CTF of these parts. The particles must tell the defocus.",
    )
    phase_flipped: bool = Field(
        False,
        title="Phases are flipped",
        description="The phases of the particles' images are flipped already; of those of reconstruct it is known.",
    )
    seed: Seed = 0


class AssessSettings(HalfMapSettings, ViewSettings, ConeSettings, GrowthSettings):
    """All that is measured of refinements."""

    directions: bool = Field(
        True, title="By direction", description="Compare half maps by direction, too, within cones all around."
    )
    growth: bool = Field(
        False,
        title="B-factor (RELION)",
        description="Reconstruct parts of the particles with RELION, for the plot of resolution against their number "
        "and its B-factor. Minutes to hours.",
    )


class PickedSettings(Settings):
    """Picks that are judged beside the refinements that were made of them, or alone."""

    picks: dict[str, Path] = Field(
        default_factory=dict,
        description="Picks as NAME=PATH, a file or a folder with some, which are shown beside the refinement of the "
        "same NAME, or alone; may be given several times. They need their micrographs and the diameter (--micrographs, "
        "--diameter).",
    )
    micrographs: tuple[str, ...] = Field(
        (),
        description="Micrographs of the picks, with commas between them: files, folders, patterns, a STAR file; may be "
        "given several times.",
        json_schema_extra=ADDS_UP,
    )
    truth: str | None = Field(
        None,
        description="True particles, a file or a folder with some: for precision, recall, F1 and AP of the picks.",
    )
    pixel_size: PixelSize = None
