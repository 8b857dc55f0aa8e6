"""Phases flipped: what the lens turned into its negative is turned back, frequency by frequency."""

from __future__ import annotations

import numpy as np
import scipy.fft

from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.io.ctf import CTF
from napari_drpnet.lens import ctf as transfer
from napari_drpnet.lens import half_frequencies

_DIRECTIONS = 12  # that astigmatism is averaged over


def phase_sign(shape: tuple[int, int], pixel_size: float, ctf: CTF) -> ImageArray:
    """The sign of RELION's CTF at the frequencies of a real image.

    Parameters
    ----------
    shape
        ``(h, w)`` of the image in pixels.
    pixel_size
        Angstrom.
    ctf
        Of the micrograph.

    Returns
    -------
    ``(h, w // 2 + 1)`` float32 of 1 and -1, as `scipy.fft.rfft2` orders frequencies. In underfocus it is 1 before the
    first zero, so that particles stay dark; in overfocus -1, so that they become dark.
    """
    # `lens.ctf` is negative where RELION's is positive.
    negative = transfer(ctf.lens, *half_frequencies(shape, pixel_size)) > 0
    return np.where(negative, np.float32(-1), np.float32(1))


def flipped(image: ImageArray, pixel_size: float, ctf: CTF) -> ImageArray:
    """An image with its phases flipped; doing it twice gives the image back.

    Parameters
    ----------
    image
        ``(h, w)``, of a whole micrograph: in a small box what the lens spread beyond its border is lost.
    pixel_size
        Angstrom.
    ctf
        Of the micrograph.
    """
    spectrum = scipy.fft.rfft2(image.astype(np.float32, copy=False), workers=1)
    spectrum *= phase_sign((image.shape[0], image.shape[1]), pixel_size, ctf)
    return np.asarray(scipy.fft.irfft2(spectrum, s=image.shape, overwrite_x=True, workers=1), dtype=np.float32)


def strength(ctf: CTF, frequency: FloatArray) -> FloatArray:
    """What the lens passes of each frequency, 0 to 1, whatever its sign.

    Parameters
    ----------
    ctf
        Of the micrograph; its astigmatism averages out.
    frequency
        ``(n,)`` in 1/Angstrom.
    """
    directions = np.linspace(0, np.pi, _DIRECTIONS, endpoint=False)[:, None]
    fy, fx = (np.asarray(wave(directions) * frequency, np.float32) for wave in (np.sin, np.cos))
    return np.asarray(np.abs(transfer(ctf.lens, fy, fx)).mean(0), np.float64)
