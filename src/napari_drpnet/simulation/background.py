"""The background of a real image, as a micrograph that particles are put into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import scipy.fft
from scipy import ndimage

from napari_drpnet.data import FloatArray, ImageArray, MaskArray
from napari_drpnet.errors import UserError
from napari_drpnet.rescaling import rescale, weights
from napari_drpnet.settings import SimulationSettings
from napari_drpnet.simulation.exposure import log_uniform
from napari_drpnet.simulation.filters import broad_blur
from napari_drpnet.simulation.left_out import MASK, read_without

_COARSE = 8  # pixels to a diameter, for what is looked at roughly
_ODD = 6.0  # deviations from what is about it, beyond which a place is dirt or an edge


@dataclass(frozen=True, eq=False)
class Background:
    """A piece of a real image in the scale of a micrograph.

    Attributes
    ----------
    image
        ``(size, size)`` grey levels.
    free
        ``(size, size)``, False where dirt or an edge lies and a particle would not be seen.
    """

    image: ImageArray
    free: MaskArray


def cut(rng: np.random.Generator, settings: SimulationSettings, diameter: float) -> Background:
    """A piece of one of the real backgrounds, turned, mirrored and scaled at random.

    Parameters
    ----------
    rng
        Source of randomness.
    settings
        Name the images, and how large a particle may be in them.
    diameter
        Of the particle in pixels of the micrograph.

    Raises
    ------
    UserError
        As `left_out.read_without`, when only masks are named, or an image has no noise.
    """
    sources = images_of(settings.backgrounds)
    image = _read(sources[int(rng.integers(len(sources)))])
    image = np.rot90(image, int(rng.integers(4)))
    if rng.random() < 0.5:
        image = image[::-1]
    zoom = diameter / log_uniform(rng, settings.background_px)
    side = int(np.ceil(settings.size / zoom)) + 1
    rows, columns = (_mirrored(rng, n, side) for n in image.shape)
    piece = image[np.ix_(rows, columns)]
    scaled = _scaled(rng, piece, zoom)[: settings.size, : settings.size]
    return Background(scaled, _free(scaled, diameter))


def images_of(paths: Sequence[Path]) -> list[Path]:
    """The images among files that may be masks of others, too."""
    images = [path for path in paths if not path.stem.endswith(MASK)]
    if not images:
        raise UserError(f"{paths[0]}: only masks are given as backgrounds.", "Name their images, too.")
    return images


@lru_cache(maxsize=64)
def _read(path: Path) -> ImageArray:
    image = read_without(path)
    if np.ptp(image) == 0:
        raise UserError(f"{path}: all pixels are the same.", "A background has noise.")
    return image


def _mirrored(rng: np.random.Generator, n: int, side: int) -> FloatArray:
    """``side`` neighbouring places on a line of ``n``, which goes on mirrored beyond its ends."""
    start = int(rng.integers(n - side + 1)) if side <= n else int(rng.integers(2 * n))
    place = (start + np.arange(side)) % (2 * n)
    return np.where(place < n, place, 2 * n - 1 - place)


def _scaled(rng: np.random.Generator, piece: ImageArray, zoom: float) -> ImageArray:
    """The piece at another scale, with the fine noise that interpolation takes away put back.

    A pixel between others is their mean and less noisy; without that noise an enlarged image is blurred by a pattern.
    """
    scaled = rescale(piece, zoom)
    if zoom <= 1:
        return scaled
    kept = np.asarray(weights(piece.shape[0], zoom).power(2).sum(axis=1), dtype=np.float32)
    noise = rng.standard_normal(scaled.shape, dtype=np.float32)
    noise *= np.sqrt(1 - kept * kept.T)
    noise *= np.float32(_finest(piece))
    return np.asarray(scaled + noise, dtype=np.float32)


def _finest(image: ImageArray) -> float:
    """Deviation of white noise that is as strong as the image is at its finest detail."""
    difference = image[1:, 1:] - image[1:, :-1] - image[:-1, 1:] + image[:-1, :-1]
    return float(np.median(np.abs(difference)) * 1.4826 / 2)


def noise_power(image: ImageArray, diameter: float) -> tuple[FloatArray, FloatArray]:
    """Power of an image's noise in squared grey levels times squared pixels, and its frequencies in 1/pixel.

    The median of pieces four diameters wide (after Welch, IEEE Trans. Audio Electroacoust. 15 (1967) 70), so that dirt
    and edges in some of them do not count.
    """
    n = min(scipy.fft.next_fast_len(int(4 * diameter), real=True), min(image.shape))
    window = np.hanning(n).astype(np.float32)[:, None] * np.hanning(n).astype(np.float32)
    starts = [range(0, side - n + 1, n) for side in image.shape]
    pieces = np.stack([image[y : y + n, x : x + n] for y in starts[0] for x in starts[1]])
    spectra = scipy.fft.rfft2((pieces - pieces.mean(axis=(1, 2), keepdims=True)) * window, workers=1)
    power = np.median(spectra.real**2 + spectra.imag**2, axis=0) / (np.log(2) * (window**2).sum())
    f = np.hypot(scipy.fft.fftfreq(n)[:, None], scipy.fft.rfftfreq(n)[None, :])
    ring = np.rint(f * n).astype(int).ravel()
    radial = np.bincount(ring, power.ravel()) / np.maximum(np.bincount(ring), 1)
    radial[:2] = radial[2]
    return np.asarray(np.maximum(radial[: n // 2], 1e-6)), np.arange(n // 2) / n


def _free(image: ImageArray, diameter: float) -> MaskArray:
    """False where the image is much darker, brighter, rougher or smoother than it is around."""
    small = rescale(image, min(1.0, _COARSE / diameter))
    local = ndimage.uniform_filter(small, _COARSE // 2)
    slow = broad_blur(np.clip(local, *np.percentile(local, [5, 95])), 3 * _COARSE)
    away = local - slow
    spread = 1.4826 * float(np.median(np.abs(away))) + 1e-6
    rough = np.sqrt(
        np.maximum(ndimage.uniform_filter(small**2, _COARSE) - ndimage.uniform_filter(small, _COARSE) ** 2, 0)
    )
    usual = float(np.median(rough))
    odd = (np.abs(away) > _ODD * spread) | (rough > 3 * usual) | (rough < 0.25 * usual)
    odd = ndimage.binary_dilation(odd, iterations=2)
    places = (np.minimum(np.arange(n) * m // n, m - 1) for n, m in zip(image.shape, odd.shape, strict=True))
    return np.asarray(~odd[np.ix_(*places)])
