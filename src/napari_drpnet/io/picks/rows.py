"""Rows of several micrographs, rows counted from the other end, and picks that lie outside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError

# Pixels beyond the border that rounding and the flip may cost.
_MARGIN = 1.0


def rows_by_name(names: Iterable[str]) -> dict[str, list[int]]:
    """The numbers of the rows that name each micrograph, in the order of the names."""
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        rows.setdefault(name, []).append(row)
    return rows


def upside_down(picks: Picks, path: Path, first: int = 0) -> Picks:
    """The picks with rows counted from the other end, ``y -> height - first - y``.

    Parameters
    ----------
    picks
        Of a micrograph whose height is known.
    path
        Their file, for the error.
    first
        0 where the height counts as a row, as in cryoSPARC and CryoPPP; 1 to turn pixels, row 0 to the last one.

    Raises
    ------
    UserError
        When the micrograph's height is not known.
    """
    if picks.frame.shape is None:
        raise UserError(
            f"{path}: its rows count from the bottom, and the height of {picks.frame.micrograph} is not known.",
            "Put the micrograph (.mrc) beside it or open it first, or convert with --micrographs and its STAR file.",
        )
    y, x = picks.yx.T
    return replace(picks, yx=np.column_stack([picks.frame.shape[0] - first - y, x]))


def check_inside(picks: Picks, path: Path) -> None:
    """Raise a `UserError` when a centre lies outside the micrograph: it is another's, or of another size."""
    height, width = picks.frame.shape or (np.inf, np.inf)
    y, x = picks.yx.T
    inside = (y >= -_MARGIN) & (y <= height - 1 + _MARGIN) & (x >= -_MARGIN) & (x <= width - 1 + _MARGIN)
    if inside.all():
        return
    at_y, at_x = picks.yx[~inside][0]
    size = f"its {height} x {width} pixels" if picks.frame.shape else "any image"
    raise UserError(
        f"{path}: {np.sum(~inside)} of {len(picks)} picks of {picks.frame.micrograph} lie outside {size} (height x "
        f"width), the first at x {at_x:g}, y {at_y:g}.",
        "They may be of another micrograph, of a binned one, or of a movie: check the names and the pixel size.",
    )
