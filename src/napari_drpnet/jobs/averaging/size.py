"""Whether particles are as large as was told: a sample of the picks with room around them, and what is said."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import numpy as np
from scipy.spatial import cKDTree

from napari_drpnet.averaging.cutting import SHOWN, Cutter
from napari_drpnet.averaging.extent import ACROSS, ROOM, Extent, Pictures, other_extent
from napari_drpnet.data import FloatArray, Micrograph, Picks
from napari_drpnet.io.ctf import CTF
from napari_drpnet.jobs.particle_stack import ParticleStack

# Picks that are looked at, and of one micrograph.
_MOST, _OF_ONE = 1500, 300


class SizeSample:
    """Picks with room around them, in a temporary file.

    Parameters
    ----------
    diameter
        That was told, in Angstrom.
    """

    def __init__(self, diameter: float) -> None:
        self._diameter = diameter
        part = ROOM / SHOWN
        self._stack = ParticleStack(Cutter(part * diameter, round(part * ACROSS)))
        self._part = part
        self._apart: list[FloatArray] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stack.close()

    def add(self, micrograph: Micrograph, picks: Picks, ctf: CTF | None) -> None:
        """Take some picks of a micrograph into the sample, as long as there is room.

        Raises
        ------
        UserError
            See `ParticleStack.add`.
        """
        if len(self._stack) >= _MOST or not len(picks):
            return
        apart, chance = self._distances(picks), np.random.default_rng(len(self._stack))
        some = np.sort(chance.permutation(len(picks))[:_OF_ONE])
        self._stack.add(micrograph, picks.select(some), ctf)
        self._apart.append(apart[some])

    def _distances(self, picks: Picks) -> FloatArray:
        """``(n,)`` to the nearest other pick, in diameters."""
        places = picks.yx * (picks.frame.known_pixel_size() / self._diameter)
        near, _ = cKDTree(places).query(places, k=2)
        return np.asarray(near[:, 1], np.float64)

    def in_words(self) -> str:
        """A sentence where the particles clearly have another size; empty where they have not, or nobody knows."""
        stack = self._stack
        apart = np.concatenate([np.empty(0), *self._apart])
        found = other_extent(Pictures(stack.images, stack.micrograph, self._part * stack.yx, apart))
        return "" if found is None else size_in_words(found, self._diameter)


def size_in_words(found: Extent, told: float) -> str:
    """What was measured, and what to do; ``told`` is the diameter in Angstrom."""
    size, error = found.diameter * told, max(found.error * told, 1.0)
    shown = f"The averages show particles of about {size:.0f} ± {error:.0f} A, not {told:.0f} A."
    return f"{shown} Try a diameter of {size:.0f} A."
