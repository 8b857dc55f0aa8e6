"""The map that particles are first compared with: at their scale, and without detail."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.fft
import torch
from scipy import ndimage

from napari_drpnet.errors import UserError
from napari_drpnet.io.half_maps import read_map
from napari_drpnet.reconstruction.disc import soft_disc
from napari_drpnet.simulation.structures import VolumeArray

EDGE = 2.0
"""Steps of the transform over which detail fades, up to the resolution that is to be left."""
# A particle that fills less of its map than this, of the map's side, is cut off or the pixel size is wrong.
_FITS = 0.8
_COARSEST = 4  # pixels in a diameter


@dataclass(frozen=True)
class Scale:
    """Of the pictures that particles are compared in.

    Attributes
    ----------
    side
        In pixels, even.
    pixel_size
        Angstrom.
    diameter
        Of the particle, in Angstrom.
    """

    side: int
    pixel_size: float
    diameter: float

    def radius(self, resolution: float) -> float:
        """Of a resolution in Angstrom, in steps of the pictures' transform."""
        return self.side * self.pixel_size / resolution

    def resolution(self, radius: float) -> float:
        """Of a radius of the pictures' transform, in Angstrom."""
        return self.side * self.pixel_size / radius

    @property
    def ball(self) -> torch.Tensor:
        """``(side, side, side)``: 1 where the particle may be, with a soft edge."""
        return soft_disc(self.side, 0.55 * self.diameter / self.pixel_size, 3)


def read_reference(path: Path, pixel_size: float | None = None) -> tuple[VolumeArray, float]:
    """A map that can be a reference, in z, y, x, and Angstrom per voxel.

    Parameters
    ----------
    path
        MRC map with the particle bright, in the middle of its box.
    pixel_size
        Of the map, in Angstrom; None: what its header says.

    Raises
    ------
    UserError
        When the map cannot be read, is no cube of finite numbers, is the same everywhere, or its pixel size is not
        known.
    """
    found = read_map(path, pixel_size)
    values, size = found.values, found.pixel_size
    if len(set(values.shape)) > 1:
        shape = " x ".join(map(str, values.shape))
        raise UserError(f"{path}: the map is no cube, but {shape}.", "Give a map in a cubic box.")
    if size is None:
        raise UserError(
            f"{path}: its header does not tell the pixel size (1 A is written where nobody knows it).",
            "Give it in Angstrom (--map-pixel-size).",
        )
    if not np.ptp(values) > 0:
        raise UserError(f"{path}: the map is the same everywhere.", "Give a map of the particle.")
    return values, size


def low_passed(values: VolumeArray, voxel: float, scale: Scale, resolution: float) -> torch.Tensor:
    """A map at the scale of the particles, ``(side, side, side)`` float32, without what is finer than a resolution.

    Parameters
    ----------
    values, voxel
        ``(n, n, n)`` map with its centre at ``n // 2``, and Angstrom per voxel.
    scale
        Of the particles.
    resolution
        In Angstrom; beyond it there is nothing.

    Raises
    ------
    UserError
        When the map is smaller than the particle or its pixels are too coarse for it, or the particle is dark in it.
    """
    count = len(values)
    if count * voxel < _FITS * scale.diameter:
        raise UserError(
            f"The reference is {count * voxel:.0f} A wide, the particle {scale.diameter:g} A.",
            "Check the diameter and the map's pixel size.",
        )
    if voxel > scale.diameter / _COARSEST:
        raise UserError(
            f"The reference has pixels of {voxel:g} A, the particle a diameter of {scale.diameter:g} A.",
            "Check the diameter and the map's pixel size.",
        )
    frequency = np.sqrt(sum(f**2 for f in np.meshgrid(*_frequencies(count, voxel), indexing="ij", sparse=True)))
    beyond = (frequency * scale.side * scale.pixel_size - scale.radius(resolution)) / EDGE + 1
    gain = 0.5 + 0.5 * np.cos(np.pi * np.clip(beyond, 0, 1))
    # Grey levels of any size, so that squares of them are numbers still.
    levels = values / np.abs(values).max()
    smooth = scipy.fft.irfftn(scipy.fft.rfftn(levels) * gain.astype(np.float32), values.shape)
    zoom = scale.pixel_size / voxel
    matrix, offset = np.full(3, zoom), count // 2 - zoom * (scale.side // 2)
    edge = float(np.median(smooth))
    small = ndimage.affine_transform(smooth, matrix, offset, (scale.side,) * 3, order=3, cval=edge) - edge
    density = torch.from_numpy(np.asarray(small, np.float32))
    inside = scale.ball
    if (density * inside).sum() / inside.sum() <= (density * (1 - inside)).sum() / (1 - inside).sum():
        raise UserError("The particle is dark in the reference.", "Give the map with the particle bright.")
    return density * inside


def mean_view(density: torch.Tensor) -> torch.Tensor:
    """``(side, side)`` the mean of all projections of a map ``(side, side, side)``, in arbitrary units."""
    side = len(density)
    axis = np.arange(side) - side // 2
    distance = np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)
    shell = np.rint(distance).astype(np.int64).ravel()
    mean = np.bincount(shell, density.double().numpy().ravel()) / np.bincount(shell)
    return torch.from_numpy(np.interp(distance, np.arange(len(mean)), mean).sum(0)).float()


def _frequencies(count: int, voxel: float) -> list[np.ndarray]:
    whole = scipy.fft.fftfreq(count, voxel).astype(np.float32)
    return [whole, whole, scipy.fft.rfftfreq(count, voxel).astype(np.float32)]
