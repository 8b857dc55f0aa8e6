"""Small micrographs of a particle that is seen in two ways, and projects of them, to test what averages do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage

from napari_drpnet.data import Frame, Picks
from napari_drpnet.io import Project
from napari_drpnet.io.mrc import write_mrc

SIDE, PIXELS, PIXEL_SIZE = 512, 32, 4.0
DIAMETER = PIXELS * PIXEL_SIZE


def places(seed: int) -> np.ndarray:
    """About 80 centres, ``(n, 2)``."""
    rng = np.random.default_rng(seed)
    axis = np.arange(PIXELS, SIDE - PIXELS + 1, 1.5 * PIXELS)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    return np.rint(grid + rng.uniform(-4, 4, grid.shape))


def kinds(seed: int) -> np.ndarray:
    """What is at each place: 0 a bar with a ball at one end, 1 a ring, 2 nothing."""
    return np.random.default_rng(100 + seed).choice(3, len(places(seed)), p=(0.45, 0.35, 0.2))


def _view(kind: int, angle: float) -> np.ndarray:
    y, x = np.indices((2 * PIXELS + 1,) * 2) - PIXELS
    across = x * np.cos(angle) + y * np.sin(angle)
    along = y * np.cos(angle) - x * np.sin(angle)
    if kind == 1:
        ring = np.abs(np.hypot(y, x) - 11) < 2.5
        return ring.astype(float)
    bar = (np.abs(across) < 3) & (np.abs(along) < 14)
    return 0.8 * bar + 0.8 * (np.hypot(across, along - 9) < 7)


def write_views(path: Path, seed: int, noise: float = 0.6) -> Path:
    """Write a micrograph of dark particles in noise."""
    rng = np.random.default_rng(seed)
    image = np.zeros((SIDE, SIDE))
    for (y, x), kind in zip(places(seed).astype(int), kinds(seed), strict=True):
        if kind < 2:
            seen = ndimage.gaussian_filter(_view(kind, rng.uniform(0, 2 * np.pi)), 1)
            top, left = max(y - PIXELS, 0), max(x - PIXELS, 0)
            part = image[top : y + PIXELS + 1, left : x + PIXELS + 1]
            part -= seen[top - y + PIXELS :, left - x + PIXELS :][: part.shape[0], : part.shape[1]]
    return write_mrc(np.float32(image + rng.normal(0, noise, image.shape)), path, PIXEL_SIZE)


def picks_at(seed: int, name: str) -> Picks:
    """A picker's picks at all places, those with nothing among them."""
    yx = places(seed)
    score = np.where(kinds(seed) < 2, 0.8, 0.55) + np.random.default_rng(seed).uniform(-0.1, 0.1, len(yx))
    return Picks(Frame(name, (SIDE, SIDE), PIXEL_SIZE), yx, score, np.array(float(PIXELS)), source=np.array("drpnet"))


def write_all_views(folder: Path, count: int = 4) -> Path:
    """Write so many such micrographs."""
    folder.mkdir(parents=True)
    for seed in range(count):
        write_views(folder / f"v{seed}.mrc", seed)
    return folder


def project_of_views(folder: Path, micrographs: Path) -> Project:
    """A project of such micrographs, picked."""
    project = Project.create(folder, inputs=(str(micrographs),), diameter=DIAMETER)
    for entry in project.micrographs:
        project.write_picks(entry.name, picks_at(int(entry.name[1:]), entry.micrograph))
    return project
