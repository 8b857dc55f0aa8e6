"""Negative stain: a dried layer of heavy-metal salt that particles keep out, so that they are bright in a dark rim."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from napari_drpnet.data import ImageArray
from napari_drpnet.simulation.specimen import cloud

PROTEIN_EXCESS = 3.5
"""Volts of protein above ice, by which projections tell how thick a particle is along the beam."""

_PROTEIN = 6.0  # volts of dried protein
_STAIN = 18.0  # volts of uranyl acetate
_FLATTENED = 0.7  # what drying leaves of a particle's height
_SALT_GRAIN = 5.0  # Angstrom, sigma of the stain's grains


def stain(rng: np.random.Generator, protein: ImageArray, pixel_size: float, diameter: float) -> ImageArray:
    """Potential of stained particles and of the stain about them, in V A.

    Stain dries to a thin layer that is thicker beside particles, where its surface is drawn up; what a particle fills
    is free of it (Ohi et al., Biol. Proced. Online 6 (2004) 23).

    Parameters
    ----------
    rng
        Source of randomness.
    protein
        ``(h, w)`` projected potential of the particles above ice, in V A.
    pixel_size
        Angstrom.
    diameter
        Of the particle in pixels.
    """
    thickness = np.maximum(protein, 0) * np.float32(_FLATTENED / PROTEIN_EXCESS)
    size = diameter * pixel_size
    footprint = np.clip(thickness / np.float32(0.1 * size), 0, 1)
    drawn_up = ndimage.gaussian_filter(footprint, rng.uniform(0.1, 0.3) * diameter, truncate=3)
    layer = np.float32(rng.uniform(0.3, 0.6) * size) * (1 + np.float32(0.1) * cloud(rng, protein.shape, 3))
    layer += np.float32(rng.uniform(0.05, 0.2) * size) * drawn_up
    sigma = max(_SALT_GRAIN / pixel_size, 0.4)
    grain = ndimage.gaussian_filter(rng.standard_normal(protein.shape, dtype=np.float32), sigma, truncate=3)
    grain *= np.float32(rng.uniform(0.02, 0.08)) / grain.std()
    left = np.maximum(layer - thickness, 0) * (1 + grain)
    return np.asarray(_STAIN * left + _PROTEIN * thickness, dtype=np.float32)
