"""Colours of sets of picks that a colour-blind person can tell apart.

After M. Okabe and K. Ito, Color Universal Design (2008); on the grey ground of a micrograph brighter, and white in
the place of black, as in `napari_drpnet.drawing.overlay`.
"""

from __future__ import annotations

# Sky blue, vermilion, bluish green, reddish purple, yellow, blue, orange, and white or black.
_ON_GREY = ("#56B4E9", "#FF7A1A", "#00D69B", "#E79AC6", "#F0E442", "#4C8DFF", "#FFB733", "#FFFFFF")
_ON_WHITE = ("#56B4E9", "#D55E00", "#009E73", "#CC79A7", "#B5A800", "#0072B2", "#E69F00", "#000000")


def colour(index: int) -> str:
    """``#rrggbb`` of the set at ``index``, for rings on a micrograph; after eight they repeat."""
    return _ON_GREY[index % len(_ON_GREY)]


def colour_on_white(index: int) -> str:
    """The colour of the same set for lines on white paper."""
    return _ON_WHITE[index % len(_ON_WHITE)]
