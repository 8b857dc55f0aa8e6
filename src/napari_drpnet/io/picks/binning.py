"""Whose pixels picks are in: those of their file against those of their micrograph."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError, cut
from napari_drpnet.io.images import same_magnification
from napari_drpnet.io.picks.rows import scaled

# Sizes that differ less are one size, written with fewer digits.
_ROUNDING = 0.005
# Binned images may lack a pixel or two along a side.
_CROPPED = 2


@dataclass(frozen=True)
class Binning:
    """How picks become those of their micrograph.

    Attributes
    ----------
    factor
        Micrograph pixels per pixel of the file.
    pixel_size
        Of the micrograph, in Angstrom; None when unknown.
    said
        What a user should know of it, to follow "pixel sizes of 2 A in it and of 1 A of its micrographs:"; empty where
        there is nothing to say.
    """

    factor: float
    pixel_size: float | None
    said: str = ""


def binning(there: Frame, known: Frame, decides: bool, scale: float | None) -> Binning:
    """How the picks of a file become those of their micrograph.

    Parameters
    ----------
    there
        What the file says of the micrograph.
    known
        What others say of it.
    decides
        Whether they are right where both differ: a user named them.
    scale
        Micrograph pixels per pixel of the file, where a user said so.
    """
    inside, outside = there.pixel_size, known.pixel_size
    size = (outside or inside) if decides else (inside or outside)
    ratio = inside / outside if inside and outside else None
    if scale is not None:
        # The file's own size is that of its pixels.
        size = outside or (inside / scale if inside else None)
        differs = ratio is not None and not same_magnification(ratio, scale)
        said = f"coordinates are multiplied by {scale:g}, as was asked for (--scale)"
        return Binning(scale, size, said if differs else "")
    if ratio is None or abs(ratio - 1) <= _ROUNDING:
        return Binning(1, size)
    if same_magnification(ratio, 1):
        return Binning(1, size, "they are taken for two calibrations, and coordinates stay as they are")
    if there.shape and there.shape == known.shape:
        return Binning(1, size, "their images are equally large, and coordinates stay as they are")
    if not decides:
        return Binning(1, size, "coordinates stay as they are (--pixel-size changes that)")
    return Binning(ratio, outside, f"coordinates are multiplied by {ratio:g} (--scale 1 leaves them as they are)")


def on_micrograph(picks: Picks, known: Frame, how: Binning, path: Path) -> Picks:
    """The picks of a file in the frame of their micrograph.

    Raises
    ------
    UserError
        When the file is of a micrograph of another size.
    """
    there = picks.frame
    if there.shape and known.shape and not _fits(there.shape, known.shape, how.factor):
        raise UserError(
            f"{path}: picks on images of {_size(there.shape)} pixels, but {cut(known.micrograph, 40)} has "
            f"{_size(known.shape)}.",
            _advice(there.shape, known.shape),
        )
    sides = None
    if there.shape and known.shape:
        sides = (known.shape[0] / there.shape[0], known.shape[1] / there.shape[1])
    shape = known.shape or (there.shape and (round(there.shape[0] * how.factor), round(there.shape[1] * how.factor)))
    return replace(
        picks if how.factor == 1 else scaled(picks, how.factor, sides),
        frame=Frame(known.micrograph, shape, how.pixel_size),
    )


def _fits(small: tuple[int, int], large: tuple[int, int], factor: float) -> bool:
    most = 0 if factor == 1 else _CROPPED * max(factor, 1)
    return all(abs(one * factor - other) <= most for one, other in zip(small, large, strict=True))


def _advice(small: tuple[int, int], large: tuple[int, int]) -> str:
    ratio = float(f"{large[0] / small[0]:.3g}")
    if _fits(small, large, ratio):
        return f"Check the names, and whether they are to be multiplied by {ratio:g} (--scale {ratio:g})."
    return "They are of another micrograph: check the names."


def _size(shape: tuple[int, int]) -> str:
    return f"{shape[0]} x {shape[1]}"
