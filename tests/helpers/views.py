"""Made-up particles without symmetry, at any turn and shift."""

from __future__ import annotations

import numpy as np
import torch

from napari_drpnet.averaging.bands import posed

ACROSS, SIDE = 32, 48


def view(seed: int) -> torch.Tensor:
    """``(SIDE, SIDE)`` a few blobs within a diameter of `ACROSS` pixels, of mean 0 and standard deviation 1 inside."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE // 2
    image = np.zeros((SIDE, SIDE))
    for _ in range(7):
        radius, angle = 0.36 * ACROSS * np.sqrt(rng.uniform()), rng.uniform(0, 2 * np.pi)
        width, sign = rng.uniform(1.2, 3.5), rng.choice([-1, 1])
        image += sign * np.exp(
            -((y - radius * np.sin(angle)) ** 2 + (x - radius * np.cos(angle)) ** 2) / (2 * width**2)
        )
    return torch.from_numpy((image / image.std()).astype(np.float32))


def particles(
    views: list[torch.Tensor], count: int, noise: float, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Noisy views in turn, mirrored, turned, and shifted by whole pixels: images, number, psi, mirrored, shift."""
    chance = torch.Generator().manual_seed(seed)
    number = torch.arange(count) % len(views)
    psi = torch.rand(count, generator=chance) * 360
    mirrored = torch.rand(count, generator=chance) < 0.5
    shift = torch.randint(-2, 3, (count, 2), generator=chance)
    images = posed(torch.stack(views)[number], psi, mirrored)
    moved = torch.stack([torch.roll(i, tuple(s.tolist()), (0, 1)) for i, s in zip(images, shift, strict=True)])
    return moved + noise * torch.randn(moved.shape, generator=chance), number, psi, mirrored, shift
