"""A picture of a micrograph with rings around its picks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from napari_drpnet.data import FloatArray, Micrograph
from napari_drpnet.io import atomic_write

if TYPE_CHECKING:
    from napari_drpnet.evaluation import Verdict

# Told apart by people who see red and green alike: after Okabe and Ito, brighter for a grey ground.
TRUE, FALSE, MISSED = "#00D69B", "#FF7A1A", "#F0E442"
# Drawn this many times larger and then reduced, for smooth rings.
_OVERSAMPLING = 2


@dataclass(frozen=True, eq=False)
class Rings:
    """Points to be ringed.

    Attributes
    ----------
    yx
        ``(n, 2)`` in micrograph pixels.
    colour
        As pillow names colours.
    label
        For the legend; empty for none.
    """

    yx: FloatArray
    colour: str
    label: str = ""


def draw_rings(
    micrograph: Micrograph, rings: Sequence[Rings], diameter: float, side: int = 1600, width: int = 1
) -> Image.Image:
    """Draw rings on a micrograph.

    Parameters
    ----------
    micrograph
        The image; its grey levels are stretched between the 1st and 99th percentile.
    rings
        What to draw, the last on top.
    diameter
        Of the rings, in Angstrom.
    side
        Longer side of the picture in pixels, unless the micrograph is smaller.
    width
        Of the lines in pixels, at least; more in large pictures.
    """
    picture = _grey(micrograph, side)
    shown = micrograph.frame.rescaled(picture.width / micrograph.image.shape[1])
    factor = _OVERSAMPLING
    large = picture.resize((picture.width * factor, picture.height * factor)).convert("RGB")
    pencil = ImageDraw.Draw(large)
    radius, line = shown.working_pixels(diameter) / 2 * factor, max(width * factor, round(large.width / 600))
    for ring in rings:
        for y, x in (shown.from_micrograph(ring.yx) + 0.5) * factor:
            pencil.ellipse((x - radius, y - radius, x + radius, y + radius), outline=ring.colour, width=line)
    _legend(pencil, rings, large.width / 60)
    return large.resize(picture.size, Image.Resampling.LANCZOS)


def draw_verdict(micrograph: Micrograph, verdict: Verdict, diameter: float, side: int = 1600) -> Image.Image:
    """Draw the right picks, the wrong ones, and the particles that were missed; parameters as in `draw_rings`."""
    rings = [replace(ring, label=f"{len(ring.yx)} {ring.label}") for ring in verdict_rings(verdict)]
    return draw_rings(micrograph, rings, diameter, side)


def verdict_rings(verdict: Verdict) -> list[Rings]:
    """The particles that were missed, the wrong picks, and the right ones."""
    kinds = ((verdict.missed, MISSED, "missed"), (verdict.false, FALSE, "false"), (verdict.true, TRUE, "found"))
    return [Rings(*kind) for kind in kinds]


def save_png(picture: Image.Image, path: Path) -> Path:
    """Write a picture, whole or not at all."""
    with atomic_write(path) as temporary:
        picture.save(temporary, format="PNG")
    return path


def _grey(micrograph: Micrograph, side: int) -> Image.Image:
    """The image as 8-bit grey levels, reduced by averaging."""
    image = micrograph.image
    low, high = np.percentile(image[::4, ::4], (1, 99))
    grey = np.clip((image - low) / (high - low if high > low else 1) * 255, 0, 255).astype(np.uint8)
    picture = Image.fromarray(grey)
    reduction = min(1.0, side / max(picture.size))
    size = (max(1, round(picture.width * reduction)), max(1, round(picture.height * reduction)))
    return picture.resize(size, Image.Resampling.BOX)


def _legend(pencil: ImageDraw.ImageDraw, rings: Sequence[Rings], height: float) -> None:
    """The labels in their colours, on a dark plate in the corner."""
    labelled = [ring for ring in rings if ring.label]
    if not labelled:
        return
    font = ImageFont.load_default(height)
    widest = max(pencil.textlength(ring.label, font=font) for ring in labelled)
    gap = height / 2
    pencil.rectangle((0, 0, widest + 2 * gap, len(labelled) * height * 1.4 + gap), fill="#202020")
    for line, ring in enumerate(labelled):
        pencil.text((gap, gap / 2 + line * height * 1.4), ring.label, fill=ring.colour, font=font)
