"""Micrographs full of faint discs, their truth, and projects of them, to test harvesting and retraining."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage

from napari_drpnet.data import MANUAL, Frame, Picks
from napari_drpnet.io import Project
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.io.weights import read_weights, write_weights

SIDE, PIXELS, PIXEL_SIZE = 400, 20, 2.0
DIAMETER = PIXELS * PIXEL_SIZE


def places(seed: int, spacing: float = 1.4) -> np.ndarray:
    """About 120 centres on a jittered grid, ``(n, 2)``."""
    rng = np.random.default_rng(seed)
    axis = np.arange(PIXELS, SIDE - PIXELS, spacing * PIXELS)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    kept = grid[rng.random(len(grid)) < 0.75]
    return np.rint(kept + rng.uniform(-0.15, 0.15, kept.shape) * PIXELS)


def write_field(path: Path, seed: int, noise: float = 0.8) -> Path:
    """Write a micrograph of dark, textured discs in noise, at the places of the same seed."""
    rng = np.random.default_rng(seed)
    image = np.zeros((SIDE, SIDE), np.float32)
    y, x = np.indices((PIXELS + 1, PIXELS + 1)) - PIXELS / 2
    disc = -(np.hypot(y, x) <= PIXELS / 2).astype(np.float32)
    for row, column in places(seed).astype(int):
        half = PIXELS // 2
        image[row - half : row + half + 1, column - half : column + half + 1] += disc
    noisy = image + ndimage.gaussian_filter(rng.normal(0, 1, image.shape), 1.0) * 3 * noise
    return write_mrc(noisy.astype(np.float32), path, PIXEL_SIZE)


def labels(yx: np.ndarray, label: str = "particle") -> Picks:
    """What a person has labelled."""
    return Picks(Frame("", (SIDE, SIDE), PIXEL_SIZE), yx, label=np.array(label), source=np.array(MANUAL))


def shifted_detector(path: Path, shift: float) -> Path:
    """The shipped detector with all logits of its probabilities shifted: too strict below 0, too bold above."""
    card, tensors = read_weights("detector")
    *slopes, offset = card.calibration
    return write_weights(path, card.model_copy(update={"calibration": (*slopes, offset + shift)}), tensors)


def project_of(folder: Path, count: int = 2, shift: float = -3.0) -> Project:
    """A project of some such micrographs and a detector that is too strict, with nothing labelled."""
    (folder / "m").mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        write_field(folder / "m" / f"f{seed}.mrc", seed)
    project = Project.create(folder / "p", inputs=(str(folder / "m"),), diameter=DIAMETER, threshold=0.5)
    shifted_detector(project.folder / "networks" / "shifted.safetensors", shift)
    project.update(options={"detector": "shifted"})
    return project
