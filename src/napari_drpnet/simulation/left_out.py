"""A real image without its particles: where they are, and other background of the same image in their place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.fft
from scipy import ndimage

from napari_drpnet.data import FloatArray, ImageArray, MaskArray, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io import IMAGE_SUFFIXES, read_micrograph, read_picks
from napari_drpnet.io.paths import is_file
from napari_drpnet.simulation.filters import broad_blur

MASK = "_mask"
"""What the name of a mask has after that of its image."""

_COORDINATES = (".csv", ".star", ".box", ".cbox")
_FRINGE = 0.65  # diameters about a particle's centre that are left out: its fringes, too
_STANDS_OUT = 4.0  # deviations of the background, beyond which what nobody marked is a particle, too
_LAGS = 64  # pixels over which noise is taken to be correlated
_RIM = 6.0  # pixels in which image and noise blend
_MOST_HIDDEN = 0.9  # of an image


def read_without(path: Path) -> ImageArray:
    """A real image, ``(h, w)``, without what the files beside it say is to be left out.

    ``NAME_mask`` is an image of the same size, other than 0 where something is left out; a file of coordinates tells
    their diameter. People leave out the border when they mark particles; with coordinates one diameter is cut off.

    Raises
    ------
    UserError
        When a file cannot be read, the mask has another shape, the coordinates tell no diameter, or too little is left.
    """
    image = read_micrograph(path).image
    for beside in (path.with_name(f"{path.stem}{MASK}{suffix}") for suffix in sorted(IMAGE_SUFFIXES)):
        if is_file(beside):
            return _filled(image, _mask(beside, image.shape), path)
    for beside in (path.with_suffix(suffix) for suffix in _COORDINATES):
        if is_file(beside):
            hidden, border = _discs(beside, image)
            inner = np.s_[border : image.shape[0] - border, border : image.shape[1] - border]
            return _filled(image[inner], hidden[inner], path)
    return image


def _mask(path: Path, shape: tuple[int, ...]) -> MaskArray:
    mask = read_micrograph(path).image > 0
    if mask.shape != shape:
        raise UserError(
            f"{path}: the mask has {mask.shape[1]} by {mask.shape[0]} pixels, its image {shape[1]} by {shape[0]}.",
            "Make it as large as the image.",
        )
    return np.asarray(ndimage.binary_dilation(mask, iterations=max(2, max(shape) // 200)))


def _discs(path: Path, image: ImageArray) -> tuple[MaskArray, int]:
    """Where particles lie, and how wide a border is to be cut off."""
    found = read_picks(path)
    yx, diameter = (np.concatenate([part(one) for one in found]) for part in (_yx, _diameter))
    if not np.isfinite(diameter).all():
        raise UserError(f"{path}: the diameters of the particles are not told.", "Add a column with them, in pixels.")
    hidden: MaskArray = np.zeros(image.shape, dtype=np.bool_)
    for centre, radius in zip(yx, _FRINGE * diameter, strict=True):
        _hide(hidden, centre, radius)
    if not len(yx):
        return hidden, 0
    across = float(np.median(diameter))
    for centre in _unmarked(image, hidden, across):
        _hide(hidden, centre, _FRINGE * across)
    return hidden, int(np.ceil(diameter.max()))


def _hide(hidden: MaskArray, centre: FloatArray, radius: float) -> None:
    top, left = (max(0, int(at - radius)) for at in centre)
    part = hidden[top : int(centre[0] + radius) + 2, left : int(centre[1] + radius) + 2]
    y, x = np.ogrid[: part.shape[0], : part.shape[1]]
    part |= np.hypot(y + top - centre[0], x + left - centre[1]) < radius


def _unmarked(image: ImageArray, hidden: MaskArray, diameter: float) -> FloatArray:
    """``(n, 2)`` places that stand out of the background as particles do: people leave out many."""
    smooth = ndimage.gaussian_filter(image, 0.15 * diameter) - broad_blur(image, diameter)
    free = smooth[~hidden]
    away = np.abs(smooth - np.median(free))
    peaks = (away == ndimage.maximum_filter(away, int(0.5 * diameter) | 1)) & ~hidden
    return np.asarray(
        np.argwhere(peaks & (away > _STANDS_OUT * 1.4826 * np.median(np.abs(free - np.median(free))))), dtype=np.float64
    )


def _yx(picks: Picks) -> FloatArray:
    return picks.yx


def _diameter(picks: Picks) -> FloatArray:
    return np.broadcast_to(picks.diameter, len(picks))


def _filled(image: ImageArray, hidden: MaskArray, path: Path) -> ImageArray:
    """The image with background of the same kind in the place of what is hidden.

    The slow part of the background goes on smoothly from what is about a hole. The fine part is noise with the power
    spectrum of what is not hidden; where they blend, the squares of their weights add up to 1, so that the noise is as
    strong there as elsewhere.
    """
    if not hidden.any():
        return image
    if hidden.mean() > _MOST_HIDDEN:
        raise UserError(f"{path}: too little of it is background.", "Take an image with fewer particles.")
    outside = ndimage.distance_transform_edt(~hidden)
    slow = _level(image, hidden)
    fine = np.asarray(image - slow, dtype=np.float32)
    noise = _noise_as(np.random.default_rng(0), fine, _quiet(fine, hidden))
    blend = np.clip(1 - outside / _RIM, 0, 1) * (np.pi / 2)
    return np.asarray(slow + fine * np.cos(blend) + noise * np.sin(blend), dtype=np.float32)


def _level(image: ImageArray, hidden: MaskArray) -> ImageArray:
    """The slow part of the background, within a hole from as near as there is some."""
    known, shown = (~hidden).astype(np.float32), np.where(hidden, 0, image).astype(np.float32)
    finest = _LAGS / 4
    sigma = max(2 * finest, float(ndimage.distance_transform_edt(hidden).max()))
    level: ImageArray = np.full(image.shape, image[~hidden].mean(), dtype=np.float32)
    while sigma >= finest:
        weight = broad_blur(known, sigma)
        share = np.clip(2 * weight, 0, 1)
        level = share * broad_blur(shown, sigma) / np.maximum(weight, 1e-3) + (1 - share) * level
        sigma /= 2
    return level


def _quiet(fine: ImageArray, hidden: MaskArray) -> MaskArray:
    """What is neither hidden nor dirt or an edge."""
    smooth = ndimage.gaussian_filter(fine, 3)
    spread = 1.4826 * np.median(np.abs(smooth[~hidden]))
    return np.asarray(~hidden & (np.abs(smooth) < 4 * spread))


def _noise_as(rng: np.random.Generator, fine: ImageArray, known: MaskArray) -> ImageArray:
    """Gaussian noise that is correlated as the known part of an image is, over distances up to `_LAGS`."""
    shape = tuple(scipy.fft.next_fast_len(n + _LAGS, real=True) for n in fine.shape)
    spectra = (scipy.fft.rfft2(part, shape, workers=1) for part in (np.where(known, fine, 0), known.astype(np.float32)))
    products, pairs = (scipy.fft.irfft2(np.abs(one) ** 2, shape, workers=1) for one in spectra)
    lag = np.hypot(*np.ix_(*(np.minimum(np.arange(n), n - np.arange(n)) for n in shape)))
    fading = np.where(lag < _LAGS, 0.5 + 0.5 * np.cos(np.pi * lag / _LAGS), 0)
    power = scipy.fft.rfft2(products / np.maximum(pairs, 1) * fading, workers=1).real
    white = scipy.fft.rfft2(rng.standard_normal(shape, dtype=np.float32), workers=1)
    noise = scipy.fft.irfft2(white * np.sqrt(np.maximum(power, 0)), shape, workers=1)
    return np.asarray(noise[: fine.shape[0], : fine.shape[1]], dtype=np.float32)
