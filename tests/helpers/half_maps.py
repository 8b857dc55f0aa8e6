"""Half maps of a made-up particle: a few Gaussians, the same in both, and noise of each half's own."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import mrcfile
import numpy as np
import numpy.typing as npt

Volume = npt.NDArray[np.float32]
PIXEL = 3.0


def particle(side: int = 48, sigma: float = 1.2, seed: int = 0) -> Volume:
    """Gaussians of ``sigma`` pixels within a quarter of the side around the middle; ``(side, side, side)``."""
    return _particle(side, sigma, seed).copy()


@cache  # most tests that assess want it
def _particle(side: int, sigma: float, seed: int) -> Volume:
    rng = np.random.default_rng(seed)
    axes = np.indices((side,) * 3).astype(np.float32) - side // 2
    found = np.zeros((side,) * 3, np.float32)
    for _ in range(60):
        direction = rng.normal(size=3)
        centre = direction / np.linalg.norm(direction) * 0.22 * side * rng.uniform() ** (1 / 3)
        squares = sum((axis - at) ** 2 for axis, at in zip(axes, centre, strict=True))
        found += rng.uniform(0.5, 1) * np.exp(-squares / (2 * sigma**2))
    return found


def halves(clean: Volume, noise: float, seed: int = 1) -> tuple[Volume, Volume]:
    """Two maps with white noise of this standard deviation."""
    rng = np.random.default_rng(seed)
    first, second = (clean + noise * rng.standard_normal(clean.shape, np.float32) for _ in range(2))
    return first, second


def write(path: Path, values: Volume, pixel_size: float = PIXEL, volume: bool = True) -> Path:
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(values.astype(np.float32))
        if volume:
            file.set_volume()
        else:
            file.set_image_stack()
        file.voxel_size = pixel_size
    return path
