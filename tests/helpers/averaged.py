"""Micrographs of made-up particles in few views, whose averages are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from napari_drpnet.averaging.bands import posed
from napari_drpnet.data import Frame, Micrograph, Picks
from napari_drpnet.io import write_picks
from napari_drpnet.io.mrc import write_mrc
from views import ACROSS, SIDE, view

PIXEL_SIZE = 4.0
DIAMETER = ACROSS * PIXEL_SIZE
VIEWS = (view(21), view(22))
_EVERY = 56  # pixels from one particle to the next


def field(seed: int, noise: float = 0.8, particles: bool = True, side: int = 304) -> tuple[Micrograph, Picks]:
    """A micrograph with 25 particles, and where they are; or one of noise, with as many places."""
    rng, chance = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    image = rng.normal(0, noise, (side, side)).astype(np.float32)
    lines = np.arange(40, side - 36, _EVERY)
    centres = np.stack(np.meshgrid(lines, lines, indexing="ij"), -1).reshape(-1, 2) + rng.integers(-3, 4, (25, 2))
    if particles:
        number = torch.randint(0, len(VIEWS), (len(centres),), generator=chance)
        psi, flip = torch.rand(len(centres), generator=chance) * 360, torch.rand(len(centres), generator=chance) < 0.5
        seen = posed(torch.stack(VIEWS)[number], psi, flip).numpy()
        for (y, x), one in zip(centres, seen, strict=True):
            image[y - SIDE // 2 : y + SIDE // 2, x - SIDE // 2 : x + SIDE // 2] -= one
    micrograph = Micrograph.from_array(image, PIXEL_SIZE, f"m{seed}")
    return micrograph, Picks(micrograph.frame, centres.astype(float), score=rng.uniform(0.5, 1.0, len(centres)))


def write_fields(folder: Path, count: int = 4) -> tuple[Path, Path]:
    """Micrographs and a folder of picks: ``mics`` and ``picks``."""
    for name in ("mics", "picks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        micrograph, picks = field(seed)
        write_mrc(micrograph.image, folder / "mics" / f"m{seed}.mrc", PIXEL_SIZE)
        frame = Frame(f"m{seed}.mrc", micrograph.frame.shape, PIXEL_SIZE)
        write_picks(Picks(frame, picks.yx, picks.score), folder / "picks" / f"m{seed}_autopick.star")
    return folder / "mics", folder / "picks"
