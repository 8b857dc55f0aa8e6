"""Particles as averaging compares them: at one scale, evenly grey, with noise of equal power at all frequencies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

from napari_drpnet import candidates
from napari_drpnet.averaging.phases import flipped, strength
from napari_drpnet.averaging.rings import Rings, rings
from napari_drpnet.data import FloatArray, Frame, ImageArray, Micrograph
from napari_drpnet.defects import repaired
from napari_drpnet.errors import UserError
from napari_drpnet.io.ctf import CTF
from napari_drpnet.preprocess import flatten
from napari_drpnet.rescaling import rescale

# Sides of the pictures in particle diameters: room for shifts, and for what a turn leaves empty in the corners.
SHOWN = 1.5
# Sigma of the Gaussian that evens out the illumination, in diameters.
_EVENED = 1.0
# Above this part of the sampling frequency there is nothing: a pixel turned or shifted has no aliases.
_SHARPEST = 0.47
_STEEP = 16
_RINGS = 96  # of the power spectrum, up to the corner of the transform
# Weaker rings are noise of the file's own rounding.
_FLOOR = 1e-7
# Power of the noise that is left in an average, compared with the particle's before the lens.
LENS_NOISE = 0.005
_MARGIN = 1.0  # diameters that are reflected beyond the border before a filter sees the image
_FEWEST = 4  # pixels to a diameter; fewer show nothing


@dataclass(frozen=True, eq=False)
class Cutouts:
    """Particles of one micrograph.

    Attributes
    ----------
    images
        ``(n, side, side)`` float32, centred on pixel ``side // 2``; noise has power 1 at each frequency.
    centres
        ``(n, 2)`` y, x in micrograph pixels: where the centres of the pictures really are.
    amplitude
        ``(r,)`` amplitude of the micrograph on rings from 0 to the corner of the transform: what was divided by.
    fit
        How well its power spectrum fits its CTF; None where no CTF was told.
    """

    images: ImageArray
    centres: FloatArray
    amplitude: FloatArray
    fit: Rings | None = None


@dataclass(frozen=True)
class Cutter:
    """Cuts particles out of micrographs.

    Attributes
    ----------
    diameter
        Of the particle, in Angstrom.
    across
        Pixels that it spans in a picture.
    """

    diameter: float
    across: int = 32

    @property
    def side(self) -> int:
        """Of a picture, in pixels; even."""
        return 2 * round(SHOWN * self.across / 2)

    @property
    def pixel_size(self) -> float:
        """Angstrom per pixel of a picture."""
        return self.diameter / self.across

    def frame(self, micrograph: Frame) -> Frame:
        """Of a micrograph at the scale of the pictures.

        Raises
        ------
        UserError
            When the pixel size is not known, or too coarse to show a particle.
        """
        pixels = micrograph.unbinned.micrograph_pixels(self.diameter)
        if pixels < _FEWEST:
            raise UserError(
                f"{micrograph.micrograph}: a particle of {self.diameter:g} A spans {pixels:.2g} pixels, too few for an "
                "average.",
                "Check the diameter and the pixel size.",
            )
        return micrograph.unbinned.rescaled(self.across / pixels)

    def cut(self, micrograph: Micrograph, yx: FloatArray, ctf: CTF | None = None) -> Cutouts:
        """Particles at ``(n, 2)`` y, x in micrograph pixels; beyond the border the image is reflected.

        Where the ``ctf`` is known, phases are flipped.

        Raises
        ------
        UserError
            See `frame`.
        """
        frame = self.frame(micrograph.frame)
        good = repaired(micrograph).image
        image, fit = rescale(good, frame.scale / micrograph.frame.scale), None
        if ctf is not None:
            fit = rings(good, micrograph.frame.known_pixel_size() / micrograph.frame.scale, ctf)
            image = flipped(image, self.pixel_size, ctf)
        white, amplitude = whitened(flatten(image, _EVENED * self.across), round(_MARGIN * self.across))
        at = np.clip(np.rint(frame.from_micrograph(yx)), 0, np.array(white.shape) - 1)
        return Cutouts(candidates.crop(white, at, self.side), frame.to_micrograph(at), amplitude, fit)

    def passed(self, ctf: CTF) -> FloatArray:
        """``(r,)`` what a lens passes of each frequency, 0 to 1, on the rings of `Cutouts.amplitude`."""
        return strength(ctf, _middles(_RINGS) / self.pixel_size)


def whitened(image: ImageArray, margin: int) -> tuple[ImageArray, FloatArray]:
    """An image whose power is 1 at every frequency, and the amplitude that it had.

    The whole micrograph is filtered before particles are cut out. Of a cut-out particle the strong low frequencies leak
    over the edges of its picture into all others.

    Parameters
    ----------
    image
        ``(h, w)`` float32, evenly illuminated.
    margin
        Pixels of reflected border that keep one side from the other.

    Returns
    -------
    white
        ``(h, w)`` float32.
    amplitude
        ``(r,)`` root of the mean power on rings whose middles are spread from 0 to the corner of the transform.
    """
    even = image - image.mean(dtype=np.float64).astype(np.float32)
    amplitude = np.sqrt(_power(even))
    margin = min(margin, min(image.shape) - 1)
    padded = np.pad(even, margin, mode="reflect")
    radius = _radii(*padded.shape)
    gain = _at_radius(1 / amplitude, radius) / (1 + (radius / _SHARPEST) ** _STEEP)
    white = fft.irfft2(fft.rfft2(padded) * gain.astype(np.float32), padded.shape)
    h, w = image.shape
    return np.ascontiguousarray(white[margin : margin + h, margin : margin + w], np.float32), amplitude


def coloured(images: ImageArray, amplitude: FloatArray) -> ImageArray:
    """Pictures of whitened particles with the contrast that micrographs have at each frequency.

    Parameters
    ----------
    images
        ``(n, side, side)`` float32.
    amplitude
        As `whitened` gives it.
    """
    radius = _radii(*images.shape[1:])
    gain = _at_radius(amplitude, radius).astype(np.float32)
    return np.asarray(fft.irfft2(fft.rfft2(images) * gain, images.shape[1:]), np.float32)


def restored(amplitude: FloatArray, passed: FloatArray) -> FloatArray:
    """The amplitude with which `coloured` also gives back what the lens took, as far as noise allows.

    Parameters
    ----------
    amplitude
        ``(r,)`` as `whitened` gives it.
    passed
        ``(r,)`` see `Cutter.passed`.
    """
    return amplitude * passed / (passed**2 + LENS_NOISE)


def gain(amplitude: FloatArray, radius: FloatArray) -> FloatArray:
    """What `whitened`, which gave the ``amplitude``, multiplied frequencies by, at a ``radius`` in cycles a pixel."""
    return _at_radius(1 / amplitude, radius)


def _power(image: ImageArray) -> FloatArray:
    """Mean power on rings, of the image under a window, so that its borders do not add to it."""
    h, w = image.shape
    window = np.hanning(h + 2)[1:-1, None] * np.hanning(w + 2)[1:-1]
    power = np.abs(fft.rfft2(image * window.astype(np.float32))) ** 2 / (window**2).sum()
    ring = np.minimum((_radii(h, w) / _corner() * _RINGS).astype(np.int64), _RINGS - 1).ravel()
    count = np.bincount(ring, minlength=_RINGS)
    mean = np.bincount(ring, power.ravel(), _RINGS) / np.maximum(count, 1)
    filled = np.interp(np.arange(_RINGS), np.flatnonzero(count), mean[count > 0])
    return np.maximum(filled, max(filled.max() * _FLOOR, np.finfo(np.float32).tiny))


def _at_radius(values: FloatArray, radius: FloatArray) -> FloatArray:
    """Values on rings at every frequency of a transform."""
    return np.interp(radius.ravel(), _middles(len(values)), values).reshape(radius.shape)


def _middles(rings: int) -> FloatArray:
    """Of rings from 0 to the corner of the transform, in cycles a pixel."""
    return np.asarray((np.arange(rings) + 0.5) / rings * _corner(), np.float64)


def _radii(h: int, w: int) -> FloatArray:
    """Frequencies of ``rfft2``, in cycles a pixel."""
    return np.asarray(np.hypot(fft.fftfreq(h)[:, None], fft.rfftfreq(w)), np.float64)


def _corner() -> float:
    return float(np.sqrt(0.5))
