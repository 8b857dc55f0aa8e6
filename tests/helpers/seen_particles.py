"""Micrographs of particles that can be averaged, and of noise alone, for what has to be proved without labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_drpnet.io.mrc import write_mrc
from views import SIDE, particles, view

PIXEL_SIZE = 5.0
DIAMETER = 160.0  # Angstrom; `views.ACROSS` pixels
PER_MICROGRAPH = 64


def write_seen(path: Path, seed: int, count: int = PER_MICROGRAPH, side: int = 560) -> Path:
    """Write a micrograph with ``count`` clear particles of two views on a loose grid; 0 leaves noise alone."""
    rng = np.random.default_rng(seed)
    image = rng.standard_normal((side, side)).astype(np.float32)
    if count:
        shown = particles([view(11), view(12)], count, noise=0.0, seed=seed)[0].numpy()
        half = SIDE // 2
        for (y, x), picture in zip(_places(rng, count, side), shown, strict=True):
            image[y - half : y + half, x - half : x + half] -= picture / 1.5
    return write_mrc(image, path, PIXEL_SIZE)


def seen_places(seed: int, count: int = PER_MICROGRAPH, side: int = 560) -> np.ndarray:
    """``(n, 2)`` where `write_seen` puts particles, in pixels."""
    rng = np.random.default_rng(seed)
    rng.standard_normal((side, side))
    return _places(rng, count, side)


def _places(rng: np.random.Generator, count: int, side: int) -> np.ndarray:
    across = int(np.ceil(np.sqrt(count)))
    pitch = (side - SIDE) // across
    grid = np.stack(np.divmod(np.arange(count), across), 1) * pitch + pitch // 2 + SIDE // 2
    return grid + rng.integers(-4, 5, (count, 2))


def write_data_set(folder: Path, good: int = 4, empty: int = 1) -> Path:
    """Write ``good`` micrographs with particles, and ``empty`` ones between them; names tell which is which."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(good):
        write_seen(folder / f"good{number}.mrc", number)
    for number in range(empty):
        write_seen(folder / f"empty{number}.mrc", 100 + number, count=0)
    return folder
