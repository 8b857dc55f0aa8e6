"""What surrounds the particles: vitreous ice, support film and contamination, as potential projected along the beam.

All functions return volts times Angstrom on an ``(h, w)`` grid; ``pixel_size`` is in Angstrom.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.fft
from scipy import ndimage

from napari_drpnet.data import ImageArray, MaskArray
from napari_drpnet.simulation.structures import ICE_POTENTIAL

_WATER_DENSITY = 0.0314  # molecules per cubic Angstrom of vitreous ice
_CARBON_POTENTIAL = 9.0  # volts, amorphous carbon
_GOLD_POTENTIAL = 25.0  # volts
_COMPRESSIBILITY = 0.08  # the structure factor of water at small angles


def ice_power(thickness: float, power: float = 1.0) -> float:
    """Power spectrum of the projected potential of ice at low resolution, in V^2 A^4.

    Molecules fluctuate in number: ``n t (V/n)^2 S`` with number density ``n``, thickness ``t`` in Angstrom, mean
    potential ``V`` and the structure factor ``S`` of water at small angles (Vulovic et al., J. Struct. Biol. 183
    (2013) 19).
    ``power`` multiplies it: real specimens hold more than water, and every layer of it scatters.
    """
    return _WATER_DENSITY * thickness * (ICE_POTENTIAL / _WATER_DENSITY) ** 2 * _COMPRESSIBILITY * power


def ice_texture(
    rng: np.random.Generator, shape: tuple[int, int], pixel_size: float, thickness: float, power: float
) -> ImageArray:
    """Random structure of amorphous ice: molecules fluctuate in number, nearly white at the resolutions seen here.

    Its power is `ice_power`, and rises towards the first peak of water's structure factor at 1/3.7 A, where one
    molecule excludes another (Parkhurst et al., IUCrJ 11 (2024) 910).
    """
    variance = ice_power(thickness, power) / pixel_size**2
    noise = rng.standard_normal(shape, dtype=np.float32) * np.float32(np.sqrt(variance))
    return _first_peak(noise, pixel_size) if pixel_size < 2.5 else noise


def _first_peak(noise: ImageArray, pixel_size: float) -> ImageArray:
    spectrum = scipy.fft.rfft2(noise, workers=1)
    fy = scipy.fft.fftfreq(noise.shape[0], pixel_size).astype(np.float32)[:, None]
    fx = scipy.fft.rfftfreq(noise.shape[1], pixel_size).astype(np.float32)[None, :]
    spectrum *= 1 + 1.5 * np.exp(-(((np.sqrt(fy**2 + fx**2) - np.float32(0.27)) / np.float32(0.05)) ** 2))
    return np.asarray(scipy.fft.irfft2(spectrum, noise.shape, overwrite_x=True, workers=1), dtype=np.float32)


def cloud(
    rng: np.random.Generator,
    shape: tuple[int, int],
    exponent: float = 3.0,
    coarse: int = 64,
    normalised: bool = True,
) -> ImageArray:
    """Smooth random field whose power falls as ``f^-exponent``, with ``coarse`` nodes to its longer side.

    Its standard deviation is 1, or, if not ``normalised``, at one wave a picture its nodes are white noise of unit
    variance.
    """
    h, w = (max(8, -(-n * coarse // max(shape))) for n in shape)
    f = np.hypot(scipy.fft.fftfreq(h)[:, None], scipy.fft.rfftfreq(w)[None, :]) * max(h, w)
    amplitude = np.where(f > 0, np.maximum(f, 0.7), np.inf) ** (-exponent / 2)
    white = rng.standard_normal((h, w))
    field = np.asarray(scipy.fft.irfft2(scipy.fft.rfft2(white, workers=1) * amplitude, (h, w), workers=1))
    return stretch((field / field.std() if normalised else field).astype(np.float32), shape)


def stretch(field: ImageArray, shape: tuple[int, int]) -> ImageArray:
    """A small field enlarged to ``shape`` by cubic splines, as two products with interpolation matrices."""
    rows, columns = (_interpolation(old, new) for old, new in zip(field.shape, shape, strict=True))
    return rows @ field.astype(np.float32) @ columns.T


@lru_cache(maxsize=16)
def _interpolation(old: int, new: int) -> ImageArray:
    """``(new, old)`` weights of the old samples in each new one."""
    unit = np.eye(old, dtype=np.float32)
    return np.asarray(ndimage.zoom(unit, (new / old, 1), order=3, mode="nearest", grid_mode=True), dtype=np.float32)


def film_edge(
    rng: np.random.Generator,
    shape: tuple[int, int],
    pixel_size: float,
    gold: bool,
    reach: float | None = None,
    angle: float | None = None,
) -> tuple[ImageArray, MaskArray]:
    """Support film with the edge of a hole across the picture.

    Parameters
    ----------
    rng
        Source of randomness.
    shape
        Of the picture.
    pixel_size
        Angstrom.
    gold
        A thick, grainy gold film instead of a thin carbon film.
    reach
        How far the film reaches in, as part of the picture's edge; drawn when None.
    angle
        Where it comes from, in radians from +x towards +y; drawn when None.

    Returns
    -------
    ImageArray, MaskArray
        Projected potential, and where the film is.
    """
    h, w = shape
    radius = rng.uniform(6000, 12000) / pixel_size
    angle = rng.uniform(0, 2 * np.pi) if angle is None else angle
    depth = (rng.uniform(0.05, 0.4) if reach is None else reach) * max(h, w)
    to_border = 0.5 * (h * abs(np.sin(angle)) + w * abs(np.cos(angle)))  # from the middle, along the angle
    to_hole = to_border - depth - radius
    cy, cx = h / 2 + to_hole * np.sin(angle), w / 2 + to_hole * np.cos(angle)
    y, x = np.arange(h, dtype=np.float32)[:, None], np.arange(w, dtype=np.float32)[None, :]
    roughness = cloud(rng, shape, 3.5, 128) * np.float32(rng.uniform(5, 60) / pixel_size)
    inside = np.hypot(y - np.float32(cy), x - np.float32(cx)) - np.float32(radius) + roughness
    ramp = np.clip(inside * np.float32(pixel_size / rng.uniform(10, 60)), 0, 1)  # the edge is not quite vertical
    if gold:
        thickness, potential = rng.uniform(300, 500), _GOLD_POTENTIAL
        texture = _grains(rng, shape, pixel_size)
    else:
        thickness, potential = rng.uniform(80, 220), _CARBON_POTENTIAL
        texture = _amorphous(rng, shape, pixel_size, thickness)
    return (ramp * (potential * thickness * (1 + texture))).astype(np.float32), inside > 0


def rim(film: MaskArray, width: float) -> MaskArray:
    """The film within ``width`` pixels of its edge."""
    if film.all():
        return np.zeros_like(film)
    return np.asarray(film & (ndimage.distance_transform_edt(film) < width))


def _amorphous(rng: np.random.Generator, shape: tuple[int, int], pixel_size: float, thickness: float) -> ImageArray:
    """Amorphous carbon, as a fraction of its thickness: fluctuates more than water does, and unevenly."""
    white = rng.standard_normal(shape, dtype=np.float32)
    fine = ndimage.gaussian_filter(white, max(0.3, 2.0 / pixel_size), truncate=3)
    fine *= np.float32(7.2 / (pixel_size * np.sqrt(thickness)))
    return np.asarray(fine + np.float32(0.03) * cloud(rng, shape, 2.5, 128), dtype=np.float32)


def _grains(rng: np.random.Generator, shape: tuple[int, int], pixel_size: float) -> ImageArray:
    """Crystal grains of a gold film, as a fraction of its thickness."""
    coarse = tuple(max(8, int(n * pixel_size / 40)) for n in shape)
    return stretch(ndimage.gaussian_filter(rng.standard_normal(coarse, dtype=np.float32), 1.0), shape) * np.float32(0.6)
