"""Small micrographs whose particles are known."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import mrcfile
import numpy as np

PIXEL_SIZE = 2.0
DIAMETER = 120.0  # 60 px
SHAPE = (640, 768)


def grid_of_blobs(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A noisy image with dark discs, and their centres ``(n, 2)`` in (y, x); not square, so that a swap shows."""
    image, centres = _grid_of_blobs(seed)
    return image.copy(), centres.copy()


@cache  # 0.1 s to make, and most tests of windows want several
def _grid_of_blobs(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    centres = np.array([(y, x) for y in range(90, 600, 110) for x in range(80, 720, 120)], dtype=float)
    centres += rng.uniform(-15, 15, centres.shape)
    yy, xx = np.mgrid[: SHAPE[0], : SHAPE[1]]
    image = rng.normal(0, 1, SHAPE)
    for y, x in centres:
        image -= 1.5 / (1 + np.exp((np.hypot(yy - y, xx - x) - 25) / 2))
    return image.astype(np.float32), centres


def write_mrc(path: Path, image: np.ndarray, pixel_size: float) -> Path:
    with mrcfile.new(path) as file:
        file.set_data(image)
        file.voxel_size = pixel_size
    return path
