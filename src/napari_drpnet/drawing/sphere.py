"""The views of particles on a map of the whole sphere: Hammer's projection, in which equal areas are equal."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from napari_drpnet.assessment.sphere import IndexArray, pixel_count, pixels
from napari_drpnet.data import FloatArray

_WIDTH, _LEFT, _TOP, _BAR, _BELOW = 900, 20, 70, 14, 84
_HALF = _WIDTH // 2 - _LEFT
# Drawn so many times larger and then reduced, so that edges are smooth.
_FINER = 2
_INK, _EMPTY, _LINE = "#222222", (250, 250, 250), (150, 150, 150)
# From few to many, each darker than the one before, which all eyes see, and on paper without colours too.
_COLOURS = np.array([(178, 222, 190), (72, 184, 194), (38, 122, 184), (34, 60, 148), (20, 10, 64)], float)


def draw_views(
    counts: npt.NDArray[np.int64],
    title: str,
    facts: str = "",
    most: int | None = None,
    globe: Image.Image | None = None,
) -> Image.Image:
    """The number of particles from each side.

    Parameters
    ----------
    counts
        ``(12 * side**2,)`` particles per view (`assessment.views.ViewCounts`).
    title, facts
        In the two lines above.
    most
        Where the colours end, so that several pictures have the same; the largest number where it is not given.
    globe
        The map alone, where it was drawn already.
    """
    most = max(int(counts.max()) if most is None else most, 2)
    image = Image.new("RGB", (_WIDTH, _TOP + _HALF + _BELOW), "white")
    image.paste(draw_globe(counts, most) if globe is None else globe, (_LEFT, _TOP))
    draw = ImageDraw.Draw(image)
    _write(draw, (_WIDTH / 2, 12), title, "ma", 20)
    _write(draw, (_WIDTH / 2, 42), facts, "ma", 14)
    for tilt in (30, 60, 120, 150):
        x, y = _at(-180.0, float(tilt))
        _write(draw, (x - 5, y), f"tilt {tilt}°", "rb" if tilt < 90 else "rt", 12)
    for rot in (-120, -60, 0, 60, 120):
        _write(draw, _at(float(rot), 90.0), f"rot {rot}°", "mm", 12)
    _draw_bar(image, draw, most)
    return image


def draw_globe(counts: npt.NDArray[np.int64], most: int) -> Image.Image:
    """The map alone, without words; parameters are those of `draw_views`."""
    most = max(most, 2)
    side = round((len(counts) / 12) ** 0.5)
    if pixel_count(side) != len(counts):
        raise ValueError(f"{len(counts)} is no number of pixels of a sphere")
    palette = np.where((counts > 0)[:, None], _colours(_part(counts, most)), _EMPTY)
    finer = np.vstack([np.round(palette), _LINE, (255, 255, 255)]).astype(np.uint8)[_places(side)]
    return Image.fromarray(finer).resize((2 * _HALF, _HALF), Image.Resampling.BOX)


@lru_cache(2)
def _places(side: int) -> IndexArray:
    """What is in each pixel of the finer picture: a view, after these a line, then nothing."""
    height = _HALF * _FINER
    y, x = (np.mgrid[:height, : 2 * height] + 0.5) / height
    # In units in which the ellipse is 4 sqrt(2) wide.
    across, up = (x - 1) * 2 * 2**0.5, (1 - 2 * y) * 2**0.5
    rest = 1 - (across / 4) ** 2 - (up / 2) ** 2
    inside = rest >= 0.5
    root = np.sqrt(np.maximum(rest, 0.5))
    longitude = 2 * np.arctan2(root * across, 2 * (2 * root**2 - 1))
    sine = np.clip(root * up, -1, 1)
    cosine = np.sqrt(1 - sine**2)
    views = np.stack([cosine * np.cos(longitude), cosine * np.sin(longitude), sine], axis=-1)
    found = pixels(views.reshape(-1, 3), side).reshape(inside.shape)
    found[_lines(longitude, sine, inside)] = pixel_count(side)
    found[~inside] = pixel_count(side) + 1
    return found


def _lines(longitude: FloatArray, sine: FloatArray, inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Where meridians of each 60 degrees and parallels of each 30 are, and the edge."""
    found = np.zeros(inside.shape, bool)
    belts = np.floor(np.rad2deg(np.arcsin(sine)) / 30), np.floor(np.rad2deg(longitude) / 60), inside
    for belt in belts:
        found[1:] |= belt[1:] != belt[:-1]
        found[:, 1:] |= belt[:, 1:] != belt[:, :-1]
    return found


def _at(rot: float, tilt: float) -> tuple[float, float]:
    """Where a view is in the picture."""
    latitude, longitude = np.deg2rad(90 - tilt), np.deg2rad(rot)
    root = np.sqrt(1 + np.cos(latitude) * np.cos(longitude / 2))
    x, y = np.cos(latitude) * np.sin(longitude / 2) / root, np.sin(latitude) / root
    return float(_LEFT + _HALF * (1 + x)), float(_TOP + _HALF / 2 * (1 - y))


def _part(seen: FloatArray | npt.NDArray[np.int64], most: int) -> FloatArray:
    """From 0 for one particle to 1 for the most, by the logarithm."""
    return np.asarray(np.clip(np.log(np.maximum(seen, 1)) / np.log(most), 0, 1), np.float64)


def _colours(part: FloatArray) -> FloatArray:
    steps = np.linspace(0, 1, len(_COLOURS))
    return np.stack([np.interp(part, steps, channel) for channel in _COLOURS.T], axis=-1)


def _draw_bar(image: Image.Image, draw: ImageDraw.ImageDraw, most: int) -> None:
    left, right, top = _WIDTH // 2 - 220, _WIDTH // 2 + 220, _TOP + _HALF + 22
    shades = np.round(_colours(np.linspace(0, 1, right - left))).astype(np.uint8)
    image.paste(Image.fromarray(np.repeat(shades[None], _BAR, axis=0)), (left, top))
    for value in _marks(most):
        x = left + (right - left) * float(_part(np.array(value), most))
        draw.line((x, top + _BAR, x, top + _BAR + 4), _INK)
        _write(draw, (x, top + _BAR + 6), f"{value:,}", "ma", 12)
    _write(draw, (_WIDTH / 2, top + _BAR + 24), "particles per view", "ma", 13)


def _marks(most: int) -> list[int]:
    """1, 2, 5, 10, 20 ... of which not too many, and the most."""
    steps = (1, 2, 5) if most <= 500 else (1,)
    found = [step * 10**power for power in range(7) for step in steps if step * 10**power <= most / 1.3]
    return [*found, most]


def _write(draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, anchor: str, size: int) -> None:
    draw.text(at, text, _INK, ImageFont.load_default(size), anchor=anchor, stroke_width=2, stroke_fill="white")
