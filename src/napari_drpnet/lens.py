"""The lens of an electron microscope: how its defocus, astigmatism and aberration change the image of a thin specimen.

Lengths are in Angstrom, spatial frequencies in 1/Angstrom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.fft


def wavelength(voltage: float) -> float:
    """Electron wavelength in Angstrom at ``voltage`` kV, relativistic.

    de Broglie's relation, eq. 2.5 of Kirkland, *Advanced Computing in Electron Microscopy* (2010).
    """
    return float(12.2643 / np.sqrt(voltage * 1e3 + 0.978466 * voltage**2))


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


def half_frequencies(
    shape: tuple[int, int], pixel_size: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Spatial frequencies of the FFT of a real image, ``(h, 1)`` in y and ``(1, w // 2 + 1)`` in x."""
    fy, _ = frequencies(shape, pixel_size)
    return fy, scipy.fft.rfftfreq(shape[1], pixel_size).astype(np.float32)[None, :]


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
