"""From the phase shift of a thin specimen to the image intensity: the electron wave in the specimen and in the lens.

Lengths are in Angstrom, spatial frequencies in 1/Angstrom, potentials in volts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import scipy.fft

from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.lens import Lens, aberration, envelope, frequencies, wavelength

Wave = npt.NDArray[np.complex64]


def interaction(voltage: float) -> float:
    """Phase shift in radians per volt and Angstrom of projected potential, at ``voltage`` kV.

    Eq. 5.6 of Kirkland (2010).
    """
    rest = 510.998950  # keV
    return float(2 * np.pi / (wavelength(voltage) * voltage * 1e3) * (rest + voltage) / (2 * rest + voltage))


def image_intensity(phase: ImageArray, lens: Lens, pixel_size: float, heights: Sequence[float] = (0.0,)) -> ImageArray:
    """Intensity of the image of a specimen in thin slabs, 1 where there is nothing.

    The full phase object ``exp(i phi)``, eqs. 3.3 and 3.4 of Kirkland (2010), not its weak approximation, because film
    and contamination shift the phase by radians; lost electrons are an imaginary part of the phase. From slab to slab
    the wave spreads by Fresnel's propagator, eq. 6.65 there (multislice).

    Parameters
    ----------
    phase
        ``(h, w)`` or ``(k, h, w)`` phase shift in radians; the edges of the image are joined (periodic).
    lens
        The microscope; its defocus is that of height 0.
    pixel_size
        Angstrom.
    heights
        Of the ``k`` slabs in Angstrom, ascending along the beam; each adds to the underfocus.
    """
    slabs = phase[None] if phase.ndim == 2 else phase
    wave = _transmission(slabs[0], lens)
    for k in range(1, len(slabs)):
        spread = replace(Lens(voltage=lens.voltage, cs=0.0, b_factor=0.0), defocus=heights[k - 1] - heights[k])
        wave = _through(wave, spread, pixel_size)
        wave *= _transmission(slabs[k], lens)
    wave = _through(wave, replace(lens, defocus=lens.defocus + heights[-1]), pixel_size)
    return np.asarray(wave.real**2 + wave.imag**2, dtype=np.float32)


def _transmission(phase: ImageArray, lens: Lens) -> Wave:
    """``exp(i phi)`` where a part of the phase is imaginary."""
    lost = lens.amplitude_contrast
    wave = np.empty(phase.shape, dtype=np.complex64)
    shift = phase * np.float32(np.sqrt(1 - lost**2))
    np.cos(shift, out=wave.real)
    np.sin(shift, out=wave.imag)
    if lost:
        wave *= np.exp(phase * np.float32(-lost))
    return wave


def _through(wave: Wave, lens: Lens, pixel_size: float) -> Wave:
    """The wave behind a lens; what was not scattered passes a phase plate unchanged."""
    spectrum = scipy.fft.fft2(wave, overwrite_x=True, workers=1)
    fy, fx = frequencies(wave.shape, pixel_size)
    unscattered = spectrum[0, 0]
    rows = 256  # in bands, to keep the memory of a large micrograph small
    for start in range(0, wave.shape[0], rows):
        band = slice(start, start + rows)
        chi = aberration(lens, fy[band], fx) + np.float32(lens.phase_shift)
        damping = envelope(lens, fy[band], fx)
        transfer = np.empty(chi.shape, dtype=np.complex64)
        np.multiply(np.cos(chi), damping, out=transfer.real)
        np.multiply(np.sin(chi), damping, out=transfer.imag)
        spectrum[band] *= transfer
    spectrum[0, 0] = unscattered
    return np.asarray(scipy.fft.ifft2(spectrum, overwrite_x=True, workers=1))


def slab_heights(thickness: float, lens: Lens, pixel_size: float, most: int = 5) -> FloatArray:
    """Middles of as many slabs of a specimen as the picture can tell apart, in Angstrom about its middle.

    Within a slab the phase of the finest detail, that of the Nyquist frequency or where the envelope has fallen to a
    tenth, changes by at most a quarter turn (DeRosier, Ultramicroscopy 81 (2000) 83).
    """
    finest = 0.5 / pixel_size
    if lens.b_factor > 0:
        finest = min(finest, np.sqrt(4 * np.log(10) / lens.b_factor))
    depth = 0.5 / (wavelength(lens.voltage) * finest**2)
    count = int(np.clip(np.ceil(thickness / depth), 1, most))
    return np.asarray(((np.arange(count) + 0.5) / count - 0.5) * thickness)
