"""Particles so near that the better pick, which takes the nearer one, leaves none to the other pick.

Greedy matching finds half of them: F1 is 0.5. The best assignment finds all: F1 is 1.
"""

from __future__ import annotations

import numpy as np

RADIUS = 6.0
SCORES = (0.9, 0.8)


def crowded(pairs: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``(2 n, 2)`` picks, ``(2 n,)`` their scores, and ``(2 n, 2)`` particles of so many pairs in a column."""
    y = np.repeat(50.0 + 50 * np.arange(pairs), 2)
    picks = np.column_stack([y, np.tile([44.9, 36.0], pairs)])
    particles = np.column_stack([y, np.tile([40.0, 50.0], pairs)])
    return picks, np.tile(SCORES, pairs), particles
