"""Random places of napari layers in their world."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

_FACTOR = st.floats(0.05, 20)
_SHIFT = st.floats(-5000, 5000)
_PAIR = st.tuples(_SHIFT, _SHIFT)


def _affine(factor: float, turn: float, shift: tuple[float, float]) -> Any:
    c, s = factor * np.cos(turn), factor * np.sin(turn)
    return np.array([[c, -s, shift[0]], [s, c, shift[1]], [0, 0, 1]])


AFFINE = st.builds(_affine, st.floats(0.2, 5), st.floats(-3, 3), _PAIR)
# Keyword arguments of a layer with two axes; any of them may be missing.
TRANSFORMS = st.fixed_dictionaries(
    {},
    optional={
        "scale": st.tuples(_FACTOR, _FACTOR),
        "translate": _PAIR,
        "rotate": st.floats(-180, 180),
        "shear": st.tuples(st.floats(-1, 1)),
        "affine": AFFINE,
    },
)
# Those that keep circles circles.
SIMILAR = st.fixed_dictionaries(
    {},
    optional={
        "scale": _FACTOR.map(lambda factor: (factor, factor)),
        "translate": _PAIR,
        "rotate": st.floats(-180, 180),
        "affine": AFFINE,
    },
)
