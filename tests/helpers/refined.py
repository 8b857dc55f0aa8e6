"""Particles as a refinement leaves them, with known angles: their STAR file, images of points with noise, or both."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np

from napari_drpnet.data import FloatArray
from napari_drpnet.simulation.orientations import random_views, rotation

PIXEL = 2.0


def any_angles(n: int, seed: int = 0) -> FloatArray:
    """``(n, 3)`` rot, tilt, psi in degrees, uniform."""
    rng = np.random.default_rng(seed)
    return np.stack([*random_views(n, rng), rng.uniform(-180, 180, n)], axis=1)


def star_31(angles: FloatArray, image: str = "stack.mrcs", origin: tuple[float, float] = (0.0, 0.0)) -> str:
    """RELION 3.1's ``run_data.star``, with origins (x, y) in Angstrom; every other particle is in half set 2."""
    names = ["ImageName", "MicrographName", "CoordinateX", "CoordinateY", "AngleRot", "AngleTilt", "AnglePsi"]
    names += ["OriginXAngst", "OriginYAngst", "RandomSubset", "OpticsGroup"]
    head = "".join(f"_rln{name} #{i}\n" for i, name in enumerate(names, 1))
    optics = "\ndata_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnOpticsGroupName #2\n_rlnImagePixelSize #3\n"
    optics += "_rlnImageSize #4\n_rlnImageDimensionality #5\n_rlnVoltage #6\n_rlnSphericalAberration #7\n"
    optics += f"_rlnAmplitudeContrast #8\n1 opticsGroup1 {PIXEL} 32 2 300 2.7 0.1\n"
    moved = f"{origin[0]} {origin[1]}"
    rows = (
        f"{i + 1:06d}@{image} m/{i % 3}.mrc {100 + i} {200 + i} {rot:.6f} {tilt:.6f} {psi:.6f} {moved} {i % 2 + 1} 1\n"
        for i, (rot, tilt, psi) in enumerate(angles)
    )
    return f"{optics}\n\ndata_particles\n\nloop_\n{head}{''.join(rows)}\n"


def star_30(angles: FloatArray) -> str:
    """RELION 3.0's, with origins in pixels."""
    names = ["CoordinateX", "CoordinateY", "AngleRot", "AngleTilt", "AnglePsi", "OriginX", "OriginY"]
    names += ["DetectorPixelSize", "Magnification", "MicrographName"]
    head = "".join(f"_rln{name} #{i}\n" for i, name in enumerate(names, 1))
    rows = (
        f"{100 + i} {200 + i} {rot:.6f} {tilt:.6f} {psi:.6f} 2.0 -1.0 5.0 {5e4 / PIXEL:.1f} m/{i % 3}.mrc\n"
        for i, (rot, tilt, psi) in enumerate(angles)
    )
    return f"\ndata_\n\nloop_\n{head}{''.join(rows)}\n"


def points(n: int = 30, reach: float = 9.0, seed: int = 1) -> FloatArray:
    """``(n, 3)`` x, y, z in pixels from the middle: a particle without any symmetry, and without falling signal."""
    found = np.random.default_rng(seed).normal(size=(n, 3))
    return reach * found / np.linalg.norm(found, axis=1, keepdims=True) * np.linspace(0.3, 1, n)[:, None]


def images(angles: FloatArray, box: int, b_factor: float, noise: float, seed: int = 2) -> np.ndarray:
    """``(n, box, box)`` projections of `points`, whose signal falls by ``exp(-b_factor * k**2 / 4)``, with white noise.

    They are made in the Fourier transform, point by point, as nothing that is tested makes them.
    """
    k = np.fft.fftfreq(box)
    fall = np.exp(-b_factor / 4 * (k[:, None] ** 2 + k[: box // 2 + 1] ** 2) / PIXEL**2)
    found = []
    rng = np.random.default_rng(seed)
    for turn in rotation(*angles.T):
        x, y, _ = turn.apply(points()).T
        across = np.exp(-2j * np.pi * np.outer(k[: box // 2 + 1], x + box // 2))
        down = np.exp(-2j * np.pi * np.outer(k, y + box // 2))
        found.append(np.fft.irfft2(down @ across.T * fall, (box, box)) + noise * rng.normal(size=(box, box)))
    return np.array(found, np.float32)


def write_stack(stack: np.ndarray, path: Path) -> None:
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(stack)
        file.set_image_stack()
        file.voxel_size = PIXEL


def volume(box: int, b_factor: float) -> np.ndarray:
    """``(z, y, x)`` map of `points`, with the same B-factor as their `images`."""
    k = np.fft.fftfreq(box)
    z, y, x = np.meshgrid(k, k, np.fft.rfftfreq(box), indexing="ij")
    total = sum(np.exp(-2j * np.pi * (x * a + y * b + z * c)) for a, b, c in points() + box // 2)
    fall = np.exp(-b_factor / 4 * (x**2 + y**2 + z**2) / PIXEL**2)
    return np.asarray(np.fft.irfftn(total * fall, (box,) * 3, axes=(0, 1, 2)), np.float32)


def write_map(values: np.ndarray, path: Path) -> None:
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(values)
        file.voxel_size = PIXEL
