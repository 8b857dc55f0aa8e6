"""Views of one structure: its projections, and those of its fragments, in known orientations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray
from napari_drpnet.simulation import orientations
from napari_drpnet.simulation.projection import project
from napari_drpnet.simulation.structures import Scatterers, centred, density

Stack = npt.NDArray[np.float32]
BROKEN = 8  # views of broken particles


@dataclass(frozen=True, eq=False)
class Views:
    """Projections of one structure.

    Attributes
    ----------
    particle, seed
        What they are made of.
    whole
        ``(k, n, n)`` projected potential in V A, the centre of mass at ``n // 2``.
    rot, tilt
        ``(k,)`` orientations of the whole ones in degrees, where psi is 0 (`orientations`).
    voxel
        Angstrom per pixel of the projections.
    diameter
        Longest extent in Angstrom.
    """

    particle: Scatterers
    seed: int
    whole: Stack
    rot: FloatArray
    tilt: FloatArray
    voxel: float
    diameter: float

    @property
    def name(self) -> str:
        """Of the structure."""
        return self.particle.name

    @cached_property
    def broken(self) -> Stack:
        """``(BROKEN, n, n)`` of particles that lack a part. Made when they are asked for: they take longest."""
        rng = np.random.default_rng([self.seed, 13])
        orientations.random_views(len(self.rot), rng)  # those of the whole ones
        pieces = [_project_any(_broken(self.particle, rng), self.voxel, 2, rng) for _ in range(BROKEN // 2)]
        return np.concatenate([fitted(piece, self.whole.shape[1]) for piece in pieces])


def make_views(particle: Scatterers, count: int, seed: int, across: int = 72) -> Views:
    """``count`` projections of the whole particle, and those of broken ones, ``across`` pixels to its diameter."""
    voxel = particle.diameter / across
    rot, tilt = orientations.random_views(count, np.random.default_rng([seed, 13]))
    whole = project(density(particle, voxel), orientations.rotation(rot, tilt, np.zeros(count)))
    return Views(particle, seed, whole, rot, tilt, voxel, particle.diameter)


def _project_any(particle: Scatterers, voxel: float, count: int, rng: np.random.Generator) -> Stack:
    rot, tilt = orientations.random_views(count, rng)
    return project(density(particle, voxel), orientations.rotation(rot, tilt, np.zeros(count)))


def _broken(particle: Scatterers, rng: np.random.Generator) -> Scatterers:
    """What is left of a particle on one side of a rough break."""
    along = particle.xyz @ rng.normal(size=3)
    along += 0.25 * along.std() * rng.normal(size=len(along))
    keep = along >= np.quantile(along, rng.uniform(0.3, 0.6))
    return centred(particle.name, particle.xyz[keep], particle.weight[keep], particle.spacing)


def fitted(images: Stack, n: int) -> Stack:
    """Images cut or padded with 0 to ``(k, n, n)``, pixel ``n // 2`` staying where it was."""
    result = np.zeros((len(images), n, n), dtype=np.float32)
    common = min(n, images.shape[1])
    a, b = n // 2 - common // 2, images.shape[1] // 2 - common // 2
    result[:, a : a + common, a : a + common] = images[:, b : b + common, b : b + common]
    return result
