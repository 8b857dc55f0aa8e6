"""Taking the picture: ice, lens, beam."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft

from napari_drpnet.data import ImageArray
from napari_drpnet.lens import Lens, ctf, frequencies
from napari_drpnet.settings import SimulationSettings
from napari_drpnet.simulation import specimen
from napari_drpnet.simulation.optics import image_intensity, interaction
from napari_drpnet.simulation.scene import Scene
from napari_drpnet.simulation.structures import ICE_POTENTIAL
from napari_drpnet.simulation.views import Views

_STAINED_CONTRAST = (0.12, 0.3)  # amplitude contrast of uranyl salts


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
    """

    lens: Lens
    dose: float
    thickness: float
    texture: float
    waviness: float = 2.0
    shading: float = 0.05
    stained: bool = False


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
    )


def visibility(views: Views, exposure: Exposure) -> float:
    """Signal-to-noise ratio of a particle to a filter that knows it, from detail coarser than half a diameter.

    ``d'^2 = sum |signal|^2 / noise`` over frequencies (North, Proc. IEEE 51 (1963) 1016), where the texture of the ice
    and the counting of electrons make the noise. Simulations that show particles as strongly as EMPIAR-10059 does
    have about 2, as EMPIAR-10028 about 20.
    """
    n = views.whole.shape[1]
    fy, fx = frequencies((n, n), views.voxel)
    lens = exposure.lens
    power = np.mean(np.abs(scipy.fft.fft2(views.whole[:20], workers=1)) ** 2, axis=0) * (views.voxel / n) ** 2
    transfer = (2 * interaction(lens.voltage) * ctf(lens, fy, fx)) ** 2
    noise = transfer * specimen.ice_power(exposure.thickness, exposure.texture) + 1 / exposure.dose
    coarse = np.hypot(fy, fx) < 2 / views.diameter
    return float(np.sqrt((power * transfer / noise)[coarse].sum()))


def expose(
    rng: np.random.Generator, scene: Scene, exposure: Exposure, noise_free: bool = False
) -> tuple[ImageArray, ImageArray | None]:
    """Intensity in the picture, near 1 where there is nothing but ice, and, on demand, that without the ice's texture.

    The ice is added to the scene, so that a scene can be exposed only once.
    """
    uneven = specimen.cloud(rng, scene.shape, rng.uniform(3.5, 5))
    scene.potential[0] += np.float32(ICE_POTENTIAL * exposure.waviness) * uneven
    light = beam(rng, scene.size, exposure.shading)
    clean = light * _image(scene, exposure.lens) if noise_free else None
    share = exposure.thickness / len(scene.potential)
    for slab in scene.potential:
        slab += specimen.ice_texture(rng, scene.shape, scene.pixel_size, share, exposure.texture)
    return light * _image(scene, exposure.lens), clean


def _image(scene: Scene, lens: Lens) -> ImageArray:
    phase = scene.potential * np.float32(interaction(lens.voltage))
    return scene.picture(image_intensity(phase, lens, scene.pixel_size, scene.heights.tolist()))


def beam(rng: np.random.Generator, size: int, shading: float) -> ImageArray:
    """Illumination of the picture, near 1: a broad beam that is not quite centred."""
    cy, cx = rng.uniform(-0.7, 0.7, size=2)
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    return np.asarray(1 - shading * ((axis[:, None] - cy) ** 2 + (axis[None, :] - cx) ** 2) / 2, dtype=np.float32)
