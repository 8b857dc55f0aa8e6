"""The power spectrum of a micrograph as a picture: Thon rings on an even ground, and where a CTF has its zeros."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from scipy import ndimage

from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.io.ctf import CTF
from napari_drpnet.lens import ctf as transfer
from napari_drpnet.lens import wavelength

SIDE = 512  # pixels of the picture
_FINEST = 3.0  # Angstrom: finer rings are hardly ever seen, and would leave the others no room
_TILES = 120  # that are averaged; more take longer and show no more
_SMOOTH = 7  # degree of the polynomial that is taken away
_WIDEST = 40.0  # Angstrom: wider waves are those of particles and uneven light
_BLUR, _MOST_BLUR = 6.0, 1.5  # pixels: with a tile, which goes down with the noise of more tiles; at most
_DIRECTIONS = 180  # in which zeros are told


@dataclass(frozen=True, eq=False)
class Spectrum:
    """A power spectrum.

    Attributes
    ----------
    power
        ``(SIDE, SIDE)`` float32, the logarithm of the power without what is smooth in it, rows and columns as in the
        image; the frequency 0 is at ``[SIDE // 2, SIDE // 2]``.
    step
        Spatial frequency from pixel to pixel, in 1/Angstrom.
    nyquist
        The finest detail that the pixels of the micrograph can hold, in Angstrom.
    """

    power: ImageArray
    step: float
    nyquist: float

    @property
    def edge(self) -> float:
        """Resolution in Angstrom at the middle of the picture's edges."""
        return 1 / (self.step * (len(self.power) // 2))

    def resolution(self, y: float, x: float) -> float:
        """In Angstrom at a place of the picture in its pixels; infinite in the middle."""
        away = self.step * float(np.hypot(y - len(self.power) // 2, x - len(self.power) // 2))
        return 1 / away if away else float("inf")

    @property
    def limits(self) -> tuple[float, float]:
        """Levels to show as black and white: percentiles of the part in which rings can be seen."""
        _, _, away = _frequencies(len(self.power), self.step)
        part = self.power[(away > 1 / _WIDEST) & (away < 0.95 / self.nyquist)]
        low, high = (float(value) for value in np.percentile(part if part.size else self.power, (2, 99.5)))
        return low, max(high, low + 1e-6)


def power_spectrum(image: ImageArray, pixel_size: float) -> Spectrum:
    """The mean power of overlapping tiles of a micrograph, with its ground evened out.

    Parameters
    ----------
    image
        ``(h, w)`` without bad pixels.
    pixel_size
        Angstrom.
    """
    # Tiles are so large that the picture ends at a resolution at which there is still something to see.
    side = scipy.fft.next_fast_len(int(np.ceil(SIDE * max(1.0, _FINEST / (2 * pixel_size)))), real=True)
    corners = _corners((image.shape[0], image.shape[1]), side := side + side % 2)
    total = _power(image, side, corners)
    middle, half = side // 2, SIDE // 2
    power = total[middle - half : middle + half, middle - half : middle + half]
    step = 1 / (side * pixel_size)
    flat = _evened(np.log(np.maximum(power, 1e-12 * max(float(power.max()), 1e-12))), step)
    blurred = ndimage.gaussian_filter(flat, min(_MOST_BLUR, _BLUR / len(corners) ** 0.5))
    return Spectrum(np.asarray(blurred, np.float32), step, 2 * pixel_size)


def model(ctf: CTF, spectrum: Spectrum) -> ImageArray:
    """The power that a lens lets through, ``(SIDE, SIDE)`` from 0 to 1, frequencies as in the spectrum."""
    fy, fx, _ = _frequencies(len(spectrum.power), spectrum.step)
    return np.asarray(transfer(ctf.lens, fy.astype(np.float32), fx.astype(np.float32)) ** 2, np.float32)


def zeros(ctf: CTF, finest: float, most: int) -> list[FloatArray]:
    """The rings at which a lens lets nothing through, from the middle on.

    Parameters
    ----------
    ctf
        Of the micrograph.
    finest
        Angstrom: rings that go beyond are left out.
    most
        How many rings are told.

    Returns
    -------
    For each ring ``(n, 2)`` frequencies y and x in 1/Angstrom, all around.
    """
    lens = ctf.lens
    angle = np.linspace(0, 2 * np.pi, _DIRECTIONS + 1)
    defocus = lens.defocus + 0.5 * lens.astigmatism * np.cos(2 * (angle - lens.astigmatism_angle))
    length = wavelength(lens.voltage)
    # The phase is a s - b s^2 + c of the squared frequency s, and a whole number of half turns at a zero.
    a, b = np.pi * length * defocus, 0.5 * np.pi * lens.cs * length**3
    c = lens.phase_shift + float(np.arcsin(lens.amplitude_contrast))
    sign = 1 if lens.defocus > 0 else -1
    rings: list[FloatArray] = []
    first = int(np.floor(c / np.pi)) + 1 if sign > 0 else int(np.ceil(c / np.pi)) - 1
    for number in range(first, first + sign * most, sign):
        under = a**2 - 4 * b * (number * np.pi - c)
        if (under < 0).any():
            break
        # The root that is the smaller one where the aberration is weak; without loss of digits, also where b is 0.
        squared = 2 * (number * np.pi - c) / (a + sign * np.sqrt(under))
        if (squared <= 0).any() or squared.max() > 1 / finest**2:
            break
        away = np.sqrt(squared)
        rings.append(np.column_stack([away * np.sin(angle), away * np.cos(angle)]))
    return rings


def _power(image: ImageArray, side: int, corners: list[tuple[int, int]]) -> FloatArray:
    """``(side, side)`` mean power of tiles, frequency 0 in the middle; a small image is filled up with its mean."""
    image = np.asarray(image, np.float32)
    window = np.outer(*[np.hanning(side + 2)[1:-1].astype(np.float32)] * 2)
    total = np.zeros((side, side // 2 + 1))
    for y, x in corners:
        tile = image[y : y + side, x : x + side]
        tile = (tile - tile.mean()) / max(float(tile.std()), 1e-12)
        if tile.shape != window.shape:
            tile = np.pad(tile, [(0, side - length) for length in tile.shape])
        spectrum = scipy.fft.rfft2(tile * window, workers=1)
        total += spectrum.real**2 + spectrum.imag**2
    half = scipy.fft.fftshift(total / len(corners), axes=0)
    # The other half is the same, turned by half a turn.
    full = np.empty((side, side))
    full[:, side // 2 :] = half[:, :-1]
    full[1:, 1 : side // 2] = half[1:, 1:-1][::-1, ::-1]
    full[0, 1 : side // 2] = half[0, 1:-1][::-1]
    full[1:, 0], full[0, 0] = half[1:, -1][::-1], half[0, -1]
    return full


def _corners(shape: tuple[int, int], side: int) -> list[tuple[int, int]]:
    """Corners of tiles that overlap by a half, at most so many as are needed, spread over the image."""
    places = [
        np.unique(np.linspace(0, max(0, length - side), max(1, 2 * length // side - 1)).astype(int)) for length in shape
    ]
    corners = [(int(y), int(x)) for y in places[0] for x in places[1]]
    return corners[:: -(-len(corners) // _TILES)]


def _evened(power: FloatArray, step: float) -> FloatArray:
    """Take away what is smooth along the radius."""
    fy, fx, away = _frequencies(len(power), step)
    ring = np.rint(away / step).astype(np.int64)
    used = (np.abs(fy) > step / 2) & (np.abs(fx) > step / 2)  # lines and columns of a detector lie on the axes
    mean = np.bincount(ring[used], power[used]) / np.maximum(np.bincount(ring[used]), 1)
    first, last = int(np.ceil(1 / _WIDEST / step)), len(power) // 2
    radius = np.arange(len(mean))
    part = slice(min(first, last - 2 * _SMOOTH), last)
    ground = np.polynomial.Chebyshev.fit(radius[part], mean[part], _SMOOTH)
    level = ground(np.clip(radius, part.start, last - 1))
    flat: FloatArray = power - level[ring]
    return flat


def _frequencies(side: int, step: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """In y ``(side, 1)``, in x ``(1, side)``, and how far from 0 ``(side, side)``, in 1/Angstrom."""
    line: FloatArray = (np.arange(side) - side // 2) * np.float64(step)
    away: FloatArray = np.hypot(line[:, None], line[None, :])
    return line[:, None], line[None, :], away
