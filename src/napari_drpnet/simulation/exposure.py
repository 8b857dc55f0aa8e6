"""Taking the picture: ice, lens, beam."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.lens import Lens
from napari_drpnet.settings import SimulationSettings
from napari_drpnet.simulation import specimen
from napari_drpnet.simulation.optics import image_intensity, interaction
from napari_drpnet.simulation.scene import Scene
from napari_drpnet.simulation.structures import ICE_POTENTIAL

_STAINED_CONTRAST = (0.12, 0.3)  # amplitude contrast of uranyl salts
_SLOPES = (0.5, 3.0)  # exponents of slow texture, from nearly white to clouds
_SLOW = 200.0  # Angstrom, the period at which the power of slow texture is told


@dataclass(frozen=True)
class Exposure:
    """The conditions one micrograph was taken under.

    Attributes
    ----------
    lens
        The microscope.
    dose
        Electrons per square Angstrom.
    thickness
        Of the ice, in Angstrom.
    texture
        Power of the ice's texture relative to pure water.
    waviness
        Standard deviation of the ice's thickness, in Angstrom.
    shading
        How much darker the beam is at its border.
    stained
        In negative stain: there is no ice.
    slow
        Power of slow texture at 200 A relative to that of all other noise, Thon rings averaged.
    slope
        Exponent with which the slow texture's power falls with the frequency.
    """

    lens: Lens
    dose: float
    thickness: float
    texture: float
    waviness: float = 2.0
    shading: float = 0.05
    stained: bool = False
    slow: float = 0.0
    slope: float = 2.0


def log_uniform(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    """A number between two limits whose logarithm is uniform; uniform itself where the lower limit is 0."""
    low, high = limits
    return float(np.exp(rng.uniform(np.log(low), np.log(high)))) if low > 0 else rng.uniform(low, high)


def draw_exposure(rng: np.random.Generator, settings: SimulationSettings) -> Exposure:
    """Conditions within the ranges of the settings."""
    stained = bool(rng.random() < settings.negative_stain)
    lens = Lens(
        voltage=float(rng.choice(settings.voltage)),
        defocus=rng.uniform(*settings.defocus) * 1e4,
        astigmatism=rng.uniform(0, settings.astigmatism),
        astigmatism_angle=rng.uniform(0, np.pi),
        cs=settings.cs * 1e7,
        amplitude_contrast=rng.uniform(*(_STAINED_CONTRAST if stained else settings.amplitude_contrast)),
        b_factor=rng.uniform(*settings.b_factor),
        phase_shift=np.pi / 2 if rng.random() < settings.phase_plate else 0.0,
    )
    thickness = 0.0 if stained else rng.uniform(*settings.ice)
    uneven = rng.random() < 0.2  # most real ice is flat to the eye, some is not
    return Exposure(
        lens,
        dose=log_uniform(rng, settings.dose),
        thickness=thickness,
        texture=log_uniform(rng, settings.structural_noise),
        waviness=thickness * log_uniform(rng, (0.001, 0.1 if uneven else 0.02)),
        shading=rng.uniform(0, 0.12),
        stained=stained,
        slow=log_uniform(rng, settings.slow_noise),
        slope=rng.uniform(*_SLOPES),
    )


def expose(
    rng: np.random.Generator, scene: Scene, exposure: Exposure, noise_free: bool = False
) -> tuple[ImageArray, ImageArray | None]:
    """Intensity in the picture, near 1 where there is nothing but ice, and, on demand, that without the ice's texture.

    The ice is added to the scene, so that a scene can be exposed only once.
    """
    uneven = specimen.cloud(rng, scene.shape, rng.uniform(3.5, 5))
    scene.potential[0] += np.float32(ICE_POTENTIAL * exposure.waviness) * uneven
    light = beam(rng, scene.size, exposure.shading)
    clean = light * image_of(scene, exposure.lens) if noise_free else None
    share = exposure.thickness / len(scene.potential)
    for slab in scene.potential:
        slab += specimen.ice_texture(rng, scene.shape, scene.pixel_size, share, exposure.texture)
    if exposure.slow > 0:
        light *= np.exp(slow_texture(rng, scene.size, scene.pixel_size, exposure))
    return light * image_of(scene, exposure.lens), clean


def slow_power(exposure: Exposure, frequency: ImageArray) -> FloatArray:
    """Power of the slow texture in square Angstrom, at frequencies in 1/Angstrom above 0."""
    ice = 2 * interaction(exposure.lens.voltage) ** 2 * specimen.ice_power(exposure.thickness, exposure.texture)
    return np.asarray(exposure.slow * (1 / exposure.dose + ice) * (frequency * _SLOW) ** -exposure.slope)


def slow_texture(rng: np.random.Generator, size: int, pixel_size: float, exposure: Exposure) -> ImageArray:
    """Logarithm of what thickness, inelastic scattering and charging change of the intensity, in slow waves.

    It does not pass through the lens, which would take the slowest waves away; real micrographs have them.
    """
    across = size * pixel_size
    coarse = int(np.clip(6 * across / _SLOW, 16, 192))
    field = specimen.cloud(rng, (size, size), exposure.slope, coarse, normalised=False)
    power = float(slow_power(exposure, np.asarray(1 / across)))
    return np.asarray(np.float32(np.sqrt(power) * coarse / across) * field, dtype=np.float32)


def image_of(scene: Scene, lens: Lens) -> ImageArray:
    """Intensity in the picture, 1 where the scene is empty."""
    phase = scene.potential * np.float32(interaction(lens.voltage))
    return scene.picture(image_intensity(phase, lens, scene.pixel_size, scene.heights.tolist()))


def beam(rng: np.random.Generator, size: int, shading: float) -> ImageArray:
    """Illumination of the picture, near 1: a broad beam that is not quite centred."""
    cy, cx = rng.uniform(-0.7, 0.7, size=2)
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    return np.asarray(1 - shading * ((axis[:, None] - cy) ** 2 + (axis[None, :] - cx) ** 2) / 2, dtype=np.float32)
