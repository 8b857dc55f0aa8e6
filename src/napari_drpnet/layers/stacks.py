"""Picks of a stack, frame by frame: each frame is a micrograph with a name of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError, short
from napari_drpnet.layers.reading import Placed


@dataclass(frozen=True, eq=False)
class FramePicks:
    """The picks of one frame.

    Attributes
    ----------
    picks
        Their micrograph is named as RELION names a frame: ``000005@stack.mrcs``, counted from 1; in a stack that was
        made of several files, after the file.
    micrograph
        Name of the file that the frame is in; empty where it is not known.
    number
        Of the frame in that file, from 1; None where the file has one.
    """

    picks: Picks
    micrograph: str
    number: int | None = None


def by_frame(placed: Placed, name: str) -> list[FramePicks]:
    """The picks of a layer, by frame; those of the whole image, and those of an empty layer, as they are.

    Parameters
    ----------
    placed
        The picks.
    name
        Of the layer, for messages.

    Raises
    ------
    UserError
        When they are on several frames and no stack tells which.
    """
    frames = placed.frames()
    if len(frames) > 1 and placed.leading is None and (len(frames[0]) > 1 or not placed.picks.frame.micrograph):
        raise UserError(
            f"Layer {short(name, 40)} has points on more than one frame, and it is not known of which stack.",
            "Open the stack, or keep the points of one frame in one layer.",
        )
    if not frames:
        return [FramePicks(placed.picks, placed.picks.frame.micrograph)]
    return [_one(placed, position) for position in frames]


def _one(placed: Placed, position: tuple[int, ...]) -> FramePicks:
    picks, leading = placed.on(position), placed.leading
    micrograph = picks.frame.micrograph
    if placed.paths and position:
        micrograph = Path(placed.paths[position[0]]).as_posix()
        position, leading = position[1:], None if leading is None else leading[1:]
    number = _number(position, leading) if micrograph else None
    written = micrograph if number is None else f"{number:06d}@{micrograph}"
    return FramePicks(replace(picks, frame=replace(picks.frame, micrograph=written)), micrograph, number)


def _number(position: tuple[int, ...], leading: tuple[int, ...] | None) -> int | None:
    """Of a frame in its stack, from 1; None where there is one frame, or it cannot be counted."""
    if leading is not None:
        return int(np.ravel_multi_index(position, leading)) + 1 if np.prod(leading) > 1 else None
    return position[0] + 1 if len(position) == 1 else None


def frame_in_stack(name: str, leading: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    """The stack that a name as ``000005@stack.mrcs`` means, and the numbers of the frame on its leading axes, from 0.

    Other names, and numbers of no frame, stay as they are.
    """
    found = re.fullmatch(r"(\d{1,9})@(.+)", name)
    if found is None or not 1 <= int(found[1]) <= np.prod(leading, dtype=int) or not leading:
        return name, ()
    return found[2], tuple(int(at) for at in np.unravel_index(int(found[1]) - 1, leading))
