"""How a reconstruction and its particles are assessed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from napari_drpnet.settings.base import Seed, Settings, unit

Symmetry = Annotated[
    str,
    Field(
        title="Symmetry",
        description="Point group that the particles were refined with, as RELION calls it: C1, C4, D2, T, O, I1 ... "
        "Particles that were refined with one lie in one part of the sphere, and cannot be judged without it.",
    ),
]


class ViewSettings(Settings):
    """From how many sides particles are seen, and how evenly these resolve the structure."""

    symmetry: Symmetry = "C1"
    mirrored: bool = Field(
        False,
        title="Opposite views are one",
        description="Count opposite views, which are mirror images of each other, as one.",
    )
    diameter: float = Field(
        150.0,
        gt=0,
        title="Diameter",
        description="Diameter of the particle. It matters for the efficiency only where most views are missing.",
        json_schema_extra=unit("A"),
    )
    b_factor: float = Field(
        100.0,
        gt=0,
        title="B-factor",
        description="How fast the signal falls. It sets the widths of the point spread function; the efficiency hardly "
        "changes.",
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
        description="Particles are halved until there would be fewer.",
    )
    most: int = Field(
        6,
        ge=3,
        le=20,
        title="Subsets",
        description="At most so many numbers of particles, from all of them downwards.",
    )
    ctf: bool = Field(
        True, title="Correct the CTF", description="Correct the CTF, whose defocus the particles must tell."
    )
    seed: Seed = 0
