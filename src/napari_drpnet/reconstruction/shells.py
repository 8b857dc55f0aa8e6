"""How alike two maps are, shell by shell."""

from __future__ import annotations

import numpy as np
import torch

from napari_drpnet.assessment import shells
from napari_drpnet.assessment.shells import GOLD_STANDARD, shells_of, transformed
from napari_drpnet.data import FloatArray

_WIDEST = 0.999  # as far as halves are taken to agree


def shell_correlation(one: torch.Tensor, other: torch.Tensor) -> FloatArray:
    """``(side // 2,)`` correlation of two maps ``(side, side, side)`` on shells of the transform, from 0."""
    first, second = (transformed(values.cpu().numpy()) for values in (one, other))
    return shells_of(tuple(one.shape)).correlation(first, second)[: len(one) // 2]


def crossing(correlation: FloatArray, level: float = GOLD_STANDARD) -> float:
    """Where a curve first falls below a level, in shells, between two of them: from 1 to the last shell."""
    return max(1 / shells.crossing(np.arange(len(correlation), dtype=np.float64), correlation, level), 1.0)


def signal_to_noise(correlation: FloatArray) -> FloatArray:
    """Of the map of all particles, power by power, from the ``correlation`` of its halves; finite."""
    return 2 * shells.signal_to_noise(correlation, _WIDEST)
