"""Particles that a dock found worth looking at together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from napari_drpnet.data import FloatArray, Picks
from napari_drpnet.labels import same_places


@dataclass(frozen=True, eq=False)
class Handful:
    """Some particles of the project that is open.

    Attributes
    ----------
    title
        What they are, in a few words.
    places
        ``(n, 2)`` y, x in micrograph pixels, by micrograph.
    """

    title: str
    places: Mapping[str, FloatArray]

    @property
    def names(self) -> tuple[str, ...]:
        """The micrographs that they are on."""
        return tuple(self.places)

    def among(self, name: str, picks: Picks) -> Picks:
        """Those of the picks of a micrograph that are meant."""
        rows = same_places(self.places[name], picks.yx) if name in self.places else np.empty(0, np.int64)
        return picks.select(np.sort(rows[rows >= 0]))
