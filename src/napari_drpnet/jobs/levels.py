"""How many candidates have which confidence, of pickers that know such levels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

# Candidates of at least low, normal and high confidence.
Levels: TypeAlias = tuple[int, int, int]


def summed(each: Iterable[Levels | None]) -> Levels | None:
    """Those of several micrographs together; None where the picker knows no levels."""
    known = [one for one in each if one is not None]
    if not known:
        return None
    low, normal, high = map(sum, zip(*known, strict=True))
    return low, normal, high


def levels_in_words(levels: Levels | None) -> str:
    """A sentence; empty where the picker knows no levels."""
    if levels is None:
        return ""
    low, normal, high = levels
    return f"Candidates of low confidence or better: {low:,}; of normal or better: {normal:,}; of high: {high:,}."
