"""How alike two maps are, shell by shell."""

from __future__ import annotations

import numpy as np
import torch

from napari_drpnet.data import FloatArray

# Where the correlation of two halves says that a map of all is half right (Rosenthal and Henderson 2003).
GOLD = 0.143


def shell_correlation(one: torch.Tensor, other: torch.Tensor) -> FloatArray:
    """``(side // 2,)`` correlation of two maps ``(side, side, side)`` on shells of the transform, from 0."""
    a, b = torch.fft.fftn(one.double()), torch.fft.fftn(other.double())
    axis = torch.fft.fftfreq(len(one), 1 / len(one))
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    shell = (z**2 + y**2 + x**2).sqrt().round().long().flatten()

    def summed(values: torch.Tensor) -> torch.Tensor:
        return torch.bincount(shell, values.flatten())[: len(one) // 2]

    both = summed((a * b.conj()).real)
    return np.asarray((both / (summed(abs(a) ** 2) * summed(abs(b) ** 2)).sqrt().clamp(min=1e-30)).numpy())


def crossing(correlation: FloatArray, level: float = GOLD) -> float:
    """Where a curve first falls below a level, in shells, between two of them; the last shell where it never does."""
    below = np.flatnonzero(correlation[1:] < level) + 1
    if not len(below):
        return float(len(correlation) - 1)
    after = int(below[0])
    high, low = float(correlation[after - 1]), float(correlation[after])
    return after - 1 + (high - level) / max(high - low, 1e-9) if high > level else float(after - 1)
