"""Colours of sets of picks that everybody can tell apart, on any ground.

They were sought by computer: whoever lacks one of the three kinds of cones sees any two of them at least 15 apart
(CIEDE2000), and each of them at least as far from a dark and a light window and from the mid-grey of a micrograph
(`tests/drawing/test_colours.py`). No two have the same name.
"""

from __future__ import annotations

# Orange, blue, lilac, red, sage, purple, brown, lime.
COLOURS = ("#e97913", "#290ac9", "#c69adf", "#c2301c", "#82b67f", "#a15ec6", "#561b00", "#68ff00")
SYMBOLS = ("disc", "square", "diamond", "triangle_up")


def colour(index: int) -> str:
    """``#rrggbb`` of the set at ``index``; after eight they repeat, with another `symbol` and another `dashed`."""
    return COLOURS[index % len(COLOURS)]


def symbol(index: int) -> str:
    """The shape around the picks of a set, as napari names it: circles of the first eight."""
    return SYMBOLS[index // len(COLOURS) % len(SYMBOLS)]


def dashed(index: int) -> bool:
    """Whether the lines of a set are dashed: each other eight."""
    return index // len(COLOURS) % 2 == 1
