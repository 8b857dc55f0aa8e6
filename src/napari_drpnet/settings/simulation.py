"""What is simulated."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from napari_drpnet.settings.base import Settings, unit

_SMALLEST = 4  # pixels that a particle spans on a background


class SimulationSettings(Settings):
    """What `simulation.simulate` makes; a pair is a range that every micrograph draws its own value from."""

    structures: tuple[Path, ...] = Field(
        (),
        title="Structures",
        description="PDB, mmCIF or MRC files, gzipped or not, one per micrograph. None: made-up particles.",
    )
    count: int = Field(1, ge=1, title="Micrographs", description="Number of micrographs.")
    seed: int = Field(0, ge=0, title="Random seed", description="The same seed gives the same bytes.")
    size: int = Field(
        4096, ge=128, le=16384, title="Size", description="Edge of the square micrograph.", json_schema_extra=unit("px")
    )
    pixel_size: float = Field(1.0, gt=0, description="Size of a pixel.", json_schema_extra=unit("A"))
    diameter_px: tuple[float, float] | None = Field(
        None,
        title="Particle diameter",
        description="Choose the pixel size so that the particle spans this many pixels; overrides pixel_size.",
        json_schema_extra=unit("px"),
    )
    views: int = Field(
        100,
        ge=1,
        le=10_000,
        title="Views",
        description="Orientations projected per structure, each placed at any in-plane angle.",
    )
    coverage: tuple[float, float] = Field(
        (0.06, 0.6), description="Part of the ice covered by particles, a disc of one diameter each: 0.5 is crowded."
    )
    clumping: tuple[float, float] = Field(
        (0.0, 0.6), title="Touching particles", description="Part of the particles that touch another one."
    )
    broken: tuple[float, float] = Field(
        (0.0, 0.15), title="Broken particles", description="Broken particles per whole one; they are not in the truth."
    )
    preferred_views: tuple[float, float] = Field(
        (0.0, 0.8), description="Part of the particles seen from one to three preferred directions."
    )
    surface: tuple[float, float] = Field(
        (0.0, 1.0),
        title="At the ice surface",
        description="Part of the particles at the surfaces of the ice; the others lie at any height in it.",
    )
    aggregates: float = Field(
        0.25,
        ge=0,
        le=1,
        title="Heaps of particles",
        description="Probability of heaps of particles; they are not in the truth.",
    )
    empty: float = Field(
        0.04, ge=0, le=1, title="Without particles", description="Probability of a micrograph without particles."
    )
    voltage: tuple[Literal[200, 300], ...] = Field(
        (300, 300, 200), min_length=1, title="Voltage", description="Drawn from these.", json_schema_extra=unit("kV")
    )
    defocus: tuple[float, float] = Field((0.7, 3.5), description="Underfocus.", json_schema_extra=unit("um"))
    astigmatism: float = Field(300.0, ge=0, description="Largest defocus difference.", json_schema_extra=unit("A"))
    cs: float = Field(2.7, ge=0, title="Cs", description="Spherical aberration.", json_schema_extra=unit("mm"))
    amplitude_contrast: tuple[float, float] = Field(
        (0.02, 0.1), description="Part of the contrast due to lost electrons."
    )
    phase_plate: float = Field(0.0, ge=0, le=1, description="Probability of a phase plate (a shift of 90 degrees).")
    b_factor: tuple[float, float] = Field(
        (60.0, 300.0),
        title="B-factor",
        description="Envelope of the contrast transfer function.",
        json_schema_extra=unit("A^2"),
    )
    dose: tuple[float, float] = Field(
        (15.0, 60.0), title="Electron dose", description="Electrons counted.", json_schema_extra=unit("e/A^2")
    )
    contrast: tuple[float, float] = Field(
        (0.3, 1.0),
        title="Particle contrast",
        description="Strength of the particles relative to their calculated potential.",
    )
    visibility: tuple[float, float] | None = Field(
        None,
        title="Signal-to-noise ratio",
        description="A particle's signal-to-noise ratio at low resolution; overrides contrast. Particles become as "
        "strong as it takes, and beyond that the noise weaker. Default: what the contrast gives, within 2 to 25.",
    )
    ice: tuple[float, float] = Field(
        (250.0, 1200.0),
        title="Ice thickness",
        description="Thickness of the vitreous ice.",
        json_schema_extra=unit("A"),
    )
    structural_noise: tuple[float, float] = Field(
        (1.5, 10.0),
        title="Ice texture",
        description="Power of the ice's own texture relative to that of pure water.",
    )
    slow_noise: tuple[float, float] = Field(
        (0.2, 3.0),
        title="Slow texture",
        description="Power of slow texture (thickness, charging) at 200 A relative to that of the other noise.",
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
    on_carbon: float = Field(
        0.25,
        ge=0,
        le=1,
        title="Particles on carbon",
        description="Probability that particles also lie on a carbon film, where its edge is in the picture.",
    )
    defects: float = Field(
        0.15,
        ge=0,
        le=1,
        title="Detector defects",
        description="Probability of dead or hot pixels, scratches, and the detector's pattern.",
    )
    mtf: Path | None = Field(
        None,
        title="Detector's MTF",
        description="Modulation transfer of the detector, a STAR file as RELION reads. Default: a Gaussian falloff.",
    )
    processed: float = Field(
        0.5,
        ge=0,
        le=1,
        title="Processed by somebody",
        description="Probability that somebody filtered, denoised, flattened or compressed the micrograph.",
    )
    noise_like: tuple[Path, ...] = Field(
        (),
        title="Noise like that of",
        description="Real micrographs; half of the simulated ones get the noise spectrum of one of them.",
    )
    backgrounds: tuple[Path, ...] = Field(
        (),
        title="On the background of",
        description="Real images that particles are put into. What is to be left out of NAME is white in NAME_mask, or "
        "listed with a diameter in NAME.csv or NAME.star.",
    )
    transplanted: float = Field(
        1.0,
        ge=0,
        le=1,
        title="On real background",
        description="Probability that a micrograph has one of the real backgrounds, where some are given.",
    )
    background_px: tuple[float, float] = Field(
        (20.0, 60.0),
        title="Particle on the background",
        description="Pixels of the background's image that a particle spans there; its scale is not known.",
        json_schema_extra=unit("px"),
    )
    masks: bool = Field(
        False,
        title="Write masks",
        description="Write masks/: 0 ice, 1 particle, 2 film and contamination that hide particles.",
    )
    noise_free: bool = Field(
        False,
        title="Write noise-free images",
        description="Write clean/: the images without noise of ice and counting.",
    )

    @model_validator(mode="after")
    def _ranges_ascend(self) -> Self:
        for name, value in self:
            if name in {"structures", "noise_like", "backgrounds", "voltage"} or not isinstance(value, tuple):
                continue
            if not 0 <= value[0] <= value[1]:
                raise ValueError(f"{name}: a range goes from a number, at least 0, to a larger one, not {value}")
        if self.background_px[0] < _SMALLEST:
            raise ValueError(f"background_px: a particle of fewer than {_SMALLEST} pixels shows nothing")
        return self
