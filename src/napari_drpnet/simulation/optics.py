"""The electron microscope: from the phase shift of a thin specimen to the image intensity.

Lengths are in Angstrom, spatial frequencies in 1/Angstrom, potentials in volts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import scipy.fft

from napari_drpnet.data import FloatArray, ImageArray

Wave = npt.NDArray[np.complex64]


def wavelength(voltage: float) -> float:
    """Electron wavelength in Angstrom at ``voltage`` kV, relativistic.

    de Broglie's relation, eq. 2.5 of Kirkland, *Advanced Computing in Electron Microscopy* (2010).
    """
    return float(12.2643 / np.sqrt(voltage * 1e3 + 0.978466 * voltage**2))


def interaction(voltage: float) -> float:
    """Phase shift in radians per volt and Angstrom of projected potential, at ``voltage`` kV.

    Eq. 5.6 of Kirkland (2010).
    """
    rest = 510.998950  # keV
    return float(2 * np.pi / (wavelength(voltage) * voltage * 1e3) * (rest + voltage) / (2 * rest + voltage))


@dataclass(frozen=True)
class Lens:
    """One setting of the microscope.

    Attributes
    ----------
    voltage
        kV.
    defocus
        Mean underfocus in Angstrom; positive makes particles dark.
    astigmatism
        Difference of the largest and smallest defocus in Angstrom.
    astigmatism_angle
        Direction of the largest defocus in radians.
    cs
        Spherical aberration in Angstrom.
    amplitude_contrast
        Part of the contrast due to lost electrons, 0 to 1.
    b_factor
        Envelope ``exp(-B f^2 / 4)``, in square Angstrom.
    phase_shift
        Of a phase plate, in radians.
    """

    voltage: float = 300.0
    defocus: float = 15000.0
    astigmatism: float = 0.0
    astigmatism_angle: float = 0.0
    cs: float = 2.7e7
    amplitude_contrast: float = 0.1
    b_factor: float = 100.0
    phase_shift: float = 0.0


def frequencies(shape: tuple[int, int], pixel_size: float) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Spatial frequencies of a full FFT, ``(h, 1)`` in y and ``(1, w)`` in x."""
    fy = scipy.fft.fftfreq(shape[0], pixel_size).astype(np.float32)[:, None]
    fx = scipy.fft.fftfreq(shape[1], pixel_size).astype(np.float32)[None, :]
    return fy, fx


def aberration(lens: Lens, fy: npt.NDArray[np.float32], fx: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Phase of the lens's aberration function in radians, at frequencies that broadcast together.

    ``pi lambda dz f^2 - pi/2 Cs lambda^3 f^4`` with ``dz`` varying with the azimuth, eqs. 3 and 4 of
    Rohou & Grigorieff, *J. Struct. Biol.* 192 (2015) 216 (CTFFIND4).
    """
    length = wavelength(lens.voltage)
    f2 = fx**2 + fy**2
    # |f|^2 cos(2(angle - a)) without a division by |f| at the origin
    c, s = np.cos(2 * lens.astigmatism_angle), np.sin(2 * lens.astigmatism_angle)
    twofold = c * (fx**2 - fy**2) + s * (2 * fx * fy)
    defocus_part = np.pi * length * (lens.defocus * f2 + 0.5 * lens.astigmatism * twofold)
    spherical = 0.5 * np.pi * lens.cs * length**3 * f2**2
    return np.asarray(defocus_part - spherical, dtype=np.float32)


def ctf(lens: Lens, fy: npt.NDArray[np.float32], fx: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Contrast transfer function with its envelope; negative where a phase object is dark.

    Eq. 2 of Rohou & Grigorieff (2015).
    """
    amplitude = lens.amplitude_contrast
    chi = aberration(lens, fy, fx) + lens.phase_shift + np.arcsin(amplitude)
    return np.asarray(-np.sin(chi) * envelope(lens, fy, fx), dtype=np.float32)


def envelope(lens: Lens, fy: npt.NDArray[np.float32], fx: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """``exp(-B f^2 / 4)``: all that blurs the image, as one Gaussian (Rosenthal & Henderson, JMB 333 (2003) 721)."""
    return np.asarray(np.exp(-0.25 * lens.b_factor * (fx**2 + fy**2)), dtype=np.float32)


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
