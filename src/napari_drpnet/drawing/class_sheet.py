"""Class averages side by side, each with what is known of it, as one picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from napari_drpnet.data import ImageArray

# Of the pixels within the particle's disc, these percentiles become black and white.
_LOW, _HIGH = 1.0, 99.0
_COLUMNS, _TILE, _LINE, _GAP = 10, 144, 15, 6
_GROUND, _INK = "#ffffff", "#222222"


def grey_averages(images: ImageArray, disc: float) -> npt.NDArray[np.uint8]:
    """``(k, side, side)`` grey levels of averages, each by what is within a disc of ``disc`` pixels in diameter."""
    side = images.shape[1]
    y, x = np.ogrid[:side, :side]
    inside = np.hypot(y - side // 2, x - side // 2) <= disc / 2
    low, high = np.percentile(images[:, inside], (_LOW, _HIGH), axis=1)[:, :, None, None]
    stretched = (images - low) / np.maximum(high - low, np.finfo(np.float32).tiny)
    return np.asarray(np.rint(255 * np.clip(stretched, 0, 1)), np.uint8)


def class_sheet(
    images: ImageArray, disc: float, captions: Sequence[Sequence[str]], most: int = _COLUMNS
) -> Image.Image:
    """Averages in rows, with lines of text under each.

    Parameters
    ----------
    images
        ``(k, side, side)`` float32.
    disc
        Diameter of the particle in pixels.
    captions
        As many lines for each average.
    most
        Averages in a row, at most.
    """
    columns = min(most, len(images))
    lines = max(map(len, captions))
    width, height = _TILE + _GAP, _TILE + _GAP + _LINE * lines
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * width + _GAP, rows * height + _GAP), _GROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for i, (grey, caption) in enumerate(zip(grey_averages(images, disc), captions, strict=True)):
        left, top = _GAP + i % columns * width, _GAP + i // columns * height
        sheet.paste(Image.fromarray(grey).resize((_TILE, _TILE), Image.Resampling.BICUBIC), (left, top))
        for line, text in enumerate(caption):
            plain = text.replace("Å", "A")  # which the font does not have
            draw.text((left + _TILE / 2, top + _TILE + 1 + line * _LINE), plain, _INK, font, "ma")
    return sheet
