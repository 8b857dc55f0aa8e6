"""How alike two maps are, shell by shell."""

from __future__ import annotations

import numpy as np
import torch

from napari_drpnet.data import FloatArray

# Where the correlation of two halves says that a map of all is half right (Rosenthal and Henderson 2003).
GOLD = 0.143
_WIDEST = 0.999  # as far as halves are taken to agree


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
    """Where a curve first falls below a level, in shells, between two of them: from 1 to the last shell."""
    below = np.flatnonzero(correlation[1:] < level) + 1
    if not len(below):
        return float(len(correlation) - 1)
    after = int(below[0])
    high, low = float(correlation[after - 1]), float(correlation[after])
    return max(after - 1 + max(high - level, 0) / max(high - low, 1e-9), 1.0)


def signal_to_noise(correlation: FloatArray) -> FloatArray:
    """Of the map of all particles, power by power, from the ``correlation`` of its halves: ``2 c / (1 - c)``."""
    agreed = np.clip(correlation, 0, _WIDEST)
    return np.asarray(2 * agreed / (1 - agreed))
