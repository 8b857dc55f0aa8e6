"""The specimen in front of the lens: projected potential on a canvas, in slabs along the beam."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.fft
from scipy import ndimage

from napari_drpnet.data import FloatArray, ImageArray, MaskArray
from napari_drpnet.simulation.views import Stack

LabelArray = npt.NDArray[np.uint8]

OUTLINE = 0.2  # of a projection's maximum: inside is the particle's mask


@dataclass(frozen=True, eq=False)
class Poses:
    """How particles lie.

    Attributes
    ----------
    yx
        ``(n, 2)`` centres in canvas pixels.
    view
        ``(n,)`` index of the projection.
    psi
        ``(n,)`` RELION's in-plane angle in degrees.
    height
        ``(n,)`` Angstrom along the beam from the middle of the ice.
    """

    yx: FloatArray
    view: npt.NDArray[np.int64]
    psi: FloatArray
    height: FloatArray

    def __len__(self) -> int:
        return len(self.yx)

    def select(self, which: MaskArray) -> Poses:
        """The particles where the mask is true."""
        return Poses(self.yx[which], self.view[which], self.psi[which], self.height[which])


def draw_poses(
    rng: np.random.Generator, yx: FloatArray, weights: FloatArray, reach: float = 0.0, surface: float = 0.0
) -> Poses:
    """Particles at ``(n, 2)`` places, seen from views as often as their ``(k,)`` weights say, at any in-plane angle.

    Heights go from ``-reach`` to ``reach`` Angstrom; a part ``surface`` of the particles lies at one of the two, where
    the ice has its surfaces (Noble et al., eLife 7 (2018) e34257).
    """
    n = len(yx)
    height = rng.uniform(-reach, reach, n)
    height = np.where(rng.random(n) < surface, np.where(height > 0, reach, -reach), height)
    return Poses(yx, rng.choice(len(weights), size=n, p=weights), rng.uniform(-180, 180, n), height)


def outline_boxes(images: Stack, poses: Poses) -> FloatArray:
    """Height and width of the outlines of particles, ``(n, 2)`` in pixels of their projections ``(k, n, n)``."""
    ends = {k: _ends_of_rows(images[k] > OUTLINE * images[k].max()) for k in np.unique(poses.view).tolist()}
    turned = (ends[k] @ _turn(psi).T for k, psi in zip(poses.view.tolist(), poses.psi.tolist(), strict=True))
    # A pixel has a width, too.
    return np.array([np.ptp(yx, axis=0) + 1 for yx in turned]).reshape(-1, 2)


def _ends_of_rows(inside: MaskArray) -> FloatArray:
    """``(n, 2)`` first and last pixels of the rows of a mask: nothing of it reaches further, however it is turned."""
    rows = np.flatnonzero(inside.any(axis=1))
    first, last = inside[rows].argmax(axis=1), inside.shape[1] - 1 - inside[rows, ::-1].argmax(axis=1)
    return np.stack([np.tile(rows, 2), np.concatenate([first, last])], axis=1).astype(np.float64)


def _turn(psi: float) -> FloatArray:
    """``(2, 2)``, from offsets in a projection to those of the particle at ``psi`` degrees."""
    c, s = np.cos(np.deg2rad(psi)), np.sin(np.deg2rad(psi))
    return np.array([[c, -s], [s, c]])


class Scene:
    """A canvas of projected potential, wider than the picture because what lies beyond its border reaches into it.

    Attributes
    ----------
    potential
        ``(k, full, full)`` in V A, one canvas for each slab.
    heights
        ``(k,)`` middles of the slabs in Angstrom, ascending along the beam.
    visible
        ``(full, full)``, False under film and contamination.
    particles
        ``(full, full)``, True inside the outlines of whole particles.
    size, full, margin
        Edge of the picture and of the canvas, and how far the picture's first pixel lies inside it, in pixels.
    pixel_size
        Angstrom.
    """

    def __init__(self, size: int, pixel_size: float, heights: FloatArray | None = None) -> None:
        self.size = size
        self.pixel_size = pixel_size
        self.heights: FloatArray = np.zeros(1) if heights is None else heights
        self.full = scipy.fft.next_fast_len(size + max(64, size // 16))
        self.margin = (self.full - size) // 2
        self.potential: ImageArray = np.zeros((len(self.heights), *self.shape), dtype=np.float32)
        self.visible: MaskArray = np.ones(self.shape, dtype=np.bool_)
        self.particles: MaskArray = np.zeros(self.shape, dtype=np.bool_)

    @property
    def shape(self) -> tuple[int, int]:
        """Of the canvas."""
        return self.full, self.full

    def slab_at(self, height: float) -> int:
        """Index of the slab nearest to a height."""
        return int(np.abs(self.heights - height).argmin())

    def add_object(self, potential: ImageArray, yx: FloatArray, height: float = 0.0) -> None:
        """Put a contaminating object with its middle at ``yx`` (canvas pixels); it hides what it covers."""
        y, x = (int(at) - n // 2 for at, n in zip(yx, potential.shape, strict=True))
        inside = self._stamp(self.potential[self.slab_at(height)], potential, y, x)
        if inside is not None:
            target, part = inside
            self.visible[target] &= part <= 0

    def cover(self, potential: ImageArray, hides: MaskArray, height: float = 0.0) -> None:
        """Add a layer over the whole canvas."""
        self.potential[self.slab_at(height)] += potential
        self.visible &= ~hides

    def hide(self, hidden: MaskArray) -> None:
        """Let no particle lie where ``(size, size)`` of the picture is hidden, nor beyond its border beside it."""
        beyond = (self.margin, self.full - self.size - self.margin)
        self.visible &= ~np.pad(hidden, beyond, mode="edge")

    def add_particles(
        self, images: Stack, voxel: float, poses: Poses, contrast: float, outline: MaskArray | None = None
    ) -> None:
        """Stamp projections of particles.

        Parameters
        ----------
        images
            ``(k, n, n)`` projections on a grid of ``voxel`` Angstrom.
        voxel
            Angstrom.
        poses
            Which of them, and where.
        contrast
            Factor on the potential.
        outline
            ``(full, full)``, set to True inside the particles.
        """
        zoom = self.pixel_size / voxel  # projection pixels per canvas pixel
        n = images.shape[1]
        box = int(np.ceil(n / zoom)) + 3
        if zoom > 1:  # against aliasing
            images = ndimage.gaussian_filter(images, (0, 0.5 * zoom, 0.5 * zoom))
        for centre, view, psi, height in zip(poses.yx, poses.view, poses.psi, poses.height, strict=True):
            corner = np.floor(centre).astype(int) - box // 2
            turn = zoom * _turn(psi).T
            offset = n // 2 - turn @ (centre - corner)
            image = ndimage.affine_transform(images[view], turn, offset, (box, box), order=1)
            canvas = self.potential[self.slab_at(float(height))]
            inside = self._stamp(canvas, image * np.float32(contrast), int(corner[0]), int(corner[1]))
            if outline is not None and inside is not None:
                target, part = inside
                outline[target] |= part > OUTLINE * contrast * image.max()

    def _stamp(
        self, canvas: ImageArray, image: ImageArray, y: int, x: int
    ) -> tuple[tuple[slice, slice], ImageArray] | None:
        """Add an image with its first pixel at (y, x); gives the part of the canvas it fell on, and what fell there."""
        bottom, right = min(self.full, y + image.shape[0]), min(self.full, x + image.shape[1])
        top, left = max(0, y), max(0, x)
        if top >= bottom or left >= right:
            return None
        part = image[top - y : bottom - y, left - x : right - x]
        target = slice(top, bottom), slice(left, right)
        canvas[target] += part
        return target, part

    def picture(self, canvas: ImageArray) -> ImageArray:
        """The part of a canvas that becomes the micrograph."""
        inner = slice(self.margin, self.margin + self.size)
        return np.ascontiguousarray(canvas[inner, inner])

    def mask(self) -> LabelArray:
        """``(size, size)``: 0 ice, 1 particle, 2 film and contamination that hide particles."""
        inner = slice(self.margin, self.margin + self.size)
        particles, visible = self.particles[inner, inner], self.visible[inner, inner]
        return np.where(visible, particles, 2).astype(np.uint8)
