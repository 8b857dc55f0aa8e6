"""Taking the picture: ice, lens, beam."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft

from napari_drpnet.data import ImageArray
from napari_drpnet.simulation import specimen
from napari_drpnet.simulation.optics import Lens, ctf, frequencies, image_intensity, interaction
from napari_drpnet.simulation.scene import Scene, Views
from napari_drpnet.simulation.structures import ICE_POTENTIAL


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
    """

    lens: Lens
    dose: float
    thickness: float
    texture: float
    waviness: float = 2.0
    shading: float = 0.05


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


def expose(rng: np.random.Generator, scene: Scene, exposure: Exposure) -> ImageArray:
    """Intensity in the picture, near 1 where there is nothing but ice.

    The ice is added to the scene, so that a scene can be exposed only once.
    """
    lens = exposure.lens
    scene.potential += specimen.ice_texture(rng, scene.shape, scene.pixel_size, exposure.thickness, exposure.texture)
    height = np.float32(ICE_POTENTIAL * exposure.waviness)
    scene.potential += height * specimen.cloud(rng, scene.shape, rng.uniform(3.5, 5))
    scene.potential *= np.float32(interaction(lens.voltage))
    intensity = scene.picture(image_intensity(scene.potential, lens, scene.pixel_size))
    intensity *= beam(rng, scene.size, exposure.shading)
    return intensity


def beam(rng: np.random.Generator, size: int, shading: float) -> ImageArray:
    """Illumination of the picture, near 1: a broad beam that is not quite centred."""
    cy, cx = rng.uniform(-0.7, 0.7, size=2)
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    return np.asarray(1 - shading * ((axis[:, None] - cy) ** 2 + (axis[None, :] - cx) ** 2) / 2, dtype=np.float32)
