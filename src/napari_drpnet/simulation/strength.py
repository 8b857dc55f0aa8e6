"""How strongly particles stand out, and what is changed so that they do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import scipy.fft

from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.lens import Lens, ctf, frequencies
from napari_drpnet.settings import SimulationSettings
from napari_drpnet.simulation import specimen
from napari_drpnet.simulation.exposure import Exposure, log_uniform, slow_power
from napari_drpnet.simulation.optics import interaction
from napari_drpnet.simulation.views import Views

NoisePower = Callable[[ImageArray, ImageArray], FloatArray]
"""Power of the noise in square Angstrom at frequencies ``(h, 1)`` in y and ``(1, w)`` in x, in 1/Angstrom."""

USUAL = (2.0, 25.0)
"""Signal-to-noise ratios that particles are held within where no others are asked for."""

_STRONGEST = 1.5  # times the calculated potential: beyond it a particle's phase would wrap around


def visibility(views: Views, exposure: Exposure) -> float:
    """Signal-to-noise ratio of a particle in ice to a filter that knows it, from detail coarser than half a diameter.

    The texture of the ice, slow texture and the counting of electrons make the noise. Simulations that show particles
    as strongly as EMPIAR-10059 does have about 2, as EMPIAR-10028 about 20.
    """
    lowest = 0.5 / views.diameter

    def noise(fy: ImageArray, fx: ImageArray) -> FloatArray:
        transfer = (2 * interaction(exposure.lens.voltage) * ctf(exposure.lens, fy, fx)) ** 2
        ice = transfer * specimen.ice_power(exposure.thickness, exposure.texture)
        return np.asarray(ice + 1 / exposure.dose + slow_power(exposure, np.maximum(np.hypot(fy, fx), lowest)))

    return signal_to_noise(views, exposure.lens, noise)


def signal_to_noise(views: Views, lens: Lens, noise: NoisePower) -> float:
    """``d'`` with ``d'^2 = sum |signal|^2 / noise`` over frequencies up to 2 per diameter.

    North, Proc. IEEE 51 (1963) 1016.
    """
    n = views.whole.shape[1]
    fy, fx = frequencies((n, n), views.voxel)
    power = np.mean(np.abs(scipy.fft.fft2(views.whole[:20], workers=1)) ** 2, axis=0) * (views.voxel / n) ** 2
    transfer = (2 * interaction(lens.voltage) * ctf(lens, fy, fx)) ** 2
    coarse = np.hypot(fy, fx) < 2 / views.diameter
    return float(np.sqrt((power * transfer / noise(fy, fx))[coarse].sum()))


def wanted(rng: np.random.Generator, settings: SimulationSettings) -> float:
    """The signal-to-noise ratio that a micrograph is to have."""
    return log_uniform(rng, settings.visibility or USUAL)


def balance(
    rng: np.random.Generator, settings: SimulationSettings, views: Views, exposure: Exposure
) -> tuple[float, Exposure]:
    """The factor on the particles' potential, and the exposure that shows them as the settings ask for.

    Particles that are to stand out further than matter does are not made denser: there is less noise.
    """
    contrast = rng.uniform(*settings.contrast)
    if exposure.stained:
        return 1.0, exposure
    natural = visibility(views, exposure)
    if settings.visibility is None:
        return contrast * float(np.clip(1, *np.asarray(USUAL) / (contrast * natural))), exposure
    contrast = wanted(rng, settings) / natural
    if contrast <= _STRONGEST:
        return contrast, exposure
    quieter = (contrast / _STRONGEST) ** 2
    return _STRONGEST, replace(exposure, dose=exposure.dose * quieter, texture=exposure.texture / quieter)
