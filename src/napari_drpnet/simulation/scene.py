"""The specimen in front of the lens: projected potential on a canvas, and views of particles to put on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.fft
from scipy import ndimage

from napari_drpnet.data import FloatArray, ImageArray, MaskArray
from napari_drpnet.simulation import specimen
from napari_drpnet.simulation.projection import project, random_orientations
from napari_drpnet.simulation.structures import Scatterers, centred, density

Stack = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Views:
    """Projections of one structure.

    Attributes
    ----------
    name
        Of the structure.
    whole, broken
        ``(k, n, n)`` projected potential in V A, the centre of mass at ``n // 2``; broken ones lack a part.
    voxel
        Angstrom per pixel of the projections.
    diameter
        Longest extent in Angstrom.
    """

    name: str
    whole: Stack
    broken: Stack
    voxel: float
    diameter: float


def make_views(particle: Scatterers, count: int, seed: int, across: int = 72) -> Views:
    """``count`` projections of the whole particle and eight of broken ones, ``across`` pixels to its diameter."""
    rng = np.random.default_rng([seed, 13])
    voxel = particle.diameter / across
    volume = density(particle, voxel)
    whole = project(volume, random_orientations(count, rng))
    pieces = [project(density(_broken(particle, rng), voxel), random_orientations(2, rng)) for _ in range(4)]
    broken = np.concatenate([_fit(piece, whole.shape[1]) for piece in pieces])
    return Views(particle.name, whole, broken, voxel, particle.diameter)


def _broken(particle: Scatterers, rng: np.random.Generator) -> Scatterers:
    """What is left of a particle on one side of a rough break."""
    along = particle.xyz @ rng.normal(size=3)
    along += 0.25 * along.std() * rng.normal(size=len(along))
    keep = along >= np.quantile(along, rng.uniform(0.3, 0.6))
    return centred(particle.name, particle.xyz[keep], particle.weight[keep], particle.spacing)


def _fit(images: Stack, n: int) -> Stack:
    """Images cut or padded to ``(k, n, n)``, pixel ``n // 2`` staying where it was."""
    result = np.zeros((len(images), n, n), dtype=np.float32)
    common = min(n, images.shape[1])
    a, b = n // 2 - common // 2, images.shape[1] // 2 - common // 2
    result[:, a : a + common, a : a + common] = images[:, b : b + common, b : b + common]
    return result


class Scene:
    """A canvas of projected potential, wider than the picture because what lies beyond its border reaches into it.

    Attributes
    ----------
    potential
        ``(full, full)`` in V A.
    visible
        ``(full, full)``, False under film and contamination.
    size, full, margin
        Edge of the picture and of the canvas, and how far the picture's first pixel lies inside it, in pixels.
    pixel_size
        Angstrom.
    """

    def __init__(self, size: int, pixel_size: float) -> None:
        self.size = size
        self.pixel_size = pixel_size
        self.full = scipy.fft.next_fast_len(size + max(64, size // 16))
        self.margin = (self.full - size) // 2
        self.potential: ImageArray = np.zeros(self.shape, dtype=np.float32)
        self.visible: MaskArray = np.ones(self.shape, dtype=np.bool_)

    @property
    def shape(self) -> tuple[int, int]:
        """Of the canvas."""
        return self.full, self.full

    def stamp(self, image: ImageArray, y: int, x: int, hides: bool = False) -> None:
        """Add an image with its first pixel at (y, x) of the canvas, cut at the border."""
        bottom, right = min(self.full, y + image.shape[0]), min(self.full, x + image.shape[1])
        top, left = max(0, y), max(0, x)
        if top >= bottom or left >= right:
            return
        part = image[top - y : bottom - y, left - x : right - x]
        self.potential[top:bottom, left:right] += part
        if hides:
            self.visible[top:bottom, left:right] &= part <= 0

    def cover(self, potential: ImageArray, where: MaskArray) -> None:
        """Add a layer over the canvas that hides what it covers."""
        self.potential += potential
        self.visible &= ~where

    def add_particles(
        self, rng: np.random.Generator, images: Stack, voxel: float, centres: FloatArray, contrast: float
    ) -> FloatArray:
        """Stamp random views at random in-plane angles.

        Parameters
        ----------
        rng
            Source of randomness.
        images
            ``(k, n, n)`` projections on a grid of ``voxel`` Angstrom.
        voxel
            Angstrom.
        centres
            ``(m, 2)`` in canvas pixels.
        contrast
            Factor on the potential.

        Returns
        -------
        FloatArray
            ``(m,)`` in-plane angles in degrees, counter-clockwise where row 0 is drawn at the top.
        """
        zoom = self.pixel_size / voxel  # projection pixels per canvas pixel
        n = images.shape[1]
        box = int(np.ceil(n / zoom)) + 3
        if zoom > 1:  # against aliasing
            images = ndimage.gaussian_filter(images, (0, 0.5 * zoom, 0.5 * zoom))
        which = rng.integers(len(images), size=len(centres))
        angles = rng.uniform(-180, 180, size=len(centres))
        for k, centre, angle in zip(which, centres, np.deg2rad(angles), strict=True):
            corner = np.floor(centre).astype(int) - box // 2
            turn = zoom * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
            offset = n // 2 - turn @ (centre - corner)
            image = ndimage.affine_transform(images[k], turn, offset, (box, box), order=1)
            self.stamp(image * np.float32(contrast), int(corner[0]), int(corner[1]))
        return np.asarray(angles)

    def add_crystal(self, rng: np.random.Generator, diameter: float, yx: FloatArray) -> None:
        """Put an ice crystal of ``diameter`` pixels with its middle at ``yx`` (canvas pixels)."""
        image = specimen.crystal(rng, diameter, self.pixel_size)
        self.stamp(image, int(yx[0]) - len(image) // 2, int(yx[1]) - len(image) // 2, hides=True)

    def picture(self, canvas: ImageArray) -> ImageArray:
        """The part of a canvas that becomes the micrograph."""
        inner = slice(self.margin, self.margin + self.size)
        return np.ascontiguousarray(canvas[inner, inner])
