"""Projections of a volume in any orientation, by the central-slice theorem."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.fft
from scipy import ndimage
from scipy.spatial.transform import Rotation

from napari_drpnet.simulation.structures import Volume, VolumeArray


def random_orientations(n: int, rng: np.random.Generator) -> Rotation:
    """``n`` rotations, uniform over all orientations (Shoemake's quaternions)."""
    return Rotation.random(n, random_state=rng)


def project(volume: Volume, orientations: Rotation) -> npt.NDArray[np.float32]:
    """Projected potential along z after turning the particle, ``(k, n, n)`` in V A.

    The Fourier transform of a projection is a central slice of the volume's (Bracewell 1956); slices are read by
    trilinear interpolation from the transform of the volume padded twofold, whose effect (a multiplication by
    ``sinc^2``) is divided out first.
    """
    n = volume.density.shape[0]
    padded = 2 * n
    spectrum = _padded_spectrum(volume.density, padded)
    grid = np.stack(np.meshgrid(np.arange(-n // 2, n // 2), np.arange(-n // 2, n // 2), indexing="ij"), axis=-1)
    xyz = np.concatenate([grid[..., ::-1], np.zeros((n, n, 1))], axis=-1).reshape(-1, 3) * (padded / n)
    inside = (grid**2).sum(axis=-1).reshape(-1) < (n / 2 - 1) ** 2
    images = np.empty((len(orientations), n, n), dtype=np.float32)
    for k, turn in enumerate(orientations):
        zyx = turn.inv().apply(xyz[inside])[:, ::-1] + padded // 2
        plane = np.zeros(n * n, dtype=np.complex64)
        plane[inside] = ndimage.map_coordinates(spectrum, zyx.T, order=1, mode="constant")
        image = scipy.fft.ifft2(scipy.fft.ifftshift(plane.reshape(n, n)), workers=1).real
        images[k] = scipy.fft.fftshift(image)
    # interpolation leaves a small constant behind; outside the particle there is nothing
    images -= np.median(images[:, [0, -1], :], axis=(1, 2))[:, None, None]
    return images * np.float32(volume.voxel)


def _padded_spectrum(density: VolumeArray, padded: int) -> npt.NDArray[np.complex64]:
    n = density.shape[0]
    window = 1 / np.sinc((np.arange(n) - n // 2) / padded) ** 2
    corrected = density * (window[:, None, None] * window[None, :, None] * window).astype(np.float32)
    box = np.zeros((padded,) * 3, dtype=np.float32)
    start = padded // 2 - n // 2
    box[start : start + n, start : start + n, start : start + n] = corrected
    spectrum = scipy.fft.fftn(scipy.fft.ifftshift(box), workers=1, overwrite_x=True)
    return np.asarray(scipy.fft.fftshift(spectrum), dtype=np.complex64)
