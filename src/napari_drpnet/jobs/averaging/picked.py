"""Micrographs whose picks are averaged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from napari_drpnet.data import Micrograph, Picks
from napari_drpnet.io.ctf import CTF


@dataclass(frozen=True, eq=False)
class PickedMicrograph:
    """A micrograph and its picks, to be read when it is their turn.

    Attributes
    ----------
    name
        Of the micrograph.
    load
        Reads its pixels, and finds or knows its picks.
    ctf
        Of the lens; None where it is not known.
    told_by
        The file or the folder that tells it.
    """

    name: str
    load: Callable[[], tuple[Micrograph, Picks]]
    ctf: CTF | None = None
    told_by: str = ""
